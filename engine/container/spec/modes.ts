import { EngineError } from '../../kernel/errors.js';
import type { HostConfig } from '../types.js';

/** `container:NAME` names a container; null: the mode is another one. An empty name is none. */
export function joinedContainer(mode: string): string | null {
  return mode.startsWith('container:') && mode.length > 'container:'.length ? mode.slice('container:'.length) : null;
}

/** A namespace of the container's own: neither the machine's nor another container's. */
export function isPrivateNetwork(mode: string): boolean {
  return mode !== 'host' && joinedContainer(mode) === null;
}

export function isPrivatePid(mode: string): boolean {
  return mode !== 'host' && joinedContainer(mode) === null;
}

const IPC_MODES = new Set(['', 'none', 'private', 'shareable', 'host']);

/** Refuses a mode that is none, in Docker's words: moby, api/types/container/hostconfig.go, daemon/daemon_unix.go. */
export function verifyModes(host: HostConfig): void {
  const refuse = (what: string, mode: string): never => {
    throw new EngineError('InvalidArgument', `invalid ${what} mode: ${mode}`);
  };
  if (!IPC_MODES.has(host.IpcMode) && joinedContainer(host.IpcMode) === null) refuse('IPC', host.IpcMode);
  if (host.PidMode !== '' && host.PidMode !== 'host' && joinedContainer(host.PidMode) === null)
    refuse('PID', host.PidMode);
  if (host.UTSMode !== '' && host.UTSMode !== 'host') refuse('UTS', host.UTSMode);
  if (host.UsernsMode !== '' && host.UsernsMode !== 'host') refuse('user namespace', host.UsernsMode);
  if (!['', 'private', 'host'].includes(host.CgroupnsMode)) refuse('cgroup namespace', host.CgroupnsMode);
}
