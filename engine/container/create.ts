import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, lstatSync } from 'node:fs';
import { hostname } from 'node:os';
import { formatPlatform, normalise, runsOn } from '../image/registry/platform.js';
import type { Image } from '../image/types.js';
import { O } from '../kernel/constants.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { undoing } from '../kernel/journal/context.js';
import { openInRoot } from '../kernel/namespaces/open-in-root.js';
import { copyTree } from '../volume/copy-up.js';
import type { ContainerDeps } from './deps.js';
import { resolveLinks } from './link-names.js';
import { checkLogConfig } from './logs/settings.js';
import { makeInRoot } from './make-in-root.js';
import { mergeConfig } from './merge-config.js';
import { resolveMounts } from './mounts/mount-list.js';
import { resolveSubpath } from './mounts/subpath.js';
import type { ResolvedMount } from './mounts/types.js';
import { makeName, verifyName } from './names.js';
import { type ContainerRecord, FIRST_STATE } from './record.js';
import { withRootfs } from './rootfs.js';
import { adaptHostConfig } from './spec/adapt.js';
import { verifySettings } from './spec/verify.js';
import { SHORT } from './store.js';
import { now, timeText } from './time.js';
import type { ContainerConfig, CreateRequest, HostConfig } from './types.js';

/** `docker create`: everything of a container but its process. All or nothing. */
export async function createContainer(
  deps: ContainerDeps,
  request: CreateRequest,
): Promise<{ record: ContainerRecord; warnings: readonly string[] }> {
  const image = request.config.Image === '' ? null : await deps.images.get(request.config.Image);
  if (image !== null) checkPlatform(request, image);
  try {
    return await makeContainer(deps, request, image);
  } catch (error) {
    // "not found" is for the image alone: clients then pull it
    if (!(error instanceof EngineError) || error.code !== 'NotFound') throw error;
    throw new EngineError('InvalidArgument', error.message, { cause: error });
  }
}

/** Not found, as with dockerd: clients then pull the one for that platform. moby, daemon/images/image.go. */
function checkPlatform({ config, platform }: CreateRequest, image: Image): void {
  if (platform === null) return;
  const own = normalise(image.config);
  const [os = '', architecture = own.architecture, variant] = platform.split('/');
  const asked = normalise({ os, architecture, ...(variant === undefined ? {} : { variant }) });
  if (runsOn(own, asked)) return;
  throw new EngineError(
    'NotFound',
    `image with reference ${config.Image} was found but its platform (${formatPlatform(own)}) does not match the specified platform (${formatPlatform(asked)})`,
  );
}

async function makeContainer(
  deps: ContainerDeps,
  request: CreateRequest,
  image: Image | null,
): Promise<{ record: ContainerRecord; warnings: readonly string[] }> {
  const { store, events } = deps;
  const merged = mergeConfig(request.config, image?.config.config ?? {});
  const verified = verifySettings(merged, request.hostConfig, deps.facts());
  const hostConfig = {
    ...adaptHostConfig(verified.hostConfig, {
      cgroup: deps.machine.cgroup,
      runtime: deps.defaultRuntime,
      containerId: (name) => store.tryFind(name)?.id ?? null,
    }),
    LogConfig: checkLogConfig(verified.hostConfig.LogConfig),
  };
  const id = randomBytes(32).toString('hex');
  const name = reserveName(deps, request.name, id);
  const undo: (() => void | Promise<void>)[] = [() => store.release(name, id)];
  try {
    const config = withHostname(verified.config, hostConfig, id);
    const links = resolveLinks(store, hostConfig);
    const record: ContainerRecord = {
      id,
      name,
      created: timeText(now()),
      config,
      hostConfig,
      imageId: image?.id ?? null,
      platform: image?.config.os ?? 'linux',
      command: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])],
      mounts: mountsOf(deps, config, hostConfig),
      endpoints: endpointsOf(request, hostConfig),
      links,
      attachment: null,
      phase: 'creating',
      state: { ...FIRST_STATE },
      restartCount: 0,
      stoppedByHand: false,
      health: null,
    };
    deps.at?.('create.record');
    store.add(record);
    undo.push(() => store.remove(record));
    deps.at?.('create.snapshot');
    await deps.images.prepareSnapshot(id, image);
    undo.push(() => deps.images.removeSnapshot(id));
    if (!['', '/'].includes(config.WorkingDir)) await makeWorkingDirectory(deps, record);
    deps.at?.('create.volumes');
    record.mounts = await takeVolumes(deps, record, undo);
    await fillVolumes(deps, record);
    record.phase = null;
    deps.at?.('create.done');
    store.keep(record);
    events.emit('container', 'create', id, attributesOf(record));
    return { record, warnings: verified.warnings };
  } catch (error) {
    await undoAll(undo, error);
    throw error;
  }
}

/** What every event of a container tells of it. */
export function attributesOf(
  record: ContainerRecord,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { ...record.config.Labels, image: record.config.Image, name: record.name, ...more };
}

/** Undo in reverse order; what cannot be undone is told with the error that it was undone for. */
export async function undoAll(undo: (() => void | Promise<void>)[], cause: unknown): Promise<void> {
  const failed: string[] = [];
  await undoing(async () => {
    for (const step of undo.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failed.push(error instanceof Error ? error.message : String(error));
      }
    }
  });
  if (failed.length > 0) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('Internal', `${text}; and not everything could be undone: ${failed.join('; ')}`, { cause });
  }
}

