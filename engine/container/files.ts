import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { O } from '../kernel/constants.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { check } from '../kernel/kernel.js';
import { openInRoot } from '../kernel/namespaces/open-in-root.js';
import * as archive from './archive/get.js';
import * as put from './archive/put.js';
import type { ContainerTree } from './archive/resolve.js';
import * as stat from './archive/stat-path.js';
import { attributesOf } from './create.js';
import type { ContainerDeps } from './deps.js';
import { makeInRoot } from './make-in-root.js';
import { type ContainerRecord, isRunning } from './record.js';
import { mountRootfs, unmountRootfs } from './rootfs.js';
import { resolveUser } from './spec/users.js';
import type { PathStat } from './types.js';

const MS_BIND = 4096;
const MS_REC = 16384;

/** A container as a client called it, which is how messages call it. */
export interface Called {
  readonly record: ContainerRecord;
  readonly name: string;
}

export async function statPath(deps: ContainerDeps, called: Called, path: string): Promise<PathStat> {
  const { tree, leave } = await enter(deps, called);
  try {
    return stat.statPath(tree, path);
  } finally {
    await leave();
  }
}

export async function getArchive(
  deps: ContainerDeps,
  called: Called,
  path: string,
): Promise<{ stat: PathStat; tar: AsyncIterable<Uint8Array> }> {
  const { record } = called;
  const { tree, leave } = await enter(deps, called);
  try {
    const found = archive.getArchive(tree, path);
    deps.events.emit('container', 'archive-path', record.id, attributesOf(record));
    return { stat: found.stat, tar: leaving(found.tar, leave) };
  } catch (error) {
    await leave();
    throw error;
  }
}

export async function putArchive(
  deps: ContainerDeps,
  called: Called,
  path: string,
  tar: AsyncIterable<Uint8Array>,
  options: { readonly noOverwriteDirNonDir: boolean; readonly copyUidGid: boolean },
): Promise<void> {
  const { record } = called;
  const { tree, leave } = await enter(deps, called);
  try {
    // for who has no user said the archive's own holds: moby, daemon/archive_tarcopyoptions_unix.go
    const owner = options.copyUidGid && record.config.User !== '' ? resolveUser(tree.root, record.config.User) : null;
    await put.putArchive(tree, path, tar, { noOverwriteDirNonDir: options.noOverwriteDirNonDir, owner });
    deps.events.emit('container', 'extract-to-dir', record.id, attributesOf(record));
  } finally {
    await leave();
  }
}

/** `docker export`: the layers alone, without what is mounted in them. */
export async function exportRoot(deps: ContainerDeps, record: ContainerRecord): Promise<AsyncIterable<Uint8Array>> {
  if (isRunning(record)) return archive.exportRootfs((await deps.images.snapshot(record.id)).merged);
  const root = await mountRootfs(deps, record.id);
  return leaving(archive.exportRootfs(root), () => unmountRootfs(deps, record.id));
}

/** The tree as the container sees it: of a running one its own, else mounted for as long as it is looked at, with its volumes. */
async function enter(
  deps: ContainerDeps,
  { record, name }: Called,
): Promise<{ tree: ContainerTree; leave: () => Promise<void> }> {
  const rest = {
    container: name,
    mounts: record.mounts.map(({ point }) => ({ Destination: point.Destination, RW: point.RW })),
    readonlyRootfs: record.hostConfig.ReadonlyRootfs,
  };
  if (isRunning(record)) {
    const root = openOwnRoot(deps, record);
    return { tree: { root: `/proc/self/fd/${root}`, ...rest }, leave: async () => closeSync(root) };
  }
  const root = await mountRootfs(deps, record.id);
  const volumes: string[] = [];
  const leave = async (): Promise<void> => {
    await unmountRootfs(deps, record.id);
    for (const name of volumes.splice(0)) await deps.volumes.unmount(name, record.id);
  };
  try {
    for (const { point, volume } of record.mounts) {
      if (point.Type === 'tmpfs') continue;
      const source = volume === undefined ? point.Source : await deps.volumes.mount(volume.name, record.id);
      if (volume !== undefined) volumes.push(volume.name);
      bindInside(deps, root, point.Destination, posix.join(source, volume?.subpath ?? ''));
    }
    for (const name of ['resolv.conf', 'hostname', 'hosts']) {
      const file = deps.store.file(record.id, name);
      if (existsSync(file) && !record.mounts.some(({ point }) => point.Destination === `/etc/${name}`))
        bindInside(deps, root, `/etc/${name}`, file);
    }
    return { tree: { root, ...rest }, leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** The root of a container's process, by a descriptor: taken by its number, and then seen to be still its own. */
function openOwnRoot(deps: ContainerDeps, { id, state }: ContainerRecord): number {
  const root = openSync(`/proc/${state.pid}/root`, O.PATH | O.DIRECTORY | O.CLOEXEC);
  if (deps.runtime.state(id).pid === state.pid) return root;
  closeSync(root);
  throw new EngineError('FailedPrecondition', `container ${id} is not running`);
}

/** Onto a descriptor that was found inside the root; a place that is not there yet is made, as the container's start makes it. */
function bindInside(deps: ContainerDeps, root: string, path: string, source: string): void {
  let place: number;
  try {
    place = openInRoot(deps.kernel, root, path, O.PATH);
  } catch (error) {
    if (!(error instanceof SyscallError && error.errno === 'ENOENT')) throw error;
    makeInRoot(deps.kernel, root, path, statSync(source).isDirectory() ? 'directory' : 'file');
    try {
      place = openInRoot(deps.kernel, root, path, O.PATH);
    } catch (still) {
      // a link that leads nowhere is left as it is: what is mounted there is not seen
      if (still instanceof SyscallError && still.errno === 'ENOENT') return;
      throw still;
    }
  }
  try {
    check(deps.kernel, 'mount', [source, `/proc/self/fd/${place}`, null, MS_BIND | MS_REC, null], {
      while: "showing a stopped container's files",
      path,
    });
  } finally {
    closeSync(place);
  }
}

async function* leaving(tar: AsyncIterable<Uint8Array>, leave: () => Promise<void>): AsyncGenerator<Uint8Array> {
  try {
    yield* tar;
  } finally {
    await leave();
  }
}
