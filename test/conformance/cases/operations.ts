import { execFileSync } from 'node:child_process';
import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { type Config, namespace, without } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import type { World } from '../../helpers/oci/world.js';
import { ownUserNamespace } from './namespaces.js';
import { dockerConfig } from './seccomp.js';

const sleeps = (c: Config): void => {
  c.process.args = ['/bin/sleep', '1000'];
};
const END = [['kill', '{id}', 'KILL'], ['@wait'], ['delete', '{id}']] as const;
const STARTED = [['create'], ['start', '{id}']] as const;

const LIFE_CASES: readonly Case[] = [
  {
    name: 'the states of a life',
    change: sleeps,
    steps: [
      ['create'],
      ['state', '{id}'],
      ['start', '{id}'],
      ['state', '{id}'],
      ['kill', '{id}', '9'],
      ['@wait'],
      ['state', '{id}'],
      ['delete', '{id}'],
      ['state', '{id}'],
    ],
    exit: 1,
  },
  {
    name: 'create and start',
    steps: [['create'], ['start', '{id}'], ['@wait'], ['state', '{id}'], ['delete', '{id}']],
    unseen: 'it is the base',
  },
  {
    name: 'run detached',
    steps: [['run', '--detach'], ['@wait'], ['state', '{id}'], ['delete', '{id}']],
    unseen: 'it is the base',
  },
  {
    name: 'create and delete',
    unseen: 'the process never runs',
    steps: [['create'], ['delete', '{id}']],
    change: sleeps,
  },
  {
    name: 'create and delete with force',
    unseen: 'nothing of the process is seen',
    steps: [['create'], ['delete', '--force', '{id}'], ['state', '{id}']],
    exit: 1,
    change: sleeps,
  },
  { name: 'delete of what runs', change: sleeps, steps: [...STARTED, ['delete', '{id}'], ...END], exit: 1 },
  {
    name: 'delete of what runs with force',
    unseen: 'nothing of the process is seen',
    change: sleeps,
    steps: [...STARTED, ['delete', '--force', '{id}']],
  },
  { name: 'start twice', change: sleeps, steps: [...STARTED, ['start', '{id}'], ...END], exit: 1 },
  {
    name: 'start of what has ended',
    change: (c) => {
      c.process.args = ['/bin/true'];
    },
    steps: [...STARTED, ['@wait'], ['start', '{id}'], ['delete', '{id}']],
    exit: 1,
  },
  {
    name: 'kill of what has ended',
    change: (c) => {
      c.process.args = ['/bin/true'];
    },
    steps: [...STARTED, ['@wait'], ['kill', '{id}', 'KILL'], ['delete', '{id}']],
    exit: 1,
  },
  {
    name: 'kill before the start',
    unseen: 'what the commands say is compared',
    change: sleeps,
    steps: [['create'], ['kill', '{id}', 'KILL'], ['@wait'], ['state', '{id}'], ['delete', '{id}']],
  },
  {
    name: 'kill by an unknown signal',
    unseen: 'what the commands say is compared',
    change: sleeps,
    steps: [...STARTED, ['kill', '{id}', 'LOUD'], ...END],
    exit: 1,
  },
  {
    name: 'kill by names and numbers',
    change: (c) => {
      c.process.args = [
        '/bin/sh',
        '-c',
        'for s in HUP USR1 USR2 TERM; do trap "echo got $s" $s; done; echo ready; while :; do sleep 0.05; done',
      ];
    },
    steps: [
      ...STARTED,
      ['exec', '{id}', '/bin/sleep', '0.3'],
      ['kill', '{id}', 'SIGHUP'],
      ['exec', '{id}', '/bin/sleep', '0.2'],
      ['kill', '{id}', 'USR1'],
      ['exec', '{id}', '/bin/sleep', '0.2'],
      ['kill', '{id}', '12'],
      ['exec', '{id}', '/bin/sleep', '0.2'],
      ['kill', '{id}'],
      ['exec', '{id}', '/bin/sleep', '0.2'],
      ...END,
    ],
  },
  {
    name: 'kill of all',
    change: (c) => {
      without(c, 'pid');
      c.process.args = ['/bin/sh', '-c', 'sleep 1000 & exec sleep 1000'];
    },
    steps: [...STARTED, ['kill', '--all', '{id}', 'KILL'], ['@wait'], ['delete', '{id}']],
  },
  {
    name: 'pause and resume',
    change: sleeps,
    steps: [
      ...STARTED,
      ['pause', '{id}'],
      ['state', '{id}'],
      ['@groups'],
      ['resume', '{id}'],
      ['state', '{id}'],
      ...END,
    ],
  },
  {
    name: 'pause twice and resume twice',
    change: sleeps,
    steps: [...STARTED, ['pause', '{id}'], ['pause', '{id}'], ['resume', '{id}'], ['resume', '{id}'], ...END],
    exit: 1,
  },
  {
    name: 'delete with force of what is paused',
    unseen: 'nothing of the process is seen',
    change: sleeps,
    steps: [...STARTED, ['pause', '{id}'], ['delete', '--force', '{id}']],
  },
  {
    name: 'kill of what is paused',
    exit: 1,
    change: sleeps,
    steps: [
      ...STARTED,
      ['pause', '{id}'],
      ['kill', '{id}', 'KILL'],
      ['state', '{id}'],
      ['resume', '{id}'],
      ['@wait'],
      ['delete', '{id}'],
    ],
  },
  {
    name: 'update of memory and pids',
    change: sleeps,
    steps: [...STARTED, ['update', '--memory', '67108864', '--pids-limit', '44', '{id}'], ['@groups'], ...END],
  },
  {
    name: 'update of the cpu',
    change: sleeps,
    steps: [
      ...STARTED,
      ['update', '--cpu-share', '200', '--cpu-quota', '30000', '--cpu-period', '60000', '--cpuset-cpus', '0', '{id}'],
      ['@groups'],
      ...END,
    ],
  },
  {
    name: 'update from a file',
    change: sleeps,
    prepare: (w) => writeFileSync(`${w.output}/resources`, '{"pids":{"limit":45},"memory":{"limit":33554432}}'),
    steps: [...STARTED, ['update', '--resources', '{out}/resources', '{id}'], ['@groups'], ...END],
  },
  { name: 'ps as json', change: sleeps, steps: [...STARTED, ['ps', '--format', 'json', '{id}'], ...END] },
  {
    name: 'list as json',
    unseen: 'what the commands say is compared',
    change: sleeps,
    steps: [...STARTED, ['list', '--format', 'json'], ...END],
  },
  { name: 'list quietly', change: sleeps, steps: [...STARTED, ['list', '--quiet'], ...END] },
  {
    name: 'list of nothing',
    steps: [
      ['list', '--quiet'],
      ['list', '--format', 'json'],
    ],
    unseen: 'there is none',
  },
  {
    name: 'an id that is taken',
    unseen: 'nothing of the process is seen',
    change: sleeps,
    steps: [['create'], ['create'], ['delete', '--force', '{id}']],
    exit: 1,
  },
  { name: 'state of what is not there', steps: [['state', 'nobody']], fails: /does not exist/ },
  { name: 'start of what is not there', steps: [['start', 'nobody']], fails: /does not exist/ },
  { name: 'kill of what is not there', steps: [['kill', 'nobody', 'KILL']], fails: /does not exist/ },
  { name: 'delete of what is not there', steps: [['delete', 'nobody']], fails: /does not exist/ },
  { name: 'delete with force of what is not there', steps: [['delete', '--force', 'nobody']], unseen: 'there is none' },
  { name: 'exec in what is not there', steps: [['exec', 'nobody', 'true']], fails: /does not exist/ },
  { name: 'an id with a slash', steps: [['state', 'a/b']], fails: /invalid/ },
  { name: 'no command', steps: [['no-such-command']], fails: /./ },
  {
    name: 'a bundle without a config.json',
    prepare: (w) => rmSync(`${w.bundle}/config.json`),
    fails: /config\.json/,
  },
  {
    name: 'a log in json',
    global: ['--log', '{out}/log', '--log-format', 'json'],
    change: (c) => {
      c.process.args = ['/bin/nowhere'];
    },
    fails: /no such file/,
  },
];

