import { EngineError } from '../kernel/errors.js';
import type { ContainerDeps } from './deps.js';
import { removeParts } from './lifecycle.js';
import { Live } from './live.js';
import { Spool } from './output/spool.js';
import { type ContainerRecord, hasStarted, isRunning } from './record.js';
import { cleanUp } from './start.js';
import { now, timeText } from './time.js';

export interface Restored {
  readonly record: ContainerRecord;
  /** It runs, or ended while nobody looked: its end is told like any other. */
  readonly live: Live | null;
}

/** What Docker says that a container ended with of which nobody saw the end. */
const LOST = 255;

/**
 * After a start of the engine, by what the records say and what the kernel has: a create that was cut short is undone, a removal
 * finished, a start undone; running containers are taken up again. What belongs to no container is removed.
 */
export async function restoreContainers(deps: ContainerDeps): Promise<Restored[]> {
  const { store, images, runtime } = deps;
  for (const id of store.broken) store.removeBroken(id);
  for (const [id, why] of store.damaged) deps.warn(`failed to load container ${id}: ${why}`);
  const restored: Restored[] = [];
  for (const record of store.list()) {
    if (record.phase === 'creating' || record.phase === 'removing') {
      await removeParts(deps, record, record.removesVolumes === true || record.phase === 'creating');
      store.remove(record);
      continue;
    }
    if (record.phase === 'starting') {
      await cleanUp(deps, record);
      Object.assign(record.state, {
        status: hasStarted(record) ? 'exited' : 'created',
        pid: 0,
      });
      record.phase = null;
      store.save(record);
    }
    restored.push({ record, live: await takeUp(deps, record) });
  }
  const known = new Set([...store.list().map(({ id }) => id), ...store.damaged.keys()]);
  for (const id of await images.listSnapshots()) if (!known.has(id)) await images.removeSnapshot(id);
  for (const { id } of runtime.list()) if (!known.has(id)) await runtime.delete(id, { force: true });
  await deps.networks.restore(
    restored.flatMap(({ record }) =>
      record.attachment === null ? [] : [{ container: record.id, attachment: record.attachment }],
    ),
  );
  return restored;
}

async function takeUp(deps: ContainerDeps, record: ContainerRecord): Promise<Live | null> {
  if (!isRunning(record)) {
    if (record.state.status === 'restarting') record.state.status = 'exited';
    return null;
  }
  try {
    const process = deps.runtime.reopen(record.id);
    record.state.status = deps.runtime.state(record.id).status === 'paused' ? 'paused' : 'running';
    return new Live(deps, record, process, new Spool(Live.spoolPath(deps, record.id), deps.kernel));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // the machine was started anew, or its shim was killed: nobody knows how it ended
    await cleanUp(deps, record);
    Object.assign(record.state, { status: 'exited', pid: 0, exitCode: LOST, finishedAt: timeText(now()) });
    deps.store.save(record);
    return null;
  }
}
