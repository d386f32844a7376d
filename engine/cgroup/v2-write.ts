import { existsSync } from 'node:fs';
import { wordsOf } from '../kernel/errno-text.js';
import { EngineError } from '../kernel/errors.js';
import type { RecordChange } from './changes.js';
import { errnoName, readControl, readControlIfThere, writeControl } from './control-file.js';
import { ioWeightOfBlkio, limitText, swapMax, weightOfShares } from './convert.js';
import type { Resources, ThrottleDevice } from './resources.js';
import { rdmaLines } from './v1-write.js';

type Write = (file: string, value: string | readonly string[]) => void;

/**
 * Write limits to a v2 group, in runc's order; devices are a program and not a file (`device-bpf.ts`). What is not asked
 * for is not touched. libcontainer/cgroups/fs2; Documentation/admin-guide/cgroup-v2.rst.
 */
export function writeV2(directory: string, resources: Resources, record?: RecordChange): void {
  const write: Write = (file, value) => writeControl(`${directory}/${file}`, value, record);
  const { pids, memory, blockIO, cpu, hugepageLimits, rdma, unified } = resources;
  const limit = limitText(pids?.limit);
  if (limit !== null) write('pids.max', limit);
  if (memory !== undefined) setMemory(directory, write, memory);
  if (blockIO !== undefined) setIo(directory, write, blockIO);
  if (cpu !== undefined) setCpu(write, cpu);
  if (cpu?.cpus) write('cpuset.cpus', cpu.cpus);
  if (cpu?.mems) write('cpuset.mems', cpu.mems);
  for (const { pageSize, limit: bytes } of hugepageLimits) {
    write(`hugetlb.${pageSize}.max`, String(bytes));
    const reserved = `hugetlb.${pageSize}.rsvd.max`;
    if (existsSync(`${directory}/${reserved}`)) write(reserved, String(bytes));
  }
  if (Object.keys(rdma).length > 0) write('rdma.max', rdmaLines(rdma));
  for (const [file, text] of Object.entries(unified)) setUnified(directory, write, file, text);
}

/** swap, then memory: on v2 the two are independent. Swappiness and the OOM switch have no counterpart, as in runc. */
function setMemory(directory: string, write: Write, memory: NonNullable<Resources['memory']>): void {
  const limit = memory.limit ?? 0n;
  const swap = memory.swap ?? 0n;
  if (limit === 0n && swap === 0n && !memory.reservation) return;
  if (memory.checkBeforeUpdate) refuseBelowUsage(directory, limit, swap);
  const swapText = swapMax(swap, limit);
  if (swapText !== null) {
    try {
      write('memory.swap.max', swapText);
    } catch (error) {
      // a kernel without swap accounting has nothing to forbid or to allow
      if (errnoName(error) !== 'ENOENT' || (swapText !== 'max' && swapText !== '0')) throw error;
    }
  }
  const limitValue = limitText(limit);
  if (limitValue !== null) write('memory.max', limitValue);
  const low = limitText(memory.reservation);
  if (low !== null) write('memory.low', low);
}

/** v2 kills where v1 refused: a limit below what is in use. The specification lets the caller ask for v1's way. */
function refuseBelowUsage(directory: string, limit: bigint, swap: bigint): void {
  const text = readControlIfThere(`${directory}/memory.current`);
  if (text === null) return;
  const usage = BigInt(text);
  if (swap > 0n && swap <= usage)
    throw new EngineError('FailedPrecondition', `rejecting memory+swap limit ${swap} <= usage ${usage}`);
  if (limit > 0n && limit <= usage)
    throw new EngineError('FailedPrecondition', `rejecting memory limit ${limit} <= usage ${usage}`);
}

function setIo(directory: string, write: Write, io: NonNullable<Resources['blockIO']>): void {
  if (io.weight || io.weightDevice.length > 0) {
    const bfq = readControlIfThere(`${directory}/io.bfq.weight`);
    if (io.weight) {
      if (bfq !== null) write('io.bfq.weight', String(io.weight));
      else write('io.weight', String(ioWeightOfBlkio(io.weight)));
    }
    // BFQ has weights of single devices since Linux 5.4, and then says `default` before the general one
    if (bfq !== null && !/^\d+$/.test(bfq))
      for (const { major, minor, weight } of io.weightDevice)
        if (weight) write('io.bfq.weight', `${major}:${minor} ${weight}`);
  }
  const lines = (key: string, devices: readonly ThrottleDevice[]): string[] =>
    devices.map(({ major, minor, rate }) => `${major}:${minor} ${key}=${rate === 0n ? 'max' : rate}`);
  const all = [
    ...lines('rbps', io.throttleReadBpsDevice),
    ...lines('wbps', io.throttleWriteBpsDevice),
    ...lines('riops', io.throttleReadIOPSDevice),
    ...lines('wiops', io.throttleWriteIOPSDevice),
  ];
  if (all.length > 0) write('io.max', all);
}

function setCpu(write: Write, cpu: NonNullable<Resources['cpu']>): void {
  if (cpu.idle !== undefined) write('cpu.idle', String(cpu.idle));
  if (cpu.shares) write('cpu.weight', String(weightOfShares(cpu.shares)));
  let burstLater = false;
  if (cpu.burst !== undefined) {
    try {
      write('cpu.max.burst', String(cpu.burst));
    } catch (error) {
      // longer than the quota of now allows: once more after the quota
      if (errnoName(error) !== 'EINVAL' || !cpu.quota) throw error;
      burstLater = true;
    }
  }
  if (cpu.quota || cpu.period) {
    const quota = (cpu.quota ?? 0n) > 0n ? String(cpu.quota) : 'max';
    write('cpu.max', `${quota} ${cpu.period || 100_000}`);
  }
  if (burstLater) write('cpu.max.burst', String(cpu.burst));
}

/** Files by their own names, several lines one by one: io.max takes one device at a time. */
function setUnified(directory: string, write: Write, file: string, text: string): void {
  if (file.includes('/'))
    throw new EngineError('InvalidArgument', `unified resource "${file}" must be a file name (no slashes)`);
  try {
    write(file, text.includes('\n') ? text.split('\n').filter((line) => line !== '') : text);
  } catch (error) {
    const code = errnoName(error) ?? '';
    if (code === 'ENOENT' || code === 'EPERM' || code === 'EACCES') {
      const [controller = '', parameter] = file.split('.', 2);
      if (parameter === undefined)
        throw new EngineError('InvalidArgument', `unified resource "${file}" must be in the form CONTROLLER.PARAMETER`);
      const available = readControl(`${directory}/cgroup.controllers`).split(' ');
      if (controller !== 'cgroup' && !available.includes(controller))
        throw new EngineError(
          'FailedPrecondition',
          `unified resource "${file}" can't be set: controller "${controller}" not available`,
        );
    }
    throw new EngineError('InvalidArgument', `unable to set unified resource "${file}": ${wordsOf(error)}`, {
      cause: error,
    });
  }
}
