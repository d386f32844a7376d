import { posix } from 'node:path';
import { EngineError } from '../../kernel/errors.js';
import type { HostConfig, MountRequest } from '../types.js';
import { isWritable, parseBind, parseVolumesFrom } from './binds.js';
import { tmpfsData, verifyMountRequest } from './mount-request.js';
import { cleanPath, verifyTarget } from './target.js';
import type { ResolvedMount } from './types.js';

export interface MountListInput {
  readonly hostConfig: Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs' | 'VolumesFrom' | 'VolumeDriver'>;
  /** `Volumes` of the merged configuration: the image's VOLUMEs and `-v /path`. */
  readonly volumes: Readonly<Record<string, unknown>> | null;
  /** The list of another container. Throws when there is none. */
  readonly mountsOf: (container: string) => readonly ResolvedMount[];
  readonly exists: (path: string) => boolean;
  /** Where the engine keeps its data. */
  readonly dataRoot?: string;
}

const LOCAL = 'local';
/** Docker's mark on volumes whose name was made up. */
const ANONYMOUS = { 'com.docker.volume.anonymous': '' };

/**
 * All mounts of a container in one list, each destination once: what other containers have, then `Binds`, then `Mounts`, each
 * taking the place of the one before; then the volumes of the image where there is nothing yet. moby, daemon/volumes.go.
 */
export function resolveMounts(input: MountListInput): ResolvedMount[] {
  const { hostConfig, volumes } = input;
  const tmpfs = new Set(Object.keys(hostConfig.Tmpfs ?? {}).map(cleanPath));
  const list = new Map<string, ResolvedMount>();
  for (const text of hostConfig.VolumesFrom ?? []) {
    const { container, mode } = parseVolumesFrom(text);
    for (const mount of input.mountsOf(container)) list.set(mount.point.Destination, inherited(mount, mode));
  }
  const taken = new Set(tmpfs);
  const put = (mount: ResolvedMount, shown: string): void => {
    if (taken.has(mount.point.Destination)) throw new EngineError('InvalidArgument', `Duplicate mount point: ${shown}`);
    taken.add(mount.point.Destination);
    list.set(mount.point.Destination, mount);
  };
  for (const raw of hostConfig.Binds ?? []) {
    const { request, mode } = parseBind(raw, hostConfig.VolumeDriver);
    put(mountOf(request, 'bind', mode, input.dataRoot), cleanPath(request.Target));
  }
  for (const request of hostConfig.Mounts ?? []) {
    verifyMountRequest(request, input.exists);
    put(mountOf(request, 'mount', '', input.dataRoot), request.Target);
  }
  for (const path of Object.keys(volumes ?? {}).sort()) {
    // an image may say anything: what climbs out ends at the container's own root (CVE-2022-23648)
    const destination = posix.join('/', path);
    verifyTarget(destination);
    if (list.has(cleanPath(destination)) || tmpfs.has(cleanPath(destination))) continue;
    const request: MountRequest = { Type: 'volume', Target: destination };
    list.set(cleanPath(destination), mountOf(request, 'image', ''));
  }
  return [...list.values()];
}

/** With `:ro` nothing of the other container is writable; a volume's data is not copied again. */
function inherited(mount: ResolvedMount, mode: string): ResolvedMount {
  const RW = mount.point.RW && isWritable(mode);
  return {
    ...mount,
    point: { ...mount.point, RW, Mode: mode },
    from: 'volumes-from',
    ...(mount.volume === undefined ? {} : { volume: { ...mount.volume, copy: false } }),
  };
}

/**
 * What holds the engine's own mounts, or is among them, must not keep them from going away: the container gets to see when
 * they do. moby, daemon/daemon_linux.go (validateBindDaemonRoot).
 */
function propagationOf(source: string, wish: string, dataRoot: string | undefined): string {
  const isIn = (path: string, directory: string): boolean =>
    directory === '/' || path === directory || path.startsWith(`${directory}/`);
  if (dataRoot === undefined || !(isIn(source, dataRoot) || isIn(dataRoot, source)))
    return wish === '' ? 'rprivate' : wish;
  if (wish === '') return 'rslave';
  if (wish === 'rslave' || wish === 'rshared') return wish;
  const quoted = [dataRoot, source, wish].map((text) => JSON.stringify(text));
  throw new EngineError(
    'InvalidArgument',
    `invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, daemon root: ${quoted[0]}, bind mount source: ${quoted[1]}, propagation: ${quoted[2]}`,
  );
}

function mountOf(request: MountRequest, from: ResolvedMount['from'], mode: string, dataRoot?: string): ResolvedMount {
  const point = { Destination: cleanPath(request.Target), Mode: mode, RW: request.ReadOnly !== true };
  const { BindOptions: bind = {}, VolumeOptions: options = {} } = request;
  if (request.Type === 'tmpfs')
    return { point: { Type: 'tmpfs', Source: '', ...point, Propagation: '' }, from, tmpfs: tmpfsData(request) };
  if (request.Type === 'bind') {
    const source = cleanPath(request.Source ?? '');
    const Propagation = propagationOf(source, bind.Propagation ?? '', dataRoot);
    const isImplied = Propagation === 'rslave' && (bind.Propagation ?? '') === '';
    return {
      point: {
        Type: 'bind',
        Source: source,
        ...point,
        Propagation,
      },
      from,
      ...(isImplied ? { impliedSlave: true } : {}),
      createSource: from === 'bind' || bind.CreateMountpoint === true,
      ...(bind.NonRecursive === true ? { nonRecursive: true } : {}),
      ...(bind.ReadOnlyNonRecursive === true ? { readOnlyNonRecursive: true } : {}),
      ...(bind.ReadOnlyForceRecursive === true ? { readOnlyForceRecursive: true } : {}),
    };
  }
  const name = request.Source ?? '';
  const driver = (options.DriverConfig?.Name ?? '') === '' ? LOCAL : (options.DriverConfig?.Name as string);
  return {
    point: {
      Type: 'volume',
      Name: name,
      Source: '',
      Driver: driver,
      ...point,
      // SELinux's, and shown on every machine
      Mode: mode === '' && from !== 'image' && driver === LOCAL ? 'z' : mode,
      Propagation: '',
    },
    from,
    volume: {
      name,
      driver,
      driverOpts: options.DriverConfig?.Options ?? {},
      labels: { ...(name === '' ? ANONYMOUS : {}), ...options.Labels },
      copy: options.NoCopy !== true,
      subpath: options.Subpath ?? '',
    },
  };
}