const exec = (
  name: string,
  options: readonly string[],
  more: Partial<Case> & { command?: readonly string[] } = {},
): Case => {
  const { command = ['/bin/sh', '/probe'], ...rest } = more;
  return {
    name: `exec ${name}`,
    change: sleeps,
    steps: [...STARTED, ['exec', ...options, '{id}', ...command], ...END],
    ...rest,
  };
};

const EXEC_CASES: readonly Case[] = [
  exec('plain', []),
  exec('in a directory', ['--cwd', '/data/dir']),
  exec('with environment', ['--env', 'A=1', '--env', 'B=2 3', '--env', 'PATH=/bin']),
  exec('of a user', ['--user', '1000:1000']),
  exec('of a user without a group', ['--user', '1000']),
  exec('with groups', ['--user', '1000:1000', '--additional-gids', '50', '--additional-gids', '7']),
  exec('with capabilities', ['--cap', 'CAP_SYS_ADMIN', '--cap', 'CAP_NET_ADMIN']),
  exec('with capabilities of a user', ['--user', '1000:1000', '--cap', 'CAP_NET_ADMIN']),
  exec('without new privileges', ['--no-new-privs']),
  exec('of a program in PATH', [], { command: ['sh', '/probe'] }),
  exec('of an exit code', [], { command: ['/bin/sh', '-c', 'exit 42'], exit: 42 }),
  exec('of an end by a signal', [], { command: ['/bin/sh', '-c', 'kill -9 $$'], exit: 137 }),
  exec('of a program that is not there', [], { command: ['/bin/nowhere'], exit: 255 }),
  exec('of a program that may not be executed', [], { command: ['/data/not-executable'], exit: 255 }),
  exec('of nothing', [], { unseen: 'it is refused', command: [], exit: 255 }),
  exec('in a directory that is not there', ['--cwd', '/nowhere'], { exit: 255 }),
  exec('with a process from a file', ['--process', '{out}/process'], {
    command: [],
    prepare: (w) =>
      writeFileSync(
        `${w.output}/process`,
        JSON.stringify({
          user: { uid: 7, gid: 8, umask: 63, additionalGids: [9] },
          args: ['/bin/sh', '/probe'],
          env: ['PATH=/bin', 'FROM=file'],
          cwd: '/data',
          noNewPrivileges: true,
          rlimits: [{ type: 'RLIMIT_CORE', soft: 50, hard: 60 }],
          oomScoreAdj: 300,
          capabilities: {
            bounding: ['CAP_KILL'],
            effective: ['CAP_KILL'],
            permitted: ['CAP_KILL'],
            inheritable: ['CAP_KILL'],
            ambient: ['CAP_KILL'],
          },
        }),
      ),
  }),
  exec('detached', ['--detach', '--pid-file', '{out}/exec-pid'], { command: ['/bin/sleep', '0.1'] }),
  exec('with descriptors', ['--preserve-fds', '2'], { fds: 3 }),
  exec('on a terminal', ['--tty', '--detach', '--console-socket', '{out}/console'], {
    terminal: 'later',
    steps: [
      ...STARTED,
      ['exec', '--tty', '--detach', '--console-socket', '{out}/console', '{id}', '/bin/sh', '/probe'],
      ['@terminal'],
      ...END,
    ],
  }),
  exec('in a user namespace', [], {
    change: (c) => {
      sleeps(c);
      ownUserNamespace(c);
    },
  }),
  exec('in a user namespace as a user', ['--user', '1000:1000'], {
    change: (c) => {
      sleeps(c);
      ownUserNamespace(c);
    },
  }),
  exec('in a cgroup namespace', [], {
    change: (c) => {
      sleeps(c);
      namespace(c, 'cgroup');
    },
  }),
  exec('without a pid namespace', [], {
    change: (c) => {
      sleeps(c);
      without(c, 'pid');
    },
  }),
  exec('under seccomp', [], {
    change: (c, w) => {
      sleeps(c);
      c.linux.seccomp = dockerConfig(w).linux.seccomp!;
    },
  }),
  exec('with the limits and the user of the container', [], {
    change: (c) => {
      sleeps(c);
      c.process.user = { uid: 1000, gid: 1000, umask: 0o27, additionalGids: [50] };
      c.process.rlimits = [{ type: 'RLIMIT_CORE', soft: 40, hard: 50 }];
      c.process.oomScoreAdj = 200;
      c.process.noNewPrivileges = true;
    },
  }),
  exec('below its cgroup', ['--cgroup', 'pids:sub'], {
    command: ['/bin/cat', '/proc/self/cgroup'],
    prepare: () => undefined,
    steps: [...STARTED, ['exec', '--cgroup', 'pids:/nowhere', '{id}', '/bin/cat', '/proc/self/cgroup'], ...END],
    exit: 255,
  }),
  exec('in what is only created', [], {
    unseen: 'the process of the base is not seen either',
    steps: [['create'], ['exec', '{id}', '/bin/sh', '/probe'], ['delete', '--force', '{id}']],
  }),
  exec('in what is paused', [], {
    steps: [...STARTED, ['pause', '{id}'], ['exec', '{id}', '/bin/true'], ['resume', '{id}'], ...END],
    exit: 255,
  }),
  exec('in what has ended', [], {
    change: (c) => {
      c.process.args = ['/bin/true'];
    },
    steps: [...STARTED, ['@wait'], ['exec', '{id}', '/bin/true'], ['delete', '{id}']],
    exit: 255,
  }),
];

