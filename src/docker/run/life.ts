import { EngineError } from '../client/engine.js';
import { type Handler, say, warn } from '../context.js';
import { CliError, messageOf } from '../errors.js';
import { parseDecimal, parseSize } from '../opts/numbers.js';
import { parseRestartPolicy } from '../opts/restart.js';
import { container, forEach } from './each.js';

/** Commands that change the state of existing containers. */

const timeout = (flags: { changed(name: string): boolean; number(name: string): number }): number | undefined =>
  flags.changed('timeout') ? flags.number('timeout') : flags.changed('time') ? flags.number('time') : undefined;

export const stop: Handler = (context) => {
  const { flags, args, engine } = context;
  if (flags.changed('time') && flags.changed('timeout'))
    throw new CliError('conflicting options: cannot specify both --timeout and --time');
  const query = { t: timeout(flags), signal: flags.string('signal') || undefined };
  return forEach(context, args, (name) => engine.run('POST', container(name, '/stop'), { query }));
};

export const restart: Handler = (context) => {
  const { flags, args, engine } = context;
  if (flags.changed('time') && flags.changed('timeout'))
    throw new CliError('conflicting options: cannot specify both --timeout and --time');
  const query = { t: timeout(flags), signal: flags.string('signal') || undefined };
  return forEach(context, args, (name) => engine.run('POST', container(name, '/restart'), { query }));
};

export const kill: Handler = (context) => {
  const query = { signal: context.flags.string('signal') || undefined };
  return forEach(context, context.args, (name) => context.engine.run('POST', container(name, '/kill'), { query }));
};

export const pause: Handler = (context) =>
  forEach(context, context.args, (name) => context.engine.run('POST', container(name, '/pause')));

export const unpause: Handler = (context) =>
  forEach(context, context.args, (name) => context.engine.run('POST', container(name, '/unpause')));

export const remove: Handler = async (context) => {
  const { flags, args, engine } = context;
  const query = {
    v: flags.bool('volumes') || undefined,
    link: flags.bool('link') || undefined,
    force: flags.bool('force') || undefined,
  };
  const failures: string[] = [];
  for (const name of args) {
    const path = name.replace(/^\/+|\/+$/g, '');
    try {
      if (path === '') throw new CliError('Container name cannot be empty');
      await engine.run('DELETE', container(path), { query });
      await say(context, name);
    } catch (error) {
      if (flags.bool('force') && error instanceof EngineError && error.status === 404)
        await warn(context, error.message);
      else failures.push(messageOf(error));
    }
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
  return 0;
};

export const wait: Handler = async (context) => {
  const failures: string[] = [];
  for (const name of context.args) {
    try {
      const done = await context.engine.json<{ StatusCode: number; Error?: { Message?: string } | null }>(
        'POST',
        container(name, '/wait'),
      );
      const message = done.Error?.Message ?? '';
      if (message !== '') throw new CliError(message);
      await say(context, String(done.StatusCode));
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
  return 0;
};

export const rename: Handler = async (context) => {
  const [from = '', to = ''] = context.args.map((name) => name.trim());
  if (from === '' || to === '') throw new CliError('Error: Neither old nor new names may be empty');
  try {
    await context.engine.run('POST', container(from, '/rename'), { query: { name: to } });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new CliError(`${error.message}\nError: failed to rename container named ${from}`, 1, { cause: error });
  }
  return 0;
};

const SIZES: Readonly<Record<string, string>> = {
  memory: 'Memory',
  'memory-reservation': 'MemoryReservation',
  'memory-swap': 'MemorySwap',
  'kernel-memory': 'KernelMemory',
};
const NUMBERS: Readonly<Record<string, string>> = {
  'blkio-weight': 'BlkioWeight',
  'cpu-period': 'CpuPeriod',
  'cpu-quota': 'CpuQuota',
  'cpu-rt-period': 'CpuRealtimePeriod',
  'cpu-rt-runtime': 'CpuRealtimeRuntime',
  'cpu-shares': 'CpuShares',
  'pids-limit': 'PidsLimit',
};

export const update: Handler = async (context) => {
  const { flags, args, engine, spec } = context;
  if (!spec.flags.some(({ name }) => flags.changed(name)))
    throw new CliError('you must provide one or more flags when using this command');
  const body: Record<string, unknown> = {
    CpusetCpus: flags.string('cpuset-cpus'),
    CpusetMems: flags.string('cpuset-mems'),
  };
  for (const [name, field] of Object.entries(SIZES))
    if (flags.changed(name)) body[field] = parseSize(flags.string(name), name === 'memory-swap');
  for (const [name, field] of Object.entries(NUMBERS)) if (flags.changed(name)) body[field] = flags.number(name);
  if (flags.changed('cpus')) body['NanoCpus'] = parseDecimal(flags.string('cpus'));
  if (flags.changed('restart')) body['RestartPolicy'] = parseRestartPolicy(flags.string('restart'));
  const failures: string[] = [];
  const warnings: string[] = [];
  for (const name of args) {
    try {
      const done = await engine.json<{ Warnings?: readonly string[] | null }>('POST', container(name, '/update'), {
        body,
      });
      await say(context, name);
      warnings.push(...(done.Warnings ?? []));
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  if (warnings.length > 0) await say(context, warnings.join('\n'));
  if (failures.length > 0) throw new CliError(failures.join('\n'));
  return 0;
};
