import { isIP } from 'node:net';
import type { EndpointRequest } from '../../../network/types.js';
import type { ApiVersion } from '../version.js';
import { bad, type Fields, present } from './fields.js';

/** `EndpointSettings` of create and connect: what is wished of one endpoint. */
export function parseEndpoint(fields: Fields | null, version: ApiVersion): EndpointRequest {
  if (fields === null) return {};
  const ipam = fields.object('IPAMConfig');
  const address = fields.string('MacAddress');
  if (address !== '' && !/^[0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(\1[0-9a-fA-F]{2}){4}$/.test(address))
    bad(`invalid MAC address: ${address.slice(0, 100)}`);
  const priority = version.atLeast(48) ? fields.integer('GwPriority', 'int') : 0;
  return present({
    IPAMConfig: ipam === null ? undefined : ipamOf(ipam),
    Links: fields.strings('Links') ?? undefined,
    Aliases: fields.strings('Aliases') ?? undefined,
    MacAddress: address === '' ? undefined : address,
    DriverOpts: fields.map('DriverOpts') ?? undefined,
    GwPriority: priority === 0 ? undefined : priority,
  });
}

function ipamOf(fields: Fields): NonNullable<EndpointRequest['IPAMConfig']> {
  const address = (name: string, family: 4 | 6): string | undefined => {
    const text = fields.string(name);
    if (text !== '' && isIP(text) !== family) bad(`invalid IPv${family} address: ${text.slice(0, 100)}`);
    return text === '' ? undefined : text;
  };
  return present({
    IPv4Address: address('IPv4Address', 4),
    IPv6Address: address('IPv6Address', 6),
    LinkLocalIPs: fields.strings('LinkLocalIPs') ?? undefined,
  });
}
