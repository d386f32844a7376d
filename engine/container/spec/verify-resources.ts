import { EngineError } from '../../kernel/errors.js';
import type { Resources } from '../types.js';

/** What the machine's cgroups can do: moby's sysinfo. */
export interface ResourceFacts {
  readonly cpus: number;
  /** Lists as the kernel prints them: `0-3,5`. */
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  readonly can: Readonly<Record<ResourceAbility, boolean>>;
}

export type ResourceAbility =
  | 'memory'
  | 'swap'
  | 'reservation'
  | 'swappiness'
  | 'oomKillDisable'
  | 'pids'
  | 'cpuShares'
  | 'cpuCfs'
  | 'cpuRealtime'
  | 'cpuset'
  | 'blkioWeight'
  | 'blkioWeightDevice'
  | 'blkioThrottle';

const MIN_MEMORY = 6 << 20;
/** Largest number of a processor or node that is looked at: a list is the user's. */
const MAX_CPUSET = 8192;

/**
 * Limits that the machine has and that go together; what the machine lacks is taken away with a warning. The texts are moby's,
 * daemon/daemon_unix.go (verifyPlatformContainerResources).
 *
 * @param update of a container that is there: a limit of swap alone then goes with the memory limit it has
 */
export function verifyResources<T extends Resources>(
  given: T,
  facts: ResourceFacts,
  update: boolean,
): { readonly resources: T; readonly warnings: string[] } {
  const warnings: string[] = [];
  let one = given.MemorySwappiness === -1 ? { ...given, MemorySwappiness: null } : given;
  const refuse = (text: string): never => {
    throw new EngineError('InvalidArgument', text);
  };
  const drop = (lacking: boolean, change: Partial<Resources>, warning: string | null): void => {
    if (!lacking) return;
    one = { ...one, ...change };
    if (warning !== null) warnings.push(warning);
  };
  const { can } = facts;

  if (one.Memory !== 0 && one.Memory < MIN_MEMORY) refuse('Minimum memory limit allowed is 6MB');
  drop(
    one.Memory > 0 && !can.memory,
    { Memory: 0, MemorySwap: -1 },
    'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
  );
  drop(
    one.Memory > 0 && one.MemorySwap !== -1 && !can.swap,
    { MemorySwap: -1 },
    'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
  );
  if (one.Memory > 0 && one.MemorySwap > 0 && one.MemorySwap < one.Memory)
    refuse('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (one.Memory === 0 && one.MemorySwap > 0 && !update)
    refuse('You should always set the Memory limit when using Memoryswap limit, see usage');
  drop(
    one.MemorySwappiness !== null && !can.swappiness,
    { MemorySwappiness: null },
    'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
  );
  if (one.MemorySwappiness !== null && (one.MemorySwappiness < 0 || one.MemorySwappiness > 100))
    refuse(`Invalid value: ${one.MemorySwappiness}, valid memory swappiness range is 0-100`);
  drop(
    one.MemoryReservation > 0 && !can.reservation,
    { MemoryReservation: 0 },
    'Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.',
  );
  if (one.MemoryReservation > 0 && one.MemoryReservation < MIN_MEMORY)
    refuse('Minimum memory reservation allowed is 6MB');
  if (one.Memory > 0 && one.MemoryReservation > 0 && one.Memory < one.MemoryReservation)
    refuse('Minimum memory limit can not be less than memory reservation limit, see usage');
  drop(
    one.OomKillDisable !== null && !can.oomKillDisable,
    { OomKillDisable: null },
    // who wants the OOM killer misses nothing
    one.OomKillDisable === true ? 'Your kernel does not support OomKillDisable. OomKillDisable discarded.' : null,
  );
  if (one.OomKillDisable === true && one.Memory === 0)
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  drop(
    one.PidsLimit !== null && !can.pids,
    { PidsLimit: null },
    (one.PidsLimit ?? 0) > 0
      ? 'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.'
      : null,
  );

  if (one.NanoCpus > 0 && one.CpuPeriod > 0) refuse('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (one.NanoCpus > 0 && one.CpuQuota > 0) refuse('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (one.NanoCpus > 0 && !can.cpuCfs)
    refuse('NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted');
  if (one.NanoCpus < 0 || one.NanoCpus > facts.cpus * 1e9)
    refuse(`range of CPUs is from 0.01 to ${facts.cpus}.00, as there are only ${facts.cpus} CPUs available`);
  drop(
    one.CpuShares > 0 && !can.cpuShares,
    { CpuShares: 0 },
    'Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.',
  );
  drop(
    (one.CpuPeriod !== 0 || one.CpuQuota !== 0) && !can.cpuCfs,
    { CpuPeriod: 0, CpuQuota: 0 },
    'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
  );
  if (one.CpuPeriod !== 0 && (one.CpuPeriod < 1000 || one.CpuPeriod > 1_000_000))
    refuse('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (one.CpuQuota > 0 && one.CpuQuota < 1000) refuse('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  drop(one.CpuPercent > 0, { CpuPercent: 0 }, 'linux does not support CPU percent. Percent discarded.');
  if ((one.CpuRealtimePeriod !== 0 || one.CpuRealtimeRuntime !== 0) && !can.cpuRealtime)
    refuse('your kernel does not support CPU real-time scheduler');
  if (one.CpuRealtimePeriod !== 0 && one.CpuRealtimeRuntime > one.CpuRealtimePeriod)
    refuse('cpu real-time runtime cannot be higher than cpu real-time period');

  drop(
    (one.CpusetCpus !== '' || one.CpusetMems !== '') && !can.cpuset,
    { CpusetCpus: '', CpusetMems: '' },
    'Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.',
  );
  verifyCpuset(one.CpusetCpus, facts.cpusetCpus, 'cpus', 'CPUs');
  verifyCpuset(one.CpusetMems, facts.cpusetMems, 'mems', 'memory nodes');

  drop(
    one.BlkioWeight > 0 && !can.blkioWeight,
    { BlkioWeight: 0 },
    'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
  );
  if (one.BlkioWeight > 0 && (one.BlkioWeight < 10 || one.BlkioWeight > 1000))
    refuse('Range of blkio weight is from 10 to 1000');
  if (one.IOMaximumBandwidth !== 0 || one.IOMaximumIOps !== 0)
    refuse('Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps');
  drop(
    (one.BlkioWeightDevice ?? []).length > 0 && !can.blkioWeightDevice,
    { BlkioWeightDevice: [] },
    'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
  );
  for (const [field, limit, kind] of [
    ['BlkioDeviceReadBps', 'BPS Block I/O read', 'Block I/O BPS read'],
    ['BlkioDeviceWriteBps', 'BPS Block I/O write', 'Block I/O BPS write'],
    ['BlkioDeviceReadIOps', 'IOPS Block read', 'Block I/O IOPS read'],
    ['BlkioDeviceWriteIOps', 'IOPS Block write', 'Block I/O IOPS write'],
  ] as const)
    drop(
      (one[field] ?? []).length > 0 && !can.blkioThrottle,
      { [field]: [] },
      `Your kernel does not support ${limit} limit or the cgroup is not mounted. ${kind} limit discarded.`,
    );
  return { resources: one, warnings };
}

/** `0-3,5` as a set; null: it is none. moby, pkg/parsers (ParseUintListMaximum). */
export function parseList(text: string): Set<number> | null {
  const found = new Set<number>();
  if (text === '') return found;
  for (const part of text.split(',')) {
    const [, first = '', last = first] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === '' || to < from || to > MAX_CPUSET) return null;
    for (let n = from; n <= to; n++) found.add(n);
  }
  return found;
}

function verifyCpuset(wanted: string, available: string, field: 'cpus' | 'mems', shown: string): void {
  const list = parseList(wanted);
  if (list === null)
    throw new EngineError(
      'InvalidArgument',
      `Invalid value ${wanted} for cpuset ${field}: invalid format: ${wanted.slice(0, 200)}`,
    );
  const there = parseList(available);
  if (there !== null && [...list].some((n) => !there.has(n)))
    throw new EngineError(
      'InvalidArgument',
      `Requested ${shown} are not available - requested ${wanted}, available: ${available}`,
    );
}
