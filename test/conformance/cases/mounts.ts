import { mkdirSync, symlinkSync } from 'node:fs';
import { mountOn } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import { add, bind, tmpfs } from './changes.js';

/** Options of a new tmpfs; those that a mount has anyway change nothing that can be seen beside the mount itself. */
const OPTIONS =
  'ro rw nosuid suid nodev dev noexec exec noatime atime nodiratime diratime relatime norelatime strictatime nostrictatime sync async dirsync iversion noiversion silent loud defaults size=1m mode=0700 mode=1777 nr_inodes=50 uid=1000 gid=50 private rprivate shared rshared slave rslave unbindable runbindable rro rnosuid rnodev rnoexec rnoatime rstrictatime'.split(
    ' ',
  );

export const OPTION_CASES: readonly Case[] = [
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

export const PLACE_CASES: readonly Case[] = [
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
