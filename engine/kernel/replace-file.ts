import { closeSync, fsync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { stands } from './guards.js';
import { noteFile } from './journal/file-deed.js';

/**
 * Files that are replaced at once: who reads one, or is killed, finds the old content or the new one, rename(2). What must survive
 * a loss of power is besides on the disk before it has its name, for a rename may reach the disk before the bytes that it names;
 * and the name is in the directory, which has an fsync of its own, fsync(2).
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

export interface ReplaceOptions {
  /** Also when the power fails. */
  readonly durable?: boolean;
  readonly mode?: number;
}

const REPLACED = {
  en: "replace a record of the engine's at once: whoever reads it finds the old one or the new one",
  zh: '一次性替换引擎的一份记录：读取者看到的不是旧内容就是新内容',
};
const NAMED = {
  en: 'give what is whole its name: before, nobody could find it half done',
  zh: '内容完整之后才给它正式的名字：在此之前谁也看不到半成品',
};

/** For small records whose order among other calls matters; what a kill left of the last time is written over. */
export function replaceFileSync(
  path: string,
  content: string | Uint8Array,
  { durable = false, mode = 0o600 }: ReplaceOptions = {},
): void {
  const unfinished = `${path}~`;
  writeFileDurablySync(unfinished, content, { durable, mode });
  step(`wrote ${nameOf(path)}`);
  renameSync(unfinished, path);
  step(`renamed ${nameOf(path)}`);
  noteFile({ what: 'write', path, bytes: Buffer.byteLength(content), say: REPLACED });
  if (durable) syncDirectorySync(dirname(path));
}

/** All of the bytes, on the disk if that is wished; its name is not there yet for good. */
export function writeFileDurablySync(
  path: string,
  content: string | Uint8Array,
  { durable = true, mode = 0o600 }: ReplaceOptions = {},
): void {
  const fd = openSync(path, 'w', mode);
  try {
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    if (durable && stands('store-sync')) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The names in a directory are on the disk. */
export function syncDirectorySync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    if (stands('name-sync')) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** As `replaceFileSync`, for good, and without keeping the process waiting for the disk. `unfinished`: a name in the same directory that nobody has. */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  { unfinished, mode = 0o600 }: { readonly unfinished: string; readonly mode?: number },
): Promise<void> {
  const file = await open(unfinished, 'wx', mode);
  try {
    try {
      await file.writeFile(content);
      step(`wrote ${nameOf(path)}`);
      if (stands('store-sync')) await file.sync();
      step(`synced ${nameOf(path)}`);
    } finally {
      await file.close();
    }
    await renameDurably(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Rename a file or directory whose content is on the disk already. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  step(`renamed ${nameOf(to)}`);
  noteFile({ what: 'rename', path: to, say: NAMED });
  await syncDirectory(dirname(to));
  step(`named ${nameOf(to)}`);
}

/** As `syncDirectorySync`, without keeping the process waiting for the disk. */
export async function syncDirectory(path: string): Promise<void> {
  const fd = openSync(path, 'r');
  try {
    if (stands('name-sync')) await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}

/** What alone is worth a thread of its own: to open, write and close take microseconds, and to hand them over takes longer. fsync(2) */
export const syncFile: (fd: number) => Promise<void> = promisify(fsync);

/** As steps tell it. */
export function nameOf(path: string): string {
  return path.split('/').slice(-2).join('/');
}
