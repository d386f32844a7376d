import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { type ConfigMount, namespace } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import type { World } from '../../helpers/oci/world.js';
import { add, bind, tmpfs } from './changes.js';
import { ownUserNamespace } from './namespaces.js';

/** The bundle on a mount of its own, with that propagation, so that the container's root has one to inherit. */
function bundleMount(world: World, kind: string): () => void {
  execFileSync('mount', ['--bind', world.bundle, world.bundle]);
  execFileSync('mount', [`--make-${kind}`, world.bundle]);
  return () => void execFileSync('umount', ['-l', world.bundle]);
}

export const ROOT_CASES: readonly Case[] = [
  {
    name: 'a read-only root',
    change: (c) => {
      c.root.readonly = true;
    },
  },
  {
    name: 'a read-only root with a mount to write to',
    change: (c) => {
      c.root.readonly = true;
      tmpfs(c, '/tmp');
    },
  },
  {
    name: 'a read-only root without the mount points',
    change: (c) => {
      c.root.readonly = true;
      tmpfs(c, '/made/here');
    },
  },
  {
    name: 'an absolute path of the root',
    change: (c, w) => {
      c.root.path = w.rootfs;
    },
    unseen: 'it is the same directory',
  },
  {
    name: 'a link to the root',
    fails: /symlink/,
    change: (c) => {
      c.root.path = 'link';
    },
    prepare: (w) => symlinkSync('rootfs', `${w.bundle}/link`),
    unseen: 'it is the same directory',
  },
  {
    name: 'a root that is not there',
    change: (c) => {
      c.root.path = 'nowhere';
    },
    fails: /./,
  },
  {
    name: 'a file as the root',
    change: (c, w) => {
      c.root.path = `${w.host}/file`;
    },
    fails: /./,
  },
  { name: 'no root', text: (json) => JSON.stringify({ ...(JSON.parse(json) as object), root: undefined }), fails: /./ },
  {
    name: 'an empty root',
    prepare: (w) => {
      rmSync(w.rootfs, { recursive: true });
      mkdirSync(w.rootfs);
    },
    fails: /./,
  },
  ...['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared', 'unbindable', 'runbindable'].flatMap(
    (kind): Case[] => [
      {
        name: `propagation ${kind} of the root`,
        change: (c) => {
          c.linux.rootfsPropagation = kind;
        },
        ...(kind === 'runbindable'
          ? { fails: /invalid argument/ }
          : { unseen: 'the parent mount is private, and the root is bound anew' }),
      },
      {
        name: `propagation ${kind} of the root on a shared mount`,
        change: (c, w) => {
          c.linux.rootfsPropagation = kind;
          bind(c, w.tree, '/mnt', 'rbind');
        },
        prepare: (w) => bundleMount(w, 'shared'),
        ...(kind === 'runbindable' ? { fails: /invalid argument/ } : {}),
      },
    ],
  ),
  {
    name: 'no propagation of the root on a shared mount',
    prepare: (w) => bundleMount(w, 'shared'),
    change: (c) => tmpfs(c, '/mnt'),
  },
  {
    name: 'an unknown propagation',
    change: (c) => {
      c.linux.rootfsPropagation = 'sideways';
    },
    fails: /./,
  },
  { name: 'no masked paths', change: (c) => delete c.linux.maskedPaths },
  { name: 'no read-only paths', change: (c) => delete c.linux.readonlyPaths },
  {
    name: 'masked files and directories of the image',
    change: (c) => {
      c.linux.maskedPaths = ['/data/file', '/data/dir', '/data/missing'];
    },
  },
  {
    name: 'read-only files and directories of the image',
    change: (c) => {
      c.linux.readonlyPaths = ['/data/file', '/data/dir', '/data/missing'];
    },
  },
  {
    name: 'a masked path behind a link',
    change: (c) => {
      c.linux.maskedPaths = ['/data/link'];
    },
  },
  {
    name: 'a read-only path behind a link',
    change: (c) => {
      c.linux.readonlyPaths = ['/data/absolute'];
    },
  },
  {
    name: 'a masked path below a file',
    change: (c) => {
      c.linux.maskedPaths = ['/data/file/below'];
    },
    fails: /not a directory/,
  },
  {
    name: 'a read-only path that is masked too',
    change: (c) => {
      c.linux.readonlyPaths = ['/data/dir'];
      c.linux.maskedPaths = ['/data/dir'];
    },
  },
  {
    name: 'relative masked and read-only paths',
    change: (c) => {
      c.linux.maskedPaths = ['data/file'];
      c.linux.readonlyPaths = ['data/dir'];
    },
  },
  {
    name: 'a read-only path with a mount below',
    change: (c) => {
      tmpfs(c, '/data/dir/sub', 'size=1m');
      c.linux.readonlyPaths = ['/data'];
    },
  },
  {
    name: 'masked paths in a user namespace',
    change: (c) => {
      ownUserNamespace(c);
      c.linux.maskedPaths = ['/data/file', '/data/dir', '/proc/keys'];
    },
  },
  { name: 'without pivot_root', global: [], options: ['--no-pivot'], change: (c) => tmpfs(c, '/mnt') },
  {
    name: 'without a new mount namespace',
    change: (c) => {
      c.linux.namespaces = c.linux.namespaces.filter(({ type }) => type !== 'mount');
    },
    fails: /./,
  },
  {
    name: 'the mount namespace of another process',
    change: (c, w) => namespace(c, 'mount', `${w.output}/mnt`),
    prepare: async (w) => {
      const holder = await w.hold(['--mount']);
      symlinkSync(`/proc/${holder.pid}/ns/mnt`, `${w.output}/mnt`);
      return () => holder.kill('SIGKILL');
    },
    unseen: 'one new namespace is as good as the other',
  },
];

