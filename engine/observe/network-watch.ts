import { closeSync } from 'node:fs';
import type { Link, NamespaceId } from '../api/types.js';
import { ERRNO } from '../kernel/errno.js';
import { SyscallError } from '../kernel/errors.js';
import { addressOf, check, type Kernel } from '../kernel/kernel.js';
import { identifyNamespace, openNamespaceOfSocket, withFd } from '../kernel/namespaces/ioctl.js';
import { AF_NETLINK, type LabAccess } from './access.js';

const NETLINK_ROUTE = 0;
const NETLINK_NETFILTER = 12;
const SOL_NETLINK = 270;
const NETLINK_LISTEN_ALL_NSID = 8;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const RTM_GETLINK = 18;
const IFLA_TARGET_NETNSID = 46;
const IFLA_STATS64 = 23;
const NLM_F_DUMP = 0x300;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const MSG_DONTWAIT = 0x40;

/** Multicast groups of rtnetlink(7) whose messages mean that a dump would differ, as the bits of nl_groups. */
const ROUTE_GROUPS = [
  1 /* LINK */, 3 /* NEIGH */, 5 /* IPV4_IFADDR */, 7 /* IPV4_ROUTE */, 8 /* IPV4_RULE */, 9, 11, 19, 24, 25,
]
  .map((group) => 2 ** (group - 1))
  .reduce((a, b) => a + b, 0);
/** NFNLGRP_NFTABLES: every change of a ruleset, also one made by iptables-nft. */
const NFTABLES_GROUP = 2 ** (7 - 1);

/** Traffic of one link. */
export type LinkCounters = Pick<Link, 'rxBytes' | 'txBytes' | 'rxPackets' | 'txPackets'>;

/** The namespaces that this process has made to listen from, now. */
const LISTENING = new Set<NamespaceId>();

/**
 * True for a namespace of the observer's own. A process that is being started in the lab is for a moment a copy of the
 * engine, descriptors included, and so seems to hold it.
 */
export function isListeningNamespace(id: NamespaceId): boolean {
  return LISTENING.has(id);
}

/** What has changed since the last look. */
export interface NetworkNews {
  readonly links: ReadonlySet<NamespaceId>;
  readonly firewall: ReadonlySet<NamespaceId>;
  /** Messages were lost: everything may have changed. */
  readonly overrun: boolean;
}

/**
 * Hears of every change in all network namespaces of the lab with two sockets, and keeps none of them alive.
 *
 * A socket opened *in* a namespace would hold it: `ip netns del r1` would not destroy r1 until the engine let go. So both
 * sockets live in an empty namespace of their own; there each lab namespace is given an id (RTM_NEWNSID, seen by nobody
 * else), and NETLINK_LISTEN_ALL_NSID delivers their messages with that id beside them. The kernel drops the id with the
 * namespace. See netlink(7), ip-netns(8).
 */
export class NetworkWatch {
  readonly #kernel: Kernel;
  readonly #route: number;
  readonly #netfilter: number;
  readonly #request: number;
  readonly #own: NamespaceId | null;
  /** nsid in the listening namespace -> lab namespace. */
  readonly #ids = new Map<number, NamespaceId>();
  #sequence = 0;
  readonly #buffer = Buffer.alloc(32 << 10);
  readonly #control = Buffer.alloc(64);
  readonly #iov = Buffer.alloc(16);
  readonly #header = Buffer.alloc(56);

