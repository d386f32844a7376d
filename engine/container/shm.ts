import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ERRNO } from '../kernel/errno.js';
import { SyscallError } from '../kernel/errors.js';
import { check } from '../kernel/kernel.js';
import type { ContainerDeps } from './deps.js';
import type { ContainerRecord } from './record.js';

const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MNT_DETACH = 2;

/** Where the /dev/shm of a container is that others may share. */
export function shmDirectory(deps: ContainerDeps, id: string): string {
  return join(deps.execRoot, 'shm', id);
}

/** A shareable container's /dev/shm is mounted outside of it, for it and for those that join its ipc namespace. mount(2) */
export function mountShm(deps: ContainerDeps, { id, hostConfig }: ContainerRecord): void {
  const path = shmDirectory(deps, id);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  check(
    deps.kernel,
    'mount',
    ['shm', path, 'tmpfs', MS_NOSUID | MS_NODEV | MS_NOEXEC, `mode=1777,size=${hostConfig.ShmSize}`],
    { while: "mounting a container's shared memory", path },
  );
}

/** Idempotent. umount2(2) */
export function unmountShm(deps: ContainerDeps, id: string): void {
  const path = shmDirectory(deps, id);
  const result = deps.kernel.call('umount2', path, MNT_DETACH);
  if (result < 0 && result !== -ERRNO.ENOENT && result !== -ERRNO.EINVAL)
    throw new SyscallError('umount2', -result, { path });
  rmSync(path, { recursive: true, force: true });
}
