import type { Config } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';

const KINDS = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const;
/** Those that run one after the other: runc runs poststart while the container starts. */
const IN_ORDER = KINDS.filter((kind) => kind !== 'poststart');
/** One of each place where hooks run: waiting for a timeout takes a second. */
const SLOW: readonly string[] = ['createRuntime', 'startContainer', 'poststart'];
type Kind = (typeof KINDS)[number];

/** Writes to its log who it is, what it was given, and where it runs. `$0` is the log. */
const RECORD = `exec >> "$0" 2>&1
echo "hook $*"
echo "in $(pwd), the container's root is $(ls -d /data >/dev/null 2>&1 && echo here || echo elsewhere)"
tr '\\0' '\\n' < /proc/self/environ | sed 's/^/env /'
for n in mnt pid net uts ipc cgroup user; do echo "$n $(readlink /proc/self/ns/$n)"; done
printf 'state '; cat; echo`;

/** Inside, where the container's own hooks run, the same log is below /shared. */
const log = (kind: Kind): string => (kind === 'startContainer' ? '/shared/log' : '/run/oci/host/shared/log');

function hook(c: Config, kind: Kind, script = RECORD, more: { timeout?: number; env?: string[] } = {}): void {
  const list = c.hooks?.[kind] ?? [];
  c.hooks = { ...c.hooks, [kind]: list };
  const path = '/bin/sh';
  list.push({
    path,
    args: ['sh', '-c', script, log(kind), kind, `number ${list.length + 1}`],
    env: ['PATH=/bin:/usr/bin'],
    ...more,
  });
  if (!c.mounts.some(({ destination }) => destination === '/shared'))
    c.mounts.push({ destination: '/shared', type: 'bind', source: '/run/oci/host/shared', options: ['bind'] });
}

const LIFE = [['create'], ['state', '{id}'], ['start', '{id}'], ['@wait'], ['delete', '{id}']] as const;
const reads = ['{host}/shared/log'];

export const HOOK_CASES: readonly Case[] = [
  ...KINDS.flatMap((kind): Case[] => [
    {
      name: `hook ${kind}`,
      change: (c) => {
        hook(c, kind);
        c.annotations = { 'org.example.note': 'seen by hooks' };
      },
      steps: LIFE,
      reads,
    },
    { name: `hook ${kind} in one run`, change: (c) => hook(c, kind), reads },
    {
      name: `hook ${kind} fails`,
      change: (c) => hook(c, kind, `${RECORD}\nexit 3`),
      reads,
      ...(kind === 'poststop' ? {} : { fails: /hook/ }),
    },
    ...(SLOW.includes(kind)
      ? [
          {
            name: `hook ${kind} takes too long`,
            change: (c: Config) => hook(c, kind, `${RECORD}\nexec sleep 5`, { timeout: 1 }),
            reads,
            ...(kind === 'poststop' ? {} : { fails: /hook/ }),
          },
        ]
      : []),
    {
      name: `hook ${kind} is not there`,
      change: (c) => {
        hook(c, kind);
        c.hooks![kind]![0]!.path = '/bin/no-hook';
      },
      reads,
      ...(kind === 'poststop' ? {} : { fails: /no such file/ }),
    },
  ]),
  {
    name: 'hooks of all kinds',
    change: (c) => {
      for (const kind of KINDS) hook(c, kind);
    },
    steps: LIFE,
    reads,
  },
  {
    name: 'two hooks of each kind',
    change: (c) => {
      for (const kind of [...IN_ORDER, ...IN_ORDER]) hook(c, kind, 'cat > /dev/null; echo "$*" >> "$0"');
    },
    reads,
  },
  {
    name: 'the second hook after one that fails',
    change: (c) => {
      hook(c, 'createRuntime', 'echo first >> "$0"; exit 1');
      hook(c, 'createRuntime');
      hook(c, 'poststop');
    },
    reads,
    fails: /hook/,
  },
  {
    name: 'a hook without environment',
    change: (c) => {
      hook(c, 'createRuntime', RECORD, { env: [] });
      delete c.hooks!['createRuntime']![0]!.env;
    },
    reads,
  },
  {
    name: 'a hook without arguments',
    change: (c) => {
      hook(c, 'createRuntime');
      c.hooks!['createRuntime'] = [{ path: '/bin/true' }];
    },
    unseen: 'it does nothing',
  },
  {
    name: 'a hook with a relative path',
    change: (c) => {
      hook(c, 'createRuntime');
      c.hooks!['createRuntime']![0]!.path = 'bin/sh';
    },
    fails: /./,
  },
  { name: 'a hook in time', change: (c) => hook(c, 'createRuntime', RECORD, { timeout: 10 }), reads },
  { name: 'a hook of a timeout of 0', change: (c) => hook(c, 'createRuntime', RECORD, { timeout: 0 }), fails: /./ },
  { name: 'a hook that does not read its state', change: (c) => hook(c, 'createRuntime', 'echo done >> "$0"'), reads },
  {
    name: 'a hook that says why it fails',
    change: (c) => hook(c, 'createRuntime', 'echo this is why >&2; exit 1'),
    fails: /this is why/,
  },
];
