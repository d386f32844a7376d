import type { ContainerConfig, CreateRequest, HostConfig } from '../../../container/types.js';
import type { EndpointRequest } from '../../../network/types.js';
import type { ApiVersion } from '../version.js';
import { CONFIG_FIELDS, parseContainerConfig } from './container-config.js';
import { parseEndpoint } from './endpoint.js';
import { bad, Fields } from './fields.js';
import { parseHostConfig } from './host-config.js';
import type { Query } from './query.js';

/** POST /containers/create: the request, and warnings of ours beside the service's. */
export interface ParsedCreate {
  readonly request: CreateRequest;
  readonly warnings: readonly string[];
}

export function parseCreate(query: Query, body: unknown, version: ApiVersion): ParsedCreate {
  if (body === undefined) bad('invalid JSON: got EOF while reading request body');
  const fields = new Fields(body, 'CreateRequest');
  if (!CONFIG_FIELDS.some((name) => fields.has(name))) bad('config cannot be empty in order to create a container');
  const name = query.text('name').replace(/^\//, '');
  const hostConfig = parseHostConfig(fields.object('HostConfig'), version);
  const asked = parseContainerConfig(fields, version);
  const endpoints = parseEndpoints(fields.object('NetworkingConfig'), hostConfig.NetworkMode, version);
  const moved = moveMacAddress(asked, hostConfig, endpoints, version);
  const platform = version.atLeast(41) ? query.text('platform') : '';
  return {
    request: {
      name: name === '' ? null : name,
      platform: platform === '' ? null : platform,
      config: moved.config,
      hostConfig,
      endpoints: moved.endpoints,
    },
    warnings: moved.warnings,
  };
}

type Endpoints = Readonly<Record<string, EndpointRequest>>;

function parseEndpoints(networking: Fields | null, mode: string, version: ApiVersion): Endpoints {
  const named = Object.entries(networking?.objectsByName('EndpointsConfig') ?? {});
  if (!version.atLeast(44) && named.length > 1) {
    bad(
      `Container cannot be created with multiple network endpoints: ${named
        .map(([name]) => name.slice(0, 100))
        .slice(0, 20)
        .join(', ')}`,
    );
  }
  return Object.fromEntries(
    named.map(([name, fields]) => [name === 'default' ? mode : name, parseEndpoint(fields, version)]),
  );
}

/** `Config.MacAddress` belongs to an endpoint since 1.44; before, an endpoint's own was not known. dockerd's handleMACAddressBC. */
function moveMacAddress(
  config: ContainerConfig,
  host: HostConfig,
  endpoints: Endpoints,
  version: ApiVersion,
): { config: ContainerConfig; endpoints: Endpoints; warnings: string[] } {
  const { MacAddress, ...rest } = config;
  const modern = version.atLeast(44);
  if (MacAddress === undefined) {
    if (modern) return { config, endpoints, warnings: [] };
    const without = Object.entries(endpoints).map(
      ([name, { MacAddress: _, ...endpoint }]) => [name, endpoint] as const,
    );
    return { config, endpoints: Object.fromEntries(without), warnings: [] };
  }
  const networked = !['host', 'none'].includes(host.NetworkMode) && !host.NetworkMode.startsWith('container:');
  if (!networked && !modern) bad('conflicting options: mac-address and the network mode');
  const warnings = modern
    ? ['The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.']
    : [];
  if (!networked) return { config: rest, endpoints, warnings };
  const names = Object.keys(endpoints);
  const at = names.length === 0 ? host.NetworkMode : modern ? host.NetworkMode : (names[0] ?? host.NetworkMode);
  if (names.length > 0 && !names.includes(at))
    bad('HostConfig.NetworkMode must match the identity of a network in NetworkSettings.Networks');
  const endpoint = endpoints[at] ?? {};
  if (modern && endpoint.MacAddress !== undefined && endpoint.MacAddress !== MacAddress) {
    bad(
      'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
    );
  }
  return { config: rest, endpoints: { ...endpoints, [at]: { ...endpoint, MacAddress } }, warnings };
}
