import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

const GONE: readonly string[] = ['ENOENT', 'ENOTDIR'];

/** Bytes of all files below a directory, each inode once, without following links. What vanishes meanwhile counts nothing. */
export async function directorySize(path: string): Promise<number> {
  const seen = new Set<string>();
  let total = 0;
  const waiting = [path];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    try {
      for await (const entry of await opendir(directory)) {
        const child = join(directory, entry.name);
        const { size, dev, ino, nlink } = await lstat(child);
        if (entry.isDirectory()) {
          waiting.push(child);
          continue;
        }
        if (nlink > 1) {
          const id = `${dev} ${ino}`;
          if (seen.has(id)) continue;
          seen.add(id);
        }
        total += size;
      }
    } catch (error) {
      if (!GONE.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return total;
}
