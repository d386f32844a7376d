import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TarEntryInit } from '../../../engine/image/tar/types.js';
import { contentPadding, END_OF_ARCHIVE, tarHeader } from '../../../engine/image/tar/write.js';
import { must } from '../../helpers/docker/fences.js';

const WHEN = 1_600_000_000;

/** Files of every kind below `t` of a root file system, all of one time. */
export function plantTree(root: string): void {
  const t = join(root, 't');
  for (const name of ['dir/deep', 'dir/empty', 'sticky', 'into']) mkdirSync(join(t, name), { recursive: true });
  chmodSync(join(t, 'sticky'), 0o1777);
  for (const [name, text] of [
    ['file', 'hello\n'],
    ['dir/a', 'a'],
    ['dir/deep/c', 'c'.repeat(1000)],
    ['dir/sp ace', ''],
    ['dir/Ünï', 'x'],
    ['into/file', 'old'],
    ['suid', '#!'],
  ] as const)
    writeFileSync(join(t, name), text);
  chmodSync(join(t, 'suid'), 0o6755);
  chownSync(join(t, 'dir/a'), 1000, 2000);
  linkSync(join(t, 'dir/deep/c'), join(t, 'dir/hard'));
  for (const [name, target] of [
    ['to-dir', 'dir'],
    ['to-abs', '/t/dir'],
    ['to-file', 'file'],
    ['broken', 'nowhere/at/all'],
    ['loop', 'loop'],
    ['climbs', '../../../../etc/passwd'],
    ['climbs-dir', '../../../../../etc'],
    ['dir/up', '../to-abs/deep'],
  ] as const)
    symlinkSync(target, join(t, name));
  must('mkfifo', [join(t, 'fifo')]);
  must('mknod', [join(t, 'null'), 'c', '1', '3']);
  for (const name of ['', ...(readdirSync(t, { recursive: true }) as string[])]) lutimesSync(join(t, name), WHEN, WHEN);
}

/** The whole root file system as `docker import` takes it. */
export function packRoot(root: string): Buffer {
  const done = spawnSync('tar', ['-C', root, '-c', '--owner-map=/dev/null', '--numeric-owner', '.'], {
    maxBuffer: 64 << 20,
  });
  if (done.status !== 0) throw new Error(`tar: ${done.stderr.toString()}`);
  return done.stdout;
}

export const PATHS = [
  '/t/file',
  't/file',
  '/t/dir',
  '/t/dir/',
  '/t/dir/.',
  '/t/dir/a',
  '/t/dir/../file',
  '/t//dir///a',
  '/t/to-dir',
  '/t/to-dir/',
  '/t/to-dir/.',
  '/t/to-dir/a',
  '/t/to-abs',
  '/t/to-abs/.',
  '/t/to-abs/deep/c',
  '/t/to-file',
  '/t/to-file/',
  '/t/broken',
  '/t/broken/',
  '/t/loop',
  '/t/climbs',
  '/t/climbs-dir',
  '/t/climbs-dir/passwd',
  '/t/dir/up',
  '/t/dir/up/c',
  '/t/fifo',
  '/t/null',
  '/t/suid',
  '/t/sticky',
  '/t/nothing',
  '/t/file/x',
  '/t/dir/sp ace',
  '/t/dir/Ünï',
  '/../../t/file',
  '.',
  '/t/dir/hard',
];

type Piece = TarEntryInit & { readonly text?: string };

/** An archive of these entries, all of one time. */
export function archiveOf(entries: readonly Piece[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { text = '', ...entry } of entries) {
    const size = Buffer.byteLength(text);
    parts.push(
      tarHeader({
        mode: entry.type === 'directory' ? 0o755 : 0o644,
        mtime: BigInt(WHEN) * 1_000_000_000n,
        ...entry,
        size,
      }),
    );
    parts.push(Buffer.from(text), contentPadding(size));
  }
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

export interface Put {
  readonly name: string;
  readonly path: string;
  readonly entries: readonly Piece[];
  readonly keepKind?: boolean;
  readonly copyOwner?: boolean;
}

const file = (name: string, more: Partial<Piece> = {}): Piece => ({ name, type: 'file', text: name, ...more });
const directory = (name: string, more: Partial<Piece> = {}): Piece => ({ name, type: 'directory', ...more });

/** One after the other, on a tree that remembers what the ones before did. */
export const PUTS: readonly Put[] = [
  { name: 'a file', path: '/t/into', entries: [file('new', { mode: 0o640, uid: 1000, gid: 2000 })] },
  { name: 'over a file', path: '/t/into/', entries: [file('file')] },
  {
    name: 'a tree',
    path: '/t/into/.',
    entries: [directory('tree', { mode: 0o700 }), file('tree/a'), directory('tree/b'), file('tree/b/c')],
  },
  { name: 'a tree whose directories are not named', path: '/t', entries: [file('made/up/x')] },
  {
    name: 'the directory itself',
    path: '/t/into',
    entries: [directory('./', { mode: 0o711, uid: 5 }), file('./self')],
  },
  { name: 'through a link', path: '/t/to-dir', entries: [file('via-relative')] },
  { name: 'through an absolute link', path: '/t/to-abs/.', entries: [file('via-absolute')] },
  { name: 'an entry through a link', path: '/t', entries: [file('to-abs/via-entry'), file('dir/up/via-two')] },
  { name: 'a link over a file', path: '/t/into', entries: [{ name: 'file', type: 'symlink', linkname: '/t/file' }] },
  { name: 'a file over a link', path: '/t', entries: [file('to-file')] },
  { name: 'a file over a directory', path: '/t', entries: [file('sticky')] },
  { name: 'a directory over a file', path: '/t', entries: [directory('suid'), file('suid/x')] },
  { name: 'a file over a directory, kept', path: '/t', entries: [file('dir')], keepKind: true },
  { name: 'a directory over a file, kept', path: '/t', entries: [directory('file')], keepKind: true },
  { name: 'hard links', path: '/t/into', entries: [file('one'), { name: 'two', type: 'hardlink', linkname: 'one' }] },
  {
    name: 'a device and a pipe',
    path: '/t/into',
    entries: [
      { name: 'zero', type: 'char', major: 1, minor: 5, mode: 0o600 },
      { name: 'pipe', type: 'fifo' },
    ],
  },
  { name: 'a whiteout is a file', path: '/t/into', entries: [file('.wh.file')] },
  { name: 'what climbs out', path: '/t/into', entries: [file('../../escaped')] },
  { name: 'what climbs and comes back', path: '/t/into', entries: [file('x/../back')] },
  { name: 'into a file', path: '/t/file', entries: [file('x')] },
  { name: 'into nothing', path: '/t/nothing', entries: [file('x')] },
  { name: 'into a broken link', path: '/t/broken', entries: [file('x')] },
  { name: 'above the root', path: '/../../t/into', entries: [file('above')] },
  { name: 'nothing at all', path: '/t/into', entries: [] },
  { name: 'for the owner', path: '/t/into', entries: [file('owned', { uid: 7, gid: 8 })], copyOwner: true },
];
