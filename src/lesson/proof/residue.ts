/** Point 11: what a lab could leave on the machine, looked at before and after. It fails when it cannot look. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { LabInfo } from '../../../engine/api/types.js';

export interface MachineState {
  readonly interfaces: readonly string[];
  readonly mounts: readonly string[];
}

export function machineState(): MachineState {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ').slice(3, 5).join(' '));
  if (mounts.length === 0) throw new Error('cannot read /proc/self/mountinfo');
  return { interfaces: readdirSync('/sys/class/net').sort(), mounts: mounts.sort() };
}

/** Namespaces of a lab's pid 1, held so that no other lab is given their numbers before they have been looked for. */
export interface HeldNamespaces {
  readonly names: readonly string[];
  readonly fds: readonly number[];
}

export function labNamespaces(info: LabInfo): HeldNamespaces {
  const paths = ['pid', 'net', 'mnt', 'uts', 'ipc'].map((kind) => `/proc/${info.initHostPid}/ns/${kind}`);
  return { names: paths.map((path) => readlinkSync(path)), fds: paths.map((path) => openSync(path, 'r')) };
}

/** How long what was killed may take to be buried, on a machine that does other work. */
const BURIAL_MS = 20_000;

/** What is still left some time after the end; nothing as soon as nothing is. */
export async function residue(before: MachineState, held: HeldNamespaces): Promise<string[]> {
  const deadline = performance.now() + BURIAL_MS;
  try {
    for (;;) {
      const left = leftNow(before, held.names);
      if (left.length === 0 || performance.now() > deadline) return left;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    for (const fd of held.fds) closeSync(fd);
  }
}

/** Interfaces or mounts that were not there, processes in the lab's namespaces. */
function leftNow(before: MachineState, namespaces: readonly string[]): string[] {
  const after = machineState();
  const left = [
    ...after.interfaces.filter((name) => !before.interfaces.includes(name)).map((name) => `interface ${name}`),
    ...after.mounts.filter((mount) => !before.mounts.includes(mount)).map((mount) => `mount ${mount}`),
  ];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    for (const kind of ['pid', 'net', 'mnt']) {
      try {
        if (namespaces.includes(readlinkSync(`/proc/${entry}/ns/${kind}`)))
          left.push(`process ${entry} in the lab's ${kind} namespace`);
      } catch (error) {
        // Processes end while we look, and those of others may not be looked at.
        if (!['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      }
    }
  }
  return left;
}
