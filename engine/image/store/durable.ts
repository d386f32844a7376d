import { type FileHandle, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { guard } from './guards.js';

/**
 * What must survive a loss of power goes through here: write beside, fsync, rename, fsync of the directory. A rename alone
 * may reach the disk before the bytes that it names, and is itself only in the directory, which has an fsync of its own: fsync(2).
 */

/** Told after each step that a crash could follow: what tests stop at. */
export type StepObserver = (step: string) => void;
let observer: StepObserver | null = null;

export function observeSteps(next: StepObserver | null): void {
  observer = next;
}

export function step(name: string): void {
  observer?.(name);
}

let count = 0;

/** Names that begin with this are unfinished files: no content, removed when the store is opened. */
export const UNFINISHED = '~';

export function unfinishedName(): string {
  count += 1;
  return `${UNFINISHED}${process.pid}.${count}`;
}

/** Replace a file's content at once and for good. */
export async function writeDurably(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const unfinished = join(dirname(path), unfinishedName());
  const file = await open(unfinished, 'wx', mode);
  try {
    await file.writeFile(content);
    step(`wrote ${nameOf(path)}`);
    if (guard('store-sync')) await file.sync();
    step(`synced ${nameOf(path)}`);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await renameDurably(unfinished, path);
}

/** Rename a file or directory whose content is on the disk already. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  step(`renamed ${nameOf(to)}`);
  await syncDirectory(dirname(to));
  step(`named ${nameOf(to)}`);
}

/** False: there was none. */
export async function unlinkDurably(path: string): Promise<boolean> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  step(`removed ${nameOf(path)}`);
  await syncDirectory(dirname(path));
  return true;
}

/** What a crash left in a directory: files that got no name. */
export async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    if (name.startsWith(UNFINISHED)) await rm(join(directory, name), { recursive: true, force: true });
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Make a directory that only root may look into (CVE-2024-25621), and have its name on the disk. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}

/** All of the bytes, also where the kernel takes a part at a time. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}

function nameOf(path: string): string {
  return path.split('/').slice(-2).join('/');
}
