import { posix } from 'node:path';
import type { HealthcheckConfig } from '../../image/types.js';
import { EngineError } from '../../kernel/errors.js';
import { verifyMountRequest } from '../mounts/mount-request.js';
import { verifyTarget } from '../mounts/target.js';
import type { ContainerConfig, HostConfig, RestartPolicy } from '../types.js';
import { verifyCapabilities } from './capabilities.js';
import { isPrivateNetwork, verifyModes } from './modes.js';
import { parseSecurityOptions } from './security.js';
import { parseSignal } from './signal.js';
import { verifyExtraHosts, verifyNetworkMode, verifyPorts } from './verify-network.js';
import { type ResourceFacts, verifyResources } from './verify-resources.js';

export interface VerifyFacts extends ResourceFacts {
  /** Our own bounding set. */
  readonly capabilities: readonly string[];
  readonly ipv4Forwarding: boolean;
  readonly cgroupNamespaces: boolean;
  /** Names of runtimes that can be asked for. */
  readonly runtimes: readonly string[];
  /** Is there anything at a path of the machine? For `--mount type=bind`. */
  readonly exists: (path: string) => boolean;
}

export interface Verified {
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly warnings: string[];
}

const refuse = (text: string): never => {
  throw new EngineError('InvalidArgument', text);
};

/**
 * The checks of POST /containers/create, before anything is made; what the machine lacks is taken away with a warning.
 * Order and texts are moby's: daemon/container.go (verifyContainerSettings), daemon/daemon_unix.go.
 */
export function verifySettings(config: ContainerConfig, host: HostConfig, facts: VerifyFacts): Verified {
  verifyNetworkMode(config, host);
  const checked = verifyConfig(config);
  if (host.AutoRemove && host.RestartPolicy.Name !== '' && host.RestartPolicy.Name !== 'no')
    refuse("can't create 'AutoRemove' container with restart policy");
  for (const mount of host.Mounts ?? []) verifyMountRequest(mount, facts.exists);
  verifyExtraHosts(host.ExtraHosts ?? []);
  verifyPorts(host.PortBindings);
  verifyRestartPolicy(host.RestartPolicy);
  verifyCapabilities(host, facts.capabilities);
  if (!['', 'default'].includes(host.Isolation)) refuse(`invalid isolation '${host.Isolation}' on linux`);
  if (Object.keys(host.Annotations ?? {}).includes(''))
    refuse('invalid Annotations: the empty string is not permitted as an annotation key');

  if (host.IOMaximumBandwidth !== 0)
    refuse('invalid QoS settings: linux does not support configuration of maximum bandwidth');
  if (host.IOMaximumIOps !== 0) refuse('invalid QoS settings: linux does not support configuration of maximum IOPs');
  // no limit of processes is what a new container has anyway
  const unlimited = host.PidsLimit !== null && host.PidsLimit <= 0;
  const { resources, warnings } = verifyResources(unlimited ? { ...host, PidsLimit: null } : host, facts, false);
  verifyModes(host);
  if (host.ShmSize < 0) refuse('SHM size can not be less than 0');
  if (host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000)
    refuse(`Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  if (!facts.ipv4Forwarding && isPrivateNetwork(host.NetworkMode) && host.NetworkMode !== 'none')
    warnings.push('IPv4 forwarding is disabled. Networking will not work.');
  if (host.NetworkMode === 'host' && Object.keys(host.PortBindings).length > 0)
    warnings.push('Published ports are discarded when using host network mode');
  if (host.Runtime !== '' && !facts.runtimes.includes(host.Runtime))
    refuse(`unknown or invalid runtime name: ${host.Runtime}`);
  for (const target of Object.keys(host.Tmpfs ?? {})) verifyTarget(target);
  if (host.CgroupnsMode === 'private' && !facts.cgroupNamespaces)
    warnings.push('Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded.');
  parseSecurityOptions(host.SecurityOpt ?? []);
  // moby, daemon/graphdriver/overlay2: quotas of projects are what bounds a layer, and ours knows none
  if (Object.keys(host.StorageOpt ?? {}).length > 0)
    throw new EngineError(
      'Internal',
      "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
    );
  return { config: checked, hostConfig: resources, warnings };
}

function verifyConfig(config: ContainerConfig): ContainerConfig {
  const cwd = config.WorkingDir;
  if (cwd !== '' && !cwd.startsWith('/'))
    refuse(`the working directory '${cwd}' is invalid, it needs to be an absolute path`);
  if ((config.StopSignal ?? '') !== '') parseSignal(config.StopSignal as string);
  for (const line of config.Env)
    if (line === '' || line.startsWith('=')) refuse(`invalid environment variable: ${line}`);
  if (config.Healthcheck !== undefined) verifyHealthcheck(config.Healthcheck);
  return cwd === '' ? config : { ...config, WorkingDir: cleanPath(cwd) };
}

/** filepath.Clean. */
function cleanPath(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

const MIN_DURATION_NS = 1_000_000;

function verifyHealthcheck(health: HealthcheckConfig): void {
  for (const field of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = health[field] ?? 0;
    if (field === 'StartPeriod' && (health.Retries ?? 0) < 0) refuse('Retries in Healthcheck cannot be negative');
    if (value !== 0 && value < MIN_DURATION_NS) refuse(`${field} in Healthcheck cannot be less than 1ms`);
  }
}

/** moby, api/types/container/hostconfig.go (ValidateRestartPolicy). */
export function verifyRestartPolicy({ Name, MaximumRetryCount }: RestartPolicy): void {
  const negative = MaximumRetryCount < 0;
  switch (Name) {
    case '':
      return;
    case 'no':
    case 'always':
    case 'unless-stopped':
      if (MaximumRetryCount !== 0)
        refuse(
          `invalid restart policy: maximum retry count can only be used with 'on-failure'${negative ? ' and cannot be negative' : ''}`,
        );
      return;
    case 'on-failure':
      if (negative) refuse('invalid restart policy: maximum retry count cannot be negative');
      return;
    default:
      refuse(
        `invalid restart policy: unknown policy '${String(Name)}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
      );
  }
}