const terminal = (name: string, change: (c: Config) => unknown, more: Partial<Case> = {}): Case => ({
  name: `terminal ${name}`,
  terminal: true,
  change: (c) => {
    c.process.terminal = true;
    change(c);
  },
  more: 'tty; stty size; stty -a; stat -c "%n %u:%g %a %t:%T" /dev/console /dev/pts/0; (: < /dev/tty) && echo "a controlling terminal"',
  ...more,
});

const TERMINAL_CASES: readonly Case[] = [
  terminal('plain', () => true),
  terminal('of a size', (c) => {
    c.process.consoleSize = { height: 33, width: 77 };
  }),
  terminal('of a user', (c) => {
    c.process.user = { uid: 1000, gid: 1000 };
  }),
  terminal('in a user namespace', ownUserNamespace),
  terminal('without a pid namespace', (c) => without(c, 'pid')),
  terminal('with a bound /dev/console', (c) => {
    c.linux.devices = [{ path: '/dev/console', type: 'c', major: 1, minor: 3 }];
  }),
  {
    name: 'a terminal without a console socket',
    change: (c) => {
      c.process.terminal = true;
    },
    steps: [['create']],
    fails: /console socket/,
  },
  {
    name: 'a console socket without a terminal',
    steps: [['create', '--console-socket', '{out}/console']],
    fails: /console/,
  },
  {
    name: 'a console socket that is not there',
    change: (c) => {
      c.process.terminal = true;
    },
    steps: [['create', '--console-socket', '{out}/nowhere']],
    fails: /no such file/,
  },
];

const DESCRIPTOR_CASES: readonly Case[] = [
  { name: 'descriptors that are kept', options: ['--preserve-fds', '2'], fds: 2 },
  { name: 'descriptors that are not kept', fds: 3, unseen: 'they are closed' },
  { name: 'fewer descriptors kept than there are', options: ['--preserve-fds', '1'], fds: 3 },
  {
    name: 'descriptors that systemd passed',
    env: { LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' },
    prefix: ['sh', '-c', 'export LISTEN_PID=$$; exec "$@"', 'sh'],
    fds: 2,
  },
  { name: 'descriptors kept that are not there', options: ['--preserve-fds', '3'] },
  { name: 'no new keyring', options: ['--no-new-keyring'] },
  { name: 'environment of the runtime', env: { OUTSIDE: 'must not be inside' }, unseen: 'it is not passed on' },
];

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
const ROOTLESS_CASES: readonly Case[] = [
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

const COMBINED_CASES: readonly Case[] = [
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

export const OPERATION_CASES: readonly Case[] = [
  ...LIFE_CASES,
  ...EXEC_CASES,
  ...TERMINAL_CASES,
  ...DESCRIPTOR_CASES,
  ...ROOTLESS_CASES,
];
export { COMBINED_CASES };
