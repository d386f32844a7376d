import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type Config, type ConfigMount, mountOn, namespace } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import type { World } from '../../helpers/oci/world.js';
import { ownUserNamespace } from './namespaces.js';

const add = (c: Config, ...mounts: ConfigMount[]): number => c.mounts.push(...mounts);
const tmpfs = (c: Config, destination: string, ...options: string[]): number =>
  add(c, { destination, type: 'tmpfs', source: 'tmpfs', options });
const bind = (c: Config, source: string, destination: string, ...options: string[]): number =>
  add(c, { destination, type: 'bind', source, options });

/** Options of a new tmpfs; those that a mount has anyway change nothing that can be seen beside the mount itself. */
const OPTIONS =
  'ro rw nosuid suid nodev dev noexec exec noatime atime nodiratime diratime relatime norelatime strictatime nostrictatime sync async dirsync iversion noiversion silent loud defaults size=1m mode=0700 mode=1777 nr_inodes=50 uid=1000 gid=50 private rprivate shared rshared slave rslave unbindable runbindable rro rnosuid rnodev rnoexec rnoatime rstrictatime'.split(
    ' ',
  );

const OPTION_CASES: readonly Case[] = [
  ...OPTIONS.map(
    (option): Case => ({
      name: `tmpfs with ${option}`,
      change: (c) => tmpfs(c, '/mnt', option),
      ...(option === 'defaults' ? { fails: /invalid argument/ } : {}),
    }),
  ),
  {
    name: 'tmpfs with many options',
    change: (c) => tmpfs(c, '/mnt', 'nosuid', 'noexec', 'nodev', 'size=64k', 'mode=700', 'uid=7'),
  },
  { name: 'tmpfs with opposite options', change: (c) => tmpfs(c, '/mnt', 'ro', 'rw', 'noexec', 'exec', 'nosuid') },
  { name: 'tmpfs without options', change: (c) => add(c, { destination: '/mnt', type: 'tmpfs', source: 'tmpfs' }) },
  { name: 'tmpfs without a source', change: (c) => add(c, { destination: '/mnt', type: 'tmpfs' }) },
  {
    name: 'tmpfs of another source',
    change: (c) => add(c, { destination: '/mnt', type: 'tmpfs', source: 'any-name' }),
  },
  {
    name: 'tmpfs on a directory with a mode of its own',
    change: (c) => tmpfs(c, '/data/private'),
    prepare: (w) => {
      mkdirSync(`${w.rootfs}/data/private`, { mode: 0o750 });
    },
  },
  { name: 'tmpfs with what it covers', change: (c) => tmpfs(c, '/data', 'tmpcopyup') },
  { name: 'tmpfs with what it covers, read-only', change: (c) => tmpfs(c, '/data', 'tmpcopyup', 'ro', 'nosuid') },
  { name: 'tmpfs with what it covers, and a mode', change: (c) => tmpfs(c, '/data', 'tmpcopyup', 'mode=700') },
  { name: 'tmpfs with a wrong option', change: (c) => tmpfs(c, '/mnt', 'colour=blue'), fails: /invalid argument/ },
  { name: 'tmpfs with a wrong size', change: (c) => tmpfs(c, '/mnt', 'size=much'), fails: /invalid argument/ },
  {
    name: 'an unknown file system',
    change: (c) => add(c, { destination: '/mnt', type: 'nofs', source: 'nofs' }),
    fails: /no such device/,
  },
  { name: 'a mount without a type', change: (c) => add(c, { destination: '/mnt', source: 'tmpfs' }), fails: /./ },
  {
    name: 'ramfs',
    change: (c) => add(c, { destination: '/mnt', type: 'ramfs', source: 'ramfs', options: ['nosuid'] }),
  },
  {
    name: 'a second proc',
    change: (c) => add(c, { destination: '/mnt', type: 'proc', source: 'proc', options: ['ro'] }),
  },
  {
    name: 'a second devpts',
    change: (c) =>
      add(c, { destination: '/mnt', type: 'devpts', source: 'devpts', options: ['newinstance', 'mode=600'] }),
  },
  { name: 'mqueue elsewhere', change: (c) => add(c, { destination: '/mnt', type: 'mqueue', source: 'mqueue' }) },
  {
    name: 'sysfs that may be written',
    change: (c) => {
      mountOn(c, '/sys').options = ['nosuid', 'noexec', 'nodev', 'rw'];
    },
  },
  { name: 'proc read-only', change: (c) => mountOn(c, '/proc').options?.push('ro') },
  {
    name: 'overlay',
    change: (c, w) =>
      add(c, {
        destination: '/mnt',
        type: 'overlay',
        source: 'overlay',
        options: [`lowerdir=${w.host}/dir`, `upperdir=${w.host}/empty/upper`, `workdir=${w.host}/empty/work`],
      }),
    prepare: (w) => {
      for (const name of ['upper', 'work']) mkdirSync(`${w.host}/empty/${name}`);
    },
    more: 'ls /mnt; cat /mnt/inner; echo new > /mnt/new; stat -c "%n %u %a" /mnt/*',
  },
  { name: 'a relative destination', change: (c) => tmpfs(c, 'mnt') },
  { name: 'an empty destination', change: (c) => tmpfs(c, ''), fails: /./ },
  { name: 'the root as the destination', change: (c) => tmpfs(c, '/'), fails: /./ },
];

