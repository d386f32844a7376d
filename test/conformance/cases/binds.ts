import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Config } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import type { World } from '../../helpers/oci/world.js';
import { add, bind, tmpfs } from './changes.js';
import { ownUserNamespace } from './namespaces.js';

/** What a bind that is not recursive is tried with. */
const FEW = /^(ro|rw|nosuid|nodiratime|shared|rshared|rro|rnosuid)$/;

const BIND_OPTIONS =
  'ro rw nosuid nodev noexec noatime nodiratime strictatime relatime private rprivate shared rshared slave rslave unbindable runbindable rro rnosuid rnoexec rnodev'.split(
    ' ',
  );

export const BIND_CASES: readonly Case[] = [
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
    ...BIND_OPTIONS.filter((option) => kind === 'rbind' || FEW.test(option)).map(
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
