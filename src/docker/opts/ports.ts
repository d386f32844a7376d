import { isIP } from 'node:net';

export interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** -p and --expose, as POST /containers/create takes them: go-connections/nat. */
export interface Ports {
  readonly exposed: Record<string, Record<string, never>>;
  readonly bindings: Record<string, PortBinding[]>;
}

const PROTOCOLS = ['tcp', 'udp', 'sctp'];

export function parsePorts(published: readonly string[], expose: readonly string[]): Ports {
  const ports: Ports = { exposed: {}, bindings: {} };
  for (const spec of published)
    for (const one of parsePublish(spec.includes('=') ? shortForm(spec) : spec)) {
      ports.exposed[one.port] = {};
      ports.bindings[one.port] = [...(ports.bindings[one.port] ?? []), one.binding];
    }
  for (const spec of expose) {
    if (spec.includes(':')) throw new Error(`invalid port format for --expose: ${spec}`);
    const [port, protocol] = splitProtocol(spec);
    const range = parseRange(port, (why) => `invalid range format for --expose: ${spec}, error: ${why}`);
    for (let number = range[0]; number <= range[1]; number++) ports.exposed[`${number}/${protocol}`] = {};
  }
  return ports;
}

/** `80/udp` apart; without a protocol it is tcp. */
function splitProtocol(text: string): [string, string] {
  const slash = text.indexOf('/');
  const [port, protocol] = slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)];
  return [port, protocol === '' ? 'tcp' : protocol];
}

function parseRange(text: string, error: (why: string) => string): [number, number] {
  if (text === '') throw new Error(error('empty string specified for ports.'));
  const number = (part: string): number => {
    if (!/^[0-9]+$/.test(part))
      throw new Error(error(`strconv.ParseUint: parsing ${JSON.stringify(part)}: invalid syntax`));
    if (Number(part) > 65_535)
      throw new Error(error(`strconv.ParseUint: parsing ${JSON.stringify(part)}: value out of range`));
    return Number(part);
  };
  const dash = text.indexOf('-');
  if (dash < 0) return [number(text), number(text)];
  const range: [number, number] = [number(text.slice(0, dash)), number(text.slice(dash + 1))];
  if (range[1] < range[0]) throw new Error(error(`invalid range specified for port: ${text}`));
  return range;
}

function parsePublish(raw: string): { readonly port: string; readonly binding: PortBinding }[] {
  const parts = raw.split(':');
  const inside = parts.pop() ?? '';
  const outside = parts.pop() ?? '';
  const given = parts.join(':');
  const ip = given.startsWith('[') ? given.replace(/^\[(.*)\]$/, '$1') : given;
  const [port, protocolGiven] = splitProtocol(inside);
  const protocol = protocolGiven.toLowerCase();
  if (ip !== '' && isIP(ip.replace(/%.*$/, '')) === 0) throw new Error(`invalid IP address: ${ip}`);
  if (port === '') throw new Error(`no port specified: ${raw}<empty>`);
  const [first, last] = parseRange(port, () => `invalid containerPort: ${port}`);
  const host = outside === '' ? null : parseRange(outside, () => `invalid hostPort: ${outside}`);
  if (host !== null && last - first !== host[1] - host[0] && last !== first)
    throw new Error(`invalid ranges specified for container and host Ports: ${port} and ${outside}`);
  if (!PROTOCOLS.includes(protocol)) throw new Error(`invalid proto: ${protocolGiven}`);
  const out: { port: string; binding: PortBinding }[] = [];
  for (let number = first; number <= last; number++) {
    let hostPort = host === null ? '' : String(host[0] + number - first);
    if (host !== null && first === last && host[0] !== host[1]) hostPort = `${hostPort}-${host[1]}`;
    out.push({ port: `${number}/${protocol}`, binding: { HostIp: ip, HostPort: hostPort } });
  }
  return out;
}

/** `published=8080,target=80,protocol=udp`, swarm's form, in the other one. */
function shortForm(text: string): string {
  const fields: Record<string, string> = {};
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    const name = part.slice(0, Math.max(0, equals));
    if (equals < 0 || !['published', 'target', 'protocol', 'mode'].includes(name))
      throw new Error(`invalid publish opts format (should be name=value but got '${part}')`);
    fields[name] = part.slice(equals + 1);
  }
  return `${fields['published'] ?? ''}:${fields['target'] ?? ''}/${fields['protocol'] ?? 'tcp'}`;
}