const PLACE_CASES: readonly Case[] = [
  { name: 'a mount point that is made', change: (c) => tmpfs(c, '/made/deeply/here') },
  { name: 'a mount point made for a file', change: (c, w) => bind(c, `${w.host}/file`, '/made/deeply/file', 'bind') },
  {
    name: 'mounts within mounts',
    change: (c) => {
      tmpfs(c, '/mnt');
      tmpfs(c, '/mnt/a/b', 'ro');
      tmpfs(c, '/mnt/c', 'noexec');
    },
  },
  {
    name: 'a mount on a mount',
    change: (c) => {
      tmpfs(c, '/mnt', 'size=1m');
      tmpfs(c, '/mnt', 'size=2m');
    },
  },
  {
    name: 'an outer mount after the inner one',
    change: (c) => {
      tmpfs(c, '/mnt/inner');
      tmpfs(c, '/mnt');
    },
  },
  { name: 'a destination with dots and slashes', change: (c) => tmpfs(c, '//data/../mnt/./here/') },
  { name: 'a destination upwards out of the root', change: (c) => tmpfs(c, '/../../../mnt') },
  { name: 'a destination behind a link', change: (c) => tmpfs(c, '/data/link/made') },
  { name: 'a destination behind an absolute link', change: (c) => tmpfs(c, '/data/absolute/made') },
  { name: 'a destination behind a link upwards', change: (c) => tmpfs(c, '/data/upwards/made') },
  { name: 'a link as the destination', change: (c) => tmpfs(c, '/data/link') },
  {
    name: 'a link to nowhere as the destination',
    change: (c) => tmpfs(c, '/data/nowhere'),
    prepare: (w) => symlinkSync('/not/there', `${w.rootfs}/data/nowhere`),
  },
  {
    name: 'a destination behind links that end nowhere',
    change: (c) => tmpfs(c, '/data/loop/x'),
    prepare: (w) => symlinkSync('loop', `${w.rootfs}/data/loop`),
    fails: /too many|symbolic links/,
  },
  {
    name: 'a directory on a file',
    change: (c, w) => bind(c, `${w.host}/dir`, '/data/file', 'bind'),
    fails: /not a directory/,
  },
  {
    name: 'a file on a directory',
    change: (c, w) => bind(c, `${w.host}/file`, '/data/dir', 'bind'),
    fails: /not a directory/,
  },
  { name: 'tmpfs on a file', change: (c) => tmpfs(c, '/data/file'), fails: /not a directory/ },
  { name: 'a destination below a file', change: (c) => tmpfs(c, '/data/file/below'), fails: /not a directory/ },
  { name: 'something other than proc on /proc', change: (c) => tmpfs(c, '/proc'), fails: /proc/ },
  { name: 'a mount below /proc', change: (c) => tmpfs(c, '/proc/sys') },
  {
    name: 'a file bound on one of /proc',
    change: (c, w) => bind(c, `${w.host}/file`, '/proc/uptime', 'bind'),
    more: 'cat /proc/uptime',
  },
  { name: '/proc of the host', change: (c) => bind(c, '/proc', '/proc', 'rbind') },
  {
    name: 'no mounts but proc',
    change: (c) => {
      c.mounts = [mountOn(c, '/proc')];
    },
  },
  {
    name: 'no /dev of its own',
    change: (c) => {
      c.mounts = c.mounts.filter((m) => !m.destination.startsWith('/dev'));
    },
  },
];

