import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { AT, MOUNT_ATTR, MS, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from '../kernel/constants.js';
import { check, type Kernel } from '../kernel/kernel.js';
import { parseMountinfo } from '../kernel/mountinfo.js';
import type { LowerLayer } from './program.js';

/** File systems whose content is the machine's, as opposed to the kernel's; only these are shown in the lab. */
const REAL = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'f2fs',
  'zfs',
  'bcachefs',
  'reiserfs',
  'jfs',
  'erofs',
  'squashfs',
  'vfat',
  'overlay',
  '9p',
  'virtiofs',
  'nfs',
  'nfs4',
  'fuse.sshfs',
]);
/** Made anew in the lab, or private to the machine. */
const OWN = new Set(['/proc', '/sys', '/dev', '/run', '/tmp', '/root', '/lost+found']);

/** `/` and every real file system mounted below it, in mount order, at most 32. */
export function realMounts(mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')): string[] {
  const points = new Set<string>(['/']);
  for (const mount of parseMountinfo(mountinfo)) {
    const top = `/${mount.mountPoint.split('/')[1] ?? ''}`;
    if (!REAL.has(mount.fsType) || OWN.has(top) || mount.mountPoint === '/') continue;
    try {
      if (lstatSync(mount.mountPoint).isDirectory()) points.add(mount.mountPoint);
    } catch {
      continue; // hidden by a later mount, or not ours to enter: then it is not shown
    }
    if (points.size >= 32) break;
  }
  return [...points];
}

/**
 * A detached, read-only clone of the mount at `path` in which the ids of the user namespace `userns` stand for the
 * machine's: root's files belong to the lab's root. open_tree(2), mount_setattr(2); idmapped mounts, Linux 5.12.
 * Throws when the file system cannot be idmapped (EINVAL) or the kernel is older.
 */
export function idmappedTree(kernel: Kernel, path: string, userns: number): number {
  const fd = check(kernel, 'open_tree', [AT.FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC], {
    while: 'cloning a lower layer',
  });
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(MOUNT_ATTR.RDONLY | MOUNT_ATTR.IDMAP), 0);
  attributes.writeBigUInt64LE(BigInt(MS.PRIVATE), PROPAGATION);
  attributes.writeBigUInt64LE(BigInt(userns), 24);
  const result = kernel.call('mount_setattr', fd, '', AT.EMPTY_PATH, attributes, attributes.length);
  if (result < 0) {
    kernel.call('close', fd);
    check({ call: () => result }, 'mount_setattr', [], { path, while: 'idmapping a lower layer' });
  }
  return fd;
}

/**
 * A detached clone of the mount at `path`, cut off from the machine's: a clone of a shared mount is its peer, and what
 * the lab mounted below it would appear on the machine as well. mount_namespaces(7), "shared subtrees".
 *
 * @param set MOUNT_ATTR_… to set besides
 */
export function privateTree(kernel: Kernel, path: string, context: { while: string }, set = 0): number {
  const fd = check(kernel, 'open_tree', [AT.FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC], context);
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(set), 0);
  attributes.writeBigUInt64LE(BigInt(MS.PRIVATE), PROPAGATION);
  const result = kernel.call('mount_setattr', fd, '', AT.EMPTY_PATH, attributes, attributes.length);
  if (result < 0) {
    kernel.call('close', fd);
    check({ call: () => result }, 'mount_setattr', [], { path, ...context });
  }
  return fd;
}

/** Offset of `propagation` in struct mount_attr. */
const PROPAGATION = 16;

/** What of the machine's root a lab without idmapped mounts is made of: an overlay for each top-level directory. */
export function topLevel(): { layers: LowerLayer[]; links: { path: string; target: string }[]; directories: string[] } {
  const layers: LowerLayer[] = [];
  const links: { path: string; target: string }[] = [];
  const directories: string[] = [];
  for (const entry of readdirSync('/', { withFileTypes: true })) {
    const path = `/${entry.name}`;
    if (entry.isSymbolicLink()) links.push({ path, target: readlinkSync(path) });
    if (!entry.isDirectory() || OWN.has(path)) continue;
    directories.push(path);
    layers.push({ mountPoint: path, source: { kind: 'path', path } });
  }
  return { layers, links, directories };
}

/** Device nodes that do no harm and exist here. */
export function safeDevices(): string[] {
  return ['null', 'zero', 'full', 'random', 'urandom', 'tty', 'net/tun'].filter((node) => existsSync(`/dev/${node}`));
}
