import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { BlkioEntry, Stats } from '../cgroup/stats.js';
import { readProc } from '../kernel/procfs/read.js';
import { NEVER } from './time.js';

/** One sample of a container, before it is put into Docker's words. */
export interface Sample {
  readonly read: number;
  readonly cgroup: 'v1' | 'v2';
  readonly stats: Stats;
  readonly system: SystemCpu;
  /** Null: the machine's own network, of which Docker tells nothing. */
  readonly networks: Readonly<Record<string, NetworkCounters>> | null;
  readonly machineMemory: number;
}

export interface SystemCpu {
  /** Nanoseconds of all processors since boot. */
  readonly usage: number;
  readonly online: number;
}

export interface NetworkCounters {
  readonly rx_bytes: number;
  readonly rx_packets: number;
  readonly rx_errors: number;
  readonly rx_dropped: number;
  readonly tx_bytes: number;
  readonly tx_packets: number;
  readonly tx_errors: number;
  readonly tx_dropped: number;
}

const TICK_NS = 10_000_000;

/** The largest number that a client reads as 64 bits without a sign after it went through a double. */
const LARGEST = 1n << 63n;
const num = (value: bigint): number => Number(value > LARGEST ? LARGEST : value);

/** proc(5), /proc/stat: user, nice, system, idle, iowait, irq and softirq, as moby counts them. */
export function parseSystemCpu(text: string): SystemCpu {
  const [, ...fields] = (/^cpu .*/m.exec(text)?.[0] ?? '').split(/\s+/);
  const ticks = fields.slice(0, 7).reduce((sum, field) => sum + Number(field), 0);
  return { usage: ticks * TICK_NS, online: (text.match(/^cpu\d+ /gm) ?? []).length };
}

/** proc(5), /proc/PID/net/dev, without the loopback. */
export function parseNetDev(text: string): Record<string, NetworkCounters> {
  const found: Record<string, NetworkCounters> = {};
  for (const line of text.split('\n')) {
    const [, name, rest] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined || name === 'lo') continue;
    const at = rest.trim().split(/\s+/).map(Number);
    const field = (n: number): number => at[n] ?? 0;
    found[name] = {
      rx_bytes: field(0),
      rx_packets: field(1),
      rx_errors: field(2),
      rx_dropped: field(3),
      tx_bytes: field(8),
      tx_packets: field(9),
      tx_errors: field(10),
      tx_dropped: field(11),
    };
  }
  return found;
}

/** @param pid of a process in the container's network namespace; null: the network is not its own */
export function takeSample(stats: Stats, cgroup: 'v1' | 'v2', pid: number | null): Sample {
  const dev = pid === null ? null : readProc(`/proc/${pid}/net/dev`);
  return {
    read: Date.now(),
    cgroup,
    stats,
    system: parseSystemCpu(readFileSync('/proc/stat', 'utf8')),
    networks: dev === null ? null : parseNetDev(dev),
    machineMemory: totalmem(),
  };
}

const BLKIO = [
  ['io_service_bytes_recursive', 'ioServiceBytesRecursive'],
  ['io_serviced_recursive', 'ioServicedRecursive'],
  ['io_queue_recursive', 'ioQueueRecursive'],
  ['io_service_time_recursive', 'ioServiceTimeRecursive'],
  ['io_wait_time_recursive', 'ioWaitTimeRecursive'],
  ['io_merged_recursive', 'ioMergedRecursive'],
  ['io_time_recursive', 'ioTimeRecursive'],
  ['sectors_recursive', 'sectorsRecursive'],
] as const;

const NO_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

function cpuStats({ stats: { cpu }, system, cgroup }: Sample): object {
  return {
    cpu_usage: {
      total_usage: num(cpu.usage.total),
      ...(cgroup === 'v1' && cpu.usage.percpu.length > 0 ? { percpu_usage: cpu.usage.percpu.map(num) } : {}),
      usage_in_kernelmode: num(cpu.usage.kernel),
      usage_in_usermode: num(cpu.usage.user),
    },
    system_cpu_usage: system.usage,
    online_cpus: system.online,
    throttling_data: {
      periods: num(cpu.throttling.periods),
      throttled_periods: num(cpu.throttling.throttledPeriods),
      throttled_time: num(cpu.throttling.throttledTime),
    },
  };
}

