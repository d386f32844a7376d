import { existsSync } from 'node:fs';
import { EngineError } from '../kernel/errors.js';
import type { RecordChange } from './changes.js';
import { errnoName, readControl, writeControl } from './control-file.js';
import type { Resources, ThrottleDevice } from './resources.js';

/** The container's directory in the hierarchy of a controller, undefined where there is none. */
export type DirectoryOf = (controller: string) => string | undefined;

type Write = (file: string, value: string | readonly string[]) => void;

/**
 * Write limits to v1 groups, in runc's order. What is not asked for is not touched: Docker's own defaults, all zero, need
 * no write at all. libcontainer/cgroups/fs; Documentation/admin-guide/cgroup-v1.
 */
export function writeV1(directoryOf: DirectoryOf, resources: Resources, record?: RecordChange): void {
  if (Object.keys(resources.unified).length > 0)
    throw new EngineError('InvalidArgument', 'invalid configuration: cannot use unified on cgroup v1');
  /** Do `set` with the controller's directory, if there is anything to do. */
  const limit = (controller: string, asked: unknown, set: (directory: string, write: Write) => void): void => {
    if (!asked) return;
    const directory = directoryOf(controller);
    if (directory === undefined)
      throw new EngineError(
        'FailedPrecondition',
        `cannot set ${controller} limit: container could not join or create cgroup`,
      );
    set(directory, (file, value) => writeControl(`${directory}/${file}`, value, record));
  };
  const { cpu, memory, pids, blockIO, hugepageLimits, network, rdma } = resources;
  limit('cpuset', cpu?.cpus || cpu?.mems, (_, write) => {
    if (cpu?.cpus) write('cpuset.cpus', cpu.cpus);
    if (cpu?.mems) write('cpuset.mems', cpu.mems);
  });
  limit('memory', memory !== undefined && asksMemory(memory), (directory, write) => {
    if (memory !== undefined) setMemory(directory, write, memory);
  });
  limit('cpu', cpu !== undefined && asksCpu(cpu), (directory, write) => {
    if (cpu !== undefined) setCpu(directory, write, cpu);
  });
  limit('pids', pids?.limit, (_, write) => write('pids.max', (pids?.limit ?? 0n) > 0n ? String(pids?.limit) : 'max'));
  limit('blkio', blockIO !== undefined && asksBlkio(blockIO), (directory, write) => {
    if (blockIO !== undefined) setBlkio(directory, write, blockIO);
  });
  limit('hugetlb', hugepageLimits.length, (directory, write) => {
    for (const { pageSize, limit: bytes } of hugepageLimits) {
      write(`hugetlb.${pageSize}.limit_in_bytes`, String(bytes));
      // reservations are counted on their own since Linux 5.7
      const reserved = `hugetlb.${pageSize}.rsvd.limit_in_bytes`;
      if (existsSync(`${directory}/${reserved}`)) write(reserved, String(bytes));
    }
  });
  limit('net_cls', network?.classID, (_, write) => write('net_cls.classid', String(network?.classID)));
  limit('net_prio', network?.priorities.length, (_, write) => {
    for (const { name, priority } of network?.priorities ?? []) write('net_prio.ifpriomap', `${name} ${priority}`);
  });
  limit('rdma', Object.keys(rdma).length, (_, write) => write('rdma.max', rdmaLines(rdma)));
}

/** A rootless runtime that could make no group may run a container, but not a limited one. */
export function refuseLimits(resources: Resources): void {
  writeV1(() => undefined, { ...resources, unified: {} });
  if (Object.keys(resources.unified).length > 0)
    throw new EngineError('FailedPrecondition', 'cannot set unified limit: container could not join or create cgroup');
}

/** `mlx4_0 hca_handle=2 hca_object=2000`; the same file on v2. */
export function rdmaLines(rdma: Resources['rdma']): string[] {
  return Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) =>
    [
      device,
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ].join(' '),
  );
}

type Memory = NonNullable<Resources['memory']>;

function asksMemory(memory: Memory): unknown {
  const { limit, swap, reservation, disableOOMKiller, swappiness } = memory;
  return limit || swap || reservation || disableOOMKiller || (swappiness !== undefined && swappiness !== -1);
}

function setMemory(directory: string, write: Write, memory: Memory): void {
  setMemoryAndSwap(directory, write, memory.limit ?? 0n, memory.swap ?? 0n);
  if (memory.reservation) write('memory.soft_limit_in_bytes', String(memory.reservation));
  if (memory.disableOOMKiller) write('memory.oom_control', '1');
  if (memory.swappiness === undefined || memory.swappiness === -1) return;
  if (memory.swappiness < 0 || memory.swappiness > 100)
    throw new EngineError(
      'InvalidArgument',
      `invalid memory swappiness value: ${memory.swappiness} (valid range is 0-100)`,
    );
  write('memory.swappiness', String(memory.swappiness));
}

