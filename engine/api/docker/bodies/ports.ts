import type { PortBinding, PortMap } from '../../../network/types.js';
import { bad, type Fields } from './fields.js';

const PROTOCOLS = ['tcp', 'udp', 'sctp'];
/** Every port of every protocol. */
const MAX_PORTS = 3 << 16;

/** `80`, `80/tcp`, `8000-8010/udp`: the keys of ExposedPorts and PortBindings, as nat.PortSet takes them. */
function portKey(key: string): string {
  const [port = '', protocol = 'tcp', ...more] = key.split('/');
  if (port === '' || more.length > 0 || !isRange(port))
    return bad(`invalid port specification: ${JSON.stringify(port)}`);
  const lower = protocol.toLowerCase();
  if (!PROTOCOLS.includes(lower)) return bad(`invalid proto: ${protocol.slice(0, 100)}`);
  return `${port}/${lower}`;
}

/** One port or `first-last`; every number a port's. */
function isRange(text: string): boolean {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return false;
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
  return first <= last && last <= 65_535;
}

export function exposedPorts(
  named: Record<string, Record<string, never>> | null,
): Record<string, Record<string, never>> | undefined {
  if (named === null) return undefined;
  const keys = Object.keys(named);
  if (keys.length > MAX_PORTS) return bad(`more than ${MAX_PORTS} ports are exposed`);
  return Object.fromEntries(keys.map((key) => [portKey(key), {}]));
}

/** `PortBindings`. An empty list stands for any free port on every address, as dockerd before 29 has it. */
export function portBindings(lists: Record<string, Fields[] | null> | null): PortMap {
  const entries = Object.entries(lists ?? {});
  if (entries.length > MAX_PORTS) return bad(`more than ${MAX_PORTS} ports are published`);
  return Object.fromEntries(
    entries.map(([key, list]): [string, PortBinding[]] => [
      portKey(key),
      list === null || list.length === 0 ? [{ HostIp: '', HostPort: '' }] : list.map(binding),
    ]),
  );
}

function binding(fields: Fields): PortBinding {
  const HostPort = fields.string('HostPort');
  const [port = '', protocol = 'tcp'] = HostPort.split('/');
  if (port !== '' && (!isRange(port) || !PROTOCOLS.includes(protocol)))
    return bad(`invalid port specification: ${JSON.stringify(HostPort.slice(0, 200))}`);
  return { HostIp: fields.string('HostIp'), HostPort };
}
