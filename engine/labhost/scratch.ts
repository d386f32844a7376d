import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  statfsSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { O } from '../kernel/constants.js';
import { ERRNO } from '../kernel/errno.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { check, type Kernel } from '../kernel/kernel.js';
import { sealedMemfd } from '../kernel/memfd.js';
import { ProgramBuilder } from '../kernel/program/builder.js';
import { CLONE, RunningProgram } from '../kernel/program/running.js';
import { writeMaps } from './id-maps.js';
import { type Identity, toOutside } from './identity.js';

/*
 * Where a lab's writes go when memory will not do. Before Linux 6.6 tmpfs takes no user extended attributes, and an
 * overlay of a user namespace keeps its marks in nothing else ("userxattr"): there a directory that came from a lower
 * layer can be neither removed nor made again (EIO). On such a kernel (Debian 12 has 6.1) every lab gets a directory on a
 * disk file system instead, which vanishes with it: removed by `close`, by the guard, or by the next engine.
 * Documentation/filesystems/overlayfs.rst; tmpfs(5).
 */

/** f_type of statfs(2): file systems that an overlay can write to, and that have user attributes. */
const SUITABLE = new Set([
  0xef53 /* ext2, 3, 4 */, 0x58465342 /* xfs */, 0x9123683e /* btrfs */, 0xf2f52010 /* f2fs */,
  0xca451a4e /* bcachefs */,
]);
const MEBIBYTE = 1 << 20;
const ATTRIBUTE = 'user.glassbox';

let memorySuffices: boolean | undefined;

/** Whether this kernel's tmpfs takes user extended attributes: asked once, of an anonymous file. */
export function memoryTakesUserAttributes(kernel: Kernel): boolean {
  if (memorySuffices !== undefined) return memorySuffices;
  const fd = sealedMemfd(kernel, 'glassbox-probe', Buffer.alloc(0));
  try {
    const result = kernel.call('fsetxattr', fd, ATTRIBUTE, Buffer.from('1'), 1, 0);
    if (result < 0 && result !== -ERRNO.EOPNOTSUPP)
      throw new SyscallError('fsetxattr', -result, { while: 'asking what tmpfs can do' });
    memorySuffices = result === 0;
  } finally {
    kernel.call('close', fd);
  }
  return memorySuffices;
}

/** Directory of one engine's labs; `scratch` of the state directory holds nothing else. */
export function scratchOf(stateDir: string, engineId: string): string {
  return join(stateDir, 'scratch', engineId);
}

/** Free bytes below which no lab may bring the disk: 5 % of it, at least 256 MiB and at most 2 GiB. */
export function reserveOf(blocks: number, blockSize: number): number {
  return Math.min(2048 * MEBIBYTE, Math.max(256 * MEBIBYTE, Math.floor(blocks * blockSize * 0.05)));
}

/** Free bytes of the disk that lie above the reserve; negative when a lab has eaten into it. statfs(2). */
export function roomLeft(directory: string): number {
  const { bavail, blocks, bsize } = statfsSync(directory);
  return bavail * bsize - reserveOf(blocks, bsize);
}

/**
 * Make a lab's directory: `upper` and `work` for its overlays, `root` and `tmp` to be bound, all of them the lab root's.
 * Null when there is no suitable file system with `bytes` to spare: then memory has to do.
 */
export function makeScratch(
  kernel: Kernel,
  options: { stateDir: string; engineId: string; labId: string; identity: Identity; bytes: number },
): string | null {
  const { identity } = options;
  const directory = join(scratchOf(options.stateDir, options.engineId), options.labId);
  try {
    makeHeld(kernel, dirname(directory));
    if (!isSuitable(kernel, dirname(directory), options.bytes)) {
      removeEmpty(dirname(directory));
      return null;
    }
    for (const [part, mode] of [
      ['', 0o755],
      ['upper', 0o755],
      ['work', 0o755],
      ['root', 0o700],
      ['tmp', 0o1777],
    ] as const) {
      const path = join(directory, part);
      mkdirSync(path);
      chmodSync(path, mode);
      if (identity.mode === 'root') chownSync(path, toOutside(identity.uids, 0), toOutside(identity.gids, 0));
    }
    return directory;
  } catch (error) {
    if (
      !['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')
    )
      throw error;
    if (existsSync(directory)) removeScratch(kernel, directory, identity);
    return null;
  }
}

