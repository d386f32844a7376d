import type { ListeningPort } from '../../api/types.js';
import { addressText } from '../../kernel/netlink/address.js';

/** Text of /proc/PID/net/{tcp,tcp6,udp,udp6}: the sockets of the process's network namespace. A file that is absent may be left out. See proc(5). */
export type SocketTables = Readonly<Partial<Record<ListeningPort['protocol'], string>>>;

const TCP_LISTEN = 0x0a;
/** A udp socket that is bound and not connected. */
const UDP_UNCONNECTED = 0x07;

/**
 * Ports that something listens on, by port, protocol and address. A udp socket counts when it is bound and talks to
 * nobody in particular. `owners` has the pid for a socket's inode; a socket shared by several processes is listed once.
 */
export function readListening(files: SocketTables, owners: ReadonlyMap<number, number>): ListeningPort[] {
  const found = new Map<string, ListeningPort>();
  for (const protocol of ['tcp', 'tcp6', 'udp', 'udp6'] as const) {
    for (const line of (files[protocol] ?? '').split('\n')) {
      const port = parseLine(protocol, line, owners);
      if (port !== null) found.set(`${protocol} ${port.address} ${port.port} ${port.pid}`, port);
    }
  }
  return [...found.values()].sort(
    (a, b) => a.port - b.port || compare(a.protocol, b.protocol) || compare(a.address, b.address),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `0: 0100007F:1F90 00000000:0000 0A … uid timeout inode`; null for a heading, a connection, or a line that is cut. */
function parseLine(
  protocol: ListeningPort['protocol'],
  line: string,
  owners: ReadonlyMap<number, number>,
): ListeningPort | null {
  const fields = line.trim().split(/\s+/);
  const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(fields[1] ?? '');
  const state = Number.parseInt(fields[3] ?? '', 16);
  if (match === null || fields.length < 10) return null;
  if (state !== (protocol.startsWith('tcp') ? TCP_LISTEN : UDP_UNCONNECTED)) return null;
  const address = addressText(kernelBytes(match[1]!));
  if (address === null) return null;
  return { protocol, address, port: Number.parseInt(match[2]!, 16), pid: owners.get(Number(fields[9])) ?? null };
}

/** The kernel prints each 32-bit word of an address as a number of its own (little-endian) order. */
function kernelBytes(hex: string): Uint8Array {
  const words = hex.match(/.{8}/g) ?? [];
  return Uint8Array.from(words.flatMap((word) => [...Buffer.from(word, 'hex').reverse()]));
}
