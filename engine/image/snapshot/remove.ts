import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Remove a directory of the store, whatever a container made in it. Directories can lie deeper than a path can say; those are
 * moved up first, level by level.
 */
export async function removeFiles(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENAMETOOLONG') throw error;
    await flatten(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
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
