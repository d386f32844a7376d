import { EngineError } from '../../kernel/errors.js';
import { guard } from './guards.js';
import { isZeroBlock, type RawHeader, readHeader } from './header.js';
import { decodeName } from './names.js';
import { BLOCK, parseDecimal, parseNumber } from './numbers.js';
import { type PaxRecords, parsePaxTime, readPax, textOf, xattrsOf } from './pax.js';
import { checkMap, LinesMap, oldGnuPairs, paxPairs, type SparsePiece } from './sparse.js';
import { DEFAULT_TAR_LIMITS, type TarEntry, type TarLimits, type TarSink, type TarType } from './types.js';

const TYPES: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};
/** Headers that say something of the next one. */
const SPECIAL = new Set(['x', 'g', 'L', 'K']);
/** More of them before one file are refused. */
const MAX_SPECIAL = 16;

const UNBOUNDED: TarLimits = {
  maxEntries: Infinity,
  maxPath: Infinity,
  maxDepth: Infinity,
  maxHeader: Infinity,
  maxBytes: Infinity,
  maxTrailing: Infinity,
};

type State = 'header' | 'special' | 'old-map' | 'lines-map' | 'data' | 'padding' | 'after';

/**
 * Reads an archive that is pushed in as it comes. Bounded memory: a header, the extended headers of one file and the global
 * ones, a sparse map. Content is handed on as it is.
 */
export class TarParser {
  private readonly sink: TarSink;
  private readonly limits: TarLimits;
  private state: State = 'header';
  /** What was collected of a block or of a special header, and how much of it is needed. */
  private held: Buffer[] = [];
  private heldBytes = 0;
  private wanted = BLOCK;

  private readonly globals: PaxRecords = new Map();
  private locals: PaxRecords = new Map();
  private sparse00: string[] = [];
  private longName: string | undefined;
  private longLink: string | undefined;
  private specials = 0;
  private special: RawHeader | undefined;
  private current: RawHeader | undefined;

  private map = new LinesMap();
  private pieces: SparsePiece[] = [];
  private piece = 0;
  private pieceDone = 0;
  /** Bytes of content still to come, and of the filling behind it. */
  private left = 0;
  private padding = 0;
  /** Length of what the file's content has in the archive, and of the file. */
  private stored = 0;
  private realSize = 0;

  private zeroBlocks = 0;
  private trailing = 0;
  private bytes = 0;
  private count = 0;
  private headers = 0;

  constructor(sink: TarSink, limits: Partial<TarLimits> = {}) {
    this.sink = sink;
    this.limits = guard('tar-bounds') ? { ...DEFAULT_TAR_LIMITS, ...limits } : UNBOUNDED;
  }

