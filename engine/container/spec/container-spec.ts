import { posix } from 'node:path';
import { DEVICE_RULES, READONLY_PATHS } from '../../policy/docker-defaults.js';
import type { Spec, SpecRlimit } from '../../runtime/spec/types.js';
import type { HostConfig } from '../types.js';
import { containerCapabilities } from './capabilities.js';
import { containerDevices } from './devices.js';
import { environment } from './env.js';
import type { SpecInput } from './input.js';
import { isPrivatePid } from './modes.js';
import { containerMounts } from './mounts.js';
import { containerNamespaces } from './namespaces.js';
import { specResources } from './resources.js';
import { apparmorProfile, containerSeccomp, parseSecurityOptions } from './security.js';
import { containerSysctls } from './sysctls.js';

export interface ContainerSpec {
  readonly spec: Spec;
  /** Pid 1 is to be our reaper: CreateOptions.init. */
  readonly init: boolean;
  readonly warnings: string[];
}

/** The OCI config of a container that is to start: what dockerd makes of the same wishes. Pure: it reads nothing. */
export function containerSpec(input: SpecInput): ContainerSpec {
  const { config, hostConfig: host, machine } = input;
  const security = parseSecurityOptions(host.SecurityOpt ?? []);
  const capabilities = containerCapabilities(host, machine.capabilities);
  // execve(2) takes these from a user who is not root; so they are not given to begin with
  const held = input.user.uid === 0 ? capabilities : [];
  const { devices, rules, warnings } = containerDevices(host, DEVICE_RULES, machine.devices);
  const { mounts, rootfsPropagation } = containerMounts(input, security.writableCgroups);
  const namespaces = containerNamespaces(input);
  const ownUts = namespaces.some(({ type }) => type === 'uts');
  const seccomp = containerSeccomp(security.seccomp, host.Privileged, {
    architecture: machine.architecture,
    capabilities,
    kernel: machine.kernel,
    supported: machine.seccomp,
  });
  const apparmor = apparmorProfile(security.apparmor, host.Privileged, machine.apparmor);
  const [height, width] = host.ConsoleSize;
  const spec: Spec = {
    ociVersion: '1.2.0',
    root: { path: input.rootfs, ...(host.ReadonlyRootfs ? { readonly: true } : {}) },
    process: {
      ...(config.Tty ? { terminal: true } : {}),
      ...(config.Tty && (height > 0 || width > 0) ? { consoleSize: { height, width } } : {}),
      user: input.user,
      args: input.command,
      env: environment(config, config.Hostname, input.linkedEnv),
      cwd: config.WorkingDir === '' ? '/' : config.WorkingDir,
      capabilities: { bounding: capabilities, effective: held, permitted: held, inheritable: [], ambient: [] },
      rlimits: rlimits(host.Ulimits, input.defaultUlimits ?? null),
      ...(security.noNewPrivileges ? { noNewPrivileges: true } : {}),
      ...(apparmor === undefined ? {} : { apparmorProfile: apparmor }),
      oomScoreAdj: host.OomScoreAdj,
    },
    ...(ownUts && config.Hostname !== '' ? { hostname: config.Hostname } : {}),
    ...(ownUts && config.Domainname !== '' ? { domainname: config.Domainname } : {}),
    mounts,
    hooks: { prestart: [], createRuntime: [], createContainer: [], startContainer: [], poststart: [], poststop: [] },
    annotations: host.Annotations ?? {},
    linux: {
      namespaces,
      uidMappings: [],
      gidMappings: [],
      timeOffsets: {},
      devices,
      cgroupsPath: input.cgroupsPath,
      resources: specResources(host, rules, machine.deviceNumber),
      ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }),
      ...(seccomp === undefined ? {} : { seccomp }),
      sysctl: containerSysctls(host, machine),
      maskedPaths: host.MaskedPaths ?? (host.Privileged ? [] : machine.maskedPaths),
      readonlyPaths: host.ReadonlyPaths ?? (host.Privileged ? [] : READONLY_PATHS),
    },
  };
  return { spec, init: isPrivatePid(host.PidMode) && (host.Init ?? input.defaultInit ?? false), warnings };
}

/** The user's limits, and of the engine's defaults those that the user did not name. -1 is "none", as 2^64-1 is for the kernel. */
function rlimits(own: HostConfig['Ulimits'], defaults: HostConfig['Ulimits']): SpecRlimit[] {
  const names = new Set((own ?? []).map(({ Name }) => Name));
  const all = [...(own ?? []), ...(defaults ?? []).filter(({ Name }) => !names.has(Name))];
  return all.map(({ Name, Soft, Hard }) => ({
    type: `RLIMIT_${Name.toUpperCase()}`,
    soft: BigInt.asUintN(64, BigInt(Soft)),
    hard: BigInt.asUintN(64, BigInt(Hard)),
  }));
}

/** Where a container's groups lie: below `--cgroup-parent`, the engine's own, or `/docker`. `..` never leaves the top. */
export function cgroupsPathOf(id: string, parent: string, engineParent = '/docker'): string {
  const joined = posix.join(parent === '' ? engineParent : parent, id);
  return joined.replace(/^(\.\.\/)+/, '');
}
