import { type FileHandle, mkdir, readdir, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { noteFile } from '../../kernel/journal/file-deed.js';
import { nameOf, replaceFile, step, syncDirectory } from '../../kernel/replace-file.js';

/** What must survive a loss of power goes through here: `engine/kernel/replace-file.ts` says in which order. */

let count = 0;

/** Names that begin with this are unfinished files: no content, removed when the store is opened. */
export const UNFINISHED = '~';

export function unfinishedName(): string {
  count += 1;
  return `${UNFINISHED}${process.pid}.${count}`;
}

/** Replace a file's content at once and for good. */
export function writeDurably(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  return replaceFile(path, content, { unfinished: join(dirname(path), unfinishedName()), mode });
}

const UNNEEDED = {
  en: 'remove content or a record of an image that nobody needs any more',
  zh: '删除已无人需要的镜像内容或记录',
};

/** False: there was none. */
export async function unlinkDurably(path: string): Promise<boolean> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  step(`removed ${nameOf(path)}`);
  noteFile({ what: 'remove', path, say: UNNEEDED });
  await syncDirectory(dirname(path));
  return true;
}

/** What a crash left in a directory: files that got no name. */
export async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    if (name.startsWith(UNFINISHED)) await rm(join(directory, name), { recursive: true, force: true });
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
