import type { Resources, ThrottleDevice } from '../../../container/types.js';
import type { Fields } from './fields.js';

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
