import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { type CapabilitySet, type Config, DOCKER_CAPABILITIES, grant, mountOn } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import { ownUserNamespace } from './namespaces.js';

const args = (c: Config, ...list: string[]): void => {
  c.process.args = list;
};
const user = (c: Config, uid: number, gid: number, ...additionalGids: number[]): void => {
  c.process.user = { uid, gid, additionalGids };
};

const PROGRAM_CASES: readonly Case[] = [
  { name: 'arguments', change: (c) => c.process.args.push('one', 'two words', '', "qu'ote", 'ünïcode') },
  { name: 'a program found in PATH', change: (c) => args(c, 'sh', '/probe') },
  {
    name: 'a program found in the second directory of PATH',
    change: (c) => {
      args(c, 'sh', '/probe');
      c.process.env = ['PATH=/nowhere:/bin'];
    },
  },
  {
    name: 'a program below the working directory',
    change: (c) => {
      c.process.cwd = '/bin';
      args(c, './busybox', 'sh', '/probe');
    },
  },
  { name: 'a symbolic link as the program', change: (c) => args(c, '/bin/../bin/sh', '/probe') },
  { name: 'a program that looks at itself', change: (c) => args(c, '/raw-probe') },
  { name: 'an exit code', change: (c) => args(c, '/bin/sh', '-c', 'exit 42'), exit: 42 },
  { name: 'an end by a signal', change: (c) => args(c, '/bin/sh', '-c', 'sleep 9 & kill -9 $!; wait $!'), exit: 137 },
  {
    name: 'an end by a signal of the first process itself',
    change: (c) => args(c, '/bin/sh', '-c', 'kill -TERM $$; exit 3'),
    exit: 3,
  },
  { name: 'no arguments at all', change: (c) => args(c), fails: /args/ },
  {
    name: 'no process at all',
    text: (json) => JSON.stringify({ ...(JSON.parse(json) as object), process: undefined }),
    fails: /./,
  },
  { name: 'a program that is not there', change: (c) => args(c, '/bin/nowhere'), fails: /no such file/ },
  { name: 'a program that is in no directory of PATH', change: (c) => args(c, 'nowhere'), fails: /not found/ },
  {
    name: 'a program without PATH',
    change: (c) => {
      args(c, 'sh');
      c.process.env = [];
    },
    fails: /not found/,
  },
  {
    name: 'a program that may not be executed',
    change: (c) => args(c, '/data/not-executable'),
    fails: /permission denied/,
  },
  { name: 'a program of no format', change: (c) => args(c, '/data/no-format'), fails: /exec format error/ },
  {
    name: 'a script whose interpreter is not there',
    change: (c) => args(c, '/data/no-interpreter'),
    fails: /no such file/,
  },
  {
    name: 'a directory as the program',
    change: (c) => args(c, '/data/dir'),
    fails: /permission denied|is a directory/,
  },
  { name: 'an empty name as the program', change: (c) => args(c, ''), fails: /./ },
  {
    name: 'a program that the user may not reach',
    change: (c) => {
      args(c, '/secret/true');
      user(c, 1000, 1000);
      grant(c, []);
    },
    prepare: (world) => hide(`${world.rootfs}/secret`),
    fails: /permission denied|not found/,
  },
  {
    name: 'no environment',
    change: (c) => {
      c.process.env = [];
    },
    more: 'true',
  },
  {
    name: 'an environment with doubles, empty values and signs',
    change: (c) => c.process.env.push('A=1', 'EMPTY=', 'A=2', 'WORDS=a b  c', 'SIGNS=$A;`x`"y"', 'Ü=ö'),
  },
  { name: 'HOME is kept where it is set', change: (c) => c.process.env.push('HOME=/somewhere') },
  { name: 'HOME of a user of the image', change: (c) => user(c, 1000, 1000) },
  { name: 'HOME of a user whom the image does not know', change: (c) => user(c, 4321, 1000) },
  { name: 'an environment entry without a value', change: (c) => c.process.env.push('NOVALUE'), fails: /NOVALUE/ },
  {
    name: 'a working directory',
    change: (c) => {
      c.process.cwd = '/data/dir';
    },
  },
  {
    name: 'a working directory that is made',
    change: (c) => {
      c.process.cwd = '/made/deeply';
    },
  },
  {
    name: 'a working directory that is made for a user',
    change: (c) => {
      c.process.cwd = '/made/deeply';
      user(c, 1000, 1000);
    },
  },
  {
    name: 'a working directory behind a symbolic link',
    change: (c) => {
      c.process.cwd = '/data/link';
    },
  },
  {
    name: 'a working directory behind an absolute link',
    change: (c) => {
      c.process.cwd = '/data/absolute';
    },
  },
  {
    name: 'a working directory behind a link upwards',
    change: (c) => {
      c.process.cwd = '/data/upwards';
    },
  },
  {
    name: 'a working directory on a mount',
    change: (c) => {
      c.process.cwd = '/dev/shm';
    },
  },
  {
    name: 'a file as the working directory',
    change: (c) => {
      c.process.cwd = '/data/file';
    },
    fails: /not a directory/,
  },
  {
    name: 'a relative working directory',
    change: (c) => {
      c.process.cwd = 'data';
    },
    fails: /absolute|Cwd|cwd/,
  },
  {
    name: 'no working directory',
    change: (c) => {
      c.process.cwd = '';
    },
    fails: /[Cc]wd/,
  },
  {
    name: 'a working directory that only root may enter',
    change: (c) => {
      c.process.cwd = '/secret';
      user(c, 1000, 1000);
      grant(c, []);
    },
    prepare: (world) => hide(`${world.rootfs}/secret`),
  },
];

