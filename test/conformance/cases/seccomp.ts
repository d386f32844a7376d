import { readFileSync } from 'node:fs';
import { type Config, type ConfigSeccomp, grant } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import type { World } from '../../helpers/oci/world.js';
import { ownUserNamespace } from './namespaces.js';

type Rule = NonNullable<ConfigSeccomp['syscalls']>[number];

/** All is allowed but what these rules say. */
function filter(config: Config, ...syscalls: Rule[]): ConfigSeccomp {
  config.linux.seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls,
  };
  return config.linux.seccomp;
}

/** Docker's own config, on this test's places. */
export function dockerConfig(world: World): Config {
  const text = readFileSync(new URL('../fixtures/docker-default.json', import.meta.url), 'utf8');
  return JSON.parse(text.replaceAll('{host}', world.host).replaceAll('{cgroup}', world.cgroup)) as Config;
}

const TRY =
  'mkdir /tmp/made; echo "mkdir $?"; chmod 700 /tmp/made; echo "chmod $?"; rmdir /tmp/made 2>&1; nice -n 1 true; echo "nice $?"; sleep 0; echo "sleep $?"';
const MKDIR: Rule = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' };

export const SECCOMP_CASES: readonly Case[] = [
  { name: 'seccomp that allows all', change: (c) => filter(c), unseen: 'runc sets no filter then' },
  { name: 'seccomp errno', change: (c) => filter(c, MKDIR), more: TRY },
  { name: 'seccomp errno of a number', change: (c) => filter(c, { ...MKDIR, errnoRet: 28 }), more: TRY },
  { name: 'seccomp errno 0', change: (c) => filter(c, { ...MKDIR, errnoRet: 0 }), more: TRY },
  {
    name: 'seccomp with another default errno',
    change: (c) => {
      filter(c, MKDIR).defaultErrnoRet = 38;
    },
    more: TRY,
  },
  { name: 'seccomp that kills', change: (c) => filter(c, { ...MKDIR, action: 'SCMP_ACT_KILL' }), more: TRY },
  {
    name: 'seccomp that kills the process',
    change: (c) => filter(c, { ...MKDIR, action: 'SCMP_ACT_KILL_PROCESS' }),
    more: TRY,
  },
  {
    name: 'seccomp that kills the thread',
    change: (c) => filter(c, { ...MKDIR, action: 'SCMP_ACT_KILL_THREAD' }),
    more: TRY,
  },
  { name: 'seccomp that traps', change: (c) => filter(c, { ...MKDIR, action: 'SCMP_ACT_TRAP' }), more: TRY },
  {
    name: 'seccomp that asks a tracer who is not there',
    change: (c) => filter(c, { ...MKDIR, action: 'SCMP_ACT_TRACE', errnoRet: 5 }),
    more: TRY,
  },
  { name: 'seccomp that logs', change: (c) => filter(c, { ...MKDIR, action: 'SCMP_ACT_LOG' }), more: TRY },
  {
    name: 'seccomp of an unknown call',
    change: (c) => filter(c, { names: ['to_fly', 'mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }),
    more: TRY,
  },
  { name: 'seccomp of an unknown action', change: (c) => filter(c, { ...MKDIR, action: 'SCMP_ACT_SING' }), fails: /./ },
  {
    name: 'seccomp of an unknown architecture',
    change: (c) => {
      filter(c, MKDIR).architectures = ['SCMP_ARCH_PDP11'];
    },
    fails: /./,
  },
  { name: 'seccomp without architectures', change: (c) => delete filter(c, MKDIR).architectures, more: TRY },
  {
    name: 'seccomp with no new privileges',
    change: (c) => {
      filter(c, MKDIR);
      c.process.noNewPrivileges = true;
    },
    more: TRY,
  },
  {
    name: 'seccomp of a user',
    change: (c) => {
      filter(c, MKDIR);
      c.process.user = { uid: 1000, gid: 1000 };
    },
    more: TRY,
  },
  {
    name: 'seccomp of a user with no new privileges',
    change: (c) => {
      filter(c, MKDIR);
      c.process.user = { uid: 1000, gid: 1000 };
      c.process.noNewPrivileges = true;
      grant(c, []);
    },
    more: TRY,
  },
  {
    name: 'seccomp in a user namespace',
    change: (c) => {
      filter(c, MKDIR);
      ownUserNamespace(c);
    },
    more: TRY,
  },
  ...(
    [
      ['SCMP_CMP_EQ', 0o700, 0],
      ['SCMP_CMP_NE', 0o700, 0],
      ['SCMP_CMP_LT', 0o700, 0],
      ['SCMP_CMP_LE', 0o700, 0],
      ['SCMP_CMP_GT', 0o700, 0],
      ['SCMP_CMP_GE', 0o700, 0],
      ['SCMP_CMP_MASKED_EQ', 0o100, 0o100],
    ] as const
  ).map(
    ([op, value, valueTwo]): Case => ({
      name: `seccomp by an argument: ${op}`,
      change: (c) =>
        filter(c, {
          names: ['chmod', 'fchmodat'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 7,
          args: [{ index: 1, value, valueTwo, op }],
        }),
      more: 'for m in 600 700 755; do chmod $m /data/file; echo "$m $?"; done',
    }),
  ),
  {
    name: 'seccomp by two arguments',
    change: (c) =>
      filter(c, {
        names: ['chown'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 7,
        args: [
          { index: 1, value: 5, op: 'SCMP_CMP_EQ' },
          { index: 2, value: 6, op: 'SCMP_CMP_EQ' },
        ],
      }),
    more: 'for o in 5:6 5:7 4:6; do chown $o /data/file; echo "$o $?"; done',
  },
  {
    name: 'seccomp by one argument twice',
    change: (c) =>
      filter(c, {
        names: ['chown'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 7,
        args: [
          { index: 1, value: 5, op: 'SCMP_CMP_EQ' },
          { index: 1, value: 6, op: 'SCMP_CMP_EQ' },
        ],
      }),
    more: 'for o in 5:6 6:7 4:6; do chown $o /data/file; echo "$o $?"; done',
  },
  {
    name: 'seccomp by an argument that does not exist',
    change: (c) => filter(c, { ...MKDIR, args: [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }] }),
    fails: /./,
  },
  {
    name: 'seccomp by an unknown comparison',
    change: (c) => filter(c, { ...MKDIR, args: [{ index: 1, value: 0, op: 'SCMP_CMP_LIKE' }] }),
    fails: /./,
  },
  {
    name: 'seccomp with the same action as the default',
    change: (c) => filter(c, { names: ['mkdir'], action: 'SCMP_ACT_ALLOW' }),
    more: TRY,
  },
  {
    name: 'seccomp with LOG and SPEC_ALLOW',
    fails: /not yet supported/,
    change: (c) => {
      filter(c, MKDIR).flags = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'];
    },
    more: TRY,
  },
  {
    name: 'seccomp with TSYNC',
    fails: /not yet supported/,
    change: (c) => {
      filter(c, MKDIR).flags = ['SECCOMP_FILTER_FLAG_TSYNC'];
    },
    more: TRY,
  },
  {
    name: 'seccomp with an unknown flag',
    change: (c) => {
      filter(c, MKDIR).flags = ['SECCOMP_FILTER_FLAG_SILENT'];
    },
    fails: /./,
  },
  {
    name: 'seccomp notification without a listener',
    change: (c) => filter(c, { ...MKDIR, action: 'SCMP_ACT_NOTIFY' }),
    fails: /listener/i,
  },
  {
    name: 'seccomp that allows nothing',
    change: (c) => {
      c.linux.seccomp = { defaultAction: 'SCMP_ACT_ERRNO', architectures: ['SCMP_ARCH_X86_64'] };
    },
    fails: /./,
  },
  {
    name: "Docker's profile",
    change: (c, w) => {
      c.linux.seccomp = dockerConfig(w).linux.seccomp!;
    },
    more: `${TRY}; unshare -m true; mount -t tmpfs t /tmp; mknod /tmp/p p; cat /proc/keys | head -n 0`,
  },
  {
    name: "Docker's profile on a user without new privileges",
    change: (c, w) => {
      c.linux.seccomp = dockerConfig(w).linux.seccomp!;
      c.process.user = { uid: 1000, gid: 1000 };
      c.process.noNewPrivileges = true;
    },
    more: TRY,
  },
];
