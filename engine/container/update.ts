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
  if (restartPolicy !== null && record.hostConfig.AutoRemove && !['', 'no'].includes(restartPolicy.Name))
    throw new EngineError(
      'InvalidArgument',
      'Restart policy cannot be updated because AutoRemove is enabled for the container',
    );
  if (record.phase === 'removing' || record.state.status === 'dead')
    throw new EngineError(
      'FailedPrecondition',
      `Cannot update container ${record.id}: Container is marked for removal and cannot be "update".`,
    );
  const wished: HostConfig = {
    ...record.hostConfig,
    ...resources,
    ...(restartPolicy === null || restartPolicy.Name === '' ? {} : { RestartPolicy: restartPolicy }),
  };
  const hostConfig = withoutConflicts(record.hostConfig, wished, resources);
  const { resources: checked, warnings } = verifyResources(hostConfig, deps.facts(), true);
  if (isRunning(record) && Object.keys(resources).length > 0) {
    const { devices: _devices, ...limits } = specResources(checked, [], deps.machine.deviceNumber, { update: true });
    try {
      await deps.runtime.update(record.id, { ...limits, devices: [] });
    } catch (error) {
      throw new EngineError(
        'FailedPrecondition',
        `Cannot update container ${record.id}: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
  }
  record.hostConfig = checked;
  deps.store.save(record);
  deps.events.emit('container', 'update', record.id, attributesOf(record));
  return warnings;
}

/** moby, container/container_unix.go (UpdateContainer): what goes against what is set already. */
function withoutConflicts(
  before: HostConfig,
  after: HostConfig,
  { NanoCpus, CpuPeriod, CpuQuota, Memory, MemorySwap }: UpdateRequest['resources'],
): HostConfig {
  const conflict = (text: string): never => {
    throw new EngineError('FailedPrecondition', text);
  };
  if ((NanoCpus ?? 0) > 0 && (before.CpuPeriod > 0 || before.CpuQuota > 0))
    conflict('Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set');
  if (before.NanoCpus > 0 && (CpuPeriod ?? 0) > 0)
    conflict('Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set');
  if (before.NanoCpus > 0 && (CpuQuota ?? 0) > 0)
    conflict('Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set');
  if ((Memory ?? 0) > 0 && (MemorySwap ?? 0) === 0 && before.MemorySwap > 0 && (Memory as number) > before.MemorySwap)
    conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  return after;
}
