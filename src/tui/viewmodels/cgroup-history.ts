/** The last minutes of every control group: what the running chart draws and what rates are computed from. */
import type { Cgroup, Snapshot } from '../../../engine/api/types.js';
import { RingBuffer } from './ring-buffer.js';

export type Metric = 'cpu' | 'memory' | 'pids' | 'throttled' | 'oom';

export const METRICS: readonly Metric[] = ['cpu', 'memory', 'pids', 'throttled', 'oom'];

/** One reading. Counters are since the group was made; null where the controller is not there. */
export interface CgroupSample {
  readonly at: number;
  readonly memory: number | null;
  readonly pids: number | null;
  readonly cpuUs: number | null;
  readonly throttledUs: number | null;
  readonly oom: number | null;
}

const CAPACITY = 600;
/** Readings closer together than this are one: the chart's columns should be worth about the same time. */
const MIN_INTERVAL_MS = 200;

export class CgroupHistory {
  readonly #groups = new Map<string, RingBuffer<CgroupSample>>();
  readonly #capacity: number;
  #last = Number.NEGATIVE_INFINITY;

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** Note the state of all groups; forget groups that are gone. Snapshots that come too soon after the last are left out. */
  add(snapshot: Snapshot): void {
    if (snapshot.takenAt - this.#last < MIN_INTERVAL_MS) return;
    this.#last = snapshot.takenAt;
    const byPath = new Map<string, Cgroup[]>();
    for (const group of snapshot.cgroups.groups) byPath.set(group.path, [...(byPath.get(group.path) ?? []), group]);
    for (const path of this.#groups.keys()) if (!byPath.has(path)) this.#groups.delete(path);
    for (const [path, groups] of byPath) {
      const sample = sampleOf(snapshot.takenAt, groups);
      const buffer = this.#groups.get(path) ?? new RingBuffer<CgroupSample>(this.#capacity);
      const before = buffer.last();
      // A counter that runs backwards means that the group was removed and made again under the same name.
      const reborn =
        before !== undefined && ((sample.cpuUs ?? 0) < (before.cpuUs ?? 0) || (sample.oom ?? 0) < (before.oom ?? 0));
      const kept = reborn ? new RingBuffer<CgroupSample>(this.#capacity) : buffer;
      kept.push(sample);
      this.#groups.set(path, kept);
    }
  }

  /** How many samples were ever taken of a group. */
  added(path: string): number {
    return this.#groups.get(path)?.added ?? 0;
  }

  /**
   * One value for each interval between samples (for `memory` and `pids`: for each sample but the first), oldest first:
   * processors in use, bytes, processes, share of time throttled, oom kills. Null where it is unknown.
   */
  series(path: string, metric: Metric): (number | null)[] {
    const samples = this.#groups.get(path)?.toArray() ?? [];
    return samples.slice(1).map((sample, i) => intervalValue(metric, samples[i]!, sample));
  }

  /** The newest value of a series, null when there is none. */
  rate(path: string, metric: Metric): number | null {
    return this.series(path, metric).at(-1) ?? null;
  }
}

function sampleOf(at: number, groups: readonly Cgroup[]): CgroupSample {
  const memory = groups.find((group) => group.memory !== null)?.memory ?? null;
  const cpus = groups.map((group) => group.cpu).filter((cpu) => cpu !== null);
  const pids = groups.find((group) => group.pids !== null)?.pids ?? null;
  return {
    at,
    memory: memory?.usage ?? null,
    pids: pids?.current ?? null,
    cpuUs: cpus.find((cpu) => cpu.usageUs !== null)?.usageUs ?? null,
    throttledUs: cpus[0]?.throttledUs ?? null,
    oom: memory?.oomKills ?? null,
  };
}

function intervalValue(metric: Metric, before: CgroupSample, sample: CgroupSample): number | null {
  const microseconds = (sample.at - before.at) * 1000;
  const delta = (a: number | null, b: number | null): number | null =>
    a === null || b === null ? null : Math.max(0, b - a);
  switch (metric) {
    case 'memory':
      return sample.memory;
    case 'pids':
      return sample.pids;
    case 'oom':
      return delta(before.oom, sample.oom);
    case 'cpu': {
      const used = delta(before.cpuUs, sample.cpuUs);
      return used === null || microseconds <= 0 ? null : used / microseconds;
    }
    case 'throttled': {
      const waited = delta(before.throttledUs, sample.throttledUs);
      return waited === null || microseconds <= 0 ? null : waited / microseconds;
    }
  }
}
