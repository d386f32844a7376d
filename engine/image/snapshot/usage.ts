import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import type { DiskUsage } from './types.js';

const SLICE_MS = 10;

/**
 * Bytes of files (directories count none, as Docker counts) and number of inodes below a directory, itself not included. A
 * file that goes away meanwhile counts nothing, nor does what lies deeper than PATH_MAX reaches.
 */
export async function usageOf(directory: string): Promise<DiskUsage> {
  const seen = new Set<string>();
  const pending = [Buffer.from(directory)];
  let bytes = 0;
  let inodes = 0;
  let since = performance.now();
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    for (const name of namesOf(dir)) {
      const path = Buffer.concat([dir, Buffer.from('/'), name]);
      const status = statusOf(path);
      if (status === null) continue;
      if (status.isDirectory()) {
        pending.push(path);
      } else {
        const key = `${status.dev}:${status.ino}`;
        if (status.nlink > 1n && seen.has(key)) continue;
        if (status.nlink > 1n) seen.add(key);
        bytes += Number(status.size);
      }
      inodes++;
    }
    if (performance.now() - since > SLICE_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      since = performance.now();
    }
  }
  return { bytes, inodes };
}

function namesOf(dir: Buffer): Buffer[] {
  try {
    return readdirSync(dir, { encoding: 'buffer' });
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function statusOf(path: Buffer): BigIntStats | null {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

const isGone = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '');
