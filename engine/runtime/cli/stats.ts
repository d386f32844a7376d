import { readdirSync } from 'node:fs';
import type { ContainerGroups } from './container-groups.js';

/** The `data` of `events`, as types/events.go of runc has it: what is zero or empty is left out where runc leaves it out. */
export interface Stats {
  readonly cpu: object;
  readonly cpuset: object;
  readonly memory: object;
  readonly pids: object;
  readonly blkio: object;
  readonly hugetlb: object;
  readonly intel_rdt: object;
  readonly network_interfaces: null;
}

const NO_LIMIT = (1n << 64n) - 1n;
const NS_PER_TICK = 10_000_000n;

export function readStats(groups: ContainerGroups): Stats {
  const rest = { intel_rdt: {}, network_interfaces: null } as const;
  if (groups.v1('memory') === null && groups.v1('cpuacct') === null && groups.v2() !== null) {
    return {
      cpu: cpuV2(groups),
      cpuset: {},
      memory: memoryV2(groups),
      pids: pids(groups.readV2('pids.current'), groups.readV2('pids.max')),
      blkio: blkioV2(groups),
      hugetlb: hugetlb(groups.v2(), (size, what) => groups.readV2(`hugetlb.${size}.${what}`), V2_HUGETLB),
      ...rest,
    };
  }
  return {
    cpu: cpuV1(groups),
    cpuset: cpusetV1(groups),
    memory: memoryV1(groups),
    pids: pids(groups.readV1('pids', 'pids.current'), groups.readV1('pids', 'pids.max')),
    blkio: some({
      ioServiceBytesRecursive: blkioV1(groups.readV1('blkio', 'blkio.throttle.io_service_bytes_recursive')),
      ioServicedRecursive: blkioV1(groups.readV1('blkio', 'blkio.throttle.io_serviced_recursive')),
    }),
    hugetlb: hugetlb(
      groups.v1('hugetlb'),
      (size, what) => groups.readV1('hugetlb', `hugetlb.${size}.${what}`),
      V1_HUGETLB,
    ),
    ...rest,
  };
}

/** A number of one of these files; `max` is no limit. 0 when there is no such file. */
function number(text: string | null): bigint {
  const word = text?.trim() ?? '';
  if (word === 'max') return NO_LIMIT;
  return /^-?\d+$/.test(word) ? BigInt(word) : 0n;
}

/** `key value` lines. */
function pairs(text: string | null): Record<string, bigint> {
  const lines = (text ?? '').split('\n').map((line) => line.split(' '));
  return Object.fromEntries(
    lines.filter(([, value]) => value !== undefined).map(([key, value]) => [key, number(value!)]),
  );
}

/** Without what is 0n or an empty list: Go's omitempty. */
function some(value: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(
    Object.entries(value).filter(([, one]) => one !== 0n && !(Array.isArray(one) && one.length === 0)),
  );
}

function throttling(stat: Record<string, bigint>, perNs: bigint): object {
  const time = stat['throttled_time'] ?? (stat['throttled_usec'] ?? 0n) * perNs;
  return some({ periods: stat['nr_periods'] ?? 0n, throttledPeriods: stat['nr_throttled'] ?? 0n, throttledTime: time });
}

function cpuV1(groups: ContainerGroups): object {
  const ticks = pairs(groups.readV1('cpuacct', 'cpuacct.stat'));
  // "cpu user system", then a line for each CPU
  const rows = (groups.readV1('cpuacct', 'cpuacct.usage_all') ?? '')
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.split(' '));
  return {
    usage: {
      ...some({
        total: number(groups.readV1('cpuacct', 'cpuacct.usage')),
        percpu: (groups.readV1('cpuacct', 'cpuacct.usage_percpu') ?? '')
          .trim()
          .split(/\s+/)
          .filter(Boolean)
          .map(number),
        percpu_kernel: rows.map((row) => number(row[2] ?? null)),
        percpu_user: rows.map((row) => number(row[1] ?? null)),
      }),
      kernel: (ticks['system'] ?? 0n) * NS_PER_TICK,
      user: (ticks['user'] ?? 0n) * NS_PER_TICK,
    },
    throttling: throttling(pairs(groups.readV1('cpu', 'cpu.stat')), 1000n),
  };
}

function cpuV2(groups: ContainerGroups): object {
  const stat = pairs(groups.readV2('cpu.stat'));
  return {
    usage: {
      ...some({ total: (stat['usage_usec'] ?? 0n) * 1000n }),
      kernel: (stat['system_usec'] ?? 0n) * 1000n,
      user: (stat['user_usec'] ?? 0n) * 1000n,
    },
    throttling: throttling(stat, 1000n),
  };
}

const CPUSET_FLAGS = [
  'mem_hardwall',
  'mem_exclusive',
  'memory_migrate',
  'memory_spread_page',
  'memory_spread_slab',
  'memory_pressure',
  'sched_load_balance',
  'sched_relax_domain_level',
];

