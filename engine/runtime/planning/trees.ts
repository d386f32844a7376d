import {
  chmodSync,
  closeSync,
  copyFileSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { posix } from 'node:path';
import {
  AT,
  FSCONFIG,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOUNT_ATTR,
  O,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from '../../kernel/constants.js';
import { SyscallError } from '../../kernel/errors.js';
import { check, type Kernel } from '../../kernel/kernel.js';
import { openInRoot } from '../../kernel/namespaces/open-in-root.js';
import { ProgramBuilder } from '../../kernel/program/builder.js';
import { CLONE, RunningProgram } from '../../kernel/program/running.js';
import { writeMaps } from '../id-maps.js';
import { mountAttributes, parseMountOptions } from '../spec/mount-options.js';
import type { IdMapping, Spec, SpecMount } from '../spec/types.js';
import type { Descriptors } from './descriptors.js';

export interface TreeContext {
  readonly bundle: string;
  readonly rootfs: string;
  readonly fds: Descriptors;
}

/** Mounts that only we can prepare, as detached trees, by index of the mount: idmapped ones, and tmpfs with a content. */
export function prepareTrees(spec: Spec, context: TreeContext): Map<number, number> {
  const trees = new Map<number, number>();
  spec.mounts.forEach((mount, index) => {
    const options = parseMountOptions(mount.options);
    if (mount.uidMappings.length > 0 || options.idmap !== 'no') trees.set(index, idmapped(spec, mount, context));
    else if (options.tmpCopyUp && mount.type === 'tmpfs') trees.set(index, filledTmpfs(mount, context));
  });
  return trees;
}

/** mount_setattr(2), MOUNT_ATTR_IDMAP: files of the source appear with ids shifted by the mount's mappings, or the container's. */
function idmapped(spec: Spec, mount: SpecMount, { bundle, fds }: TreeContext): number {
  const { kernel } = fds;
  const options = parseMountOptions(mount.options);
  const source = posix.resolve(bundle, mount.source ?? '');
  const recursive = options.rbind ? AT.RECURSIVE : 0;
  const tree = fds.own(
    check(kernel, 'open_tree', [AT.FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive], {
      while: 'preparing an id-mapped mount',
    }),
  );
  const joined = spec.linux.namespaces.find(({ type, path }) => type === 'user' && (path ?? '') !== '')?.path;
  const own = mount.uidMappings.length > 0;
  const user =
    !own && joined !== undefined
      ? openSync(joined, O.RDONLY | O.CLOEXEC)
      : userNamespace(
          kernel,
          own ? mount.uidMappings : spec.linux.uidMappings,
          own ? mount.gidMappings : spec.linux.gidMappings,
        );
  try {
    const attributes = Buffer.alloc(32);
    attributes.writeBigUInt64LE(BigInt(MOUNT_ATTR.IDMAP), 0);
    attributes.writeBigUInt64LE(BigInt(user), 24);
    check(
      kernel,
      'mount_setattr',
      [tree, '', AT.EMPTY_PATH | (options.idmap === 'ridmap' ? AT.RECURSIVE : 0), attributes, 32],
      { while: `mapping the ids of ${source}` },
    );
  } finally {
    closeSync(user);
  }
  return tree;
}

/** A descriptor of a user namespace with these maps; the process that it takes to make one is gone again. */
function userNamespace(kernel: Kernel, uidMappings: readonly IdMapping[], gidMappings: readonly IdMapping[]): number {
  const b = new ProgramBuilder('user namespace').section('user namespace');
  b.goto(null, { label: 'mapped', hold: true });
  b.call('exit_group', [0]);
  const running = RunningProgram.start(b.build(), { flags: CLONE.NEWUSER }, kernel);
  try {
    running.waitHeld('mapped');
    writeMaps(running.pid, { uidMappings, gidMappings }, false);
    return openSync(`/proc/${running.pid}/ns/user`, O.RDONLY | O.CLOEXEC);
  } finally {
    running.destroy();
  }
}

/** `tmpcopyup`: a tmpfs that begins with what the image has at its place. */
function filledTmpfs(mount: SpecMount, { rootfs, fds }: TreeContext): number {
  const { kernel } = fds;
  const options = parseMountOptions(mount.options);
  const context = check(kernel, 'fsopen', ['tmpfs', FSOPEN_CLOEXEC], { while: `preparing ${mount.destination}` });
  let tree: number;
  try {
    for (const option of options.data.flatMap((one) => one.split(','))) {
      const [key = '', value] = option.split(/=(.*)/s);
      const words = value === undefined ? [FSCONFIG.SET_FLAG, key, null] : [FSCONFIG.SET_STRING, key, value];
      check(kernel, 'fsconfig', [context, ...words, 0], { while: `preparing ${mount.destination}` });
    }
    check(kernel, 'fsconfig', [context, FSCONFIG.SET_STRING, 'source', mount.source ?? '', 0], {
      while: `preparing ${mount.destination}`,
    });
    check(kernel, 'fsconfig', [context, FSCONFIG.CMD_CREATE, null, null, 0], {
      while: `preparing ${mount.destination}`,
    });
    tree = fds.own(
      check(kernel, 'fsmount', [context, FSMOUNT_CLOEXEC, mountAttributes(options.flags.set) & ~MOUNT_ATTR.RDONLY], {
        while: `preparing ${mount.destination}`,
      }),
    );
  } finally {
    kernel.call('close', context);
  }
  const place = openPlace(kernel, rootfs, mount.destination);
  if (place === null) return tree;
  try {
    copyInto(`/proc/self/fd/${place}`, `/proc/self/fd/${tree}`);
  } finally {
    closeSync(place);
  }
  return tree;
}

function openPlace(kernel: Kernel, rootfs: string, destination: string): number | null {
  try {
    return openInRoot(kernel, rootfs, destination, O.PATH | O.DIRECTORY);
  } catch (error) {
    if (error instanceof SyscallError && ['ENOENT', 'ENOTDIR'].includes(error.errno)) return null;
    throw error;
  }
}

/** Directories, files and links with owners and permissions; other kinds of file have no content to bring along. */
function copyInto(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    const { uid, gid, mode } = lstatSync(source);
    if (entry.isDirectory()) {
      mkdirSync(target);
      copyInto(source, target);
    } else if (entry.isFile()) copyFileSync(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else continue;
    lchownSync(target, uid, gid);
    if (!entry.isSymbolicLink()) chmodSync(target, mode & 0o7777);
  }
}
