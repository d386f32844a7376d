import { resolve } from 'node:path';
import { parseResources, readJsonFile } from '../spec/parse.js';
import type { SpecResources } from '../spec/types.js';
import { CliError } from './failure.js';
import type { Flags } from './flags.js';
import { goQuote } from './log.js';
import type { Invocation } from './main.js';
import { checkId } from './start-container.js';

const NONE: SpecResources = { devices: [], hugepageLimits: [], rdma: {}, unified: {} };

export async function update(invocation: Invocation): Promise<void> {
  const { flags, world, log } = invocation;
  const [id = ''] = invocation.args;
  checkId(id);
  const runtime = await invocation.runtime();
  runtime.state(id);
  const file = flags.string('resources');
  const resources =
    file === ''
      ? resourcesOf(flags)
      : parseResources(file === '-' ? readJsonFile(0) : readJsonFile(resolve(world.cwd, file)));
  for (const name of ['kernel-memory', 'kernel-memory-tcp'])
    if (file === '' && flags.string(name) !== '')
      log.warn(`Setting --${name} is ignored: the kernel has no such limit`);
  if (flags.string('l3-cache-schema') !== '') throw new CliError('Intel RDT/CAT: l3 cache schema is not enabled');
  if (flags.string('mem-bw-schema') !== '') throw new CliError('Intel RDT/MBA: memory bandwidth schema is not enabled');
  await runtime.update(id, unlimitedTogether(resources));
}

/** What the flags ask for. A value of 0, as in runc, leaves a limit as it is. */
export function resourcesOf(flags: Flags): SpecResources {
  const number = (name: string): bigint | undefined => {
    const text = flags.string(name);
    return text === ''
      ? undefined
      : wholeNumber(name, text, !['cpu-quota', 'cpu-rt-runtime', 'cpu-idle'].includes(name));
  };
  const bytes = (name: string): bigint | undefined => {
    const text = flags.string(name);
    return text === '' ? undefined : text === '-1' ? -1n : sizeInBytes(name, text);
  };
  const idle = number('cpu-idle');
  const cpu = some({
    shares: number('cpu-share'),
    quota: number('cpu-quota'),
    burst: number('cpu-burst'),
    period: number('cpu-period'),
    realtimeRuntime: number('cpu-rt-runtime'),
    realtimePeriod: number('cpu-rt-period'),
    cpus: flags.string('cpuset-cpus') || undefined,
    mems: flags.string('cpuset-mems') || undefined,
  });
  const memory = some({
    limit: bytes('memory'),
    reservation: bytes('memory-reservation'),
    swap: bytes('memory-swap'),
  });
  const weight = flags.int('blkio-weight');
  const pids = flags.int('pids-limit');
  return {
    ...NONE,
    ...(memory === null ? {} : { memory }),
    ...(cpu === null && idle === undefined
      ? {}
      : { cpu: { ...cpu, ...(idle === undefined ? {} : { idle: Number(idle) }) } }),
    ...(pids === 0 ? {} : { pids: { limit: BigInt(pids) } }),
    ...(weight === 0 ? {} : { blockIO: { weight, ...NO_DEVICES } }),
  };
}

const NO_DEVICES = {
  weightDevice: [],
  throttleReadBpsDevice: [],
  throttleWriteBpsDevice: [],
  throttleReadIOPSDevice: [],
  throttleWriteIOPSDevice: [],
};

/** Without what is undefined or zero; null when nothing is left. */
function some<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } | null {
  const given = Object.entries(value).filter(([, one]) => one !== undefined && one !== 0n);
  return given.length === 0 ? null : (Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> });
}

/** Memory without a limit and no word on swap: both without one, as cgroup v1 wants it. */
function unlimitedTogether(resources: SpecResources): SpecResources {
  const { memory } = resources;
  if (memory?.limit !== -1n || memory.swap !== undefined) return resources;
  return { ...resources, memory: { ...memory, swap: -1n } };
}

function wholeNumber(name: string, text: string, unsigned: boolean): bigint {
  const parse = `strconv.Parse${unsigned ? 'Uint' : 'Int'}: parsing ${goQuote(text)}`;
  if (!(unsigned ? /^\d+$/ : /^[+-]?\d+$/).test(text))
    throw new CliError(`invalid value for ${name}: ${parse}: invalid syntax`);
  const value = BigInt(text);
  if ((unsigned ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value)) !== value)
    throw new CliError(`invalid value for ${name}: ${parse}: value out of range`);
  return value;
}

/** `512`, `1.5g`, `64MiB`: 1024 to the step, as Docker's RAMInBytes. */
export function sizeInBytes(name: string, text: string): bigint {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  const power = 'kmgtp'.indexOf((match?.[2] ?? '').toLowerCase() || '?') + 1;
  if (match === null) throw new CliError(`invalid value for ${name}: invalid size: '${text}'`);
  const [, amount = ''] = match;
  return amount.includes('.')
    ? BigInt(Math.floor(Number(amount) * 1024 ** power))
    : BigInt(amount) << BigInt(10 * power);
}
