import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EngineError } from '../../kernel/errors.js';
import { parseMountinfo } from '../../kernel/mountinfo.js';
import { parseJson } from '../spec/json.js';

const INSTEAD = "or use Glassbox's own (GLASSBOX_RUNTIME=glassbox)";

/**
 * Throws EngineError (FailedPrecondition) when a runtime's program is not there, does not run, or is known to refuse this
 * machine: better now than at the first container.
 */
export function requireProgram(program: string): void {
  const done = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  if (done.error !== undefined) {
    const { code } = done.error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such program' : code === 'EACCES' ? 'it may not be executed' : code;
    throw new EngineError('FailedPrecondition', `cannot use the runtime ${program}: ${why}; install it, ${INSTEAD}`, {
      cause: done.error,
      details: { runtime: program, ...(code === 'ENOENT' ? { said: notFound(program) } : {}) },
    });
  }
  if (done.status !== 0) {
    const how = done.signal === null ? `exit ${done.status}` : done.signal;
    throw new EngineError(
      'FailedPrecondition',
      `cannot use the runtime ${program}: ${basename(program)} --version: ${how}; mend it, ${INSTEAD}`,
      { details: { runtime: program } },
    );
  }
  const refusal = done.stdout.startsWith('crun ') ? refusalOfCrun() : null;
  if (refusal !== null)
    throw new EngineError('FailedPrecondition', `cannot use the runtime ${program}: ${refusal}; use runc, ${INSTEAD}`, {
      details: { runtime: program },
    });
}

/**
 * The kinds of namespaces that a program says it knows (runtime-spec, features.md; runc from 1.1 on); null where it says nothing.
 */
export function namespacesOf(program: string): ReadonlySet<string> | null {
  const done = spawnSync(program, ['features'], { encoding: 'utf8', timeout: 10_000, maxBuffer: 1 << 20 });
  if (done.error !== undefined || done.status !== 0) return null;
  const features = parseJson(done.stdout);
  const linux: unknown = isObject(features) ? features['linux'] : undefined;
  const names: unknown = isObject(linux) ? linux['namespaces'] : undefined;
  return Array.isArray(names) ? new Set(names.filter((one) => typeof one === 'string')) : null;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** The file that is executed for a name, or a path. */
export function pathOfProgram(program: string): string {
  if (program.includes('/')) return program;
  const found = (process.env['PATH'] ?? '')
    .split(':')
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, program))
    .find(isProgram);
  if (found !== undefined) return found;
  throw new EngineError('FailedPrecondition', notFound(program), { details: { runtime: program } });
}

/** In Go's words, which docker's users know: os/exec. */
function notFound(program: string): string {
  return program.includes('/')
    ? `fork/exec ${program}: no such file or directory`
    : `exec: "${program}": executable file not found in $PATH`;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
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
