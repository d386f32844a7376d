import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../../kernel/replace-file.js';
import { syncFileSystem } from '../../kernel/syncfs.js';

/** What was done last before a test ends the process: to show that what is on the disk is sound after each step. */
export type Step =
  | 'draft-made'
  | 'files-synced'
  | 'record-written'
  | 'link-made'
  | 'renamed'
  | 'durable'
  | 'taken-away'
  | 'removed';

/** Everything written so far to the file system of this directory outlives a power cut. */
export async function syncEverythingAt(path: string): Promise<void> {
  await withFile(path, 'r', (file) => syncFileSystem(file.fd));
}

/** A new file in a directory that nobody else sees, durable together with its name. */
export async function writeNew(path: string, text: string): Promise<void> {
  await withFile(path, 'wx', async (file) => {
    await file.writeFile(text);
    await file.sync();
  });
  await syncDirectory(dirname(path));
}

/** Make directories with exactly this mode, whatever the umask is. */
export async function makeDirectories(parent: string, modes: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, mode] of Object.entries(modes)) {
    const path = join(parent, name);
    await mkdir(path);
    await withFile(path, 'r', (file) => file.chmod(mode));
  }
}

/** Move a directory; durable on both sides. */
export async function moveDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(dirname(to));
  await syncDirectory(dirname(from));
}

async function withFile<T>(path: string, flags: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags, 0o600);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