  /** Entries so far. */
  get entries(): number {
    return this.count;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.state) {
        case 'data':
          at += this.pushData(chunk, at);
          break;
        case 'padding': {
          const n = Math.min(this.padding, chunk.length - at);
          this.padding -= n;
          at += n;
          if (this.padding === 0) this.expect('header', BLOCK);
          break;
        }
        case 'after':
          this.trailing += chunk.length - at;
          if (this.trailing > this.limits.maxTrailing) throw exhausted('too much follows its end');
          return;
        default: {
          const n = Math.min(this.wanted - this.heldBytes, chunk.length - at);
          const piece = Buffer.from(chunk.buffer, chunk.byteOffset + at, n);
          at += n;
          if (this.heldBytes === 0 && n === this.wanted) {
            this.complete(piece);
          } else {
            this.held.push(Buffer.from(piece));
            this.heldBytes += n;
            if (this.heldBytes === this.wanted) this.complete(Buffer.concat(this.held));
          }
        }
      }
    }
  }

  /** The stream is over. DataLoss when the archive was not. */
  finish(): void {
    if (this.state === 'after') return;
    const between = this.state === 'header' && this.heldBytes === 0 && this.specials === 0;
    if (!between) throw new EngineError('DataLoss', 'read tar: the archive ends in the middle of an entry');
  }

  private expect(state: State, bytes: number): void {
    this.state = state;
    this.held = [];
    this.heldBytes = 0;
    this.wanted = bytes;
  }

  /** What was waited for is here. */
  private complete(bytes: Buffer): void {
    switch (this.state) {
      case 'header':
        this.header(bytes);
        break;
      case 'special':
        this.specialContent(bytes.subarray(0, this.special?.size ?? 0));
        this.expect('header', BLOCK);
        break;
      case 'old-map':
        oldGnuPairs(bytes, 0, 21, this.pieces);
        this.oldMapGoesOn(bytes[504] !== 0);
        break;
      case 'lines-map':
        this.linesMap(bytes);
        break;
      default:
        throw new EngineError('Internal', `read tar: nothing is collected in state ${this.state}`);
    }
  }

  private header(block: Buffer): void {
    if (isZeroBlock(block)) {
      if (this.specials > 0) throw new EngineError('DataLoss', 'read tar: it ends after an extended header');
      if (++this.zeroBlocks === 2) this.state = 'after';
      this.expect(this.state, BLOCK);
      return;
    }
    if (this.zeroBlocks > 0) throw new EngineError('DataLoss', 'read tar: a single block of zeros inside the archive');
    const raw = readHeader(block);
    if (++this.headers > 4 * this.limits.maxEntries + MAX_SPECIAL) throw exhausted('too many headers');
    if (SPECIAL.has(raw.flag)) {
      if (++this.specials > MAX_SPECIAL) throw exhausted('too many extended headers before one file');
      if (raw.size < 0 || raw.size > this.limits.maxHeader) throw exhausted('an extended header is too large');
      this.special = raw;
      if (raw.size === 0) {
        this.specialContent(Buffer.alloc(0));
        this.expect('header', BLOCK);
      } else {
        this.expect('special', blocks(raw.size));
      }
      return;
    }
    if (TYPES[raw.flag] === undefined)
      throw new EngineError('InvalidArgument', `read tar: entry ${raw.name}: unknown type ${JSON.stringify(raw.flag)}`);
    if (++this.count > this.limits.maxEntries) throw exhausted('too many entries');
    this.begin(raw, block);
  }

  private specialContent(bytes: Buffer): void {
    switch (this.special?.flag) {
      case 'x':
        readPax(bytes, this.locals, this.sparse00);
        break;
      case 'g':
        readPax(bytes, this.globals, []);
        this.specials--;
        this.boundGlobals();
        break;
      case 'L':
        this.longName = untilNul(bytes);
        break;
      case 'K':
        this.longLink = untilNul(bytes);
        break;
      default:
        throw new EngineError('Internal', 'read tar: no extended header is open');
    }
  }

  private boundGlobals(): void {
    let total = 0;
    for (const [key, value] of this.globals) total += key.length + value.length;
    if (total > this.limits.maxHeader) throw exhausted('its global headers are too large');
  }

  /** A file's header: find how its content lies, then tell of it, at once or after its sparse map. */
  private begin(raw: RawHeader, block: Buffer): void {
    const records: PaxRecords = this.globals.size === 0 ? this.locals : new Map([...this.globals, ...this.locals]);
    this.locals = records;
    const hasContent = TYPES[raw.flag] === 'file';
    const paxSize = textOf(records, 'size');
    this.stored = !hasContent ? 0 : paxSize === undefined ? raw.size : parseDecimal(paxSize, 'size');
    this.realSize = raw.flag === 'S' ? parseNumber(block, 483, 12, 'size of a sparse file') : this.stored;
    if (this.stored < 0 || this.realSize < 0) throw new EngineError('DataLoss', 'read tar header: size is negative');
    this.pieces = [];
    this.current = raw;
    this.padding = filling(this.stored);
    if (raw.flag === 'S') {
      oldGnuPairs(block, 386, 4, this.pieces);
      this.oldMapGoesOn(block[482] !== 0);
      return;
    }
    if (hasContent && this.paxSparse(records)) return;
    if (this.pieces.length === 0 && this.stored > 0) this.pieces = [{ offset: 0, length: this.stored }];
    this.tell();
  }

  /** Sparse by PAX: true when the map is in front of the content and has to be waited for. */
  private paxSparse(records: PaxRecords): boolean {
    const real = textOf(records, 'GNU.sparse.realsize') ?? textOf(records, 'GNU.sparse.size');
    if (real === undefined) return false;
    this.realSize = parseDecimal(real, 'size of a sparse file');
    if (textOf(records, 'GNU.sparse.major') === '1' && textOf(records, 'GNU.sparse.minor') === '0') {
      if (this.stored < BLOCK) throw new EngineError('DataLoss', 'read tar sparse map: it is missing');
      this.map = new LinesMap();
      this.expect('lines-map', BLOCK);
      return true;
    }
    const map = textOf(records, 'GNU.sparse.map');
    this.pieces = paxPairs(map === undefined ? this.sparse00 : map.split(','));
    checkMap(this.pieces, this.stored, this.realSize);
    return false;
  }

  private oldMapGoesOn(more: boolean): void {
    if (this.pieces.length * 24 > this.limits.maxHeader) throw exhausted('a sparse map is too long');
    if (more) {
      this.expect('old-map', BLOCK);
      return;
    }
    checkMap(this.pieces, this.stored, this.realSize);
    this.tell();
  }

  /** One more block of the map of PAX 1.0. */
  private linesMap(block: Buffer): void {
    this.map.add(block, Math.min(this.stored, this.limits.maxHeader));
    if (!this.map.isComplete) {
      this.expect('lines-map', BLOCK);
      return;
    }
    this.pieces = this.map.pieces();
    this.stored -= this.map.bytes;
    checkMap(this.pieces, this.stored, this.realSize);
    this.tell();
  }

  private tell(): void {
    const raw = this.current as RawHeader;
    const entry = this.entry(raw);
    this.locals = new Map();
    this.sparse00 = [];
    this.longName = undefined;
    this.longLink = undefined;
    this.specials = 0;
    this.bytes += entry.size;
    if (this.bytes > this.limits.maxBytes) throw exhausted('its files are too large');
    this.piece = 0;
    this.pieceDone = 0;
    this.left = this.stored;
    this.sink.entry(entry);
    if (this.left === 0) {
      this.sink.end();
      this.afterContent();
    } else {
      this.state = 'data';
    }
  }

  private entry(raw: RawHeader): TarEntry {
    const records = this.locals;
    const type = TYPES[raw.flag] as TarType;
    const number = (key: string, value: number): number => {
      const text = textOf(records, key);
      return text === undefined ? value : parseDecimal(text, key);
    };
    const time = textOf(records, 'mtime');
    const name = textOf(records, 'GNU.sparse.name') ?? textOf(records, 'path') ?? this.longName ?? raw.name;
    const linkname = textOf(records, 'linkpath') ?? this.longLink ?? raw.linkname;
    this.boundName(name);
    this.boundName(linkname);
    return {
      name,
      type,
      linkname: type === 'hardlink' || type === 'symlink' ? linkname : '',
      mode: raw.mode,
      uid: number('uid', raw.uid),
      gid: number('gid', raw.gid),
      uname: textOf(records, 'uname') ?? raw.uname,
      gname: textOf(records, 'gname') ?? raw.gname,
      size: this.realSize,
      mtime: time === undefined ? BigInt(raw.mtime) * 1_000_000_000n : parsePaxTime(time),
      major: number('SCHILY.devmajor', raw.major),
      minor: number('SCHILY.devminor', raw.minor),
      xattrs: records.size === 0 ? NO_XATTRS : xattrsOf(records),
    };
  }

  private boundName(name: string): void {
    if (name.length > this.limits.maxPath / 4 && Buffer.byteLength(name) >= this.limits.maxPath)
      throw exhausted(`name ${name.slice(0, 40)}… is too long`);
    let depth = 1;
    for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) depth++;
    if (depth > this.limits.maxDepth) throw exhausted(`name ${name.slice(0, 40)}… is too deep`);
  }

  private pushData(chunk: Uint8Array, at: number): number {
    let piece = this.pieces[this.piece];
    while (piece !== undefined && this.pieceDone === piece.length) {
      piece = this.pieces[++this.piece];
      this.pieceDone = 0;
    }
    if (piece === undefined) throw new EngineError('Internal', 'read tar: content beyond its map');
    const n = Math.min(piece.length - this.pieceDone, chunk.length - at);
    this.sink.data(chunk.subarray(at, at + n), piece.offset + this.pieceDone);
    this.pieceDone += n;
    this.left -= n;
    if (this.left === 0) {
      this.sink.end();
      this.afterContent();
    }
    return n;
  }

  private afterContent(): void {
    if (this.padding > 0) this.state = 'padding';
    else this.expect('header', BLOCK);
  }
}

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();

const filling = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;
const blocks = (size: number): number => size + filling(size);

function untilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

function exhausted(what: string): EngineError {
  return new EngineError('ResourceExhausted', `read tar: ${what}`);
}
