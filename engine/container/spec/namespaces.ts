import { EngineError } from '../../kernel/errors.js';
import { NAMESPACES } from '../../policy/docker-defaults.js';
import type { NamespaceType, SpecLinux } from '../../runtime/spec/types.js';
import type { SpecInput } from './input.js';
import { joinedContainer } from './modes.js';

/** Which namespaces are the container's own, which it joins, and which are the machine's. moby, daemon/oci_linux.go. */
export function containerNamespaces({ hostConfig: host, config, join, machine }: SpecInput): SpecLinux['namespaces'] {
  const wanted = new Map<NamespaceType, string | undefined>();
  for (const type of NAMESPACES) if (type !== 'time' || machine.timeNamespaces) wanted.set(type, undefined);
  const set = (type: 'pid' | 'ipc' | 'network', mode: string): void => {
    if (mode === 'host') wanted.delete(type);
    else if (joinedContainer(mode) !== null) wanted.set(type, given(join[type], type));
  };
  set('pid', host.PidMode);
  set('ipc', host.IpcMode);
  if (config.NetworkDisabled !== true) {
    set('network', host.NetworkMode);
    if (wanted.has('network') && join.network !== undefined) wanted.set('network', join.network);
  }
  if (host.UTSMode === 'host') wanted.delete('uts');
  if (join.user !== undefined) wanted.set('user', join.user);
  if (host.CgroupnsMode === 'private' && machine.cgroupNamespaces) wanted.set('cgroup', undefined);
  return [...wanted].map(([type, path]) => ({ type, ...(path === undefined ? {} : { path }) }));
}

function given(path: string | undefined, type: string): string {
  if (path === undefined) throw new EngineError('Internal', `the ${type} namespace to join is not given`);
  return path;
}