  constructor(kernel: Kernel, access: LabAccess) {
    this.#kernel = kernel;
    const [route, netfilter, request] = access.openWatchSockets([NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_ROUTE]);
    if (route === undefined || netfilter === undefined || request === undefined)
      throw new RangeError('three sockets were asked for');
    [this.#route, this.#netfilter, this.#request] = [route, netfilter, request];
    const namespace = openNamespaceOfSocket(kernel, route);
    this.#own = namespace === null ? null : withFd(namespace, (fd) => identifyNamespace(kernel, fd));
    if (this.#own !== null) LISTENING.add(this.#own);
    try {
      this.#listen(route, ROUTE_GROUPS);
      this.#listen(netfilter, NFTABLES_GROUP);
      this.#bind(request, 0);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Descriptors that become readable when something changed: for the reactor. */
  get descriptors(): readonly number[] {
    return [this.#route, this.#netfilter];
  }

  /**
   * Begin to hear a namespace. `netFd` is not kept.
   *
   * @throws SyscallError when the kernel refuses
   */
  add(id: NamespaceId, netFd: number): void {
    for (const known of this.#ids.values()) if (known === id) return;
    const assigned = this.#call(netFd, RTM_NEWNSID);
    if (assigned.error !== 0 && assigned.error !== -ERRNO.EEXIST) {
      throw new SyscallError('sendto', -assigned.error, { while: `RTM_NEWNSID for ${id}` });
    }
    const asked = this.#call(netFd, RTM_GETNSID);
    if (asked.nsid < 0) throw new SyscallError('sendto', ERRNO.ENOENT, { while: `RTM_GETNSID for ${id}` });
    this.#ids.set(asked.nsid, id);
  }

  /** Forget namespaces that are not there any more; the kernel has dropped their ids itself. */
  retain(alive: ReadonlySet<NamespaceId>): void {
    for (const [nsid, id] of this.#ids) if (!alive.has(id)) this.#ids.delete(nsid);
  }

  /** Forget one namespace: its inode number belongs to another by now. */
  forget(id: NamespaceId): void {
    for (const [nsid, known] of this.#ids) if (known === id) this.#ids.delete(nsid);
  }

  has(id: NamespaceId): boolean {
    for (const known of this.#ids.values()) if (known === id) return true;
    return false;
  }

  /** Take all waiting messages. Costs two refused system calls when there are none. */
  drain(): NetworkNews {
    const links = new Set<NamespaceId>();
    const firewall = new Set<NamespaceId>();
    const lost = this.#drain(this.#route, links);
    const lostRules = this.#drain(this.#netfilter, firewall);
    return { links, firewall, overrun: lost || lostRules };
  }

  /**
   * Packet counters of a namespace's links by index: one RTM_GETLINK dump with IFLA_TARGET_NETNSID, asked from outside.
   * Null when the namespace is not heard or has gone.
   */
  counters(id: NamespaceId): Map<number, LinkCounters> | null {
    let target: number | null = null;
    for (const [nsid, known] of this.#ids) if (known === id) target = nsid;
    if (target === null) return null;
    const message = Buffer.alloc(40);
    this.#sequence += 1;
    message.writeUInt32LE(message.length, 0);
    message.writeUInt16LE(RTM_GETLINK, 4);
    message.writeUInt16LE(NLM_F_REQUEST | NLM_F_DUMP, 6);
    message.writeUInt32LE(this.#sequence, 8);
    message.writeUInt16LE(8, 32);
    message.writeUInt16LE(IFLA_TARGET_NETNSID, 34);
    message.writeInt32LE(target, 36);
    check(this.#kernel, 'sendto', [this.#request, message, message.length, 0, null, 0], { while: 'counting packets' });
    const found = new Map<number, LinkCounters>();
    for (;;) {
      const got = this.#kernel.call(
        'recvfrom',
        this.#request,
        this.#buffer,
        this.#buffer.length,
        MSG_DONTWAIT,
        null,
        null,
      );
      if (got === -ERRNO.EAGAIN) return null;
      if (got < 0) throw new SyscallError('recvfrom', -got, { while: 'counting packets' });
      if (this.#buffer.readUInt32LE(8) !== this.#sequence) continue;
      const type = this.#buffer.readUInt16LE(4);
      if (type === NLMSG_ERROR) return null;
      if (type === NLMSG_DONE || takeCounters(this.#buffer.subarray(0, got), found)) return found;
    }
  }

  close(): void {
    if (this.#own !== null) LISTENING.delete(this.#own);
    for (const fd of [this.#route, this.#netfilter, this.#request]) closeSync(fd);
  }

  #drain(fd: number, into: Set<NamespaceId>): boolean {
    let lost = false;
    for (let rounds = 0; rounds < 4096; rounds++) {
      const nsid = this.#receive(fd);
      if (nsid === 'empty') return lost;
      if (nsid === 'overrun') lost = true;
      else {
        const id = this.#ids.get(nsid);
        if (id !== undefined) into.add(id);
      }
    }
    return true;
  }

  /** One recvmsg(2): the id of the namespace that the datagram came from, -1 for the listening one's own. */
  #receive(fd: number): number | 'empty' | 'overrun' {
    this.#iov.writeBigUInt64LE(addressOf(this.#buffer), 0);
    this.#iov.writeBigUInt64LE(BigInt(this.#buffer.length), 8);
    this.#header.fill(0);
    this.#header.writeBigUInt64LE(addressOf(this.#iov), 16);
    this.#header.writeBigUInt64LE(1n, 24);
    this.#header.writeBigUInt64LE(addressOf(this.#control), 32);
    this.#header.writeBigUInt64LE(BigInt(this.#control.length), 40);
    const got = this.#kernel.call('recvmsg', fd, this.#header, MSG_DONTWAIT);
    if (got === -ERRNO.EAGAIN) return 'empty';
    if (got === -ERRNO.ENOBUFS) return 'overrun';
    if (got < 0) throw new SyscallError('recvmsg', -got, { while: 'listening for network changes' });
    return this.#nsidOfControl(Number(this.#header.readBigUInt64LE(40)));
  }

  /** Walk the control messages for (SOL_NETLINK, NETLINK_LISTEN_ALL_NSID); cmsg(3). */
  #nsidOfControl(length: number): number {
    for (let at = 0; at + 16 <= length; ) {
      const size = Number(this.#control.readBigUInt64LE(at));
      if (size < 16) break;
      if (
        this.#control.readInt32LE(at + 8) === SOL_NETLINK &&
        this.#control.readInt32LE(at + 12) === NETLINK_LISTEN_ALL_NSID
      ) {
        return this.#control.readInt32LE(at + 16);
      }
      at += (size + 7) & ~7;
    }
    return -1;
  }

  #listen(fd: number, groups: number): void {
    const one = Buffer.alloc(4);
    one.writeInt32LE(1);
    check(this.#kernel, 'setsockopt', [fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, one, 4], {
      while: 'listening to all namespaces',
    });
    const size = Buffer.alloc(4);
    size.writeInt32LE(1 << 20);
    check(this.#kernel, 'setsockopt', [fd, SOL_SOCKET, SO_RCVBUF, size, 4]);
    this.#bind(fd, groups);
  }

  #bind(fd: number, groups: number): void {
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(groups, 8);
    check(this.#kernel, 'bind', [fd, address, address.length], { while: 'binding a netlink socket' });
  }

  /** struct nlmsghdr, struct rtgenmsg padded, NETNSA_NSID (any) when assigning, NETNSA_FD. */
  #call(netFd: number, type: number): { error: number; nsid: number } {
    const assign = type === RTM_NEWNSID;
    const message = Buffer.alloc(assign ? 36 : 28);
    this.#sequence += 1;
    message.writeUInt32LE(message.length, 0);
    message.writeUInt16LE(type, 4);
    message.writeUInt16LE(NLM_F_REQUEST | (assign ? NLM_F_ACK : 0), 6);
    message.writeUInt32LE(this.#sequence, 8);
    message.writeUInt16LE(8, 20);
    message.writeUInt16LE(NETNSA_FD, 22);
    message.writeUInt32LE(netFd, 24);
    if (assign) {
      message.writeUInt16LE(8, 28);
      message.writeUInt16LE(NETNSA_NSID, 30);
      message.writeInt32LE(-1, 32);
    }
    check(this.#kernel, 'sendto', [this.#request, message, message.length, 0, null, 0], {
      while: 'naming a network namespace',
    });
    for (;;) {
      const got = this.#kernel.call(
        'recvfrom',
        this.#request,
        this.#buffer,
        this.#buffer.length,
        MSG_DONTWAIT,
        null,
        null,
      );
      if (got < 0) throw new SyscallError('recvfrom', -got, { while: 'naming a network namespace' });
      if (this.#buffer.readUInt32LE(8) !== this.#sequence) continue;
      if (this.#buffer.readUInt16LE(4) === NLMSG_ERROR) return { error: this.#buffer.readInt32LE(16), nsid: -1 };
      return { error: 0, nsid: attributeOf(this.#buffer.subarray(0, got), NETNSA_NSID) };
    }
  }
}

/**
 * Take the first four counters of each link of a dump's datagram (struct rtnl_link_stats64, if_link.h). Nothing else is
 * looked at: a bridge's attributes, for one, hold timers that never stand still.
 *
 * @returns whether the datagram ends the dump
 */
function takeCounters(datagram: Buffer, into: Map<number, LinkCounters>): boolean {
  for (let at = 0; at + 16 <= datagram.length; ) {
    const length = datagram.readUInt32LE(at);
    if (length < 16) return false;
    if (datagram.readUInt16LE(at + 4) === NLMSG_DONE) return true;
    const end = Math.min(at + length, datagram.length);
    // struct nlmsghdr (16), struct ifinfomsg (16) with the index at 4, then attributes.
    for (let attribute = at + 32; attribute + 4 <= end; ) {
      const size = datagram.readUInt16LE(attribute);
      if (size < 4) break;
      if (datagram.readUInt16LE(attribute + 2) === IFLA_STATS64 && attribute + 36 <= end) {
        const counter = (n: number): number => Number(datagram.readBigUInt64LE(attribute + 4 + 8 * n));
        into.set(datagram.readInt32LE(at + 20), {
          rxPackets: counter(0),
          txPackets: counter(1),
          rxBytes: counter(2),
          txBytes: counter(3),
        });
        break;
      }
      attribute += (size + 3) & ~3;
    }
    at += (length + 3) & ~3;
  }
  return false;
}

/** The 32-bit value of an attribute behind the padded rtgenmsg, -1 when absent. */
function attributeOf(message: Buffer, wanted: number): number {
  for (let at = 20; at + 8 <= message.length; ) {
    const length = message.readUInt16LE(at);
    if (length < 4) break;
    if (message.readUInt16LE(at + 2) === wanted) return message.readInt32LE(at + 4);
    at += (length + 3) & ~3;
  }
  return -1;
}
