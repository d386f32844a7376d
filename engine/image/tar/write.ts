import { EngineError } from '../../kernel/errors.js';
import { encodeName } from './names.js';
import { BLOCK, checksums, writeNumber } from './numbers.js';
import { formatPaxTime, paxRecord, xattrKey } from './pax.js';
import type { TarEntry, TarEntryInit, TarType } from './types.js';

const FLAGS: Readonly<Record<TarType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** Two blocks of zeros. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * BLOCK);

const ZEROS = Buffer.alloc(BLOCK);

/** What has to follow `size` bytes of content. */
export function contentPadding(size: number): Buffer {
  return ZEROS.subarray(0, (BLOCK - (size % BLOCK)) % BLOCK);
}

/**
 * The headers of an entry: one block where ustar can say it, else with PAX records in front (as Go's archive/tar writes
 * them: sorted, no times but mtime). Its content and `contentPadding` have to follow. Plain: a sparse file's holes are zeros.
 */
export function tarHeader(init: TarEntryInit): Buffer {
  const entry = complete(init);
  const records = new Map<string, Uint8Array>();
  const bytes = (key: string, value: string): void => void records.set(key, encodeName(value));
  const name = encodeName(entry.name);
  const linkname = encodeName(entry.linkname);
  if (name.includes(0) || linkname.includes(0))
    throw new EngineError('InvalidArgument', `write tar: name ${JSON.stringify(entry.name)} has a NUL`);
  const split = splitName(name);
  if (split === null || !isAscii(name)) records.set('path', name);
  if (linkname.length > 100 || !isAscii(linkname)) records.set('linkpath', linkname);
  for (const [key, value, most] of [
    ['uid', entry.uid, 0o7777777],
    ['gid', entry.gid, 0o7777777],
    ['size', entry.size, 0o77777777777],
    ['SCHILY.devmajor', entry.major, 0o7777777],
    ['SCHILY.devminor', entry.minor, 0o7777777],
  ] as const)
    if (value < 0 || value > most) bytes(key, `${value}`);
  const seconds = entry.mtime / 1_000_000_000n;
  const isWhole = entry.mtime % 1_000_000_000n === 0n && entry.mtime >= 0n && seconds <= 0o77777777777n;
  if (!isWhole) bytes('mtime', formatPaxTime(entry.mtime));
  for (const key of ['uname', 'gname'] as const)
    if (encodeName(entry[key]).length > 31 || !isAscii(encodeName(entry[key]))) bytes(key, entry[key]);
  for (const [key, value] of entry.xattrs) records.set(xattrKey(key), value);
  const header = ustar(entry, split, name, linkname, isWhole ? seconds : 0n);
  if (records.size === 0) return header;
  const body = Buffer.concat([...records.keys()].sort().map((key) => paxRecord(key, records.get(key) as Uint8Array)));
  const front = { ...complete({ name: 'PaxHeaders.0', type: 'file' }), mode: 0o644, size: body.length };
  const extended = ustar(
    front,
    { prefix: Buffer.alloc(0), name: Buffer.from(front.name) },
    name,
    ZEROS.subarray(0, 0),
    0n,
    'x',
  );
  return Buffer.concat([extended, body, contentPadding(body.length), header]);
}

/** A whole small entry. */
export function tarEntry(init: TarEntryInit, content: Uint8Array = ZEROS.subarray(0, 0)): Buffer {
  return Buffer.concat([tarHeader({ ...init, size: content.length }), content, contentPadding(content.length)]);
}

function complete(init: TarEntryInit): TarEntry {
  return {
    linkname: '',
    mode: init.type === 'directory' ? 0o755 : init.type === 'symlink' ? 0o777 : 0o644,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    size: 0,
    mtime: 0n,
    major: 0,
    minor: 0,
    xattrs: new Map(),
    ...init,
  };
}

interface SplitName {
  readonly prefix: Buffer;
  readonly name: Buffer;
}

function ustar(
  entry: TarEntry,
  split: SplitName | null,
  name: Buffer,
  linkname: Buffer,
  seconds: bigint,
  flag = FLAGS[entry.type],
): Buffer {
  const block = Buffer.alloc(BLOCK);
  // what doesn't fit is said by a PAX record; the field then holds what does, for eyes only
  const number = (at: number, length: number, value: number): void =>
    writeNumber(block, at, length, value >= 0 && value < 8 ** (length - 1) ? value : 0);
  (split?.name ?? name.subarray(0, 100)).copy(block, 0);
  number(100, 8, entry.mode);
  number(108, 8, entry.uid);
  number(116, 8, entry.gid);
  number(124, 12, entry.size);
  number(136, 12, Number(seconds));
  block.write(flag, 156, 'latin1');
  linkname.subarray(0, 100).copy(block, 157);
  block.write('ustar\0' + '00', 257, 'latin1');
  encodeName(entry.uname).subarray(0, 31).copy(block, 265);
  encodeName(entry.gname).subarray(0, 31).copy(block, 297);
  number(329, 8, entry.major);
  number(337, 8, entry.minor);
  (split?.prefix ?? ZEROS.subarray(0, 0)).copy(block, 345);
  block.write(`${checksums(block).unsigned.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A name as ustar's two fields: at a slash, 155 bytes and 100; null when it can't be. */
function splitName(name: Buffer): SplitName | null {
  if (name.length <= 100) return { prefix: Buffer.alloc(0), name };
  if (name.length > 256) return null;
  for (let at = name.lastIndexOf(0x2f, 155); at > 0; at = name.lastIndexOf(0x2f, at - 1)) {
    const rest = name.subarray(at + 1);
    if (rest.length > 100) return null;
    if (rest.length > 0) return { prefix: name.subarray(0, at), name: rest };
  }
  return null;
}

function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte > 0x7f) return false;
  return true;
}
