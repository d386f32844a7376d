import { EngineError } from '../../kernel/errors.js';
import { decodeName } from './names.js';
import { BLOCK, checksums, parseNumber } from './numbers.js';

/** The 512 bytes before a file, read but not yet joined with what extended headers say. */
export interface RawHeader {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  /** The type's character; NUL of old tars is given as '0'. */
  readonly flag: string;
  readonly linkname: string;
  readonly uname: string;
  readonly gname: string;
  readonly major: number;
  readonly minor: number;
}

/** Of a header: `ustar\0` and a version (POSIX, with a prefix of the name), `ustar  \0` (GNU), or nothing (tar of 1979). */
const POSIX = Buffer.from('ustar\0');
const GNU = Buffer.from('ustar  \0');

export function isZeroBlock(block: Uint8Array): boolean {
  for (let i = 0; i < BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}

/** @throws EngineError DataLoss when the sum of its bytes is not the one that it says. */
export function readHeader(block: Uint8Array): RawHeader {
  const sum = parseNumber(block, 148, 8, 'checksum');
  const { unsigned, signed } = checksums(block);
  if (sum !== unsigned && sum !== signed)
    throw new EngineError('DataLoss', 'read tar header: its checksum is wrong: the archive is damaged or no tar');
  const isPosix = startsWith(block, POSIX, 257);
  const isKnown = isPosix || startsWith(block, GNU, 257);
  const prefix = isPosix ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  const flag = String.fromCharCode(block[156] as number);
  const isOldDirectory = flag === '\0' && name.endsWith('/');
  const isDevice = flag === '3' || flag === '4';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: parseNumber(block, 100, 8, 'mode') & 0o7777,
    uid: parseNumber(block, 108, 8, 'uid'),
    gid: parseNumber(block, 116, 8, 'gid'),
    size: parseNumber(block, 124, 12, 'size'),
    mtime: parseNumber(block, 136, 12, 'time'),
    flag: isOldDirectory ? '5' : flag === '\0' ? '0' : flag,
    linkname: text(block, 157, 100),
    uname: isKnown ? text(block, 265, 32) : '',
    gname: isKnown ? text(block, 297, 32) : '',
    major: isKnown && isDevice ? parseNumber(block, 329, 8, 'major number') : 0,
    minor: isKnown && isDevice ? parseNumber(block, 337, 8, 'minor number') : 0,
  };
}

function text(block: Uint8Array, at: number, length: number): string {
  let end = at;
  while (end < at + length && block[end] !== 0) end++;
  return end === at ? '' : decodeName(block.subarray(at, end));
}

function startsWith(block: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (block[at + i] !== bytes[i]) return false;
  return true;
}
