import { readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Remove a directory of the store, whatever a container made in it. Directories can lie deeper than a path can say; those are
 * moved up first, level by level.
 */
export async function removeFiles(path: string): Promise<void> {
  if (removeFew(path)) return;
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENAMETOOLONG') throw error;
    await flatten(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** More names than a container has that wrote nothing: the rest is removed without keeping the process waiting. */
const FEW = 64;
const FLAT = 4;

/** Remove it at once where it is small. False: some of it is still there. */
function removeFew(path: string): boolean {
  let left = FEW;
  const remove = (directory: string, depth: number): boolean => {
    const entries = readdirSync(directory, { withFileTypes: true });
    left -= entries.length;
    if (left < 0 || depth > FLAT) return false;
    for (const entry of entries) {
      const inside = join(directory, entry.name);
      if (!entry.isDirectory()) unlinkSync(inside);
      else if (!remove(inside, depth + 1)) return false;
    }
    rmdirSync(directory);
    return true;
  };
  try {
    return remove(path, 1);
  } catch {
    return false; // a name that is no text, something immutable: who removes all of it tells why it cannot
  }
}

/** Move every directory to right below the topmost one. */
async function flatten(top: string): Promise<void> {
  let next = 0;
  const pending = [Buffer.from(top)];
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    for (const entry of await readdir(dir, { encoding: 'buffer', withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const from = Buffer.concat([dir, Buffer.from('/'), entry.name as unknown as Buffer]);
      const to = Buffer.from(join(top, `.flat-${process.pid}-${next++}`));
      await rename(from, to);
      pending.push(to);
    }
  }
}
