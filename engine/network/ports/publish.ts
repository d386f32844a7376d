import { existsSync } from 'node:fs';
import { parseAddress } from '../cidr.js';
import { failed, invalid, isErrno } from '../errors.js';
import { printable } from '../network-options.js';
import type { Publication } from '../record.js';
import type { PortBinding, PortMap } from '../types.js';
import { openProxy, type PortProxy } from './proxy.js';
import type { PortTable } from './table.js';

/** The most that one container may publish: each costs descriptors and rules. */
const MAX_PUBLICATIONS = 4096;

/** A port of a container that is to be published, on one or two addresses. */
interface Wish {
  readonly protocol: Publication['protocol'];
  readonly containerPort: number;
  readonly hostIps: readonly string[];
  /** Null: any free one. */
  readonly range: { readonly first: number; readonly last: number } | null;
}

/** `80/tcp` in its parts; a port alone is TCP's. */
export function parsePort(text: string): { port: number; protocol: Publication['protocol'] } {
  const [, number = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const port = Number(number);
  if (number === '' || port < 1 || port > 65_535) throw invalid(`invalid port specification: "${printable(text)}"`);
  return { port, protocol: protocol as Publication['protocol'] };
}

function parseRange(text: string): Wish['range'] {
  if (text === '' || text === '0') return null;
  const [, start = '', end = start] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(start), Number(end)];
  if (start === '' || first < 1 || last < first || last > 65_535)
    throw invalid(`invalid port specification: "${printable(text)}"`);
  return { first, last };
}

/** What `-p` and `-P` ask for. `hostBinding`: where an address that is not said stands for. */
export function wishesOf(
  request: { readonly ports: PortMap; readonly publishAll: boolean; readonly exposed: readonly string[] },
  hostBinding: string,
): Wish[] {
  const bindings = new Map<string, readonly PortBinding[]>();
  for (const [port, list] of Object.entries(request.ports)) if (list !== null) bindings.set(port, list);
  if (request.publishAll)
    for (const port of [...Object.keys(request.ports), ...request.exposed])
      if (!bindings.has(port)) bindings.set(port, [{ HostIp: '', HostPort: '' }]);
  const wishes = [...bindings].flatMap(([text, list]) => {
    const { port, protocol } = parsePort(text);
    return list.map(({ HostIp, HostPort }): Wish => {
      const ip = HostIp.replace(/^\[(.*)\]$/, '$1');
      if (ip !== '' && parseAddress(ip) === null) throw invalid(`invalid IP address: ${printable(HostIp)}`);
      const both = ip === '' && hostBinding === '0.0.0.0' && hasIPv6();
      const hostIps = both ? ['0.0.0.0', '::'] : [ip === '' ? hostBinding : ip];
      return { protocol, containerPort: port, hostIps, range: parseRange(HostPort) };
    });
  });
  if (wishes.length > MAX_PUBLICATIONS) throw invalid(`more than ${MAX_PUBLICATIONS} published ports`);
  return wishes;
}

const hasIPv6 = (): boolean => existsSync('/proc/net/if_inet6');

export interface HeldPort {
  readonly publication: Publication;
  readonly proxy: PortProxy;
}

/** Which addresses are reached by route, so that no port of the machine stands for one of theirs. */
type IsRouted = (version: 4 | 6) => boolean;

const NO_PROXY: PortProxy = { close: () => Promise.resolve() };

/** Hold the ports of all wishes, or none of them. Throws in Docker's words. */
export async function holdPorts(
  table: PortTable,
  wishes: readonly Wish[],
  address: string,
  isRouted: IsRouted = () => false,
): Promise<HeldPort[]> {
  const held: HeldPort[] = [];
  try {
    // what is said goes before what may be any: else a free one that was found may be the very one that is said
    const said = wishes.filter(({ range }) => range !== null);
    for (const wish of [...said, ...wishes.filter(({ range }) => range === null)])
      held.push(...(await holdWish(table, wish, address, isRouted)));
    return held;
  } catch (error) {
    await releasePorts(table, held);
    throw error;
  }
}

