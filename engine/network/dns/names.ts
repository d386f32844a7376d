import { parseAddress } from '../cidr.js';
import { guard } from '../guards.js';
import type { SandboxRecord } from '../record.js';
import { type Answer, type Question, reverseAddress, TYPE } from './message.js';

/** Answers about containers; null: nobody is called so, ask others. */
export function lookUp(
  asker: SandboxRecord,
  all: Iterable<SandboxRecord>,
  question: Question,
): readonly Answer[] | null {
  if (!question.isInternet || question.name === '') return null;
  if (question.type === TYPE.PTR) return reverse(asker, all, question);
  const found = addressesOf(asker, all, question.name);
  if (found === null) return null;
  const want4 = question.type === TYPE.A || question.type === TYPE.ANY;
  const want6 = question.type === TYPE.AAAA || question.type === TYPE.ANY;
  // the name is known, so that there is no address of a kind is an answer too
  return found.flatMap(({ ipv4, ipv6 }) => [
    ...(want4 && ipv4 !== '' ? [{ type: TYPE.A, value: ipv4 }] : []),
    ...(want6 && ipv6 !== '' ? [{ type: TYPE.AAAA, value: ipv6 }] : []),
  ]);
}

interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/**
 * Whom the asker finds under a name, `web` or `web.network`: containers on its own user-defined networks. A container's own
 * name goes before others' aliases for it; those who share an alias are all found, in an order that changes.
 */
function addressesOf(asker: SandboxRecord, all: Iterable<SandboxRecord>, name: string): readonly Addresses[] | null {
  const named: Addresses[] = [];
  const aliased: Addresses[] = [];
  const mine = networksOf(asker);
  const linked = linksOf(asker);
  const everybody = [...all];
  /** A link leads to who is called so; to whose id begins so only where nobody of the network is. moby, daemon/container.go (GetContainer). */
  const leadsTo = ({ id, name }: SandboxRecord['container'], to: string, network: string): boolean =>
    to === name.toLowerCase() ||
    (id.startsWith(to) &&
      !everybody.some(
        ({ container, endpoints }) =>
          to === container.name.toLowerCase() && endpoints.some((one) => one.network === network),
      ));
  for (const { container, endpoints } of everybody)
    for (const endpoint of endpoints) {
      const networkName = mine.get(endpoint.network);
      if (networkName === undefined || endpoint.dnsNames === null) continue;
      const is = (text: string): boolean => name === text || name === `${text}.${networkName}`;
      const links = linked.get(endpoint.network) ?? [];
      const isLinked = ({ to, alias }: Link): boolean => is(alias) && leadsTo(container, to, endpoint.network);
      if (is(container.name.toLowerCase()) || links.some(isLinked)) named.push(endpoint);
      else if (endpoint.dnsNames.some((one) => is(one.toLowerCase()))) aliased.push(endpoint);
    }
  const found = named.length > 0 && guard('own-name-first') ? named : [...named, ...aliased];
  return found.length === 0 ? null : shuffled(found);
}

interface Link {
  readonly to: string;
  readonly alias: string;
}

/** `--link web:alias` on a user-defined network, by its id: names that are this container's alone. libnetwork, sandbox.go. */
function linksOf({ endpoints }: SandboxRecord): Map<string, readonly Link[]> {
  return new Map(
    endpoints.map(({ network, request }) => [
      network,
      (request.Links ?? []).flatMap((text) => {
        const [first = '', alias = first] = text.toLowerCase().split(':');
        const to = first.replace(/^\//, '');
        // each id begins with nothing
        return to === '' ? [] : [{ to, alias: alias.replace(/^.*\//, '') }];
      }),
    ]),
  );
}

/** Names, in lower case, of the user-defined networks that somebody is on, by id. */
function networksOf({ endpoints }: SandboxRecord): Map<string, string> {
  return new Map(
    endpoints.flatMap(({ network, networkName, dnsNames }) =>
      dnsNames === null ? [] : [[network, networkName.toLowerCase()] as const],
    ),
  );
}

function reverse(asker: SandboxRecord, all: Iterable<SandboxRecord>, { name }: Question): readonly Answer[] | null {
  const text = reverseAddress(name);
  const address = text === null ? null : parseAddress(text);
  if (address === null) return null;
  const mine = networksOf(asker);
  for (const { container, endpoints } of all)
    for (const endpoint of endpoints) {
      if (!mine.has(endpoint.network)) continue;
      const has = [endpoint.ipv4, endpoint.ipv6].some((one) => parseAddress(one)?.value === address.value);
      if (has) return [{ type: TYPE.PTR, value: `${container.name}.${endpoint.networkName}` }];
    }
  return null;
}

function shuffled<T>(list: readonly T[]): T[] {
  const result = [...list];
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [result[at], result[other]] = [result[other] as T, result[at] as T];
  }
  return result;
}
