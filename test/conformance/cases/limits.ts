import { mountOn } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';

export const LIMIT_CASES: readonly Case[] = [
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
