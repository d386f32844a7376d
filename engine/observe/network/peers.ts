import type { LinkPeer } from '../../api/types.js';
import type { LinkMessage } from '../../kernel/netlink/message-types.js';
import type { NetworkView } from './view.js';

/**
 * Where the other end of a link is. IFLA_LINK has its index, IFLA_LINK_NETNSID the number by which the link's own
 * namespace knows the other one; both are wanted, because an index is only unique within a namespace. Where the number
 * could not be resolved (no fd of that namespace), two veths that name each other are taken for a pair if no third does.
 */
export class PeerFinder {
  private readonly links = new Map<string, LinkMessage>();
  /** Veth ends by `lower`/`index`: who says that it ends at that index. */
  private readonly veths = new Map<number, { view: NetworkView; link: LinkMessage }[]>();

  constructor(views: readonly NetworkView[]) {
    for (const view of views) {
      for (const link of view.links) {
        this.links.set(`${view.id} ${link.index}`, link);
        if (link.kind === 'veth') this.veths.set(link.index, [...(this.veths.get(link.index) ?? []), { view, link }]);
      }
    }
  }

  /** The other end of a veth, the lower device of a macvlan, ipvlan or vlan; null for a link that has neither. */
  peerOf(view: NetworkView, link: LinkMessage): LinkPeer | null {
    if (link.lower === null || !(link.kind === 'veth' || STACKED.has(link.kind ?? ''))) return null;
    const known = this.known(view, link);
    if (known !== null) return this.named(known, link.lower);
    const found = link.kind === 'veth' ? this.reciprocal(view, link) : null;
    return found === null ? { ns: null, index: link.lower, name: null } : this.named(found, link.lower);
  }

  /** The namespace that the kernel names; null when it cannot be told from here. */
  private known(view: NetworkView, link: LinkMessage): NetworkView['id'] | null {
    if (link.linkNetnsid === null) return view.id;
    return view.nsids.get(link.linkNetnsid) ?? null;
  }

  private named(ns: NetworkView['id'], index: number): LinkPeer {
    return { ns, index, name: this.links.get(`${ns} ${index}`)?.name ?? null };
  }

  /** The one veth elsewhere that has this one's `lower` for its index and this one's index for its `lower`. */
  private reciprocal(view: NetworkView, link: LinkMessage): NetworkView['id'] | null {
    const candidates = (this.veths.get(link.lower ?? -1) ?? []).filter((other) => {
      if (other.view.id === view.id || other.link.lower !== link.index || other.link.linkNetnsid === null) return false;
      const back = this.known(other.view, other.link);
      return back === null || back === view.id;
    });
    const sure = candidates.filter((other) => this.known(other.view, other.link) === view.id);
    const [only, second] = sure.length > 0 ? sure : candidates;
    if (only === undefined || second !== undefined) return null;
    // Another end that could as well be its pair makes the guess worthless.
    if (sure.length === 0 && this.rivals(view, link, only.view) > 0) return null;
    return only.view.id;
  }

  /** Other veths with the same index and `lower`, for which `other` could as well be the place. */
  private rivals(view: NetworkView, link: LinkMessage, other: NetworkView): number {
    return (this.veths.get(link.index) ?? []).filter(
      (rival) =>
        rival.view.id !== view.id &&
        rival.view.id !== other.id &&
        rival.link.lower === link.lower &&
        rival.link.linkNetnsid !== null &&
        this.known(rival.view, rival.link) === null,
    ).length;
  }
}

/** Kinds that stand on a lower device. */
const STACKED: ReadonlySet<string> = new Set(['macvlan', 'macvtap', 'ipvlan', 'vlan']);
