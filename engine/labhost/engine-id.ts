import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Kernel, realKernel } from '../kernel/kernel.js';
import { parseStat } from '../kernel/procfs/stat.js';
import { decideIdentity, hasNewuidmap } from './identity.js';
import { isAbandoned, removeScratch } from './scratch.js';
import { type Hierarchy, removeEngineDirectory } from './subtree.js';

/**
 * `pid-starttime-pidnamespace`: names this engine for ever, so that what a dead one left is told from what a live one
 * uses, also one of another pid namespace that shares our cgroup tree.
 */
export function engineId(): string {
  return `${process.pid}-${startTimeOf(process.pid) ?? 0}-${ownPidNamespace()}`;
}

function ownPidNamespace(): number {
  return statSync('/proc/self/ns/pid').ino;
}

function startTimeOf(pid: number): number | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.startTime ?? null;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/** Whether the engine of that id still runs. */
function isAlive(id: string): boolean {
  const [pid, start, namespace] = id.split('-').map(Number);
  if (namespace !== ownPidNamespace()) return true; // not for us to judge
  return pid !== undefined && start !== undefined && startTimeOf(pid) === start;
}

/** Where sockets go: nobody else may look into it. */
function runtimeBase(): string {
  if (process.getuid?.() === 0) return '/run/glassbox';
  const base = process.env['XDG_RUNTIME_DIR'];
  return base === undefined || base === ''
    ? join(tmpdir(), `glassbox-${process.getuid?.() ?? 0}`)
    : join(base, 'glassbox');
}

/** This engine's folder, not made yet. */
export function runtimeDirOf(id: string): string {
  return join(runtimeBase(), id);
}

/** Make it, 0700. An engine that ends at this moment may take the folder above away under our hands: then once more. */
export function makeRuntimeDir(directory: string): void {
  for (let tries = 0; ; tries++) {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === 5) throw error;
    }
  }
}

/** Remove the folder, and the one above when no other engine uses it. */
export function removeRuntimeDir(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  try {
    rmdirSync(dirname(directory));
  } catch (error) {
    if (!['ENOTEMPTY', 'ENOENT', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Kept labs and what else outlives an engine. */
export function stateDir(): string {
  if (process.getuid?.() === 0) return '/var/lib/glassbox';
  return join(process.env['XDG_STATE_HOME'] ?? join(process.env['HOME'] ?? '/tmp', '.local/state'), 'glassbox');
}

/**
 * Remove what engines that are dead left: only possible when an engine and its guard were killed together.
 * Directories of live engines are not touched.
 */
export function sweep(hierarchies: readonly Hierarchy[], state = stateDir(), kernel: Kernel = realKernel): string[] {
  const swept: string[] = [];
  for (const { base } of hierarchies) {
    for (const name of entries(base)) {
      const id = /^glassbox-(\d+-\d+-\d+)$/.exec(name)?.[1];
      if (id === undefined || isAlive(id)) continue;
      removeEngineDirectory(join(base, name));
      swept.push(join(base, name));
    }
  }
  for (const name of entries(runtimeBase())) {
    if (!/^\d+-\d+-\d+$/.test(name) || isAlive(name)) continue;
    removeRuntimeDir(join(runtimeBase(), name));
    swept.push(join(runtimeBase(), name));
  }
  const scratch = join(state, 'scratch');
  for (const name of entries(scratch)) {
    if (!/^\d+-\d+-\d+$/.test(name) || (isAlive(name) && !isAbandoned(kernel, join(scratch, name)))) continue;
    removeScratch(
      kernel,
      join(scratch, name),
      decideIdentity({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, hasNewuidmap: hasNewuidmap() }),
    );
    swept.push(join(scratch, name));
  }
  return swept;
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
