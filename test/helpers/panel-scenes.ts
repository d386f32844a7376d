/** One rich lab for the namespaces, cgroups and layers panels, and a ledger. */
import type { Cgroup, LedgerEntry, Snapshot } from '../../engine/api/types.js';
import { lab, layer, type SnapshotBuilder } from './snapshot-builder.js';

export function memory(
  usage: number,
  limit: number | null,
  more: Partial<NonNullable<Cgroup['memory']>> = {},
): NonNullable<Cgroup['memory']> {
  return {
    usage,
    limit,
    peak: null,
    failcnt: 0,
    oomKills: 0,
    underOom: false,
    swapLimit: null,
    swapUsage: null,
    ...more,
  };
}

export function cpu(usageUs: number, more: Partial<NonNullable<Cgroup['cpu']>> = {}): NonNullable<Cgroup['cpu']> {
  return {
    shares: null,
    weight: null,
    quotaUs: null,
    periodUs: null,
    usageUs,
    nrPeriods: 0,
    nrThrottled: 0,
    throttledUs: 0,
    ...more,
  };
}

/** A container made by hand: own user, pid, mnt, uts and net namespaces; a kept uts namespace without a process. */
export function containerLab(): SnapshotBuilder {
  const build = lab();
  const user = build.namespace('user', { parent: 'user:[4026532000]', owner: 'user:[4026532000]' });
  const pid = build.namespace('pid', { owner: user, parent: 'pid:[4026532004]' });
  const mnt = build.namespace('mnt', { owner: user });
  const net = build.namespace('net', { owner: user, names: [], members: [42] });
  build.namespace('uts', { heldBy: [{ how: 'bind-mount', path: '/run/uts/kept' }], names: ['kept'] });
  build.namespace('ipc', { heldBy: [{ how: 'fd', pid: 1, fd: 7 }] });
  const namespaces = { user, pid, mnt, net };
  const uidMap = [{ inside: 0, outside: 1000, count: 1 }];
  build.process(42, {
    comm: 'sh',
    argv: ['sh', '-c', 'sleep 1000'],
    nspid: [42, 1],
    namespaces,
    uidMap,
    gidMap: uidMap,
  });
  build.process(43, {
    comm: 'sleep',
    argv: ['sleep', '1000'],
    ppid: 42,
    nspid: [43, 2],
    namespaces,
    uidMap,
    gidMap: uidMap,
  });
  build.process(44, { comm: 'dead\u001b[2J', argv: [], ppid: 42, state: 'Z', nspid: [44, 3], namespaces });
  return build;
}

/** At `tick` seconds: the cpu group uses half a processor, memory grows, one group is frozen, one was hit by the oom killer. */
export function cgroupLab(mode: 'v1' | 'v2', tick: number): Snapshot {
  const build = lab()
    .at(tick * 1000)
    .cgroupMode(mode);
  const [mem, cpus, pids, freezer] = mode === 'v2' ? ['', '', '', ''] : ['memory', 'cpu,cpuacct', 'pids', 'freezer'];
  const groups: Record<string, Partial<Cgroup>> = {
    memory: {
      memory: memory((10 + tick) * 1024 * 1024, 64 * 1024 * 1024, { oomKills: tick > 2 ? 1 : 0, failcnt: 12 }),
    },
    cpu: {
      cpu: cpu(tick * 500_000, {
        [mode === 'v2' ? 'weight' : 'shares']: 512,
        quotaUs: 50_000,
        periodUs: 100_000,
        nrPeriods: tick * 10,
        nrThrottled: tick * 8,
        throttledUs: tick * 300_000,
      }),
    },
    pids: { pids: { current: 3 + (tick % 3), max: 10, hitMax: tick } },
    freezer: { freezer: { frozen: true, state: 'FROZEN' } },
  };
  for (const path of ['/', '/web', '/web/worker']) {
    const root = path === '/';
    const procs = path === '/web' ? [42, 43] : root ? [1] : [];
    if (mode === 'v2')
      build.cgroup(path, '', {
        procs,
        ...(root ? {} : { ...groups['memory'], ...groups['cpu'], ...groups['pids'] }),
        ...(path === '/web/worker' ? groups['freezer'] : {}),
      });
    else {
      build.cgroup(path, mem, { procs, ...(root ? { memory: memory(1e8, null) } : groups['memory']) });
      build.cgroup(path, cpus, { procs, ...(root ? {} : groups['cpu']) });
      build.cgroup(path, pids, { procs, ...(root ? {} : groups['pids']) });
      build.cgroup(path, freezer, path === '/web/worker' ? groups['freezer'] : {});
    }
  }
  return build.build();
}

export function layersLab(): Snapshot {
  return lab()
    .overlay('/mnt/merged', [
      layer('upper', '/mnt/up', [
        { path: 'changed.txt', type: 'file', bytes: 2048 },
        { path: 'deleted.txt', type: 'whiteout', bytes: 0 },
        { path: 'new.txt', type: 'file', bytes: 5 },
        { path: 'fresh', type: 'opaque-directory', bytes: 0 },
        { path: 'fresh/only.txt', type: 'file', bytes: 7 },
        { path: 'etc', type: 'directory', bytes: 0 },
        { path: 'etc/中文\u202e.conf', type: 'file', bytes: 9 },
      ]),
      layer('lower', '/mnt/low2', [
        'changed.txt',
        'deleted.txt',
        'fresh/old.txt',
        { path: 'fresh', type: 'directory', bytes: 0 },
        { path: 'etc', type: 'directory', bytes: 0 },
        'etc/hosts',
      ]),
      layer(
        'lower',
        '/mnt/low1',
        ['base.txt', 'changed.txt', 'etc/hosts', { path: 'etc', type: 'directory', bytes: 0 }],
        { truncated: true },
      ),
      layer('work', '/mnt/work'),
    ])
    .build();
}

export const LEDGER: readonly LedgerEntry[] = [
  {
    seq: 1,
    at: Date.UTC(2026, 0, 1, 12),
    actor: 'engine',
    domain: 'syscall',
    subject: 'lab host',
    act: 'mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, "")',
    command: 'mount -t proc -o nosuid,nodev,noexec proc /proc',
    man: 'mount(2)',
    explanation: {
      en: 'Mount a proc file system that shows the processes of this pid namespace.',
      zh: '挂载一个 proc 文件系统，显示此 PID 命名空间中的进程。',
    },
    result: { ok: true, value: 0 },
    durationNs: 12_345,
  },
  {
    seq: 2,
    at: Date.UTC(2026, 0, 1, 12, 0, 1),
    actor: 'learner',
    domain: 'netlink',
    subject: 'r1',
    act: 'RTM_NEWLINK veth1.1 kind=veth peer=veth1.2',
    command: 'ip link add veth1.1 type veth peer name veth1.2',
    man: 'ip-link(8)',
    explanation: { en: 'A pair of virtual interfaces appeared.', zh: '出现了一对虚拟网络接口。' },
    result: { ok: true },
  },
  {
    seq: 3,
    at: Date.UTC(2026, 0, 1, 12, 0, 2),
    actor: 'lesson',
    domain: 'file',
    subject: 'step 3',
    act: 'write("/proc/sys/net/ipv4/ip_forward", "\u001b[31m1")',
    command: null,
    man: null,
    explanation: { en: 'Let the host forward packets.', zh: '允许主机转发数据包。' },
    result: { ok: false, errno: 'EROFS' },
  },
];
