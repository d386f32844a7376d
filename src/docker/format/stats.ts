import { sprintf } from '../template/printf.js';
import type { Row } from './formatter.js';
import { bytesSize, humanSize, shortId } from './units.js';

interface Cpu {
  readonly cpu_usage?: { readonly total_usage?: number; readonly percpu_usage?: readonly number[] | null };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

/** One line of GET /containers/ID/stats, as far as it is shown. */
export interface StatsSample {
  readonly id?: string;
  readonly name?: string;
  readonly cpu_stats?: Cpu;
  readonly precpu_stats?: Cpu;
  readonly memory_stats?: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null;
  };
  readonly pids_stats?: { readonly current?: number };
}

export interface Measured {
  readonly container: string;
  readonly id: string;
  readonly name: string;
  /** Null: not measured yet. */
  readonly values: {
    readonly cpu: number;
    readonly memory: number;
    readonly limit: number;
    readonly received: number;
    readonly sent: number;
    readonly read: number;
    readonly written: number;
    readonly pids: number;
  } | null;
}

export function measure(container: string, sample: StatsSample | null): Measured {
  if (sample === null) return { container, id: '', name: '', values: null };
  const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);
  const networks = Object.values(sample.networks ?? {});
  const io = sample.blkio_stats?.io_service_bytes_recursive ?? [];
  const bytes = (letter: string): number =>
    sum(io.filter(({ op }) => op.toLowerCase().startsWith(letter)).map(({ value }) => value));
  return {
    container,
    id: sample.id ?? container,
    name: sample.name ?? '',
    values: {
      cpu: cpuPercent(sample),
      memory: memoryUsed(sample),
      limit: sample.memory_stats?.limit ?? 0,
      received: sum(networks.map(({ rx_bytes }) => rx_bytes)),
      sent: sum(networks.map(({ tx_bytes }) => tx_bytes)),
      read: bytes('r'),
      written: bytes('w'),
      pids: sample.pids_stats?.current ?? 0,
    },
  };
}

function cpuPercent({ cpu_stats: now, precpu_stats: before }: StatsSample): number {
  const used = (now?.cpu_usage?.total_usage ?? 0) - (before?.cpu_usage?.total_usage ?? 0);
  const system = (now?.system_cpu_usage ?? 0) - (before?.system_cpu_usage ?? 0);
  const processors = now?.online_cpus ?? now?.cpu_usage?.percpu_usage?.length ?? 1;
  return system > 0 && used > 0 ? (used / system) * (processors === 0 ? 1 : processors) * 100 : 0;
}

/** Without the page cache that could be given back: total_inactive_file of cgroup v1, inactive_file of v2. */
function memoryUsed({ memory_stats: memory }: StatsSample): number {
  const usage = memory?.usage ?? 0;
  const inactive = memory?.stats?.['total_inactive_file'] ?? memory?.stats?.['inactive_file'] ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

export function statsRow({ container, id, name, values }: Measured, isShort: boolean): Row {
  const or = (show: (known: NonNullable<Measured['values']>) => string): string =>
    values === null ? '--' : show(values);
  const percent = (value: number): string => sprintf('%.2f%%', [value], 100);
  return {
    Container: () => (/^[0-9a-f]{64}$/.test(container) && isShort ? shortId(container) : container),
    ID: () => (isShort ? shortId(id === '' ? container : id) : id),
    Name: () => (name === '' ? '--' : name.replace(/^\//, '')),
    CPUPerc: () => or(({ cpu }) => percent(cpu)),
    MemUsage: () => (values === null ? '-- / --' : `${bytesSize(values.memory)} / ${bytesSize(values.limit)}`),
    MemPerc: () => or(({ memory, limit }) => percent(limit === 0 ? 0 : (memory / limit) * 100)),
    NetIO: () => or(({ received, sent }) => `${humanSize(received, 3)} / ${humanSize(sent, 3)}`),
    BlockIO: () => or(({ read, written }) => `${humanSize(read, 3)} / ${humanSize(written, 3)}`),
    PIDs: () => or(({ pids }) => String(pids)),
  };
}
