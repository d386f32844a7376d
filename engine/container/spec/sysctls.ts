import { EngineError } from '../../kernel/errors.js';
import type { SpecLinux } from '../../runtime/spec/types.js';
import { sysctlFile } from '../../runtime/spec/validate-sysctl.js';
import type { HostConfig } from '../types.js';
import { isPrivateNetwork } from './modes.js';

/** ipc_namespaces(7). */
const IPC = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..+)$/;

/**
 * The sysctls of a container: Docker's two for a network namespace of its own, then the user's. What is not in a namespace of
 * the container's own is refused in runc's words, before anything is made: CVE-2022-0811.
 */
export function containerSysctls(
  host: Pick<HostConfig, 'Sysctls' | 'NetworkMode' | 'IpcMode' | 'UTSMode'>,
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
  for (const [key, value] of Object.entries(host.Sysctls ?? {})) {
    verify(key, value, host);
    sysctls[key] = value;
  }
  return sysctls;
}

function verify(key: string, value: string, host: Pick<HostConfig, 'NetworkMode' | 'IpcMode' | 'UTSMode'>): void {
  const refuse = (text: string): never => {
    throw new EngineError('InvalidArgument', text);
  };
  const file = sysctlFile(key);
  const shown = JSON.stringify(key.slice(0, 200));
  if (file === null) throw new EngineError('InvalidArgument', `sysctl ${shown} is not the name of a sysctl`);
  if (/[\n\r\x00]/.test(value)) refuse(`the value of sysctl ${shown} has more than one line`);
  const name = file.replace(/[./]/g, (mark) => (mark === '/' ? '.' : '/'));
  const quoted = JSON.stringify(name);
  if (IPC.test(name)) {
    if (host.IpcMode === 'host') refuse(`sysctl ${quoted} is not allowed in the hosts ipc namespace`);
  } else if (name.startsWith('net.')) {
    if (host.NetworkMode === 'host') refuse(`sysctl ${quoted} not allowed in host network namespace`);
  } else if (name === 'kernel.hostname') {
    refuse(`sysctl ${quoted} is not allowed as it conflicts with the OCI "hostname" field`);
  } else if (name !== 'kernel.domainname' || host.UTSMode === 'host') {
    refuse(`sysctl ${quoted} is not in a separate kernel namespace`);
  }
}