/** The kernel holds memory <= memory+swap at every moment: the one that leaves room for the other goes first. */
function setMemoryAndSwap(directory: string, write: Write, limit: bigint, asked: bigint): void {
  const swapFile = 'memory.memsw.limit_in_bytes';
  const swap = limit === -1n && asked === 0n && existsSync(`${directory}/${swapFile}`) ? -1n : asked;
  const setLimit = (): void => {
    if (limit !== 0n) setLimitOrSayUsage(directory, write, limit);
  };
  const setSwap = (): void => {
    if (swap !== 0n) write(swapFile, String(swap));
  };
  const swapFirst =
    limit !== 0n && swap !== 0n && (swap === -1n || BigInt(readControl(`${directory}/memory.limit_in_bytes`)) < swap);
  if (swapFirst) setSwap();
  setLimit();
  if (!swapFirst) setSwap();
}

function setLimitOrSayUsage(directory: string, write: Write, limit: bigint): void {
  try {
    write('memory.limit_in_bytes', String(limit));
  } catch (error) {
    if (errnoName(error) !== 'EBUSY') throw error;
    const usage = readControl(`${directory}/memory.usage_in_bytes`);
    const peak = readControl(`${directory}/memory.max_usage_in_bytes`);
    throw new EngineError(
      'FailedPrecondition',
      `unable to set memory limit to ${limit} (current usage: ${usage}, peak usage: ${peak})`,
      { cause: error },
    );
  }
}

type Cpu = NonNullable<Resources['cpu']>;

function asksCpu(cpu: Cpu): unknown {
  const { shares, quota, burst, period, realtimeRuntime, realtimePeriod, idle } = cpu;
  return shares || quota || period || realtimeRuntime || realtimePeriod || idle !== undefined || burst !== undefined;
}

function setCpu(directory: string, write: Write, cpu: Cpu): void {
  if (cpu.shares) setShares(directory, write, cpu.shares);
  // A period shorter, or a burst longer, than the quota of now allows is refused: then once more after the quota.
  const again: (() => void)[] = [];
  const early = (set: () => void): void => {
    try {
      set();
    } catch (error) {
      if (errnoName(error) !== 'EINVAL') throw error;
      if (!cpu.quota) throw error;
      again.push(set);
    }
  };
  if (cpu.period) early(() => write('cpu.cfs_period_us', String(cpu.period)));
  // kernels before 5.14 have no burst
  if (cpu.burst !== undefined && existsSync(`${directory}/cpu.cfs_burst_us`))
    early(() => write('cpu.cfs_burst_us', String(cpu.burst)));
  if (cpu.quota) write('cpu.cfs_quota_us', String(cpu.quota));
  for (const set of again) set();
  if (cpu.idle !== undefined) write('cpu.idle', String(cpu.idle));
  if (cpu.realtimePeriod) write('cpu.rt_period_us', String(cpu.realtimePeriod));
  if (cpu.realtimeRuntime) write('cpu.rt_runtime_us', String(cpu.realtimeRuntime));
}

/** The kernel moves a share that is out of bounds to the bound and says nothing; runc says it. */
function setShares(directory: string, write: Write, shares: bigint): void {
  write('cpu.shares', String(shares));
  const kept = BigInt(readControl(`${directory}/cpu.shares`));
  if (shares > kept) throw new EngineError('InvalidArgument', `the maximum allowed cpu-shares is ${kept}`);
  if (shares < kept) throw new EngineError('InvalidArgument', `the minimum allowed cpu-shares is ${kept}`);
}

type BlockIO = NonNullable<Resources['blockIO']>;

function asksBlkio(io: BlockIO): unknown {
  return io.weight || io.leafWeight || io.weightDevice.length || asksThrottle(io);
}

export function asksThrottle(io: BlockIO): boolean {
  return (
    io.throttleReadBpsDevice.length +
      io.throttleWriteBpsDevice.length +
      io.throttleReadIOPSDevice.length +
      io.throttleWriteIOPSDevice.length >
    0
  );
}

function setBlkio(directory: string, write: Write, io: BlockIO): void {
  // CFQ went with Linux 5.0; its successor BFQ has files of its own
  const weight = existsSync(`${directory}/blkio.weight`) ? 'blkio.weight' : 'blkio.bfq.weight';
  if (io.weight) write(weight, String(io.weight));
  if (io.leafWeight) write('blkio.leaf_weight', String(io.leafWeight));
  for (const device of io.weightDevice) {
    const at = `${device.major}:${device.minor}`;
    if (device.weight) write(`${weight}_device`, `${at} ${device.weight}`);
    if (device.leafWeight) write('blkio.leaf_weight_device', `${at} ${device.leafWeight}`);
  }
  const throttle = (file: string, devices: readonly ThrottleDevice[]): void => {
    if (devices.length === 0) return;
    write(
      `blkio.throttle.${file}`,
      devices.map(({ major, minor, rate }) => `${major}:${minor} ${rate}`),
    );
  };
  throttle('read_bps_device', io.throttleReadBpsDevice);
  throttle('write_bps_device', io.throttleWriteBpsDevice);
  throttle('read_iops_device', io.throttleReadIOPSDevice);
  throttle('write_iops_device', io.throttleWriteIOPSDevice);
}
