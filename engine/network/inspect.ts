import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.js';
import type { EndpointSettings, IpamPool, Network, NetworkContainer } from './types.js';

/** Docker's shape of a network. */
export function networkOf(record: NetworkRecord, sandboxes: Iterable<SandboxRecord>): Network {
  const containers: Record<string, NetworkContainer> = {};
  for (const { container, endpoints } of sandboxes)
    for (const endpoint of endpoints)
      if (endpoint.network === record.id)
        containers[container.id] = {
          Name: container.name,
          EndpointID: endpoint.endpointId,
          MacAddress: endpoint.mac,
          IPv4Address: endpoint.ipv4 === '' ? '' : `${endpoint.ipv4}/${endpoint.ipv4Bits}`,
          IPv6Address: endpoint.ipv6 === '' ? '' : `${endpoint.ipv6}/${endpoint.ipv6Bits}`,
        };
  return {
    Name: record.name,
    Id: record.id,
    Created: record.created,
    Scope: 'local',
    Driver: record.driver,
    EnableIPv4: record.enableIPv4,
    EnableIPv6: record.enableIPv6,
    IPAM: {
      Driver: record.ipam.driver,
      Options: record.ipam.options,
      Config: record.ipam.config.map((pool) => asAsked(record, pool)),
    },
    Internal: record.internal,
    Attachable: record.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: containers,
    Options: record.options,
    Labels: record.labels,
  };
}

function asAsked({ unnamedGateways = [] }: NetworkRecord, pool: IpamPool): IpamPool {
  const { Gateway: _, ...asked } = pool;
  return unnamedGateways.includes(pool.Subnet ?? '') ? asked : pool;
}

/** An endpoint as `docker inspect` of its container shows it. */
export function settingsOf(endpoint: EndpointRecord): EndpointSettings {
  const { request } = endpoint;
  return {
    IPAMConfig: request.IPAMConfig ?? null,
    Links: request.Links ?? null,
    Aliases: request.Aliases ?? null,
    MacAddress: endpoint.mac,
    DriverOpts: request.DriverOpts ?? null,
    GwPriority: endpoint.priority,
    NetworkID: endpoint.network,
    EndpointID: endpoint.endpointId,
    Gateway: endpoint.gateway,
    IPAddress: endpoint.ipv4,
    IPPrefixLen: endpoint.ipv4Bits,
    IPv6Gateway: endpoint.ipv6Gateway,
    GlobalIPv6Address: endpoint.ipv6,
    GlobalIPv6PrefixLen: endpoint.ipv6Bits,
    DNSNames: endpoint.dnsNames,
  };
}
