import { SyscallError } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { AF_BRIDGE, NETLINK_NETFILTER, NFNLGRP_NFTABLES, RTM, RTNLGRP } from './constants.js';
import {
  decodeAddress,
  decodeFdb,
  decodeNeighbour,
  decodeNetconf,
  decodeNsid,
  decodeRoute,
  decodeRule,
} from './decode.js';
import { decodeLink } from './link-decode.js';
import type {
  AddressMessage,
  FdbMessage,
  LinkMessage,
  NeighbourMessage,
  NetconfMessage,
  NsidMessage,
  RouteMessage,
  RuleMessage,
} from './message-types.js';
import { decodeFirewallEvent, type FirewallEvent } from './nftables.js';
import { bindSocket, joinGroup, openNetlink, Receiver, setReceiveBuffer } from './socket.js';
import { decodeMessages, type Message } from './wire.js';

/**
 * Changes of a network namespace, told by the kernel as they happen. A socket that is subscribed is used for nothing
 * else. It is non-blocking: give its fd to epoll, and drain it when it is readable.
 */

type Action = 'new' | 'deleted';

/** `overrun`: the kernel had more to tell than there was room: what was missed is unknown, so read everything again. */
export type NetlinkEvent =
  | { readonly kind: 'link'; readonly action: Action; readonly link: LinkMessage }
  /** A bridge says that a link became its port, changed as such, or (deleted) ceased to be one; the link itself stays. */
  | { readonly kind: 'bridge-port'; readonly action: Action; readonly link: LinkMessage }
  | { readonly kind: 'address'; readonly action: Action; readonly address: AddressMessage }
  | { readonly kind: 'route'; readonly action: Action; readonly route: RouteMessage }
  | { readonly kind: 'neighbour'; readonly action: Action; readonly neighbour: NeighbourMessage }
  | { readonly kind: 'fdb'; readonly action: Action; readonly entry: FdbMessage }
  | { readonly kind: 'rule'; readonly action: Action; readonly rule: RuleMessage }
  | { readonly kind: 'nsid'; readonly action: Action; readonly nsid: NsidMessage }
  | { readonly kind: 'netconf'; readonly action: Action; readonly netconf: NetconfMessage }
  | { readonly kind: 'firewall'; readonly action: Action; readonly firewall: FirewallEvent }
  | { readonly kind: 'overrun' };

/** Room for what happens between two readings: about two thousand changes of links. */
const MONITOR_BUFFER_BYTES = 4 * 1024 * 1024;

/** Subscribe a NETLINK_ROUTE socket, opened in any namespace, to all that is observed there. Needs no privilege. */
export function subscribeRoute(kernel: Kernel, fd: number): void {
  bindSocket(kernel, fd);
  setReceiveBuffer(kernel, fd, MONITOR_BUFFER_BYTES);
  for (const group of Object.values(RTNLGRP)) joinGroup(kernel, fd, group);
}

/**
 * Subscribe a NETLINK_NETFILTER socket to changes of the rule set of nf_tables, which is also that of iptables in its
 * nft variant (the older iptables-legacy tells nobody). Needs CAP_NET_ADMIN in the socket's namespace.
 */
export function subscribeFirewall(kernel: Kernel, fd: number): void {
  bindSocket(kernel, fd);
  setReceiveBuffer(kernel, fd, MONITOR_BUFFER_BYTES);
  joinGroup(kernel, fd, NFNLGRP_NFTABLES);
}

/** Reads the events of one subscribed socket. */
export class Monitor {
  readonly fd: number;
  private readonly receiver: Receiver;
  private readonly decode: (message: Message) => NetlinkEvent | null;

  /** `protocol` is that with which the socket was opened: NETLINK_ROUTE or NETLINK_NETFILTER. */
  constructor(kernel: Kernel, fd: number, protocol: number) {
    this.fd = fd;
    this.receiver = new Receiver(kernel, fd);
    this.decode = protocol === NETLINK_NETFILTER ? decodeFirewallMessage : decodeRouteMessage;
  }

