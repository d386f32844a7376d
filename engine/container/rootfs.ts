import { mountSnapshot, unmountSnapshot } from '../image/snapshot/mount.js';
import type { MountOptions } from '../image/snapshot/types.js';
import { EngineError } from '../kernel/errors.js';
import type { ContainerDeps } from './deps.js';
import type { ContainerRecord } from './record.js';
import { isRunning } from './record.js';

function options(deps: ContainerDeps): MountOptions {
  return { kernel: deps.kernel, ...(deps.userxattr === true ? { userxattr: true } : {}) };
}

/** Mount a container's layers. Returns where they are. */
export async function mountRootfs(deps: ContainerDeps, id: string): Promise<string> {
  const snapshot = await deps.images.snapshot(id);
  mountSnapshot(snapshot, options(deps));
  return snapshot.merged;
}

/** Idempotent, also when the layers are gone. */
export async function unmountRootfs(deps: ContainerDeps, id: string): Promise<void> {
  try {
    unmountSnapshot(await deps.images.snapshot(id), deps.kernel);
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'NotFound')) throw error;
  }
}

/** Do something with a container's root file system: where it runs the one that it has, else mounted for as long as it takes. */
export async function withRootfs<T>(
  deps: ContainerDeps,
  record: ContainerRecord,
  work: (root: string) => Promise<T>,
): Promise<T> {
  if (isRunning(record)) return work((await deps.images.snapshot(record.id)).merged);
  const root = await mountRootfs(deps, record.id);
  try {
    return await work(root);
  } finally {
    await unmountRootfs(deps, record.id);
  }
}
