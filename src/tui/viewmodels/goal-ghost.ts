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

/** A wanted route or firewall rule: named, not drawn. */
export interface GhostNote {
  readonly ns: string;
  readonly kind: 'route' | 'nat' | 'dnat' | 'filter';
  readonly text: string;
}

export interface GoalGhost {
  readonly namespaces: readonly string[];
  readonly links: readonly GhostLink[];
  /** Addresses wanted in a namespace, on whichever interface. */
  readonly addresses?: readonly { readonly ns: string; readonly text: string }[];
  readonly notes?: readonly GhostNote[];
}

export const NO_GHOST: GoalGhost = { namespaces: [], links: [] };

const ADDRESS = /^[0-9a-f:.]+\/\d+$/i;

/** Name that a wanted thing gets as long as the lesson leaves the choice to the learner. */
export const ANY_NAME = '?';

/**
 * The frame's goals in the picture's form. Goals that are met need no ghost. An address goal is placed at `ns` or `ns/link`
 * and named by its CIDR. What has no place in the wiring (mounts, cgroups …) is left out.
 */
export function goalGhostOf(goals: readonly GhostGoal[], networks: readonly NetworkNamespace[] = []): GoalGhost {
  const wanted = new Wanted();
  for (const goal of goals) {
    if (goal.met) continue;
    const place = goal.place ?? 'host';
    switch (goal.object) {
      case 'namespace':
        // Only network namespaces are boxes of the wiring; `place` tells the kind when it is another one.
        if (goal.name !== undefined && (goal.place === undefined || goal.place === 'net' || goal.place === 'host'))
          wanted.namespaces.add(goal.name);
        break;
      case 'link':
        wanted.wire(goal, place);
        break;
      case 'address':
        if (goal.name !== undefined && ADDRESS.test(goal.name)) wanted.address(goal.name, splitPlace(place, networks));
        break;
      case 'route':
        if (goal.name !== undefined) wanted.notes.push({ ns: place, kind: 'route', text: goal.name });
        break;
      case 'firewall-rule':
        if (goal.name !== undefined)
          wanted.notes.push({ ns: place, kind: RULE_KINDS[goal.name] ?? 'filter', text: goal.name });
        break;
      default:
    }
  }
  return wanted.ghost();
}

const RULE_KINDS: Readonly<Record<string, GhostNote['kind']>> = {
  MASQUERADE: 'nat',
  SNAT: 'nat',
  DNAT: 'dnat',
  REDIRECT: 'dnat',
};

/** What was asked for so far; two goals about the same interface become one ghost. */
class Wanted {
  readonly namespaces = new Set<string>();
  readonly links = new Map<string, GhostLink>();
  readonly addresses: { ns: string; text: string }[] = [];
  readonly notes: GhostNote[] = [];

  link(link: GhostLink): void {
    const key = `${link.ns}/${link.name}`;
    const before = this.links.get(key);
    const addresses = [...(before?.addresses ?? []), ...(link.addresses ?? [])];
    const kind = link.kind === 'other' ? (before?.kind ?? 'other') : link.kind;
    this.links.set(key, { ...before, ...link, kind, ...(addresses.length === 0 ? {} : { addresses }) });
    if (link.ns !== 'host') this.namespaces.add(link.ns);
  }

  /** An interface, with its other end where the goal says in which namespace that is. */
  wire(goal: GhostGoal, ns: string): void {
    const name = goal.name ?? ANY_NAME;
    const far = goal.peer?.place;
    if (far === undefined) {
      this.link({ ns, name, kind: goal.peer === undefined ? 'other' : 'veth' });
      return;
    }
    const peer = { ns: far, name: goal.peer?.name ?? ANY_NAME };
    this.link({ ns, name, kind: 'veth', peer });
    this.link({ ...peer, kind: 'veth', peer: { ns, name } });
  }

  address(text: string, [ns, link]: readonly [string, string | null]): void {
    if (link === null) this.addresses.push({ ns, text });
    else this.link({ ns, name: link, kind: 'other', addresses: [text] });
    if (ns !== 'host') this.namespaces.add(ns);
  }

  ghost(): GoalGhost {
    return {
      namespaces: [...this.namespaces].sort(),
      links: [...this.links.values()],
      addresses: this.addresses,
      notes: this.notes,
    };
  }
}

function splitPlace(place: string, networks: readonly NetworkNamespace[]): [string, string | null] {
  if (networks.some((network) => network.label === place)) return [place, null];
  const at = place.lastIndexOf('/');
  return at < 0 ? [place, null] : [place.slice(0, at), place.slice(at + 1)];
}
