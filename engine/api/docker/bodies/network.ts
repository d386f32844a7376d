import type { EndpointRequest, IpamConfig, NetworkCreateOptions } from '../../../network/types.js';
import type { ApiVersion } from '../version.js';
import { parseEndpoint } from './endpoint.js';
import { bad, Fields, present } from './fields.js';

/** POST /networks/create. */
export function parseNetworkCreate(body: unknown, version: ApiVersion): NetworkCreateOptions {
  const fields = new Fields(body, 'CreateRequest');
  const name = fields.string('Name');
  if (name.trim() === '') bad('invalid network name: name is empty');
  if (fields.string('Scope') === 'swarm')
    bad(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  if (fields.boolean('ConfigOnly') || (fields.object('ConfigFrom')?.string('Network') ?? '') !== '')
    bad('configuration-only networks are not supported by this engine');
  const driver = fields.string('Driver');
  return present({
    Name: name,
    Driver: driver === '' ? undefined : driver,
    Internal: fields.maybeBoolean('Internal') ?? undefined,
    Attachable: fields.maybeBoolean('Attachable') ?? undefined,
    Ingress: fields.maybeBoolean('Ingress') ?? undefined,
    EnableIPv4: version.atLeast(48) ? (fields.maybeBoolean('EnableIPv4') ?? undefined) : undefined,
    EnableIPv6: fields.maybeBoolean('EnableIPv6') ?? undefined,
    IPAM: fields.has('IPAM') ? ipamOf(fields.object('IPAM')) : undefined,
    Options: fields.map('Options') ?? undefined,
    Labels: fields.map('Labels') ?? undefined,
  });
}

function ipamOf(fields: Fields | null): IpamConfig | undefined {
  if (fields === null) return undefined;
  const driver = fields.string('Driver');
  const text = (pool: Fields, name: string): string | undefined => pool.string(name) || undefined;
  return present({
    Driver: driver === '' ? undefined : driver,
    Options: fields.map('Options') ?? undefined,
    Config:
      fields.objects('Config')?.map((pool) =>
        present({
          Subnet: text(pool, 'Subnet'),
          IPRange: text(pool, 'IPRange'),
          Gateway: text(pool, 'Gateway'),
          AuxiliaryAddresses: pool.map('AuxiliaryAddresses') ?? pool.map('AuxAddress') ?? undefined,
        }),
      ) ?? undefined,
  });
}

export interface ParsedConnect {
  readonly container: string;
  readonly endpoint: EndpointRequest;
}

/** POST /networks/ID/connect. */
export function parseConnect(body: unknown, version: ApiVersion): ParsedConnect {
  const fields = new Fields(body, 'ConnectRequest');
  return {
    container: fields.string('Container'),
    endpoint: parseEndpoint(fields.object('EndpointConfig'), version),
  };
}

export interface ParsedDisconnect {
  readonly container: string;
  readonly force: boolean;
}

/** POST /networks/ID/disconnect. */
export function parseDisconnect(body: unknown): ParsedDisconnect {
  const fields = new Fields(body, 'DisconnectRequest');
  return { container: fields.string('Container'), force: fields.boolean('Force') };
}