const cgroupMount = (...options: string[]): ConfigMount => ({
  destination: '/sys/fs/cgroup',
  type: 'cgroup',
  source: 'cgroup',
  options: ['nosuid', 'noexec', 'nodev', 'relatime', ...options],
});

const GROUPS =
  'cat /proc/self/cgroup; ls /sys/fs/cgroup; ls -ld /sys/fs/cgroup/* | cut -c1-10; head -n 3 /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/memory/memory.limit_in_bytes; mkdir /sys/fs/cgroup/pids/made && rmdir /sys/fs/cgroup/pids/made';

export const CGROUP_CASES: readonly Case[] = [
  { name: 'cgroups read-only', change: (c) => add(c, cgroupMount('ro')), more: GROUPS },
  { name: 'cgroups that may be written', change: (c) => add(c, cgroupMount('rw')), more: GROUPS },
  {
    name: 'cgroups without options',
    change: (c) => add(c, { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' }),
    more: GROUPS,
  },
  {
    name: 'cgroups read-only in a cgroup namespace',
    change: (c) => {
      namespace(c, 'cgroup');
      add(c, cgroupMount('ro'));
    },
    more: GROUPS,
  },
  {
    name: 'cgroups that may be written in a cgroup namespace',
    change: (c) => {
      namespace(c, 'cgroup');
      add(c, cgroupMount('rw'));
    },
    more: GROUPS,
  },
  { name: 'cgroups elsewhere', change: (c) => add(c, { ...cgroupMount('ro'), destination: '/mnt/groups' }) },
  {
    name: 'cgroups in a user namespace',
    change: (c) => {
      ownUserNamespace(c);
      namespace(c, 'cgroup');
      add(c, cgroupMount('ro'));
    },
    more: GROUPS,
  },
  {
    name: 'cgroup2 by its name',
    change: (c) => add(c, { destination: '/mnt', type: 'cgroup2', source: 'cgroup2', options: ['ro'] }),
    more: 'ls /mnt | head -n 3',
  },
];