  /** All that happened since the last call, without waiting; at most `most` events, so that a storm cannot hold the caller. */
  drain(most = 10_000): NetlinkEvent[] {
    const events: NetlinkEvent[] = [];
    for (let readings = 0; readings < most && events.length < most; readings++) {
      const received = this.take();
      if (received === 'empty') return events;
      if (received === 'foreign') continue;
      if (received === 'overrun') {
        events.push({ kind: 'overrun' });
        continue;
      }
      for (const message of decodeMessages(received).messages) {
        const event = this.decode(message);
        if (event !== null) events.push(event);
      }
    }
    return events;
  }

  /** A message that was too large to be read is one that was missed. */
  private take(): ReturnType<Receiver['receive']> {
    try {
      return this.receiver.receive();
    } catch (error) {
      if (error instanceof SyscallError && error.errno === 'EMSGSIZE') return 'overrun';
      throw error;
    }
  }
}

/** A monitor of the caller's own namespace; its fd is the caller's to close. */
export function openMonitor(kernel: Kernel, protocol: number): Monitor {
  const fd = openNetlink(kernel, protocol);
  try {
    if (protocol === NETLINK_NETFILTER) subscribeFirewall(kernel, fd);
    else subscribeRoute(kernel, fd);
  } catch (error) {
    kernel.call('close', fd);
    throw error;
  }
  return new Monitor(kernel, fd, protocol);
}

function decodeFirewallMessage(message: Message): NetlinkEvent | null {
  const firewall = decodeFirewallEvent(message.type, message.payload);
  return firewall === null ? null : { kind: 'firewall', action: firewall.deleted ? 'deleted' : 'new', firewall };
}

/** One notification of NETLINK_ROUTE; null for what is not observed or cannot be read. */
export function decodeRouteMessage({ type, payload }: Message): NetlinkEvent | null {
  switch (type) {
    case RTM.NEWLINK:
    case RTM.DELLINK: {
      const link = decodeLink(payload);
      if (link === null) return null;
      const action = type === RTM.NEWLINK ? 'new' : 'deleted';
      return { kind: link.family === AF_BRIDGE ? 'bridge-port' : 'link', action, link };
    }
    case RTM.NEWADDR:
    case RTM.DELADDR: {
      const address = decodeAddress(payload);
      return address && { kind: 'address', action: type === RTM.NEWADDR ? 'new' : 'deleted', address };
    }
    case RTM.NEWROUTE:
    case RTM.DELROUTE: {
      const route = decodeRoute(payload);
      return route && { kind: 'route', action: type === RTM.NEWROUTE ? 'new' : 'deleted', route };
    }
    case RTM.NEWNEIGH:
    case RTM.DELNEIGH: {
      const action = type === RTM.NEWNEIGH ? 'new' : 'deleted';
      if (payload[0] === AF_BRIDGE) {
        const entry = decodeFdb(payload);
        return entry && { kind: 'fdb', action, entry };
      }
      const neighbour = decodeNeighbour(payload);
      return neighbour && { kind: 'neighbour', action, neighbour };
    }
    case RTM.NEWRULE:
    case RTM.DELRULE: {
      const rule = decodeRule(payload);
      return rule && { kind: 'rule', action: type === RTM.NEWRULE ? 'new' : 'deleted', rule };
    }
    case RTM.NEWNSID:
    case RTM.DELNSID: {
      const nsid = decodeNsid(payload);
      return nsid && { kind: 'nsid', action: type === RTM.NEWNSID ? 'new' : 'deleted', nsid };
    }
    case RTM.NEWNETCONF:
    case RTM.DELNETCONF: {
      const netconf = decodeNetconf(payload);
      return netconf && { kind: 'netconf', action: type === RTM.NEWNETCONF ? 'new' : 'deleted', netconf };
    }
    default:
      return null;
  }
}