const USER_CASES: readonly Case[] = [
  { name: 'a user', change: (c) => user(c, 1000, 1000) },
  { name: 'a user with the group of root', change: (c) => user(c, 1000, 0) },
  { name: 'root with another group', change: (c) => user(c, 0, 50) },
  { name: 'additional groups', change: (c) => user(c, 0, 0, 50, 7, 50, 2_000_000_000) },
  { name: 'additional groups of a user', change: (c) => user(c, 1000, 1000, 10, 20) },
  { name: 'a large user id', change: (c) => user(c, 2_000_000_000, 2_147_483_647) },
  { name: 'a user id beyond 31 bits', change: (c) => user(c, 4_000_000_000, 0), fails: /range/ },
  { name: 'a negative user id is refused', change: (c) => user(c, -1, 0), fails: /./ },
  {
    name: 'a umask',
    change: (c) => {
      c.process.user.umask = 0o077;
    },
  },
  {
    name: 'a umask of nothing',
    change: (c) => {
      c.process.user.umask = 0;
    },
  },
];

/** The same names in each of some sets. */
function sets(c: Config, names: readonly string[], ...which: CapabilitySet[]): void {
  c.process.capabilities = Object.fromEntries(which.map((set) => [set, [...names]]));
}

const ALL: readonly CapabilitySet[] = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'];

const CAPABILITY_CASES: readonly Case[] = [
  { name: 'no capabilities', change: (c) => grant(c, []) },
  { name: 'no object of capabilities', change: (c) => delete c.process.capabilities },
  { name: 'one capability', change: (c) => grant(c, ['CAP_NET_BIND_SERVICE']) },
  { name: 'one capability in all sets', change: (c) => sets(c, ['CAP_NET_RAW'], ...ALL) },
  { name: 'only a bounding set', change: (c) => sets(c, DOCKER_CAPABILITIES, 'bounding') },
  { name: 'only an effective set is refused', change: (c) => sets(c, ['CAP_CHOWN'], 'effective'), fails: /./ },
  {
    name: 'inheritable and ambient capabilities of root',
    change: (c) => sets(c, ['CAP_NET_RAW', 'CAP_KILL'], ...ALL),
    more: 'grep ^Cap /proc/self/status',
  },
  { name: 'capabilities of a user', change: (c) => user(c, 1000, 1000), more: 'grep ^Cap /proc/self/status' },
  {
    name: 'ambient capabilities of a user',
    change: (c) => {
      user(c, 1000, 1000);
      sets(c, ['CAP_NET_RAW', 'CAP_SYS_CHROOT'], ...ALL);
    },
    more: 'grep ^Cap /proc/self/status',
  },
  {
    name: 'inheritable capabilities without ambient ones, of a user',
    change: (c) => {
      user(c, 1000, 1000);
      sets(c, ['CAP_NET_RAW'], 'bounding', 'effective', 'inheritable', 'permitted');
    },
  },
  {
    name: 'ambient capabilities that are not inheritable',
    change: (c) => {
      user(c, 1000, 1000);
      sets(c, ['CAP_NET_RAW'], 'bounding', 'effective', 'permitted', 'ambient');
    },
  },
  {
    name: 'an unknown capability is passed over',
    change: (c) => grant(c, [...DOCKER_CAPABILITIES, 'CAP_TO_FLY']),
    unseen: 'the process gets what is known; only a warning tells',
  },
  { name: 'a capability in small letters is unknown', change: (c) => grant(c, ['cap_chown', 'CAP_KILL']) },
  { name: 'a capability that the runtime lacks is refused', change: (c) => grant(c, ['CAP_SYS_RESOURCE']), fails: /./ },
  {
    name: 'SYS_ADMIN may mount',
    change: (c) => grant(c, [...DOCKER_CAPABILITIES, 'CAP_SYS_ADMIN']),
  },
  {
    name: 'capabilities in a user namespace',
    more: 'grep ^Cap /proc/self/status; ls -l /proc/1/exe',
    change: (c) => {
      ownUserNamespace(c);
      grant(c, ['CAP_SYS_ADMIN', 'CAP_CHOWN']);
    },
  },
  {
    name: 'no new privileges',
    change: (c) => {
      c.process.noNewPrivileges = true;
    },
  },
  {
    name: 'no new privileges, of a user',
    change: (c) => {
      c.process.noNewPrivileges = true;
      user(c, 1000, 1000);
    },
  },
];

