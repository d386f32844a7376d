import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { groupsBelow } from './fences.js';

/** Ends of the command lines of processes that an engine may leave when all its containers are removed: none of a container. */
const DAEMONS = /^(dockerd|containerd|docker-proxy)$/;

function processes(): string[] {
  const ours = new Set<string>();
  const stat = (pid: string): { name: string; state: string; parent: string } => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { name: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')), state, parent };
  };
  for (let pid = String(process.pid); pid !== '0'; pid = stat(pid).parent) ours.add(pid);
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && !ours.has(pid))
    .flatMap((pid) => {
      try {
        const { name, state, parent } = stat(pid);
        // tsx's compiler is a child of this process
        if (DAEMONS.test(name) || parent === String(process.pid)) return [];
        return [
          `process ${pid} ${name} ${state} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`,
        ];
      } catch (error) {
        if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
        throw error;
      }
    });
}

/** Directories in which a runtime, a shim or an engine keeps what is about one container. */
const STATE = [
  'exec/runtime-runc/moby',
  'exec/containerd/daemon/io.containerd.runtime.v2.task/moby',
  'data/containers',
  'data/0.0/containers',
];

function look(directory: string, group: string, state: readonly string[]): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter(
      (path) => path.startsWith(`${directory}/`) && /merged|overlay2?\/|netns\/(?!default)|shm|work\//.test(path),
    );
  const files = [...state.map((path) => join(directory, path)), '/run/glassbox-runtime', '/run/runc'].flatMap((path) =>
    existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : [],
  );
  return [
    ...processes(),
    ...mounts.map((path) => `mount ${path}`),
    ...files.map((path) => `file ${path}`),
    ...groupsBelow(group)
      .filter((path) => !path.endsWith(`/${group}`) && !path.endsWith(`/${group}/conmon`)) // podman's own
      .map((path) => `cgroup ${path}`),
  ];
}

/** What containers have left, once it has settled: what is still being torn down gets 10 seconds. */
export async function leftovers(
  engine: { readonly directory: string; readonly group: string },
  state: readonly string[] = STATE,
): Promise<string[]> {
  const deadline = performance.now() + 45_000;
  for (;;) {
    const left = look(engine.directory, engine.group, state);
    if (left.length === 0 || performance.now() > deadline) return left;
    await sleep(100);
  }
}