function reserveName({ store }: ContainerDeps, wish: string | null, id: string): string {
  const name = wish === null ? makeName((one) => store.idOfName(one) !== null) : verifyName(wish);
  store.reserve(name, id);
  return name;
}

function withHostname(config: ContainerConfig, host: HostConfig, id: string): ContainerConfig {
  if (config.Hostname !== '') return config;
  const shared = host.NetworkMode === 'host' || host.UTSMode === 'host';
  return { ...config, Hostname: shared ? hostname() : id.slice(0, SHORT) };
}

/** Volumes without a name get theirs here, before anything is made: after a kill the record says which are this container's. */
function mountsOf(deps: ContainerDeps, config: ContainerConfig, hostConfig: HostConfig): ResolvedMount[] {
  const mounts = resolveMounts({
    hostConfig,
    volumes: config.Volumes,
    mountsOf: (name) => deps.store.find(name).mounts,
    exists: existsSync,
    dataRoot: deps.store.dataRoot,
  });
  return mounts.map((mount) =>
    mount.volume?.name === ''
      ? { ...mount, volume: { ...mount.volume, name: randomBytes(32).toString('hex') } }
      : mount,
  );
}

/** What is there already must be a directory; what is not is made, with what leads to it. */
async function makeWorkingDirectory(deps: ContainerDeps, record: ContainerRecord): Promise<void> {
  const path = record.config.WorkingDir;
  await withRootfs(deps, record, async (root) => {
    let place: number;
    try {
      place = openInRoot(deps.kernel, root, path, O.PATH);
    } catch (error) {
      if (error instanceof SyscallError && error.errno === 'ENOENT') {
        makeInRoot(deps.kernel, root, path, 'directory');
        return;
      }
      if (error instanceof SyscallError && error.errno === 'ENOTDIR')
        throw new EngineError('InvalidArgument', `Cannot mkdir: ${path} is not a directory`);
      throw error;
    }
    const isDirectory = fstatSync(place).isDirectory();
    closeSync(place);
    if (!isDirectory) throw new EngineError('InvalidArgument', `Cannot mkdir: ${path} is not a directory`);
  });
}

/** By network name; a container that shares another's network has none of its own. */
function endpointsOf(request: CreateRequest, host: HostConfig): ContainerRecord['endpoints'] {
  const mode = networkOf(host);
  if (mode === null) return {};
  const wished = Object.entries(request.endpoints);
  const named = wished.filter(([name]) => name !== 'default');
  const own = named.find(([name]) => name === mode)?.[1] ?? request.endpoints['default'] ?? {};
  return Object.fromEntries([[mode, own], ...named.filter(([name]) => name !== mode)]);
}

/** The network that a mode names; null where it is another container's. */
export function networkOf({ NetworkMode }: Pick<HostConfig, 'NetworkMode'>): string | null {
  if (NetworkMode.startsWith('container:')) return null;
  return NetworkMode === 'default' || NetworkMode === '' ? 'bridge' : NetworkMode;
}

/** Make the volumes that are not there yet, and keep all of them from being removed. */
async function takeVolumes(
  deps: ContainerDeps,
  { id, mounts }: ContainerRecord,
  undo: (() => void | Promise<void>)[],
): Promise<ResolvedMount[]> {
  const taken: ResolvedMount[] = [];
  for (const mount of mounts) {
    if (mount.volume === undefined) {
      taken.push(mount);
      continue;
    }
    const { name, driver, driverOpts, labels } = mount.volume;
    const known = await deps.volumes
      .get(name)
      .catch((error: unknown) => (error instanceof EngineError ? null : Promise.reject(error as Error)));
    const volume = await deps.volumes.create({ Name: name, Driver: driver, DriverOpts: driverOpts, Labels: labels });
    if (known === null) undo.push(() => deps.volumes.remove(volume.Name, { force: true }));
    await deps.volumes.acquire(volume.Name, id);
    undo.push(() => deps.volumes.release(volume.Name, id));
    taken.push({
      ...mount,
      volume: { ...mount.volume, name: volume.Name },
      point: { ...mount.point, Name: volume.Name, Source: volume.Mountpoint, Driver: volume.Driver },
    });
  }
  return taken;
}

/** An empty volume begins with what the image has at its place. */
async function fillVolumes(deps: ContainerDeps, record: ContainerRecord): Promise<void> {
  const toFill = record.mounts.filter(({ volume, point }) => volume?.copy === true && point.Type === 'volume');
  if (toFill.length === 0) return;
  await withRootfs(deps, record, async (root) => {
    for (const { point, volume } of toFill) {
      const directory = await deps.volumes.mount(volume?.name ?? '', record.id);
      try {
        const place = placeToFill(deps, directory, volume?.subpath ?? '');
        if (place !== null) await copyTree({ root, path: point.Destination }, place, deps.kernel);
      } finally {
        await deps.volumes.unmount(volume?.name ?? '', record.id);
      }
    }
  });
}

/** Null where a subpath leads to a file, or nowhere: that is said when the container starts. */
function placeToFill(deps: ContainerDeps, directory: string, subpath: string): string | null {
  if (subpath === '') return directory;
  try {
    const place = resolveSubpath(deps.kernel, directory, subpath);
    return lstatSync(place).isDirectory() ? place : null;
  } catch (error) {
    if (error instanceof EngineError) return null;
    throw error;
  }
}
