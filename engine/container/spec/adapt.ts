import { EngineError } from '../../kernel/errors.js';
import { READONLY_PATHS } from '../../policy/docker-defaults.js';
import type { HostConfig } from '../types.js';
import { maskedPaths } from './machine.js';
import { joinedContainer } from './modes.js';

export interface HostDefaults {
  readonly cgroup: 'v1' | 'v2';
  /** `--default-shm-size`; bytes. */
  readonly shmSize?: number;
  readonly ipcMode?: 'private' | 'shareable';
  readonly cgroupnsMode?: 'private' | 'host';
  readonly runtime: string;
  /** The whole id of a container; null: there is none of that name. */
  readonly containerId: (name: string) => string | null;
}

const SHM_SIZE = 64 << 20;

/**
 * What dockerd fills in at create, so that inspect shows it: moby, daemon/daemon_unix.go (adaptContainerSettings). Run it after
 * `verifySettings`. Names of joined containers become their ids, so that a rename does not part them. The network's
 * is looked for when the container starts; those whose label a container shares, now.
 */
export function adaptHostConfig(host: HostConfig, defaults: HostDefaults): HostConfig {
  const unlabelled = host.Privileged || host.IpcMode === 'host' || host.PidMode === 'host';
  const said = (host.SecurityOpt ?? []).some((option) => option.split('=', 1)[0] === 'label');
  const byId = (mode: string, needed: boolean): string => {
    const name = joinedContainer(mode);
    const id = name === null ? null : defaults.containerId(name);
    if (name !== null && id === null && needed) throw new EngineError('NotFound', `No such container: ${name}`);
    return id === null ? mode : `container:${id}`;
  };
  const shares = !unlabelled && !said;
  const ipc = host.IpcMode === '' ? (defaults.ipcMode ?? 'private') : byId(host.IpcMode, shares);
  return {
    ...host,
    MemorySwap: host.Memory > 0 && host.MemorySwap === 0 ? host.Memory * 2 : host.MemorySwap,
    ShmSize: host.ShmSize === 0 ? (defaults.shmSize ?? SHM_SIZE) : host.ShmSize,
    IpcMode: ipc,
    PidMode: byId(host.PidMode, shares),
    NetworkMode: byId(host.NetworkMode, false),
    CgroupnsMode: host.CgroupnsMode === '' ? cgroupns(host, defaults) : host.CgroupnsMode,
    SecurityOpt: unlabelled && !said ? [...(host.SecurityOpt ?? []), 'label=disable'] : host.SecurityOpt,
    OomKillDisable: host.OomKillDisable ?? (defaults.cgroup === 'v1' ? false : null),
    MaskedPaths: host.MaskedPaths ?? (host.Privileged ? null : maskedPaths()),
    ReadonlyPaths: host.ReadonlyPaths ?? (host.Privileged ? null : READONLY_PATHS),
    Runtime: host.Runtime === '' ? defaults.runtime : host.Runtime,
  };
}

/** A namespace of its own with v2, where the files in it are of use; on v1 as the machine's. */
function cgroupns(host: HostConfig, defaults: HostDefaults): string {
  if (defaults.cgroup === 'v2') return defaults.cgroupnsMode ?? 'private';
  return host.Privileged ? 'host' : (defaults.cgroupnsMode ?? 'host');
}
