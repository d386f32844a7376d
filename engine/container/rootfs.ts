import { mountSnapshot, unmountSnapshot } from '../image/snapshot/mount.js';
import type { MountOptions } from '../image/snapshot/types.js';
import { EngineError } from '../kernel/errors.js';
import type { ContainerDeps } from './deps.js';
import type { ContainerRecord } from './record.js';
import { isRunning } from './record.js';

function options(deps: ContainerDeps): MountOptions {
  return { kernel: deps.kernel, ...(deps.userxattr === true ? { userxattr: true } : {}) };
}

/** How many use a container's mounted layers at the moment: its process, and whoever looks at its files. */
const users = new WeakMap<ContainerDeps, Map<string, number>>();

function usersOf(deps: ContainerDeps): Map<string, number> {
  const known = users.get(deps) ?? new Map<string, number>();
  users.set(deps, known);
  return known;
}

/** Mount a container's layers, unless somebody has. Returns where they are. */
export async function mountRootfs(deps: ContainerDeps, id: string): Promise<string> {
  const snapshot = await deps.images.snapshot(id);
  const count = usersOf(deps).get(id) ?? 0;
  if (count === 0) mountSnapshot(snapshot, options(deps));
  usersOf(deps).set(id, count + 1);
  return snapshot.merged;
}

/** Unmount them when nobody else uses them. Idempotent, also when the layers are gone or an engine that was killed mounted them. */
export async function unmountRootfs(deps: ContainerDeps, id: string): Promise<void> {
  const count = (usersOf(deps).get(id) ?? 1) - 1;
  if (count > 0) {
    usersOf(deps).set(id, count);
    return;
  }
  usersOf(deps).delete(id);
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