const BIND_OPTIONS =
  'ro rw nosuid nodev noexec noatime nodiratime strictatime relatime private rprivate shared rshared slave rslave unbindable runbindable rro rnosuid rnoexec rnodev'.split(
    ' ',
  );

const BIND_CASES: readonly Case[] = [
  ...['bind', 'rbind'].flatMap((kind) => [
    {
      name: `${kind} of a directory`,
      change: (c: Config, w: World) => bind(c, `${w.host}/dir`, '/mnt', kind),
      more: LOOK(),
    },
    {
      name: `${kind} of a file`,
      change: (c: Config, w: World) => bind(c, `${w.host}/file`, '/data/file', kind),
      more: LOOK(),
    },
    { name: `${kind} of a tree`, change: (c: Config, w: World) => bind(c, w.tree, '/mnt', kind), more: LOOK() },
    ...BIND_OPTIONS.map(
      (option): Case => ({
        name: `${kind} of a tree with ${option}`,
        change: (c, w) => bind(c, w.tree, '/mnt', kind, option),
        more: LOOK(),
      }),
    ),
  ]),
  { name: 'bind of a link', change: (c, w) => bind(c, `${w.host}/link`, '/mnt', 'bind'), more: LOOK() },
  {
    name: 'bind by its type alone',
    fails: /no such device/,
    change: (c, w) => bind(c, `${w.host}/dir`, '/mnt'),
    more: LOOK(),
  },
  {
    name: 'bind by its option alone',
    change: (c, w) => add(c, { destination: '/mnt', source: `${w.host}/dir`, options: ['bind', 'ro'] }),
    more: LOOK(),
  },
  {
    name: 'bind with the type none',
    change: (c, w) => add(c, { destination: '/mnt', type: 'none', source: `${w.host}/dir`, options: ['rbind', 'ro'] }),
    more: LOOK(),
  },
  {
    name: 'bind of a relative source',
    change: (c) => bind(c, '../host/dir', '/mnt', 'bind'),
    more: LOOK(),
    prepare: (w) => writeFileSync(`${w.host}/dir/inner`, 'x'),
  },
  {
    name: 'bind with many options',
    change: (c, w) => bind(c, `${w.host}/dir`, '/mnt', 'rbind', 'ro', 'nosuid', 'nodev', 'noexec', 'rprivate'),
    more: LOOK(),
  },
  {
    name: 'bind with an option of a file system',
    change: (c, w) => bind(c, `${w.host}/dir`, '/mnt', 'bind', 'size=1m'),
    more: LOOK(),
  },
  {
    name: 'bind of a device',
    change: (c) => bind(c, '/dev/null', '/dev/zero', 'bind'),
    more: 'head -c 4 /dev/zero | wc -c',
  },
  { name: 'bind of a socket', change: (c, w) => bind(c, `${w.host}/shared`, '/mnt', 'bind', 'ro'), more: LOOK() },
  {
    name: 'bind of the root file system itself',
    change: (c, w) => bind(c, w.rootfs, '/mnt', 'bind', 'ro'),
    more: LOOK(),
  },
  {
    name: 'bind of what is not there',
    change: (c, w) => bind(c, `${w.host}/nowhere`, '/mnt', 'bind'),
    fails: /no such file/,
  },
  {
    name: 'bind without a source',
    change: (c) => add(c, { destination: '/mnt', type: 'bind', options: ['bind'] }),
  },
  {
    name: 'binds of the three files that Docker gives',
    change: (c, w) => {
      for (const name of ['resolv.conf', 'hostname', 'hosts'])
        bind(c, `${w.host}/file`, `/etc/${name}`, 'rbind', 'rprivate');
    },
  },
  {
    name: 'bind of a shared tree',
    change: (c, w) => bind(c, w.tree, '/mnt', 'rbind'),
    prepare: (w) => propagate(w.tree, 'shared'),
  },
  ...['private', 'rslave', 'rshared', 'slave'].map(
    (option): Case => ({
      name: `bind of a shared tree with ${option}`,
      change: (c, w) => bind(c, w.tree, '/mnt', 'rbind', option),
      prepare: (w) => propagate(w.tree, 'shared'),
    }),
  ),
  {
    name: 'bind in a user namespace',
    change: (c, w) => {
      ownUserNamespace(c);
      bind(c, w.tree, '/mnt', 'rbind');
    },
    more: LOOK(),
  },
  {
    name: 'bind read-only in a user namespace',
    fails: /operation not permitted/,
    change: (c, w) => {
      ownUserNamespace(c);
      bind(c, w.tree, '/mnt', 'rbind', 'ro');
    },
    more: LOOK(),
  },
  {
    name: 'tmpfs in a user namespace',
    change: (c) => {
      ownUserNamespace(c);
      tmpfs(c, '/mnt', 'mode=755', 'size=1m');
    },
    more: LOOK(),
  },
  {
    name: 'a source that only root may reach, in a user namespace',
    change: (c, w) => {
      ownUserNamespace(c);
      bind(c, `${w.host}/closed/file`, '/data/file', 'bind');
    },
    prepare: (w) => closed(w),
    more: 'cat /data/file',
  },
];

