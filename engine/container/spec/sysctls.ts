import type { SpecLinux } from '../../runtime/spec/types.js';
import type { HostConfig } from '../types.js';
import { isPrivateNetwork } from './modes.js';

/**
 * The sysctls of a container: Docker's two for a network namespace of its own, then the user's. That one of them is not in a
 * namespace of the container's own is found out by the runtime, which knows the namespaces: CVE-2022-0811.
 */
export function containerSysctls(
  host: Pick<HostConfig, 'Sysctls' | 'NetworkMode'>,
  machine: { readonly sysctls: ReadonlySet<string>; readonly inUserNamespace: boolean },
): SpecLinux['sysctl'] {
  const sysctls: Record<string, string> = {};
  if (isPrivateNetwork(host.NetworkMode)) {
    // sockets of ping(8) are for groups of the machine, which a user namespace does not map
    if (!machine.inUserNamespace && machine.sysctls.has('net.ipv4.ping_group_range'))
      sysctls['net.ipv4.ping_group_range'] = '0 2147483647';
    if (machine.sysctls.has('net.ipv4.ip_unprivileged_port_start'))
      sysctls['net.ipv4.ip_unprivileged_port_start'] = '0';
  }
  return Object.fromEntries([...Object.entries(sysctls), ...Object.entries(host.Sysctls ?? {})]);
}
