import { isIP } from 'node:net';
import { EngineError } from '../../kernel/errors.js';
import type { ContainerConfig, HostConfig } from '../types.js';
import { joinedContainer } from './modes.js';

const refuse = (text: string): never => {
  throw new EngineError('InvalidArgument', text);
};

/** What cannot go together with a network or uts mode. Texts: moby, runconfig/errors.go, hostconfig_unix.go. */
export function verifyNetworkMode(config: ContainerConfig, host: HostConfig): void {
  const mode = host.NetworkMode;
  if (mode.startsWith('container') && (mode === 'container' || mode === 'container:'))
    refuse('invalid network mode: invalid container format container:<name|id>');
  const joined = joinedContainer(mode) !== null;
  if (host.UTSMode === 'host' && config.Hostname !== '') refuse('conflicting options: hostname and the UTS mode');
  if (joined && config.Hostname !== '') refuse('conflicting options: hostname and the network mode');
  const links = (host.Links ?? []).length > 0;
  if (mode === 'host' && links)
    refuse(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
  if (joined && links)
    refuse(
      "conflicting options: container type network can't be used with links. This would result in undefined behavior",
    );
  if (joined && host.Dns.length > 0) refuse('conflicting options: dns and the network mode');
  if (joined && (host.ExtraHosts ?? []).length > 0)
    refuse('conflicting options: custom host-to-IP mapping and the network mode');
  if ((joined || mode === 'host') && (config.MacAddress ?? '') !== '')
    refuse('conflicting options: mac-address and the network mode');
  if (joined && (Object.keys(host.PortBindings).length > 0 || host.PublishAllPorts))
    refuse('conflicting options: port publishing and the container type network mode');
  if (joined && Object.keys(config.ExposedPorts ?? {}).length > 0)
    refuse('conflicting options: port exposing and the container type network mode');
}

/** `name:address`, `name:host-gateway`. moby, opts/hosts.go. */
export function verifyExtraHosts(hosts: readonly string[]): void {
  for (const host of hosts) {
    const at = host.indexOf(':');
    if (at <= 0) refuse(`bad format for add-host: ${JSON.stringify(host)}`);
    const address = host.slice(at + 1);
    if (address !== 'host-gateway' && isIP(address.trim()) === 0)
      refuse(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
}

/** `80/tcp` -> host ports, '' for any, or a range. */
export function verifyPorts(bindings: HostConfig['PortBindings']): void {
  const invalid = (text: string): never => refuse(`invalid port specification: ${JSON.stringify(text)}`);
  const number = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
  for (const [key, list] of Object.entries(bindings)) {
    const [port = '', protocol = 'tcp', ...rest] = key.split('/');
    if (!number(port) || Number(port) === 0 || !['tcp', 'udp', 'sctp'].includes(protocol) || rest.length > 0)
      invalid(key);
    for (const { HostPort } of list ?? []) {
      if (HostPort === '') continue;
      const [first = '', last = first, ...more] = HostPort.split('-');
      if (!number(first) || !number(last) || Number(last) < Number(first) || more.length > 0) invalid(HostPort);
    }
  }
}
