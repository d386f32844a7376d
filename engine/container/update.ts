import { wordsOf } from '../kernel/errno-text.js';
import { EngineError } from '../kernel/errors.js';
import { attributesOf } from './create.js';
import type { ContainerDeps } from './deps.js';
import { type ContainerRecord, isRunning } from './record.js';
import { specResources } from './spec/resources.js';
import { verifyResources } from './spec/verify-resources.js';
import type { HostConfig, UpdateRequest } from './types.js';

/** `docker update`: new limits, in the record and, while it runs, in its control groups. All or nothing. */
export async function updateContainer(
  deps: ContainerDeps,
  record: ContainerRecord,
  { resources, restartPolicy }: UpdateRequest,
): Promise<string[]> {
  const cannot = (why: string, cause?: unknown): EngineError =>
    new EngineError('FailedPrecondition', `Cannot update container ${record.id}: ${why}`, { cause });
  if (restartPolicy !== null && record.hostConfig.AutoRemove && !['', 'no'].includes(restartPolicy.Name))
    throw cannot('Restart policy cannot be updated because AutoRemove is enabled for the container');
  if (record.phase === 'removing' || record.state.status === 'dead')
    throw cannot('Container is marked for removal and cannot be "update".');
  const wished: HostConfig = {
    ...record.hostConfig,
    ...resources,
    ...(restartPolicy === null || restartPolicy.Name === '' ? {} : { RestartPolicy: restartPolicy }),
  };
  const conflict = conflictOf(record.hostConfig, resources);
  if (conflict !== null) throw cannot(conflict);
  const { resources: checked, warnings } = verifyResources(wished, deps.facts(), true);
  if (isRunning(record) && Object.keys(resources).length > 0) {
    const { devices: _devices, ...limits } = specResources(checked, [], deps.machine.deviceNumber, { update: true });
    try {
      await deps.runtime.update(record.id, { ...limits, devices: [] });
    } catch (error) {
      throw cannot(wordsOf(error), error);
    }
  }
  record.hostConfig = checked;
  deps.store.keep(record);
  deps.events.emit('container', 'update', record.id, attributesOf(record));
  return warnings;
}

/** moby, container/container_unix.go (UpdateContainer): what goes against what is set already; null: nothing. */
function conflictOf(
  before: HostConfig,
  { NanoCpus, CpuPeriod, CpuQuota, Memory, MemorySwap }: UpdateRequest['resources'],
): string | null {
  if ((NanoCpus ?? 0) > 0 && (before.CpuPeriod > 0 || before.CpuQuota > 0))
    return 'Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set';
  if (before.NanoCpus > 0 && (CpuPeriod ?? 0) > 0)
    return 'Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set';
  if (before.NanoCpus > 0 && (CpuQuota ?? 0) > 0)
    return 'Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set';
  if ((Memory ?? 0) > 0 && (MemorySwap ?? 0) === 0 && before.MemorySwap > 0 && (Memory as number) > before.MemorySwap)
    return 'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time';
  return null;
}