export async function releasePorts(table: PortTable, held: readonly HeldPort[]): Promise<void> {
  await Promise.all(
    held.map(async ({ publication, proxy }) => {
      await proxy.close();
      if (publication.hostPort !== 0) table.release(publication.protocol, publication.hostIp, publication.hostPort);
    }),
  );
}

/** Hold again what a killed engine held. */
export async function holdAgain(table: PortTable, publication: Publication, address: string): Promise<HeldPort | null> {
  try {
    return await hold(table, publication, address);
  } catch (error) {
    throw error instanceof Taken ? error.reason : error;
  }
}

/** The same port on each address of the wish. */
async function holdWish(table: PortTable, wish: Wish, address: string, isRouted: IsRouted): Promise<HeldPort[]> {
  const { range } = wish;
  const isExact = range !== null && range.first === range.last;
  let last: unknown = failed('all ports are allocated');
  for (const port of table.candidates(range, `${wish.protocol} ${wish.hostIps[0] ?? ''}`)) {
    try {
      return await holdAt(table, wish, port, address, isRouted);
    } catch (error) {
      // an address that is not ours has no free port
      if (isExact || !(error instanceof Taken)) throw error instanceof Taken ? error.reason : error;
      last = error.reason;
    }
  }
  throw range === null ? failed('all ports are allocated') : last;
}

/** Somebody has the port: another may do. */
class Taken extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('taken');
    this.reason = reason;
  }
}

async function holdAt(
  table: PortTable,
  wish: Wish,
  port: number,
  address: string,
  isRouted: IsRouted,
): Promise<HeldPort[]> {
  const held: HeldPort[] = [];
  try {
    for (const hostIp of wish.hostIps) {
      const { protocol, containerPort } = wish;
      const hostPort = isRouted(parseAddress(hostIp)?.version ?? 4) ? 0 : port;
      const one = await hold(table, { protocol, hostIp, hostPort, containerPort }, address);
      if (one !== null) held.push(one);
    }
    return held;
  } catch (error) {
    await releasePorts(table, held);
    throw error;
  }
}

/** Null: the second address of a wish that the machine has not (IPv6 is off). */
async function hold(table: PortTable, publication: Publication, address: string): Promise<HeldPort | null> {
  const { protocol, hostIp, hostPort } = publication;
  if (hostPort === 0) return { publication, proxy: NO_PROXY };
  try {
    table.take(protocol, hostIp, hostPort);
  } catch (error) {
    throw new Taken(error);
  }
  try {
    const proxy = await openProxy(publication, { address, port: publication.containerPort });
    return { publication, proxy };
  } catch (error) {
    table.release(protocol, hostIp, hostPort);
    if (hostIp === '::' && isErrno(error, 'EAFNOSUPPORT', 'EADDRNOTAVAIL')) return null;
    const version = hostIp.includes(':') ? 6 : 4;
    const at = version === 6 ? `[${hostIp}]` : hostIp;
    const why = failed(
      `Error starting userland proxy: listen ${protocol}${version} ${at}:${hostPort}: bind: ${reasonOf(error)}`,
      error,
    );
    throw isErrno(error, 'EADDRINUSE') ? new Taken(why) : why;
  }
}

/** The words of Go's syscall.Errno. */
function reasonOf(error: unknown): string {
  if (isErrno(error, 'EADDRINUSE')) return 'address already in use';
  if (isErrno(error, 'EADDRNOTAVAIL')) return 'cannot assign requested address';
  if (isErrno(error, 'EACCES')) return 'permission denied';
  return error instanceof Error ? error.message : String(error);
}

/** As `docker inspect` shows ports: published ones with what they got, others null. */
export function portMapOf(publications: readonly Publication[], exposed: readonly string[]): PortMap {
  const map: Record<string, PortBinding[] | null> = {};
  for (const text of exposed) {
    const { port, protocol } = parsePort(text);
    map[`${port}/${protocol}`] = null;
  }
  for (const { protocol, containerPort, hostIp, hostPort } of publications) {
    const key = `${containerPort}/${protocol}`;
    map[key] = [...(map[key] ?? []), { HostIp: hostIp, HostPort: hostPort === 0 ? '' : String(hostPort) }];
  }
  return map;
}
