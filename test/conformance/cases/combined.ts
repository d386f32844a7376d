import { execFileSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { type Config, namespace, without } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import type { World } from '../../helpers/oci/world.js';
import { END, STARTED, sleeps } from './changes.js';
import { ownUserNamespace } from './namespaces.js';
import { dockerConfig } from './seccomp.js';

/** A bundle as `runc spec --rootless` makes it, for a user of the machine who is not root. */
function rootless(c: Config): void {
  namespace(c, 'user');
  without(c, 'network');
  c.linux.uidMappings = [{ containerID: 0, hostID: 1000, size: 1 }];
  c.linux.gidMappings = [{ containerID: 0, hostID: 1000, size: 1 }];
  delete c.linux.resources;
  delete c.linux.cgroupsPath;
  c.mounts = c.mounts.filter(({ destination }) => destination !== '/sys');
  for (const mount of c.mounts) mount.options = mount.options?.filter((option) => !option.startsWith('gid=')) ?? [];
  c.mounts.push({
    destination: '/sys',
    type: 'none',
    source: '/sys',
    options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'],
  });
}

function giveAway(world: World): void {
  execFileSync('mkdir', ['-p', world.state]);
  for (const path of [world.bundle, world.state, world.output]) execFileSync('chown', ['-Rh', '1000:1000', path]);
  chownSync(world.host, 1000, 1000);
}

const PLAIN_USER = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'];

export const ROOTLESS_CASES: readonly Case[] = [
  { name: 'rootless', prefix: PLAIN_USER, change: rootless, prepare: giveAway },
  {
    name: 'rootless with a network of its own',
    prefix: PLAIN_USER,
    change: (c) => {
      rootless(c);
      namespace(c, 'network');
    },
    prepare: giveAway,
  },
  { name: 'rootless without a user namespace', prefix: PLAIN_USER, prepare: giveAway, fails: /./ },
  {
    name: 'rootless with resources',
    prefix: PLAIN_USER,
    change: (c, w) => {
      rootless(c);
      c.linux.cgroupsPath = `${w.cgroup}/one`;
      c.linux.resources = { pids: { limit: 10 } };
    },
    prepare: giveAway,
    fails: /./,
  },
  {
    name: 'rootless with other users',
    prefix: PLAIN_USER,
    change: (c) => {
      rootless(c);
      c.linux.uidMappings = [{ containerID: 0, hostID: 1000, size: 5 }];
    },
    prepare: giveAway,
    fails: /./,
  },
  {
    name: 'rootless and another user inside',
    prefix: PLAIN_USER,
    change: (c) => {
      rootless(c);
      c.process.user = { uid: 5, gid: 5 };
    },
    prepare: giveAway,
    fails: /./,
  },
  {
    name: 'rootless through a life',
    prefix: PLAIN_USER,
    change: (c) => {
      rootless(c);
      sleeps(c);
    },
    prepare: giveAway,
    steps: [...STARTED, ['state', '{id}'], ['exec', '{id}', '/bin/sh', '/probe'], ...END],
  },
];

/** The image as Docker unpacks it for a user namespace: its files belong to the users inside. */
function remap(world: World): void {
  execFileSync('chown', ['-Rh', '100000:200000', world.rootfs]);
}

/** Turn the base into Docker's config, then change that. */
const docker = (
  name: string,
  change: (c: Config, w: World) => unknown = () => true,
  more: Partial<Case> = {},
): Case => ({
  name: `as Docker does it${name}`,
  change: (c, w) => {
    Object.assign(c, dockerConfig(w));
    change(c, w);
  },
  ...more,
});

export const COMBINED_CASES: readonly Case[] = [
  docker(''),
  docker(' in three steps', undefined, {
    steps: [['create'], ['@groups'], ['start', '{id}'], ['@wait'], ['delete', '{id}']],
  }),
  docker(' with a log', undefined, { global: ['--log', '{out}/log', '--log-format', 'json'] }),
  docker(' with an exec', sleeps, { steps: [...STARTED, ['exec', '{id}', '/bin/sh', '/probe'], ...END] }),
  docker(' for a user', (c) => {
    c.process.user = { uid: 1000, gid: 1000, additionalGids: [1000, 50] };
  }),
  docker(
    ' on a terminal',
    (c) => {
      c.process.terminal = true;
      c.process.consoleSize = { height: 24, width: 100 };
    },
    { terminal: true },
  ),
  docker(' --read-only', (c) => {
    c.root.readonly = true;
  }),
  docker(' --user --cap-drop ALL --security-opt no-new-privileges', (c) => {
    c.process.user = { uid: 33, gid: 33 };
    c.process.capabilities = {};
    c.process.noNewPrivileges = true;
  }),
  docker(' --privileged without what this machine lacks', (c) => {
    delete c.linux.seccomp;
    delete c.linux.maskedPaths;
    delete c.linux.readonlyPaths;
    c.linux.resources = { devices: [{ allow: true, access: 'rwm' }] };
    for (const mount of c.mounts)
      mount.options = mount.options?.map((option) => (option === 'ro' ? 'rw' : option)) ?? [];
  }),
  docker(' --network host --pid host --ipc host --uts host', (c) => {
    without(c, 'network', 'pid', 'ipc', 'uts');
    delete c.hostname;
    delete c.linux.sysctl;
  }),
  docker(
    ' -m --cpus --pids-limit',
    (c) => {
      Object.assign(c.linux.resources!, {
        memory: { limit: 1 << 26, swap: 1 << 27 },
        cpu: { quota: 50_000, period: 100_000 },
        pids: { limit: 50 },
      });
    },
    { steps: [['create'], ['@groups'], ['start', '{id}'], ['@wait'], ['delete', '{id}']] },
  ),
  docker(' --tmpfs -v ro', (c, w) => {
    c.mounts.push(
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['noexec', 'nosuid', 'size=1m'] },
      { destination: '/mnt/volume', type: 'bind', source: `${w.host}/dir`, options: ['rbind', 'ro', 'rprivate'] },
    );
  }),
  docker(
    ' --userns',
    (c) => {
      ownUserNamespace(c);
      delete c.linux.sysctl;
    },
    { prepare: remap },
  ),
  docker(
    ' --userns for a user',
    (c) => {
      ownUserNamespace(c);
      delete c.linux.sysctl;
      c.process.user = { uid: 1000, gid: 1000 };
    },
    { prepare: remap },
  ),
  docker(' --ulimit --oom-score-adj', (c) => {
    c.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 1000 }];
    c.process.oomScoreAdj = 100;
  }),
  docker(' --cgroupns private', (c) => namespace(c, 'cgroup')),
  {
    name: 'a pod: two namespaces joined, the rest new, read-only, a user',
    change: (c, w) => {
      namespace(c, 'network', w.held('net'));
      namespace(c, 'ipc', w.held('ipc'));
      c.root.readonly = true;
      c.process.user = { uid: 1000, gid: 1000, additionalGids: [50] };
      c.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=1777'] });
    },
  },
  {
    name: 'a user namespace, read-only, masked, a terminal',
    terminal: true,
    change: (c) => {
      c.process.terminal = true;
      ownUserNamespace(c);
      c.root.readonly = true;
      c.linux.maskedPaths?.push('/data/file');
    },
  },
  {
    name: 'a new cgroup namespace in a joined network',
    change: (c, w) => {
      namespace(c, 'cgroup');
      namespace(c, 'network', w.held('net'));
      namespace(c, 'uts', w.held('uts'));
      delete c.hostname;
    },
  },
  {
    name: 'everything that a user can be given',
    change: (c) => {
      c.process = {
        ...c.process,
        user: { uid: 1000, gid: 50, umask: 0o007, additionalGids: [1, 2, 3] },
        noNewPrivileges: true,
        oomScoreAdj: 10,
        cwd: '/data/dir',
        rlimits: [{ type: 'RLIMIT_NOFILE', soft: 30, hard: 30 }],
      };
    },
  },
];