const LIMIT_CASES: readonly Case[] = [
  ...(
    [
      ['AS', 1 << 30, 2 ** 31],
      ['CORE', 0, 1000],
      ['CPU', 100, 200],
      ['DATA', 1 << 29, 1 << 30],
      ['FSIZE', 1 << 20, 1 << 21],
      ['LOCKS', 10, 20],
      ['MEMLOCK', 4096, 8192],
      ['MSGQUEUE', 1000, 2000],
      ['NOFILE', 100, 200],
      ['NPROC', 500, 600],
      ['RSS', 1 << 29, 1 << 30],
      ['RTPRIO', 0, 0],
      ['RTTIME', 1_000_000, 2_000_000],
      ['SIGPENDING', 7, 8],
      ['STACK', 1 << 20, 1 << 21],
    ] as const
  ).map(
    ([name, soft, hard]): Case => ({
      name: `limit ${name}`,
      change: (c) => {
        c.process.rlimits = [{ type: `RLIMIT_${name}`, soft, hard }];
      },
      ...(name === 'RTPRIO' ? { unseen: 'the hard limit is 0 already, and must not be raised' } : {}),
    }),
  ),
  {
    name: 'several limits',
    change: (c) => {
      c.process.rlimits = [
        { type: 'RLIMIT_NOFILE', soft: 64, hard: 128 },
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
        { type: 'RLIMIT_NPROC', soft: 100, hard: 100 },
      ];
    },
  },
  {
    name: 'a limit above what is had is refused',
    change: (c) => {
      c.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 20_000, hard: 2_000_000_000 }];
    },
    fails: /operation not permitted/,
  },
  {
    name: 'a soft limit above the hard one is refused',
    change: (c) => {
      c.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 200, hard: 100 }];
    },
    fails: /invalid argument/,
  },
  {
    name: 'an unknown limit is refused',
    change: (c) => {
      c.process.rlimits = [{ type: 'RLIMIT_PATIENCE', soft: 1, hard: 1 }];
    },
    fails: /PATIENCE/,
  },
  {
    name: 'a raised oom score',
    change: (c) => {
      c.process.oomScoreAdj = 500;
    },
  },
  {
    name: 'an oom score beyond the scale',
    change: (c) => {
      c.process.oomScoreAdj = 1001;
    },
    fails: /./,
  },
  {
    name: 'an apparmor profile without apparmor',
    change: (c) => {
      c.process.apparmorProfile = 'some';
    },
    fails: /apparmor/i,
  },
  {
    name: 'a selinux label without selinux',
    change: (c) => {
      c.process.selinuxLabel = 'a:b:c:d';
    },
    fails: /selinux/i,
  },
  {
    name: 'the personality of 32 bits',
    change: (c) => {
      c.linux.personality = { domain: 'LINUX32' };
    },
    unseen: 'runc 1.1 does not know it',
  },
  {
    name: 'annotations',
    change: (c) => {
      c.annotations = { 'org.example.key': 'value', 'org.example.empty': '' };
    },
    unseen: 'the process does not see them; hooks and state do',
  },
  {
    name: 'a spec version that is too old or odd',
    change: (c) => {
      c.ociVersion = '0.0.1';
    },
    unseen: 'runc does not compare versions',
  },
  {
    name: 'fields that nobody knows',
    text: (json) => json.replace('{', '{"unknownField": {"a": [1]},'),
    unseen: 'they are passed over',
  },
  { name: 'a config that is not JSON', text: (json) => json.slice(0, -20), fails: /./ },
  { name: 'a config of the wrong types', text: (json) => json.replace('"cwd": "/"', '"cwd": 7'), fails: /./ },
  {
    name: 'without /proc',
    change: (c) => {
      c.mounts = c.mounts.filter(({ destination }) => destination !== '/proc');
      c.linux.maskedPaths = [];
      c.linux.readonlyPaths = [];
    },
    fails: /proc/,
  },
  {
    name: 'proc with options of its own',
    change: (c) => {
      mountOn(c, '/proc').options = ['nosuid', 'hidepid=2'];
    },
  },
];

/** A directory that only root may enter, with a program in it. */
function hide(directory: string): void {
  mkdirSync(directory, { mode: 0o700 });
  copyFileSync(`${directory}/../bin/busybox`, `${directory}/true`);
  chmodSync(`${directory}/true`, 0o755);
}

export const PROCESS_CASES: readonly Case[] = [...PROGRAM_CASES, ...USER_CASES, ...CAPABILITY_CASES, ...LIMIT_CASES];
