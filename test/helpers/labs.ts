import type { LabOptions } from '../../engine/api/types.js';
import type { Injection } from '../../engine/kernel/program/running.js';
import { Reactor } from '../../engine/kernel/reactor.js';
import { engineId, stateDir } from '../../engine/labhost/engine-id.js';
import { LabHost } from '../../engine/labhost/lab-host.js';
import { findHierarchies } from '../../engine/labhost/subtree.js';

let next = 1;

/** A lab host without an engine process around it; the caller closes it. */
export function startLab(options: LabOptions = {}, inject?: Injection, directory = stateDir()): LabHost {
  return LabHost.start(options, {
    engineId: engineId(),
    labId: `lab-${next++}`,
    cgroups: findHierarchies(),
    stateDir: directory,
    hasNewuidmap: true,
    ...(process.env['GLASSBOX_WRITES'] === 'disk' ? { writes: 'disk' as const } : {}),
    ...(inject === undefined ? {} : { inject }),
  });
}

/** A lab host and a reactor for the time of `use`; both are closed afterwards, also when it throws. */
export async function withLab<T>(
  use: (lab: LabHost, reactor: Reactor) => Promise<T>,
  options: LabOptions = {},
): Promise<T> {
  const reactor = new Reactor();
  try {
    const lab = startLab(options);
    try {
      return await use(lab, reactor);
    } finally {
      await lab.close();
    }
  } finally {
    reactor.close();
  }
}