function isSuitable(kernel: Kernel, directory: string, bytes: number): boolean {
  if (!SUITABLE.has(statfsSync(directory).type) || roomLeft(directory) < bytes) return false;
  if (kernel.call('setxattr', directory, ATTRIBUTE, Buffer.from('1'), 1, 0) !== 0) return false; // mounted with nouser_xattr
  check(kernel, 'removexattr', [directory, ATTRIBUTE], { path: directory });
  return true;
}

/**
 * Remove a scratch directory and the empty ones above it. Not for Node to do: names in it need not be UTF-8, and a user's
 * lab has files of subordinate ids, and directories without any permission, which only root of a user namespace may
 * remove. Blocks; idempotent. Throws EngineError when something is left.
 */
export function removeScratch(kernel: Kernel, directory: string, identity: Identity): void {
  if (existsSync(directory)) {
    const running = startRemoval(kernel, directory, identity);
    try {
      running.wait();
    } finally {
      running.dispose();
    }
    assertGone(directory);
  }
  removeEmpty(dirname(directory));
}

/** The same without blocking this thread, for a lab that may hold much. */
export async function removeScratchLater(kernel: Kernel, directory: string, identity: Identity): Promise<void> {
  if (existsSync(directory)) {
    const running = startRemoval(kernel, directory, identity);
    try {
      for (let pause = 1; running.tryWait() === null; pause = Math.min(pause * 2, 50))
        await new Promise((resolve) => setTimeout(resolve, pause));
    } finally {
      running.dispose();
    }
    assertGone(directory);
  }
  removeEmpty(dirname(directory));
}

function assertGone(directory: string): void {
  if (existsSync(directory)) throw new EngineError('FailedPrecondition', `${directory} could not be removed`);
}

/** `rm -rf` by root, or by root of a user namespace with the lab's maps: whoever made a file in the lab is mapped there too. */
function startRemoval(kernel: Kernel, directory: string, identity: Identity): RunningProgram {
  const mapped = identity.mode !== 'root';
  const running = RunningProgram.start(
    removalProgram(directory, mapped),
    { flags: mapped ? CLONE.NEWUSER : 0 },
    kernel,
  );
  if (!mapped) return running;
  try {
    running.waitHeld('mapped');
    writeMaps(running.pid, identity);
    running.release('mapped');
    return running;
  } catch (error) {
    running.destroy();
    throw error;
  }
}

function removalProgram(directory: string, mapped: boolean) {
  const b = new ProgramBuilder('removal').onFailure(null, 125).section('remove');
  if (mapped) {
    b.call('setresgid', [0, 0, 0], { label: 'mapped', hold: true });
    b.call('setresuid', [0, 0, 0]);
  }
  const argv = b.vector(['rm', '-rf', '--one-file-system', '--', directory]);
  const env = b.vector(['PATH=/usr/bin:/bin']);
  b.call('execve', ['/bin/rm', argv, env]);
  return b.build();
}

const LOCK_EX = 2;
const LOCK_NB = 4;
/** Descriptors with which this process holds its engines' directories, by path. */
const held = new Map<string, number>();

/**
 * Make an engine's directory and hold it with a lock, which the kernel gives up when we end: so that an engine of another
 * pid namespace, which cannot look for our process, knows whether we live. flock(2). A directory above may be taken away
 * by an engine that ends at this moment: then once more.
 */
function makeHeld(kernel: Kernel, directory: string): void {
  for (let tries = 0; ; tries++) {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === 5) throw error;
    }
  }
  if (held.has(directory)) return;
  const fd = openSync(directory, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
  held.set(directory, fd);
  check(kernel, 'flock', [fd, LOCK_EX | LOCK_NB], { path: directory });
}

/** A directory that is younger than this may be about to be locked. */
const YOUNG_MS = 60_000;

/** Whether nobody holds an engine's directory any more, whichever pid namespace it came from. */
export function isAbandoned(kernel: Kernel, directory: string): boolean {
  let fd: number;
  try {
    fd = openSync(directory, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
  try {
    if (Date.now() - fstatSync(fd).mtimeMs < YOUNG_MS) return false;
    return kernel.call('flock', fd, LOCK_EX | LOCK_NB) === 0;
  } finally {
    closeSync(fd);
  }
}

/** The engine's own directory and `scratch`, once nothing is in them. */
function removeEmpty(directory: string): void {
  const gone = (): void => {
    const fd = held.get(directory);
    held.delete(directory);
    if (fd !== undefined) closeSync(fd);
  };
  for (const path of [directory, dirname(directory)]) {
    try {
      rmdirSync(path);
      if (path === directory) gone();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (code === 'ENOENT') {
        if (path === directory) gone();
        continue;
      }
      if (['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(code)) return;
      throw error;
    }
  }
}
