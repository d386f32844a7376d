import { AT, O } from '../../kernel/constants.js';
import { SyscallError } from '../../kernel/errors.js';
import { check, type Kernel, realKernel } from '../../kernel/kernel.js';
import { cString } from '../tar/names.js';
import { Packer } from './pack.js';
import { cleanName, openInRoot } from './place.js';
import { statusAt } from './status.js';
import type { ArchiveTree } from './types.js';
import { isDirectory, openDirectory, walk } from './walk.js';

export const archiveTree: ArchiveTree = async function* (root, options = {}) {
  const kernel = options.kernel ?? realKernel;
  const parts = cleanName(options.path ?? '');
  const rootFd = typeof root === 'number' ? root : openRoot(kernel, root);
  // the directory that the topmost file is in, and its name there
  const parent = parts.length === 0 ? openIn(kernel, rootFd, '') : openIn(kernel, rootFd, parts.slice(0, -1).join('/'));
  const packer = new Packer(kernel);
  try {
    const name = cString(parts.at(-1) ?? '.');
    const status = statusAt(kernel, parent, name);
    const path = options.path ?? '/';
    if (status === null) throw new SyscallError('statx', 2, { path, while: 'archive' });
    const top = options.rename ?? parts.at(-1) ?? '.';
    const self = options.self ?? parts.length > 0;
    if (self) yield* packer.add({ path, status, dir: parent, name }, top);
    const fd = isDirectory(status) ? openDirectory(kernel, parent, name) : null;
    if (fd !== null) {
      try {
        const prefix = self || options.rename !== undefined ? `${top}/` : '';
        for (const walked of walk(kernel, fd)) yield* packer.add(walked, prefix + walked.path);
      } finally {
        kernel.call('close', fd);
      }
    }
    yield* packer.end();
  } finally {
    kernel.call('close', parent);
    if (typeof root !== 'number') kernel.call('close', rootFd);
  }
};

function openRoot(kernel: Kernel, path: string): number {
  return check(kernel, 'openat', [AT.FDCWD, cString(path), O.PATH | O.DIRECTORY | O.CLOEXEC, 0], { path });
}

function openIn(kernel: Kernel, root: number, path: string): number {
  const fd = openInRoot(kernel, root, path, O.PATH | O.DIRECTORY);
  if (fd < 0) throw new SyscallError('openat2', -fd, { path: `/${path}`, while: 'archive' });
  return fd;
}
