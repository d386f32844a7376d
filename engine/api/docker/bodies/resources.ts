import { cpus } from 'node:os';
import type { Resources, ThrottleDevice } from '../../../container/types.js';
import { bad, type Fields } from './fields.js';

const MIN_MEMORY = 6 << 20;

/** The limits of `create` and `update`; what is not said is 0, '' or null. */
export function parseResources(fields: Fields): Resources {
  const throttle = (name: string): ThrottleDevice[] | null =>
    fields.objects(name)?.map((one) => ({ Path: one.string('Path'), Rate: one.integer('Rate', 'uint64') })) ?? null;
  // -1 is what clients send for nothing
  const swappiness = fields.maybeInteger('MemorySwappiness');
  return {
    CpuShares: fields.integer('CpuShares'),
    Memory: fields.integer('Memory'),
    NanoCpus: fields.integer('NanoCpus'),
    CgroupParent: fields.string('CgroupParent'),
    BlkioWeight: fields.integer('BlkioWeight', 'uint16'),
    BlkioWeightDevice:
      fields.objects('BlkioWeightDevice')?.map((one) => ({
        Path: one.string('Path'),
        Weight: one.integer('Weight', 'uint16'),
      })) ?? null,
    BlkioDeviceReadBps: throttle('BlkioDeviceReadBps'),
    BlkioDeviceWriteBps: throttle('BlkioDeviceWriteBps'),
    BlkioDeviceReadIOps: throttle('BlkioDeviceReadIOps'),
    BlkioDeviceWriteIOps: throttle('BlkioDeviceWriteIOps'),
    CpuPeriod: fields.integer('CpuPeriod'),
    CpuQuota: fields.integer('CpuQuota'),
    CpuRealtimePeriod: fields.integer('CpuRealtimePeriod'),
    CpuRealtimeRuntime: fields.integer('CpuRealtimeRuntime'),
    CpusetCpus: fields.string('CpusetCpus'),
    CpusetMems: fields.string('CpusetMems'),
    Devices:
      fields.objects('Devices')?.map((one) => ({
        PathOnHost: one.string('PathOnHost'),
        PathInContainer: one.string('PathInContainer'),
        CgroupPermissions: one.string('CgroupPermissions'),
      })) ?? null,
    DeviceCgroupRules: fields.strings('DeviceCgroupRules'),
    DeviceRequests: fields.unknowns('DeviceRequests'),
    MemoryReservation: fields.integer('MemoryReservation'),
    MemorySwap: fields.integer('MemorySwap'),
    MemorySwappiness: swappiness === -1 ? null : swappiness,
    OomKillDisable: fields.maybeBoolean('OomKillDisable'),
    PidsLimit: fields.maybeInteger('PidsLimit'),
    Ulimits:
      fields.objects('Ulimits')?.map((one) => ({
        Name: one.string('Name'),
        Soft: one.integer('Soft'),
        Hard: one.integer('Hard'),
      })) ?? null,
    CpuCount: fields.integer('CpuCount'),
    CpuPercent: fields.integer('CpuPercent'),
    IOMaximumIOps: fields.integer('IOMaximumIOps', 'uint64'),
    IOMaximumBandwidth: fields.integer('IOMaximumBandwidth', 'uint64'),
  };
}

/** dockerd's verifyPlatformContainerResources, as far as it needs no knowledge of the machine's cgroups. */
export function checkResources(limits: Resources, how: 'create' | 'update'): void {
  checkMemory(limits, how);
  checkCpu(limits);
  if (limits.BlkioWeight > 0 && (limits.BlkioWeight < 10 || limits.BlkioWeight > 1000))
    bad('Range of blkio weight is from 10 to 1000');
  if (limits.IOMaximumBandwidth !== 0)
    bad('invalid option: QoS maximum bandwidth configuration is not supported on linux');
  if (limits.IOMaximumIOps !== 0) bad('invalid option: QoS maximum IOPs configuration is not supported on linux');
}

function checkMemory(limits: Resources, how: 'create' | 'update'): void {
  const { Memory, MemorySwap, MemoryReservation, MemorySwappiness } = limits;
  if (Memory !== 0 && Memory < MIN_MEMORY) bad('Minimum memory limit allowed is 6MB');
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory)
    bad('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (Memory === 0 && MemorySwap > 0 && how === 'create')
    bad('You should always set the Memory limit when using Memoryswap limit, see usage');
  if (MemorySwappiness !== null && (MemorySwappiness < 0 || MemorySwappiness > 100))
    bad(`Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`);
  if (MemoryReservation > 0 && MemoryReservation < MIN_MEMORY) bad('Minimum memory reservation allowed is 6MB');
  if (Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation)
    bad('Minimum memory limit can not be less than memory reservation limit, see usage');
}

function checkCpu(limits: Resources): void {
  const { NanoCpus, CpuPeriod, CpuQuota, CpuShares, CpuRealtimePeriod, CpuRealtimeRuntime } = limits;
  if (NanoCpus > 0 && CpuPeriod > 0) bad('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (NanoCpus > 0 && CpuQuota > 0) bad('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  const count = cpus().length;
  if (NanoCpus < 0 || NanoCpus > count * 1e9)
    bad(`range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`);
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000))
    bad('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (CpuQuota > 0 && CpuQuota < 1000) bad('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (CpuShares < 0) bad(`invalid CPU shares (${CpuShares}): value must be a positive integer`);
  if (CpuRealtimePeriod !== 0 && CpuRealtimeRuntime > CpuRealtimePeriod)
    bad('cpu real-time runtime cannot be higher than cpu real-time period');
}
