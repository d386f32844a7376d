import {
  chmodSync,
  closeSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from '../errors.js';
import { readTar, type TarEntry } from './read.js';

export interface ExtractOptions {
  /** The first name of the archive's paths, and what it becomes here; an empty name: its contents only. */
  readonly from: string;
  readonly to: string;
  /** Give files their owners. */
  readonly keepsOwners: boolean;
}

/**
 * Write an archive below a directory. Nothing is written outside of it: names are cleaned, and a parent that is a symbolic link
 * (the archive may have made it) is refused.
 */
export async function extractTar(
  source: AsyncIterable<Buffer>,
  directory: string,
  options: ExtractOptions,
): Promise<void> {
  const directories: { readonly path: string; readonly entry: TarEntry }[] = [];
  for await (const entry of readTar(source)) {
    const name = renamed(cleaned(entry.name), options);
    if (name === null)
      throw new CliError(`archive entry ${JSON.stringify(entry.name)} is not below ${JSON.stringify(options.from)}`);
    const path = name === '' ? directory : join(directory, name);
    makeParents(directory, name);
    await extractOne(entry, path, directory, options);
    if (entry.type === '5') directories.push({ path, entry });
    else finish(path, entry, options);
  }
  // last, since writing into a directory changes its time, and may need its mode
  for (const { path, entry } of directories.reverse()) finish(path, entry, options);
}

/** Without leading slashes, `.` and what goes up. */
function cleaned(name: string): string {
  const out: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') throw new CliError(`archive entry ${JSON.stringify(name)} leads out of the destination`);
    out.push(part);
  }
  return out.join('/');
}

function renamed(name: string, { from, to }: ExtractOptions): string | null {
  if (from === '') return to === '' ? name : name === '' ? to : `${to}/${name}`;
  if (name === from) return to;
  if (!name.startsWith(`${from}/`)) return null;
  const rest = name.slice(from.length + 1);
  return to === '' ? rest : `${to}/${rest}`;
}

function makeParents(directory: string, name: string): void {
  const parts = dirname(name)
    .split('/')
    .filter((part) => part !== '.' && part !== '');
  let path = directory;
  for (const part of parts) {
    path = join(path, part);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) mkdirSync(path);
    else if (!found.isDirectory())
      throw new CliError(`${path} is not a directory: the archive is not extracted through it`);
  }
}

async function extractOne(entry: TarEntry, path: string, directory: string, options: ExtractOptions): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && there.isDirectory() !== (entry.type === '5'))
    throw new CliError(
      there.isDirectory()
        ? `cannot overwrite directory ${JSON.stringify(path)} with non-directory`
        : `cannot overwrite non-directory ${JSON.stringify(path)} with directory`,
    );
  if (there !== undefined && entry.type !== '5') rmSync(path);
  switch (entry.type) {
    case '5':
      if (there === undefined) mkdirSync(path);
      return;
    case '0':
    case '7':
      return writeFile(entry, path);
    case '1': {
      const target = renamed(cleaned(entry.linkName), options);
      if (target === null) throw new CliError(`hard link ${JSON.stringify(entry.name)} leads out of the destination`);
      makeParents(directory, target);
      linkSync(join(directory, target), path);
      return;
    }
    case '2':
      symlinkSync(entry.linkName, path);
      return;
    default:
      throw new CliError(
        `${JSON.stringify(entry.name)} is a device or a pipe: docker cp to the local file system does not make those`,
      );
  }
}

async function writeFile(entry: TarEntry, path: string): Promise<void> {
  const file = openSync(path, 'wx', 0o600);
  try {
    for await (const piece of entry.content) for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at);
  } finally {
    closeSync(file);
  }
}

function finish(path: string, entry: TarEntry, { keepsOwners }: ExtractOptions): void {
  if (keepsOwners) lchownSync(path, entry.uid, entry.gid);
  if (entry.type === '2') {
    lutimesSync(path, entry.mtime, entry.mtime);
    return;
  }
  chmodSync(path, entry.mode & 0o7777);
  utimesSync(path, entry.mtime, entry.mtime);
}
