import { writeFileSync } from 'node:fs';
import { type Config, namespace, without } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import { END, STARTED, sleeps } from './changes.js';
import { ownUserNamespace } from './namespaces.js';
import { dockerConfig } from './seccomp.js';

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

export const EXEC_CASES: readonly Case[] = [
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

export const TERMINAL_CASES: readonly Case[] = [
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

export const DESCRIPTOR_CASES: readonly Case[] = [
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