function cpusetV1(groups: ContainerGroups): object {
  const read = (name: string): bigint => number(groups.readV1('cpuset', `cpuset.${name}`));
  return {
    ...some({ cpus: listOf(groups.readV1('cpuset', 'cpuset.cpus')) }),
    cpu_exclusive: read('cpu_exclusive'),
    ...some({ mems: listOf(groups.readV1('cpuset', 'cpuset.mems')) }),
    ...Object.fromEntries(CPUSET_FLAGS.map((name) => [name, read(name)])),
  };
}

/** `0-3,5` of cpuset(7). */
export function listOf(text: string | null): number[] {
  return (text ?? '')
    .trim()
    .split(',')
    .filter(Boolean)
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

function memoryV1(groups: ContainerGroups): object {
  const read = (name: string): bigint => number(groups.readV1('memory', name));
  const entry = (prefix: string): object => ({
    limit: read(`memory.${prefix}limit_in_bytes`),
    ...some({ usage: read(`memory.${prefix}usage_in_bytes`), max: read(`memory.${prefix}max_usage_in_bytes`) }),
    failcnt: read(`memory.${prefix}failcnt`),
  });
  const raw = pairs(groups.readV1('memory', 'memory.stat'));
  return {
    ...some({ cache: raw['cache'] ?? 0n }),
    usage: entry(''),
    swap: entry('memsw.'),
    kernel: entry('kmem.'),
    kernelTCP: entry('kmem.tcp.'),
    raw: sorted(raw),
  };
}

/** As cgroup v1 counts: swap is memory and swap together. */
function memoryV2(groups: ContainerGroups): object {
  const read = (name: string): bigint => number(groups.readV2(name));
  const raw = pairs(groups.readV2('memory.stat'));
  const [usage, limit] = [read('memory.current'), read('memory.max')];
  const swapLimit = read('memory.swap.max');
  const together = limit === NO_LIMIT || swapLimit === NO_LIMIT ? NO_LIMIT : limit + swapLimit;
  const none = { limit: 0n, failcnt: 0n };
  return {
    ...some({ cache: raw['file'] ?? 0n }),
    usage: { limit, ...some({ usage, max: read('memory.peak') }), failcnt: 0n },
    swap: { limit: together, ...some({ usage: usage + read('memory.swap.current') }), failcnt: 0n },
    kernel: none,
    kernelTCP: none,
    raw: sorted(raw),
  };
}

const sorted = (record: Record<string, bigint>): Record<string, bigint> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

function pids(current: string | null, max: string | null): object {
  return some({ current: number(current), limit: max?.trim() === 'max' ? 0n : number(max) });
}

/** `8:0 Read 4096` lines; the total is left out. */
function blkioV1(text: string | null): object[] {
  return (text ?? '').split('\n').flatMap((line) => {
    const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
    return match === null ? [] : [some(blkioEntry(match[1]!, match[2]!, match[3]!, BigInt(match[4]!)))];
  });
}

const blkioEntry = (major: string, minor: string, op: string, value: bigint): Record<string, unknown> => ({
  major: BigInt(major),
  minor: BigInt(minor),
  op,
  value,
});

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` */
function blkioV2(groups: ContainerGroups): object {
  const lines = (groups.readV2('io.stat') ?? '').split('\n').filter(Boolean);
  const entries = (names: Readonly<Record<string, string>>): object[] =>
    lines.flatMap((line) => {
      const [device = '', ...words] = line.split(' ');
      const [major = '0', minor = '0'] = device.split(':');
      return words.flatMap((word) => {
        const [name = '', value = ''] = word.split('=');
        return names[name] === undefined ? [] : [some(blkioEntry(major, minor, names[name], number(value)))];
      });
    });
  return some({
    ioServiceBytesRecursive: entries({ rbytes: 'Read', wbytes: 'Write' }),
    ioServicedRecursive: entries({ rios: 'Read', wios: 'Write' }),
  });
}

interface HugetlbFiles {
  readonly usage: string;
  readonly max: string | null;
  readonly failcnt: string | null;
}
const V1_HUGETLB: HugetlbFiles = { usage: 'usage_in_bytes', max: 'max_usage_in_bytes', failcnt: 'failcnt' };
const V2_HUGETLB: HugetlbFiles = { usage: 'current', max: null, failcnt: null };

/** By page size (`2MB`), of which each has its own files. */
function hugetlb(
  directory: string | null,
  read: (size: string, what: string) => string | null,
  files: HugetlbFiles,
): object {
  if (directory === null) return {};
  const pattern = new RegExp(`^hugetlb\\.([^.]+)\\.${files.usage}$`);
  const sizes = readdirSync(directory).flatMap((name) => pattern.exec(name)?.[1] ?? []);
  return Object.fromEntries(
    sizes.map((size) => [
      size,
      {
        ...some({
          usage: number(read(size, files.usage)),
          max: files.max === null ? 0n : number(read(size, files.max)),
        }),
        failcnt: files.failcnt === null ? 0n : number(read(size, files.failcnt)),
      },
    ]),
  );
}