function LOOK(): string {
  return 'find /mnt | sort; cat /mnt/inner /mnt/leaf /mnt/below/leaf; for f in /mnt/new /mnt/below/new /mnt/sub/new; do (: > $f) && stat -c "%n %u:%g %a" $f && rm $f; done; mknod /mnt/null c 1 3; (: > /mnt/null); rm -f /mnt/null';
}

function closed(world: World): void {
  mkdirSync(`${world.host}/closed`, { mode: 0o700 });
  writeFileSync(`${world.host}/closed/file`, 'only for root to reach\n', { mode: 0o644 });
}

/** Set how mounts below spread, and set them private again afterwards. */
function propagate(path: string, kind: string): () => void {
  execFileSync('mount', [`--make-r${kind}`, path]);
  return () => void execFileSync('mount', ['--make-rprivate', path]);
}

/** The bundle on a mount of its own, with that propagation, so that the container's root has one to inherit. */
function bundleMount(world: World, kind: string): () => void {
  execFileSync('mount', ['--bind', world.bundle, world.bundle]);
  execFileSync('mount', [`--make-${kind}`, world.bundle]);
  return () => void execFileSync('umount', ['-l', world.bundle]);
}

const ROOT_CASES: readonly Case[] = [
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

const CGROUP_CASES: readonly Case[] = [
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

export const MOUNT_CASES: readonly Case[] = [...OPTION_CASES, ...PLACE_CASES, ...BIND_CASES];
export const ROOTFS_CASES: readonly Case[] = [...ROOT_CASES, ...CGROUP_CASES];
