import { closeSync, fchmodSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncDirectory, syncFile } from '../../kernel/replace-file.js';
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
  const fd = openSync(path, 'r');
  try {
    await syncFileSystem(fd);
  } finally {
    closeSync(fd);
  }
}

/** A new file in a directory that nobody else sees, durable together with its name. */
export async function writeNew(path: string, text: string): Promise<void> {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(fd, text);
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
  await syncDirectory(dirname(path));
}

/** Make directories with exactly this mode, whatever the umask is. */
export function makeDirectories(parent: string, modes: Readonly<Record<string, number>>): void {
  for (const [name, mode] of Object.entries(modes)) {
    const path = join(parent, name);
    mkdirSync(path);
    const fd = openSync(path, 'r');
    try {
      fchmodSync(fd, mode);
    } finally {
      closeSync(fd);
    }
  }
}

/** Move a directory; durable on both sides. */
export async function moveDurably(from: string, to: string): Promise<void> {
  renameSync(from, to);
  await syncDirectory(dirname(to));
  await syncDirectory(dirname(from));
}
