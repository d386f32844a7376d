/** One member of an archive. */
export interface TarEntry {
  readonly name: string;
  /** `0` file, `1` hard link, `2` symbolic link, `3` and `4` devices, `5` directory, `6` FIFO. */
  readonly type: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly size: number;
  /** Its bytes: to be read to the end before the next entry is asked for; what is not read is skipped. */
  readonly content: AsyncIterable<Buffer>;
}

const BLOCK = 512;
/** How large an extended header or a long name may be. */
const LARGEST_HEADER = 1 << 20;

/** The entries of an archive, in order: POSIX pax (pax(1)), ustar and GNU's long names. */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const bytes = new Bytes(source);
  let extended: Map<string, string> = new Map();
  for (;;) {
    const header = await bytes.exactly(BLOCK);
    if (header === null || header.every((byte) => byte === 0)) return;
    checkSum(header);
    const type = String.fromCharCode(header[156] ?? 0).replace('\0', '0');
    const size = extended.has('size') ? Number(extended.get('size')) : number(header, 124, 12);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error('archive/tar: invalid tar header');
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      if (size > LARGEST_HEADER) throw new Error('archive/tar: header field too long');
      const data = await bytes.exactly(size + padding);
      if (data === null) throw new Error('unexpected EOF');
      const text = data.subarray(0, size);
      if (type === 'x') extended = new Map([...extended, ...records(text)]);
      else if (type === 'L') extended.set('path', text.toString('utf8').replace(/\0+$/, ''));
      else if (type === 'K') extended.set('linkpath', text.toString('utf8').replace(/\0+$/, ''));
      continue;
    }
    const prefix =
      header.subarray(257, 262).toString('latin1') === 'ustar' && header[262] === 0 ? string(header, 345, 155) : '';
    const content = bytes.take(size);
    yield {
      name: extended.get('path') ?? (prefix === '' ? string(header, 0, 100) : `${prefix}/${string(header, 0, 100)}`),
      type,
      linkName: extended.get('linkpath') ?? string(header, 157, 100),
      mode: number(header, 100, 8),
      uid: Number(extended.get('uid') ?? number(header, 108, 8)),
      gid: Number(extended.get('gid') ?? number(header, 116, 8)),
      mtime: Number(extended.get('mtime') ?? number(header, 136, 12)),
      size,
      content,
    };
    for await (const skipped of content) void skipped;
    if (padding > 0 && (await bytes.exactly(padding)) === null) throw new Error('unexpected EOF');
    extended = new Map();
  }
}

function string(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? undefined : end).toString('utf8');
}

/** Octal, or base 256 where the first bit says so. */
function number(header: Buffer, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) !== 0)
    return Number(BigInt(`0x${field.toString('hex')}`) & ((1n << BigInt(length * 8 - 1)) - 1n));
  const text = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim();
  if (!/^[0-7]*$/.test(text)) throw new Error('archive/tar: invalid tar header');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function checkSum(header: Buffer): void {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  if (number(header, 148, 8) !== sum) throw new Error('archive/tar: invalid tar header');
}

/** `LENGTH KEY=VALUE\n`, repeated. */
function records(data: Buffer): [string, string][] {
  const out: [string, string][] = [];
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(32, at);
    const length = Number(data.subarray(at, space).toString('latin1'));
    if (space < 0 || !Number.isInteger(length) || length < 5 || at + length > data.length)
      throw new Error('archive/tar: invalid tar header');
    const record = data.subarray(space + 1, at + length - 1).toString('utf8');
    const equals = record.indexOf('=');
    if (equals > 0) out.push([record.slice(0, equals), record.slice(equals + 1)]);
    at += length;
  }
  return out;
}

/** A stream of chunks, read in the sizes that are asked for. */
class Bytes {
  readonly #source: AsyncIterator<Buffer>;
  #rest = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done === true) return false;
    this.#rest = this.#rest.length === 0 ? Buffer.from(value) : Buffer.concat([this.#rest, value]);
    return true;
  }

  /** Null at the end of the stream; an error in the middle. */
  async exactly(length: number): Promise<Buffer | null> {
    while (this.#rest.length < length)
      if (!(await this.#more())) {
        if (this.#rest.length === 0) return null;
        throw new Error('unexpected EOF');
      }
    const out = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return out;
  }

  /** So many bytes, in pieces; a second reading goes on where the first ended. */
  take(length: number): AsyncIterable<Buffer> {
    let left = length;
    const next = async (): Promise<IteratorResult<Buffer>> => {
      if (left === 0) return { done: true, value: undefined };
      if (this.#rest.length === 0 && !(await this.#more())) throw new Error('unexpected EOF');
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      return { done: false, value: piece };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }
}
