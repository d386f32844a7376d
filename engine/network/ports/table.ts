import { readFileSync } from 'node:fs';
import { failed } from '../errors.js';
import type { Publication } from '../record.js';

type Protocol = Publication['protocol'];

const WILDCARDS: readonly string[] = ['0.0.0.0', '::'];
/** Ranges that are remembered: what is forgotten begins at its start again. */
const MAX_RANGES = 1024;
const DEFAULT_RANGE = { first: 32_768, last: 60_999 };

/** Ports from which the kernel, and Docker, take any free one. ip(7) */
export function ephemeralRange(file = '/proc/sys/net/ipv4/ip_local_port_range'): { first: number; last: number } {
  const [first = 0, last = 0] = readFileSync(file, 'utf8').trim().split(/\s+/).map(Number);
  return first > 0 && last >= first && last < 65_536 ? { first, last } : DEFAULT_RANGE;
}

/** The ports of the host that containers have, whoever else may hold some. */
export class PortTable {
  readonly #taken = new Map<string, Set<string>>();
  readonly #range: { readonly first: number; readonly last: number };
  #next: number;
  /** Where the next search in a range that somebody named begins, by whose it is. */
  readonly #nextIn = new Map<string, number>();

  constructor(range = ephemeralRange()) {
    this.#range = range;
    this.#next = range.first;
  }

  /** Take a port on an address; throws in Docker's words when a container has it there, or on all addresses. */
  take(protocol: Protocol, ip: string, port: number): void {
    const key = `${protocol} ${port}`;
    const addresses = this.#taken.get(key) ?? new Set();
    const sameVersion = [...addresses].filter((other) => other.includes(':') === ip.includes(':'));
    if (sameVersion.some((other) => other === ip || WILDCARDS.includes(other) || WILDCARDS.includes(ip)))
      throw failed(`Bind for ${ip}:${port} failed: port is already allocated`);
    addresses.add(ip);
    this.#taken.set(key, addresses);
  }

  release(protocol: Protocol, ip: string, port: number): void {
    const key = `${protocol} ${port}`;
    const addresses = this.#taken.get(key);
    addresses?.delete(ip);
    if (addresses?.size === 0) this.#taken.delete(key);
  }

  /**
   * Candidates for a port: those of a range, or, for null, all that are free to take, each once; from behind the one that was tried
   * last, as Docker does, so that a port that was given back is not at once another's. moby, libnetwork/portallocator.
   *
   * @param whose ranges that are counted on for themselves: protocol and address
   */
  *candidates(range: { readonly first: number; readonly last: number } | null, whose = ''): Generator<number> {
    const { first, last } = range ?? this.#range;
    const key = `${whose} ${first}-${last}`;
    for (let count = first; count <= last; count++) {
      if (range !== null) {
        const port = this.#nextIn.get(key) ?? first;
        if (this.#nextIn.size >= MAX_RANGES) this.#nextIn.clear();
        if (first !== last) this.#nextIn.set(key, port >= last ? first : port + 1);
        yield port;
      } else {
        const port = this.#next;
        this.#next = port >= last ? first : port + 1;
        yield port;
      }
    }
  }
}
