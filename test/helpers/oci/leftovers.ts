import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { World } from './world.js';

/** What lies outside of a container: mounts of this namespace, processes. */
export interface Outside {
  readonly mounts: readonly string[];
  readonly pids: ReadonlySet<string>;
}

export function outside(_world: World): Outside {
  return { mounts: mountPoints(), pids: new Set(pids()) };
}

function mountPoints(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
}

const pids = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

/** Processes that are new and more than the remains of one. */
function newProcesses(before: Outside): { pid: string; name: string }[] {
  return pids().flatMap((pid) => {
    if (before.pids.has(pid)) return [];
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return /^State:\s+Z/m.test(status) ? [] : [{ pid, name: /^Name:\s+(.*)/m.exec(status)?.[1] ?? '' }];
    } catch (error) {
      if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  });
}

function newMounts(before: Outside): string[] {
  const known = [...before.mounts];
  return mountPoints().filter((path) => {
    const at = known.indexOf(path);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
}

async function settled<T>(read: () => T[]): Promise<T[]> {
  const deadline = performance.now() + 1500;
  for (;;) {
    const found = read();
    if (found.length === 0 || performance.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What a run left: mounts, groups, state, processes. Each gets a moment to go. */
export async function leftovers(world: World, before: Outside): Promise<Record<string, readonly string[]>> {
  const state = (): string[] => (existsSync(world.state) ? readdirSync(world.state) : []);
  return {
    'left: processes': (await settled(() => newProcesses(before))).map(({ name }) => name),
    'left: mounts': newMounts(before),
    'left: groups': await settled(() => world.groups()),
    'left: state': state(),
  };
}

/** Remove what a run left, so that the next one begins where this one began. */
export async function cleanAfter(world: World, before: Outside): Promise<void> {
  await settled(() => {
    for (const { pid } of newProcesses(before)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    return newProcesses(before);
  });
  for (const path of newMounts(before).reverse()) execFileSync('umount', ['-l', path]);
  world.removeGroups();
  rmSync(world.state, { recursive: true, force: true });
}
