import { EngineError } from '../../kernel/errors.js';
import { decodeName } from './names.js';

/** Records of one or more extended headers: `LENGTH KEYWORD=VALUE\n`. POSIX, pax(1), "pax Extended Header". */
export type PaxRecords = Map<string, Uint8Array>;

/** Keywords whose values are text for the kernel or for people: they have no NUL. */
const TEXT = new Set(['path', 'linkpath', 'uname', 'gname', 'GNU.sparse.name']);
const XATTR = 'SCHILY.xattr.';
/** XATTR_NAME_MAX and XATTR_SIZE_MAX of Linux. */
const MAX_XATTR_NAME = 255;
const MAX_XATTR_VALUE = 65_536;

/**
 * Read an extended header into `records`; a keyword that was there is replaced. `sparse00` gets the pairs of GNU's sparse
 * format 0.0, whose keywords repeat.
 */
export function readPax(bytes: Uint8Array, records: PaxRecords, sparse00: string[]): void {
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(0x20, at);
    if (blank < 0 || blank - at > 10) throw damaged('a record has no length');
    const digits = latin1(bytes.subarray(at, blank));
    const length = /^[1-9]\d*$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (end <= blank + 1 || end > bytes.length || bytes[end - 1] !== 0x0a)
      throw damaged('the length of a record is wrong');
    const equals = bytes.indexOf(0x3d, blank + 1);
    if (equals < 0 || equals >= end) throw damaged('a record has no "="');
    const key = decodeName(bytes.subarray(blank + 1, equals));
    // a copy: the bytes are lent
    const value = Buffer.from(bytes.subarray(equals + 1, end - 1));
    if (key === '' || key.includes('\0') || (TEXT.has(key) && value.includes(0)))
      throw damaged(`record ${JSON.stringify(key.slice(0, 40))} holds a NUL or no name`);
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') sparse00.push(latin1(value));
    else records.set(key, value);
    at = end;
  }
}

export function textOf(records: PaxRecords, key: string): string | undefined {
  const value = records.get(key);
  return value === undefined || value.length === 0 ? undefined : decodeName(value);
}

/** Extended attributes of a file. */
export function xattrsOf(records: PaxRecords): ReadonlyMap<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const [key, value] of records) {
    if (!key.startsWith(XATTR)) continue;
    const name = key.slice(XATTR.length);
    if (name === '') throw damaged('an extended attribute has no name');
    if (name.length > MAX_XATTR_NAME || value.length > MAX_XATTR_VALUE)
      throw new EngineError('ResourceExhausted', `read tar header: attribute ${name.slice(0, 40)} is too large`);
    xattrs.set(name, value);
  }
  return xattrs;
}

/** Decimal seconds, perhaps with a fraction and a sign, as nanoseconds. */
export function parsePaxTime(text: string): bigint {
  const match = /^(-?)(\d{1,12})(?:\.(\d*))?$/.exec(text);
  if (match === null) throw damaged('a time is no number');
  const nanoseconds = BigInt(match[2] as string) * 1_000_000_000n + BigInt((match[3] ?? '').padEnd(9, '0').slice(0, 9));
  return match[1] === '-' ? -nanoseconds : nanoseconds;
}

export function formatPaxTime(time: bigint): string {
  const size = time < 0n ? -time : time;
  const fraction = (size % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return `${time < 0n ? '-' : ''}${size / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}`;
}

/** One record; its length counts its own digits. */
export function paxRecord(key: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return Buffer.concat([Buffer.from(`${length}`), rest]);
}

export const xattrKey = (name: string): string => XATTR + name;

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function damaged(what: string): EngineError {
  return new EngineError('DataLoss', `read tar extended header: ${what}`);
}
