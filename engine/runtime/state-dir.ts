import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { CgroupState } from '../cgroup/manager.js';
import { EngineError } from '../kernel/errors.js';
import { fromExactJson, toExactJson } from '../kernel/exact-json.js';
import { hideInWords, hideValue } from '../kernel/journal/secrets.js';
import { parseStat } from '../kernel/procfs/stat.js';
import { RECORD } from '../kernel/program/record.js';
import { recordAt } from '../kernel/program/running.js';
import { replaceFileSync } from '../kernel/replace-file.js';
import { guard } from './guards.js';
import type { ContainerPlan } from './plan.js';
import type { SpecHooks } from './spec/types.js';

/** A process by what cannot be taken for another's: a pid is given again, a pid with its start time is not. */
export interface ProcessId {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, in clock ticks since boot. */
  readonly startTime: number;
}

/** What is known of a container across processes: ROOT/ID/state.json. */
export interface StateRecord {
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly created: string;
  /** Who makes it, while it is being made. */
  readonly creator: ProcessId;
  /** Null until there is one. */
  readonly init: ProcessId | null;
  readonly shim: ProcessId | null;
  readonly cgroups: CgroupState;
  /** Index of the record `start`: the container has been started when it is no longer held in the region. */
  readonly startAt: number;
  /** Index of the record that follows the startContainer hooks. */
  readonly hookedAt: number;
  /** Offset in the region of the shim's number for the terminal's master; null without. */
  readonly masterAt: number | null;
  readonly ociVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Hooks that are still to come. */
  readonly hooks: Pick<SpecHooks, 'poststart' | 'poststop'> & { readonly startContainer: boolean };
}

const STATE = 'state.json';
/** The region of the container's program. */
export const REGION_FILE = 'program';
/** siginfo_t of the container's end, written by the shim. */
export const EXIT_FILE = 'exit';
/** Everything that the container's program was built from. */
const PLAN = 'plan';
/** The state as hooks in the container read it. */
export const HOOK_STATE_FILE = 'hook-state';
/** A pipe: whoever writes to it tells the shim that the container's input has ended. */
export const CONTROL_FILE = 'control';
/** The reaper of a container that asked for one, which sees it as REAPER_PATH. */
export const REAPER_FILE = 'docker-init';
export const STATE_FILES: readonly string[] = [
  STATE,
  REGION_FILE,
  EXIT_FILE,
  PLAN,
  HOOK_STATE_FILE,
  CONTROL_FILE,
  REAPER_FILE,
  `${STATE}~`,
  `${PLAN}~`,
];

/** Plans read lately, by their file: whoever executes programs in a container asks for its plan each time. */
const plans = new Map<string, { readonly version: string; readonly plan: ContainerPlan }>();
const PLANS = 8;

