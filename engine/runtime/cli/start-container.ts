import { readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { wordsOf } from '../../kernel/errno-text.js';
import { EngineError } from '../../kernel/errors.js';
import { readSpecFile } from '../spec/parse.js';
import type { Spec, SpecProcess } from '../spec/types.js';
import type { ContainerProcess, CreateOptions, OciRuntime } from '../types.js';
import { CliError, isAborted, requireDirectory, startFailure } from './failure.js';
import { checkTerminal, type IoRequest, type ProcessIo, setUpIo, withSize } from './io.js';
import type { Invocation } from './main.js';
import { SignalForwarder } from './signals.js';
import type { StepTeller } from './step.js';
import { PROGRAM } from './table.js';

const SIGKILL = 9;

/** `create` and `run`. */
export async function startContainer(invocation: Invocation): Promise<number> {
  const { command } = invocation;
  try {
    return await makeAndStart(invocation, command.name === 'create');
  } catch (error) {
    throw new CliError(`${PROGRAM} ${command.name} failed: ${startFailure(error)}`, 1, error);
  }
}

async function makeAndStart(invocation: Invocation, createOnly: boolean): Promise<number> {
  const { flags, log } = invocation;
  const id = invocation.args[0] ?? '';
  const bundle = bundleOf(invocation);
  const spec = withListenFds(readSpecFile(configOf(invocation, bundle)), invocation.world.env);
  const process = checkProcess(spec.process);
  checkId(id);
  checkCgroupManager(invocation);
  const request = ioRequest(invocation, process, createOnly || flags.bool('detach'));
  checkTerminal(request);
  const runtime = await invocation.runtime();
  const signals = request.detach ? null : new SignalForwarder();
  const io = await setUpIo(request);
  const stepper = await stepperOf(invocation);
  try {
    const options = createOptions(invocation, {
      id,
      bundle,
      spec: { ...spec, process: withSize(process, io) },
      io,
      stepper,
    });
    const running = await runtime.create(options);
    try {
      await io.connected();
      if (createOnly) writePidFile(invocation, running.pid);
      else await runtime.start(id);
      stepper?.close();
      if (!createOnly) writePidFile(invocation, running.pid);
    } catch (error) {
      await abandon(runtime, id, running);
      throw error;
    }
    if (request.detach) {
      running.dispose();
      return 0;
    }
    const code = await supervise(running, io, signals);
    if (!flags.bool('keep'))
      await runtime.delete(id, { force: true }).catch((error: unknown) => log.error(wordsOf(error)));
    return code;
  } catch (error) {
    if (stepper !== null && isAborted(error)) stepper.sayUndone();
    throw error;
  } finally {
    stepper?.close();
    io.close();
    signals?.close();
  }
}

/** Wait for a process in the foreground; its exit code becomes ours. */
export async function supervise(
  running: ContainerProcess,
  io: ProcessIo,
  signals: SignalForwarder | null,
): Promise<number> {
  signals?.attach(running, () => io.resize());
  io.begin();
  const code = await running.wait();
  await io.finish();
  running.dispose();
  return code;
}

/** Kill what was made; the failure that led here is the one to tell. */
async function abandon(runtime: OciRuntime, id: string, running: ContainerProcess): Promise<void> {
  running.kill(SIGKILL);
  await running.wait();
  running.dispose();
  await runtime.delete(id, { force: true });
}

function createOptions(
  { flags }: Invocation,
  made: { id: string; bundle: string; spec: Spec; io: ProcessIo; stepper: StepTeller | null },
): CreateOptions {
  const { id, bundle, spec, io, stepper } = made;
  return {
    id,
    bundle,
    spec,
    stdio: io.stdio,
    ...(io.console === undefined ? {} : { console: io.console }),
    preserveFds: preservedFds(flags.int('preserve-fds'), listenFds(process.env)),
    noPivot: flags.bool('no-pivot'),
    noNewKeyring: flags.bool('no-new-keyring'),
    init: flags.bool('init'),
    shim: flags.bool('shim'),
    ...(stepper === null
      ? {}
      : {
          planned: (program) => stepper.planned?.(program),
          step: (record) => stepper.before(record),
          stepped: (record) => stepper.after(record),
        }),
  };
}

/** Who is told of each system call, where that was asked for. */
async function stepperOf({ command, flags, world }: Invocation): Promise<StepTeller | null> {
  if (command.name !== 'run') return null;
  const fd = flags.int('step-fd');
  if (fd > 0) return new (await import('./step-wire.js')).StepWire(fd);
  return flags.bool('step') ? new (await import('./step.js')).Stepper(world) : null;
}

export function ioRequest({ flags, world }: Invocation, process: SpecProcess, detach: boolean): IoRequest {
  const socket = flags.string('console-socket');
  return {
    terminal: process.terminal === true,
    detach,
    consoleSocket: socket === '' ? '' : resolve(world.cwd, socket),
    shim: flags.bool('shim'),
  };
}

function bundleOf({ flags, world }: Invocation): string {
  const given = flags.string('bundle');
  const bundle = resolve(world.cwd, given);
  requireDirectory(bundle, given);
  return bundle;
}

function configOf({ flags, world }: Invocation, bundle: string): string {
  const given = flags.string('config');
  return given === '' ? join(bundle, 'config.json') : resolve(world.cwd, given);
}

function checkCgroupManager({ globals }: Invocation): void {
  const manager = globals.string('cgroup-manager');
  if (globals.bool('systemd-cgroup') || manager === 'systemd')
    throw new CliError(
      'systemd cgroup flag passed, but control groups are managed as files here: configure the cgroupfs driver in the engine that passes it',
    );
  if (manager !== 'cgroupfs') throw new CliError(`unknown cgroup manager: ${manager}`);
}

/** The names that runc allows: they become a directory. */
export function checkId(id: string): void {
  if (id === '') throw new CliError('container id cannot be empty');
  if (!/^[\w+\-.]+$/.test(id) || id === '.' || id === '..')
    throw new EngineError('InvalidArgument', 'invalid container ID format');
}

/** runc's sentences (validateProcessSpec of utils_linux.go). */
export function checkProcess(process: SpecProcess | undefined): SpecProcess {
  if (process === undefined) throw new CliError('process property must not be empty');
  if (process.cwd === '') throw new CliError('Cwd property must not be empty');
  if (!process.cwd.startsWith('/')) throw new CliError('Cwd must be an absolute path');
  if (process.args.length === 0) throw new CliError('args must not be empty');
  return process;
}

/** Descriptors that systemd's socket activation gave us (sd_listen_fds(3)); they are the container's. */
function listenFds(env: Readonly<Record<string, string | undefined>>): number {
  const count = Number(env['LISTEN_FDS'] ?? '0');
  return env['LISTEN_PID'] === String(process.pid) && Number.isInteger(count) && count > 0 ? count : 0;
}

function withListenFds(spec: Spec, env: Readonly<Record<string, string | undefined>>): Spec {
  const count = listenFds(env);
  if (count === 0 || spec.process === undefined) return spec;
  const { process } = spec;
  return { ...spec, process: { ...process, env: [...process.env, `LISTEN_FDS=${count}`, 'LISTEN_PID=1'] } };
}

/**
 * How many descriptors from 3 on are for the container. Each must have been given to us: Node's own first descriptor, at
 * the lowest number that was free, is an epoll one, so a range without holes that has none of these holds none of Node's.
 */
export function preservedFds(asked: number, listen: number): number {
  for (let index = 0; index < listen + asked; index++) {
    const path = `/proc/self/fd/${index + 3}`;
    const target = linkOf(path);
    if (target === null || target === 'anon_inode:[eventpoll]')
      throw new CliError(
        `unable to stat preserved-fd ${index - listen} (of ${asked}): stat ${path}: no such file or directory`,
      );
  }
  return listen + asked;
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Complete as soon as it is seen: who waits for it may read at once. */
export function writePidFile({ flags, world }: Invocation, pid: number): void {
  if (flags.string('pid-file') === '') return;
  const path = resolve(world.cwd, flags.string('pid-file'));
  const unfinished = join(dirname(path), `.${basename(path)}`);
  writeFileSync(unfinished, String(pid), { flag: 'wx', mode: 0o666 });
  try {
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}
