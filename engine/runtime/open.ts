import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { EngineError } from '../kernel/errors.js';
import { parseMountinfo } from '../kernel/mountinfo.js';
import { ExternalRuntime } from './external/runtime.js';
import { Runtime, type RuntimeOptions } from './runtime.js';
import type { OciRuntime } from './types.js';

/** What holds a reactor open must be closed, or the process is kept from ending. */
export interface OpenedRuntime extends OciRuntime {
  close(): void;
}

export interface OpenOptions extends RuntimeOptions {
  /** `glassbox`: our own. Else a program with runc's command line: a name in PATH (`runc`, `crun`) or a path. Default: `runtimeSetting()`. */
  readonly runtime?: string;
}

export const OWN_RUNTIME = 'glassbox';

/** GLASSBOX_RUNTIME: which runtime the engine's containers are made with. Read here and nowhere else. */
export function runtimeSetting(env: NodeJS.ProcessEnv = process.env): string {
  const wish = env['GLASSBOX_RUNTIME'];
  return wish === undefined || wish === '' ? OWN_RUNTIME : wish;
}

/**
 * The runtime of a name on one state directory. Throws EngineError (FailedPrecondition) when its program is not there, does
 * not run, or is known to refuse this machine: better now than at the first container.
 */
export function openRuntime(options: OpenOptions): OpenedRuntime {
  const name = options.runtime ?? runtimeSetting();
  if (name === OWN_RUNTIME) return new Runtime(options);
  requireProgram(name);
  return new ExternalRuntime({
    program: name,
    root: options.root,
    ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
  });
}

/**
 * The runtime of an engine's containers. Only our own: an engine that ends, or is killed, leaves a container its streams and
 * somebody who writes down how it ended, and that is our shim, which is the first half of the container's program. Throws
 * EngineError (FailedPrecondition) for another.
 */
export function openEngineRuntime(options: RuntimeOptions, name: string): Runtime {
  if (name !== OWN_RUNTIME)
    throw new EngineError('FailedPrecondition', `cannot use the runtime ${name}: ${WHY_NOT_OTHERS}; ${OWN}`);
  return new Runtime(options);
}

/** Why an engine's containers cannot be made with another program. */
export const WHY_NOT_OTHERS = 'nobody would keep what a container prints and how it ended when the engine ends';

const OWN = "use Glassbox's own (GLASSBOX_RUNTIME=glassbox)";
const INSTEAD = `or ${OWN}`;

function requireProgram(program: string): void {
  const done = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  if (done.error !== undefined) {
    const { code } = done.error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such program' : code === 'EACCES' ? 'it may not be executed' : code;
    throw new EngineError('FailedPrecondition', `cannot use the runtime ${program}: ${why}; install it, ${INSTEAD}`, {
      cause: done.error,
    });
  }
  if (done.status !== 0) {
    const how = done.signal === null ? `exit ${done.status}` : done.signal;
    throw new EngineError(
      'FailedPrecondition',
      `cannot use the runtime ${program}: ${basename(program)} --version: ${how}; mend it, ${INSTEAD}`,
    );
  }
  const refusal = done.stdout.startsWith('crun ') ? refusalOfCrun() : null;
  if (refusal !== null)
    throw new EngineError('FailedPrecondition', `cannot use the runtime ${program}: ${refusal}; use runc, ${INSTEAD}`);
}

const UNIFIED = '/sys/fs/cgroup/unified';

/** libcrun, cgroup-setup.c: where v1 and v2 are mounted together, it takes v1 and refuses a v2 that has controllers. */
function refusalOfCrun(): string | null {
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  const typeOf = (path: string): string | undefined => mounts.findLast(({ mountPoint }) => mountPoint === path)?.fsType;
  if (typeOf('/sys/fs/cgroup') !== 'tmpfs' || typeOf(UNIFIED) !== 'cgroup2') return null;
  const controllers = readFileSync(`${UNIFIED}/cgroup.controllers`, 'utf8').trim();
  return controllers === ''
    ? null
    : `crun takes no container where cgroup v1 and v2 are mounted together and v2 has controllers (here: ${controllers})`;
}