/** Lists of words in a plan that may hold secrets. */
const WORDS = /"(env|args)":(\[(?:"(?:[^"\\]|\\.)*",?)*\])/g;

/** The directory of one container below the runtime's root. Only for us: it says what everybody runs (CVE-2024-25621). */
export class StateDir {
  readonly path: string;
  readonly id: string;

  constructor(root: string, id: string) {
    this.id = id;
    this.path = join(root, checkedId(id));
  }

  /**
   * Make it, with its state in it from the first moment: who finds it can tell what belongs to it and whether somebody still
   * works on it. Somebody else's container of that id is an error. Null: of another kind, without a state of ours.
   */
  make(state: StateRecord | null): void {
    const isPrivate = guard('private-state-dir');
    mkdirSync(dirname(this.path), { recursive: true, mode: isPrivate ? 0o711 : 0o755 });
    // `~` is in no id: what a killed maker leaves under that name is no container's
    const unborn = join(dirname(this.path), `~${this.id}.${process.pid}`);
    makeAnew(unborn, isPrivate ? 0o700 : 0o755);
    try {
      chmodSync(unborn, isPrivate ? 0o700 : 0o755);
      if (state !== null)
        writeFileSync(join(unborn, STATE), JSON.stringify(state), { mode: isPrivate ? 0o600 : 0o644 });
      renameSync(unborn, this.path);
    } catch (error) {
      rmSync(unborn, { recursive: true, force: true });
      if (['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? ''))
        throw new EngineError('AlreadyExists', 'container with given ID already exists');
      throw error;
    }
  }

  file(name: string): string {
    return join(this.path, name);
  }

  write(state: StateRecord): void {
    this.#replace(STATE, JSON.stringify(state));
  }

  writePlan(plan: ContainerPlan): void {
    this.#replace(PLAN, toExactJson(plan));
  }

  /** For hooks in the container, which have the file open. */
  writeHookState(text: string): void {
    if (existsSync(this.file(HOOK_STATE_FILE))) writeFileSync(this.file(HOOK_STATE_FILE), text);
  }

  /** The plan as it may be kept when the container is gone: in bytes, without passwords and without values of variables but PATH. */
  planToTell(): () => ContainerPlan {
    const text = readFileSync(this.file(PLAN), 'utf8').replace(WORDS, (_, name: string, list: string) => {
      const words = JSON.parse(list) as string[];
      const shown =
        name === 'args' ? hideInWords(words) : words.map((one) => (one.startsWith('PATH=') ? one : hideValue(one)));
      return `"${name}":${JSON.stringify(shown)}`;
    });
    const bytes = Buffer.from(text);
    return () => fromExactJson(bytes.toString()) as ContainerPlan;
  }

  readPlan(): ContainerPlan {
    const path = this.file(PLAN);
    const fd = openSync(path, 'r');
    try {
      const { ino, size, mtimeNs } = fstatSync(fd, { bigint: true });
      const version = `${ino} ${size} ${mtimeNs}`;
      const known = plans.get(path);
      const plan = known?.version === version ? known.plan : (fromExactJson(readFileSync(fd, 'utf8')) as ContainerPlan);
      plans.delete(path);
      plans.set(path, { version, plan });
      for (const oldest of plans.keys()) if (plans.size > PLANS) plans.delete(oldest);
      return plan;
    } finally {
      closeSync(fd);
    }
  }

  /** At once: a reader sees the old content or the new one. */
  #replace(name: string, content: string | Uint8Array): void {
    replaceFileSync(this.file(name), content, { mode: guard('private-state-dir') ? 0o600 : 0o644 });
  }

  read(): StateRecord {
    let text: string;
    try {
      text = readFileSync(this.file(STATE), 'utf8');
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
        throw new EngineError('NotFound', 'container does not exist', { cause: error });
      throw error;
    }
    return JSON.parse(text) as StateRecord;
  }

  /** As `read`, null where there is none. */
  tryRead(): StateRecord | null {
    try {
      return this.read();
    } catch (error) {
      if (error instanceof EngineError && error.code === 'NotFound') return null;
      throw error;
    }
  }

  exists(): boolean {
    return existsSync(this.path);
  }

  /** Uid of whom it belongs to. */
  owner(): number {
    return statSync(this.path).uid;
  }

  /** Whether a record of the container's program still waits: read from the region's file. */
  isHeld(record: number): boolean {
    const word = Buffer.alloc(4);
    const fd = openSync(this.file(REGION_FILE), 'r');
    try {
      readSync(fd, word, 0, 4, recordAt(record) + RECORD.hold);
    } finally {
      closeSync(fd);
    }
    return word.readUInt32LE(0) !== 0;
  }

  remove(): void {
    plans.delete(this.file(PLAN));
    // looked at first: an error for each file that is not there takes longer
    const there = namesIn(this.path);
    for (const name of STATE_FILES) if (there === null || there.includes(name)) tryUnlink(this.file(name));
    try {
      rmdirSync(this.path);
    } catch (error) {
      // something that no container of ours has: all of it is below a directory of ours
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') rmSync(this.path, { recursive: true, force: true });
    }
  }
}

/** Null where it cannot be looked at: without a descriptor left, files can still be removed by their names. */
function namesIn(path: string): string[] | null {
  try {
    return readdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') return null;
    if (code !== 'ENOENT') throw error;
    return [];
  }
}

function makeAnew(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { mode });
  }
}

function tryUnlink(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Ids of all containers below a root, sorted. */
export function containerIds(root: string): string[] {
  try {
    return readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && ID.test(entry.name))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

const ID = /^[\w+\-.]+$/;

function checkedId(id: string): string {
  if (!ID.test(id) || id === '.' || id === '..')
    throw new EngineError('InvalidArgument', 'invalid container ID format');
  return id;
}

let own: ProcessId | undefined;

/** This process. */
export function ourselves(): ProcessId {
  own ??= processOf(process.pid) ?? { pid: process.pid, startTime: 0 };
  return own;
}

/** The process of a pid as it is now, null when there is none or only its zombie. */
export function processOf(pid: number): ProcessId | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
  const stat = parseStat(text);
  return stat === null || stat.state === 'Z' || stat.state === 'X' ? null : { pid, startTime: stat.startTime };
}

/** Whether a process is still the one that was meant. */
export function isAlive(process: ProcessId | null): boolean {
  return process !== null && processOf(process.pid)?.startTime === process.startTime;
}