function memoryStats({ stats: { memory }, cgroup, machineMemory }: Sample): object {
  const { usage } = memory;
  // without a limit of its own the machine's memory is the limit
  const limit = usage.limit > BigInt(machineMemory) || usage.limit === 0n ? machineMemory : num(usage.limit);
  return {
    usage: num(usage.usage),
    ...(cgroup === 'v1' ? { max_usage: num(usage.max) } : {}),
    stats: Object.fromEntries(Object.entries(memory.raw).map(([name, value]) => [name, num(value)])),
    ...(cgroup === 'v1' && usage.failcnt > 0n ? { failcnt: num(usage.failcnt) } : {}),
    limit,
  };
}

const blkio = (list: readonly BlkioEntry[]): object[] | null =>
  list.length === 0
    ? null
    : list.map(({ major, minor, op, value }) => ({ major: num(major), minor: num(minor), op, value: num(value) }));

/**
 * GET /containers/ID/stats, one object. `sample` null: the container does not run, and has a name and an id only. moby,
 * daemon/stats_unix.go, api/types/container/stats.go.
 *
 * @param before the sample that the client saw last; null: this is the first
 */
export function dockerStats(
  container: { readonly id: string; readonly name: string },
  sample: Sample | null,
  before: Sample | null,
): object {
  const named = { name: container.name, id: container.id };
  const time = (one: Sample | null): string => (one === null ? NEVER : new Date(one.read).toISOString());
  if (sample === null)
    return {
      ...named,
      read: NEVER,
      preread: NEVER,
      pids_stats: {},
      blkio_stats: Object.fromEntries(BLKIO.map(([name]) => [name, null])),
      num_procs: 0,
      storage_stats: {},
      cpu_stats: NO_CPU,
      precpu_stats: NO_CPU,
      memory_stats: {},
    };
  const { pids, blkio: io } = sample.stats;
  return {
    ...named,
    read: time(sample),
    preread: time(before),
    pids_stats: { current: num(pids.current), ...(pids.limit > 0n ? { limit: num(pids.limit) } : {}) },
    blkio_stats: Object.fromEntries(BLKIO.map(([name, list]) => [name, blkio(io[list])])),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuStats(sample),
    precpu_stats: before === null ? NO_CPU : cpuStats(before),
    memory_stats: memoryStats(sample),
    ...(Object.keys(sample.networks ?? {}).length === 0 ? {} : { networks: sample.networks }),
  };
}

export interface StatsStream {
  readonly stream: boolean;
  readonly oneShot: boolean;
  readonly signal: AbortSignal;
  /** Null: it does not run. */
  readonly sample: () => Sample | null;
  /** False once it is removed: the stream ends. */
  readonly there?: () => boolean;
  readonly container: { readonly id: string; readonly name: string };
  /** Resolves after a time, or at once when the signal aborts. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const INTERVAL_MS = 1000;

/**
 * What a client of `stats` gets: one sample (`oneShot`), one that follows another a second before, so that a share of the
 * processor can be told, or one a second until it goes away.
 */
export async function* statsStream(options: StatsStream): AsyncIterable<object> {
  const { stream, oneShot, signal, sample, there = () => true, container, pause = sleep } = options;
  let current = sample();
  if (oneShot || (!stream && current === null)) {
    yield dockerStats(container, current, null);
    return;
  }
  let before: Sample | null = null;
  if (!stream) {
    before = current;
    await pause(INTERVAL_MS, signal);
    if (signal.aborted || !there()) return;
    yield dockerStats(container, sample(), before);
    return;
  }
  for (;;) {
    yield dockerStats(container, current, before);
    before = current;
    await pause(INTERVAL_MS, signal);
    if (signal.aborted || !there()) return;
    current = sample();
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
