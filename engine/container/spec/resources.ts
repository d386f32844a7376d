import { EngineError } from '../../kernel/errors.js';
import type { DeviceRule, SpecResources } from '../../runtime/spec/types.js';
import type { Resources, ThrottleDevice } from '../types.js';

/** The number of a device file; moby stats it: `stat /dev/x: no such file or directory`. */
export type DeviceNumber = (path: string) => { readonly major: number; readonly minor: number };

/** moby's own period for `--cpus`: 100 ms. */
const PERIOD_US = 100_000n;

/**
 * HostConfig's limits as the OCI config has them. Zero, null and '' say nothing in both, and are left away. moby,
 * daemon/daemon_unix.go (getMemoryResources, getCPUResources …).
 *
 * @param options `update`: of a container that has limits, which -1 takes away
 */
export function specResources(
  resources: Resources,
  devices: readonly DeviceRule[],
  deviceNumber: DeviceNumber,
  options: { readonly update?: boolean } = {},
): SpecResources {
  const memory = memoryOf(resources, options.update === true);
  const cpu = cpuOf(resources);
  const blockIO = blockIoOf(resources, deviceNumber);
  const pids = resources.PidsLimit;
  return {
    devices,
    ...(memory === null ? {} : { memory }),
    ...(cpu === null ? {} : { cpu }),
    // 0 and -1 say "no limit", which update needs to be told
    ...(pids === null ? {} : { pids: { limit: BigInt(pids <= 0 ? -1 : pids) } }),
    ...(blockIO === null ? {} : { blockIO }),
    hugepageLimits: [],
    rdma: {},
    unified: {},
  };
}

function memoryOf(one: Resources, update: boolean): NonNullable<SpecResources['memory']> | null {
  const memory = {
    ...(one.Memory > 0 ? { limit: BigInt(one.Memory) } : {}),
    ...(one.MemoryReservation > 0 ? { reservation: BigInt(one.MemoryReservation) } : {}),
    ...(one.MemorySwap > 0 || (one.MemorySwap === -1 && update) ? { swap: BigInt(one.MemorySwap) } : {}),
    ...(one.MemorySwappiness === null || one.MemorySwappiness < 0 ? {} : { swappiness: one.MemorySwappiness }),
    ...(one.OomKillDisable === null ? {} : { disableOOMKiller: one.OomKillDisable }),
  };
  return Object.keys(memory).length === 0 ? null : memory;
}

function cpuOf(one: Resources): NonNullable<SpecResources['cpu']> | null {
  if (one.CpuShares < 0) throw new EngineError('InvalidArgument', 'shares: invalid argument');
  const cpu = {
    ...(one.CpuShares > 0 ? { shares: BigInt(one.CpuShares) } : {}),
    ...(one.NanoCpus > 0 ? { period: PERIOD_US, quota: (BigInt(one.NanoCpus) * PERIOD_US) / 1_000_000_000n } : {}),
    ...(one.CpuPeriod === 0 ? {} : { period: BigInt(one.CpuPeriod) }),
    ...(one.CpuQuota === 0 ? {} : { quota: BigInt(one.CpuQuota) }),
    ...(one.CpuRealtimePeriod === 0 ? {} : { realtimePeriod: BigInt(one.CpuRealtimePeriod) }),
    ...(one.CpuRealtimeRuntime === 0 ? {} : { realtimeRuntime: BigInt(one.CpuRealtimeRuntime) }),
    ...(one.CpusetCpus === '' ? {} : { cpus: one.CpusetCpus }),
    ...(one.CpusetMems === '' ? {} : { mems: one.CpusetMems }),
  };
  return Object.keys(cpu).length === 0 ? null : cpu;
}

function blockIoOf(one: Resources, deviceNumber: DeviceNumber): NonNullable<SpecResources['blockIO']> | null {
  const throttles = (list: readonly ThrottleDevice[] | null) =>
    (list ?? []).map(({ Path, Rate }) => ({ ...deviceNumber(Path), rate: BigInt(Rate) }));
  const blockIO = {
    ...(one.BlkioWeight > 0 ? { weight: one.BlkioWeight } : {}),
    weightDevice: (one.BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({ ...deviceNumber(Path), weight: Weight })),
    throttleReadBpsDevice: throttles(one.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttles(one.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttles(one.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttles(one.BlkioDeviceWriteIOps),
  };
  const empty = Object.values(blockIO).every((value) => Array.isArray(value) && value.length === 0);
  return empty ? null : blockIO;
}
