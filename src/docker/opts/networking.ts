import type { Flags } from '../command/flags.js';
import { type NetworkAttachment, parseNetwork } from './network.js';

export interface Networking {
  readonly networkMode: string;
  readonly config: { readonly EndpointsConfig: Record<string, Record<string, unknown>> };
}

const isUserDefined = (name: string): boolean =>
  !['', 'default', 'bridge', 'host', 'none'].includes(name) && !name.startsWith('container:');

/** --network, and the flags that are about the first of the networks: docker/cli's parseNetworkOpts. */
export function networking(flags: Flags): Networking {
  const networks = [...flags.list('network'), ...flags.list('net')].map(parseNetwork);
  const first = networks[0] ?? parseNetwork('default');
  if (networks.length === 0) networks.push(first);
  if (
    networks.length > 1 &&
    networks.some(({ target }) => !isUserDefined(target) && target !== 'bridge' && target !== 'default')
  )
    throw new Error('conflicting options: cannot attach both user-defined and non-user-defined network-modes');
  addFlags(first, flags);
  const endpoints: Record<string, Record<string, unknown>> = {};
  for (const one of networks) {
    if (endpoints[one.target] !== undefined)
      throw new Error(`network ${JSON.stringify(one.target)} is specified multiple times`);
    if (one.aliases.some((alias) => alias.trim() === '')) throw new Error('network-scoped alias may not be empty');
    if (one.aliases.length > 0 && !isUserDefined(one.target))
      throw new Error('network-scoped aliases are only supported for user-defined networks');
    endpoints[one.target] = endpoint(one, flags, one === first);
  }
  return { networkMode: first.target, config: { EndpointsConfig: endpoints } };
}

function addFlags(first: NetworkAttachment, flags: Flags): void {
  const both = (name: string, what: string): never => {
    throw new Error(`conflicting options: cannot specify both --${name} and per-network ${what}`);
  };
  const aliases = [...flags.list('network-alias'), ...flags.list('net-alias')];
  if (aliases.length > 0 && first.aliases.length > 0) both('network-alias', 'alias');
  if (flags.changed('ip') && first.ipv4 !== '') both('ip', 'IPv4 address');
  if (flags.changed('ip6') && first.ipv6 !== '') both('ip6', 'IPv6 address');
  if (flags.changed('mac-address') && first.mac !== '') both('mac-address', 'MAC address');
  first.aliases.push(...aliases);
  if (flags.changed('ip')) first.ipv4 = flags.string('ip');
  if (flags.changed('ip6')) first.ipv6 = flags.string('ip6');
  if (flags.changed('mac-address')) first.mac = flags.string('mac-address').trim();
  first.linkLocal.push(...flags.list('link-local-ip'));
}

function endpoint(one: NetworkAttachment, flags: Flags, isFirst: boolean): Record<string, unknown> {
  const links = isFirst && isUserDefined(one.target) ? [...one.links, ...flags.list('link')] : one.links;
  const hasAddress = one.ipv4 !== '' || one.ipv6 !== '' || one.linkLocal.length > 0;
  return {
    ...(one.aliases.length === 0 ? {} : { Aliases: one.aliases }),
    ...(links.length === 0 ? {} : { Links: links }),
    ...(Object.keys(one.driverOpts).length === 0 ? {} : { DriverOpts: one.driverOpts }),
    ...(one.mac === '' ? {} : { MacAddress: one.mac }),
    ...(one.priority === null ? {} : { GwPriority: one.priority }),
    ...(hasAddress
      ? {
          IPAMConfig: {
            ...(one.ipv4 === '' ? {} : { IPv4Address: one.ipv4 }),
            ...(one.ipv6 === '' ? {} : { IPv6Address: one.ipv6 }),
            ...(one.linkLocal.length === 0 ? {} : { LinkLocalIPs: one.linkLocal }),
          },
        }
      : {}),
  };
}
