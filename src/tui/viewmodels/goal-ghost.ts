/** The lesson's goal as a wiring: what should exist, whether or not it does already. */
import type { LinkKind, NetworkNamespace } from '../../../engine/api/types.js';
import type { GhostGoal } from '../panel.js';

export interface GhostLink {
  /** Label of the network namespace, `host` for the lab host's own. */
  readonly ns: string;
  readonly name: string;
  readonly kind: LinkKind;
  readonly peer?: { readonly ns: string; readonly name: string };
  /** Bridge that it should be a port of. */
  readonly master?: string;
  readonly addresses?: readonly string[];
}

export interface GoalGhost {
  readonly namespaces: readonly string[];
  readonly links: readonly GhostLink[];
}

export const NO_GHOST: GoalGhost = { namespaces: [], links: [] };

const ADDRESS = /^[0-9a-f:.]+\/\d+$/i;

/** Name that a wanted thing gets as long as the lesson leaves the choice to the learner. */
export const ANY_NAME = '?';

/**
 * The frame's goals in the picture's form. Goals that are met need no ghost. `object` is `namespace`, `link` or `address`;
 * an address goal is placed at `ns` or `ns/link` and named by its CIDR. What says nothing about wiring is left out.
 */
export function goalGhostOf(goals: readonly GhostGoal[], networks: readonly NetworkNamespace[] = []): GoalGhost {
  const namespaces = new Set<string>();
  const links = new Map<string, GhostLink>();
  const want = (link: GhostLink): void => {
    const key = `${link.ns}/${link.name}`;
    const before = links.get(key);
    links.set(
      key,
      before === undefined
        ? link
        : { ...before, ...link, addresses: [...(before.addresses ?? []), ...(link.addresses ?? [])] },
    );
    if (link.ns !== 'host') namespaces.add(link.ns);
  };
  for (const goal of goals) {
    if (goal.met) continue;
    if (goal.object === 'namespace') {
      // Only network namespaces are boxes of the wiring; `place` tells the kind when it is another one.
      if (goal.name !== undefined && (goal.place === undefined || goal.place === 'net' || goal.place === 'host'))
        namespaces.add(goal.name);
    } else if (goal.object === 'link') {
      const ns = goal.place ?? 'host';
      const name = goal.name ?? ANY_NAME;
      const peer = goal.peer;
      if (peer === undefined) want({ ns, name, kind: 'other' });
      else {
        const other = { ns: peer.place ?? 'host', name: peer.name ?? ANY_NAME };
        want({ ns, name, kind: 'veth', peer: other });
        want({ ns: other.ns, name: other.name, kind: 'veth', peer: { ns, name } });
      }
    } else if (goal.object === 'address' && goal.name !== undefined && ADDRESS.test(goal.name)) {
      const [ns, link] = splitPlace(goal.place ?? 'host', networks);
      want({ ns, name: link ?? ANY_NAME, kind: 'other', addresses: [goal.name] });
    }
  }
  return { namespaces: [...namespaces].sort(), links: [...links.values()] };
}

function splitPlace(place: string, networks: readonly NetworkNamespace[]): [string, string | null] {
  if (networks.some((network) => network.label === place)) return [place, null];
  const at = place.lastIndexOf('/');
  return at < 0 ? [place, null] : [place.slice(0, at), place.slice(at + 1)];
}
