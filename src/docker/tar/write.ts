import { createReadStream, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';

const BLOCK = 512;

/** An archive of a file or a tree; its paths begin with `name` instead of the path's own. An empty name: only what is in it. */
export async function* writeTar(path: string, name: string): AsyncGenerator<Buffer> {
  yield* member(path, name);
  yield Buffer.alloc(BLOCK * 2);
}

async function* member(path: string, name: string): AsyncGenerator<Buffer> {
  const stats = lstatSync(path);
  if (stats.isSocket()) return;
  const isDirectory = stats.isDirectory();
  if (name !== '' || isDirectory) yield headers(name === '' ? './' : isDirectory ? `${name}/` : name, path, stats);
  if (stats.isFile()) yield* content(path, stats.size);
  if (!isDirectory) return;
  for (const child of readdirSync(path).sort())
    yield* member(join(path, child), name === '' ? child : `${name}/${child}`);
}

/** Exactly as many bytes as the header said, also when the file changes meanwhile. */
async function* content(path: string, size: number): AsyncGenerator<Buffer> {
  let left = size;
  if (size > 0) {
    for await (const chunk of createReadStream(path, { end: size - 1 }) as AsyncIterable<Buffer>) {
      left -= chunk.length;
      yield chunk;
    }
    if (left > 0) throw new Error(`${path} became shorter while it was read`);
  }
  const padding = (BLOCK - (size % BLOCK)) % BLOCK;
  if (padding > 0) yield Buffer.alloc(padding);
}

function typeOf(stats: Stats): string {
  if (stats.isDirectory()) return '5';
  if (stats.isSymbolicLink()) return '2';
  if (stats.isCharacterDevice()) return '3';
  if (stats.isBlockDevice()) return '4';
  return stats.isFIFO() ? '6' : '0';
}

function headers(name: string, path: string, stats: Stats): Buffer {
  const type = typeOf(stats);
  const link = type === '2' ? readlinkSync(path) : '';
  const size = type === '0' ? stats.size : 0;
  const records: string[] = [];
  const isPlain = (text: string, most: number): boolean => /^[\x20-\x7e]*$/.test(text) && text.length <= most;
  if (!isPlain(name, 100)) records.push(record('path', name));
  if (!isPlain(link, 100)) records.push(record('linkpath', link));
  if (size >= 8 ** 11) records.push(record('size', String(size)));
  if (stats.uid >= 8 ** 7) records.push(record('uid', String(stats.uid)));
  if (stats.gid >= 8 ** 7) records.push(record('gid', String(stats.gid)));
  const main = block(name, type, stats, size, link);
  if (records.length === 0) return main;
  const data = Buffer.from(records.join(''));
  const padded = Buffer.alloc(Math.ceil(data.length / BLOCK) * BLOCK);
  data.copy(padded);
  return Buffer.concat([block('PaxHeaders/entry', 'x', stats, data.length, ''), padded, main]);
}

function record(key: string, value: string): string {
  const text = ` ${key}=${value}\n`;
  const length = Buffer.byteLength(text);
  let total = length + String(length).length;
  if (length + String(total).length !== total) total = length + String(total).length;
  return `${total}${text}`;
}

function block(name: string, type: string, stats: Stats, size: number, link: string): Buffer {
  const out = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number): void => {
    const most = 8 ** (length - 1);
    out.write(`${(value < most ? value : 0).toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  };
  out.write(name, 0, 100, 'utf8');
  octal(stats.mode & 0o7777, 100, 8);
  octal(stats.uid, 108, 8);
  octal(stats.gid, 116, 8);
  octal(size, 124, 12);
  octal(Math.max(0, Math.trunc(stats.mtimeMs / 1000)), 136, 12);
  out.write(' '.repeat(8), 148, 'latin1');
  out.write(type, 156, 'latin1');
  out.write(link, 157, 100, 'utf8');
  out.write('ustar\x0000', 257, 'latin1');
  if (type === '3' || type === '4') {
    octal(Number((BigInt(stats.rdev) >> 8n) & 0xfffn), 329, 8);
    octal(Number((BigInt(stats.rdev) & 0xffn) | ((BigInt(stats.rdev) >> 12n) & 0xfff00n)), 337, 8);
  }
  let sum = 0;
  for (const byte of out) sum += byte;
  out.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return out;
}
