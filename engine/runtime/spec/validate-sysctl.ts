import { EngineError } from '../../kernel/errors.js';
import { guard } from '../guards.js';
import { type HostFacts, quoted, refuse } from './rule.js';
import type { NamespaceType, SpecLinux } from './types.js';
import { namespaceOf, procName } from './validate-namespaces.js';

/** ipc_namespaces(7); `fs.mqueue.*` too. */
const IPC = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map((one) => `kernel.${one}`),
);

/**
 * The file of a sysctl below /proc/sys (`net/ipv4/conf/eno2.100/rp_filter`). The first separator of the key, `.` or `/`, is the
 * separator, and the other stands for itself: sysctl(8), sysctl.d(5). Null: the key names no file there. A part may not be `.`, `..`
 * or empty, and may hold only what names of sysctls and of interfaces are made of, so nothing can be smuggled: CVE-2022-0811.
 */
export function sysctlFile(key: string): string | null {
  const slashes = key.search(/[./]/) === key.indexOf('/') && key.includes('/');
  const path = slashes ? key : key.replace(/[./]/g, (mark) => (mark === '.' ? '/' : '.'));
  const parts = path.split('/');
  const isPlain = parts.every((part) => /^[A-Za-z0-9_.@:-]{1,255}$/.test(part) && part !== '.' && part !== '..');
  return isPlain && parts.length > 1 ? path : null;
}

/** A sysctl is set only when it belongs to a namespace that the container does not share with us. Rules and texts are runc's. */
export function validateSysctl(linux: SpecLinux, host: HostFacts): void {
  if (!guard('sysctl-check')) return;
  for (const [key, value] of Object.entries(linux.sysctl)) {
    const file = sysctlFile(key);
    if (file === null) throw unnamed(key);
    if (/[\n\r]/.test(value)) refuse(`the value of sysctl ${quoted(key)} has more than one line`);
    const name = file.replace(/[./]/g, (mark) => (mark === '/' ? '.' : '/'));
    if (IPC.has(name) || name.startsWith('fs.mqueue.')) {
      if (isShared(linux, 'ipc', host)) refuse(`sysctl ${quoted(name)} is not allowed in the hosts ipc namespace`);
    } else if (name.startsWith('net.')) {
      if (isShared(linux, 'network', host)) refuse(`sysctl ${quoted(name)} not allowed in host network namespace`);
    } else if (name === 'kernel.hostname' && namespaceOf(linux, 'uts') !== undefined) {
      refuse(`sysctl ${quoted(name)} is not allowed as it conflicts with the OCI ${quoted('hostname')} field`);
    } else if (name !== 'kernel.domainname' || isShared(linux, 'uts', host)) {
      refuse(`sysctl ${quoted(name)} is not in a separate kernel namespace`);
    }
  }
}

/** No namespace of the kind, or the path of one that is our own. */
function isShared(linux: SpecLinux, type: NamespaceType, host: HostFacts): boolean {
  const namespace = namespaceOf(linux, type);
  if (namespace?.path === undefined) return namespace === undefined;
  try {
    return host.isOwnNamespace(namespace.path, procName(type));
  } catch (error) {
    return refuse(`invalid ${procName(type)}ns path: ${(error as Error).message}`);
  }
}

function unnamed(key: string): EngineError {
  return new EngineError('InvalidArgument', `sysctl ${quoted(key.slice(0, 200))} is not the name of a sysctl`);
}
