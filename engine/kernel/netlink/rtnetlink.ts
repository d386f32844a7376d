import { EngineError } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { AF_BRIDGE, IFLA, NETNSA, NLM_F_ACK, NLM_F_REQUEST, RTEXT_FILTER, RTM } from './constants.js';
import { Conversation, nextSequence } from './conversation.js';
import {
  decodeAddress,
  decodeFdb,
  decodeNeighbour,
  decodeNetconf,
  decodeNsid,
  decodeRoute,
  decodeRule,
} from './decode.js';
import { noteNetlink } from './deed.js';
import { describe } from './describe.js';
import { encode } from './encode.js';
import { type Acknowledgement, NetlinkError } from './error.js';
import { decodeLink } from './link-decode.js';
import { checkName, ifinfomsg } from './link-encode.js';
import type {
  AddressMessage,
  FdbMessage,
  LinkMessage,
  NeighbourMessage,
  NetconfMessage,
  RouteMessage,
  RuleMessage,
} from './message-types.js';
import type { NetnsRef, Request } from './request-types.js';
import { linksToResolve, resolveLinks } from './resolve.js';
import { encodeMessage, Writer } from './wire.js';

/** Bound on one send, below the smallest usual send buffer. */
const BATCH_BYTES = 32 * 1024;
const BATCH_REQUESTS = 64;

/** How a request ended. */
export interface Outcome {
  readonly request: Request;
  readonly ok: boolean;
  readonly acknowledgement: Acknowledgement;
  /** Of the whole send that it was part of. */
  readonly durationNs: number;
}

/**
 * rtnetlink(7) in one network namespace: that of the socket, which must be used for nothing else (see Conversation).
 * All methods are synchronous; they throw NetlinkError when the kernel refuses, SyscallError when the socket fails.
 */
export class Rtnetlink {
  readonly fd: number;
  private readonly conversation: Conversation;
  private readonly place: string | undefined;

  /** @param place the namespace of the socket, as `nsenter --net=` takes it, where it is not our own */
  constructor(kernel: Kernel, fd: number, place?: string) {
    this.fd = fd;
    this.place = place;
    this.conversation = new Conversation(kernel, fd);
  }

  // -------------------------------------------------------------------------------------------------------------
  // Changes

  /** Do one thing. */
  apply(request: Request): Outcome {
    const [outcome] = this.applyAll([request]);
    if (outcome === undefined) throw new EngineError('Internal', 'apply netlink request: no outcome');
    if (!outcome.ok) throw new NetlinkError(describe(request).command, outcome.acknowledgement);
    return outcome;
  }

  /**
   * Do several things in their order, as many as possible in one send; stops at the first send in which one was
   * refused. The outcomes are those of the requests that were sent: within one send the kernel goes on after a refusal.
   * A link that an earlier request of the list makes may be named without index.
   */
  applyAll(requests: readonly Request[]): Outcome[] {
    const outcomes: Outcome[] = [];
    let batch: Request[] = [];
    const flush = (): boolean => {
      const done = this.send(batch);
      outcomes.push(...done);
      batch = [];
      return done.every(({ ok }) => ok);
    };
    for (const request of requests) {
      const names = linksToResolve(request);
      if (names.length > 0 && batch.length > 0 && !flush()) return outcomes;
      const known = new Map(names.map((name) => [name, this.linkIndex(name)]));
      batch.push(resolveLinks(request, known));
      if (batch.length >= BATCH_REQUESTS && !flush()) return outcomes;
    }
    flush();
    return outcomes;
  }

  private send(requests: readonly Request[]): Outcome[] {
    const outcomes: Outcome[] = [];
    let from = 0;
    while (from < requests.length) {
      const messages: Uint8Array[] = [];
      const numbers: number[] = [];
      let size = 0;
      while (from + messages.length < requests.length) {
        const { type, flags, payload } = encode(requests[from + messages.length]!);
        if (messages.length > 0 && size + payload.length > BATCH_BYTES) break;
        const number = nextSequence();
        const message = encodeMessage(type, NLM_F_REQUEST | NLM_F_ACK | flags, number, payload);
        messages.push(message);
        numbers.push(number);
        size += message.length;
      }
      const started = process.hrtime.bigint();
      const answers = this.conversation.acknowledged(Buffer.concat(messages), numbers);
      const durationNs = Number(process.hrtime.bigint() - started);
      answers.forEach((acknowledgement, at) => {
        outcomes.push({ request: requests[from + at]!, ok: acknowledgement.errno === 0, acknowledgement, durationNs });
      });
      noteNetlink(outcomes.slice(-answers.length), this.place);
      from += messages.length;
    }
    return outcomes;
  }

  // -------------------------------------------------------------------------------------------------------------
  // Questions

  /** All links of the namespace, by index. */
  links(options: { readonly statistics?: boolean } = {}): LinkMessage[] {
    const filter = options.statistics === false ? RTEXT_FILTER.SKIP_STATS : 0;
    const payload = new Writer().raw(ifinfomsg(0, 0)).u32(IFLA.EXT_MASK, filter).take();
    return this.conversation.dump(RTM.GETLINK, payload, 'ip link show', ({ type, payload: body }) =>
      type === RTM.NEWLINK ? decodeLink(body) : null,
    );
  }

  /** One link; throws NetlinkError ENODEV. */
  link(which: string | number): LinkMessage {
    const writer = new Writer().raw(ifinfomsg(0, typeof which === 'number' ? which : 0)).u32(IFLA.EXT_MASK, 0);
    if (typeof which === 'string') writer.text(IFLA.IFNAME, checkName(which));
    return this.conversation.get(RTM.GETLINK, writer.take(), RTM.NEWLINK, `ip link show dev ${which}`, decodeLink);
  }

  linkIndex(name: string): number {
    return this.link(name).index;
  }

  addresses(): AddressMessage[] {
    return this.conversation.dump(
      RTM.GETADDR,
      ifinfomsg(0, 0).subarray(0, 8),
      'ip address show',
      ({ type, payload }) => (type === RTM.NEWADDR ? decodeAddress(payload) : null),
    );
  }

  /** Of all tables and both families, without the copies that the kernel keeps of routes in use. */
  routes(): RouteMessage[] {
    return this.conversation.dump(RTM.GETROUTE, new Uint8Array(12), 'ip route show table all', ({ type, payload }) => {
      const route = type === RTM.NEWROUTE ? decodeRoute(payload) : null;
      return route !== null && (route.flags & 0x200) === 0 ? route : null;
    });
  }

  neighbours(): NeighbourMessage[] {
    return this.conversation.dump(RTM.GETNEIGH, new Uint8Array(12), 'ip neighbour show', ({ type, payload }) =>
      type === RTM.NEWNEIGH ? decodeNeighbour(payload) : null,
    );
  }

  /** Forwarding databases of all bridges and vxlan devices. */
  fdb(): FdbMessage[] {
    return this.conversation.dump(RTM.GETNEIGH, ifinfomsg(AF_BRIDGE, 0), 'bridge fdb show', ({ type, payload }) =>
      type === RTM.NEWNEIGH && payload[0] === AF_BRIDGE ? decodeFdb(payload) : null,
    );
  }

  rules(): RuleMessage[] {
    return this.conversation.dump(RTM.GETRULE, new Uint8Array(12), 'ip rule show', ({ type, payload }) =>
      type === RTM.NEWRULE ? decodeRule(payload) : null,
    );
  }

  /** Forwarding, reverse path filter and proxy ARP of each link, of `all` and of `default`, for one family. */
  netconf(family: number): NetconfMessage[] {
    return this.conversation.dump(
      RTM.GETNETCONF,
      Uint8Array.of(family, 0, 0, 0),
      'ip netconf show',
      ({ type, payload }) => (type === RTM.NEWNETCONF ? decodeNetconf(payload) : null),
    );
  }

  /** Number by which this namespace knows another, null when it has given it none. Never gives one. */
  nsidOf(netns: NetnsRef): number | null {
    const writer = new Writer().raw(new Uint8Array(4));
    if ('fd' in netns) writer.u32(NETNSA.FD, netns.fd);
    else writer.u32(NETNSA.PID, netns.pid);
    const { nsid } = this.conversation.get(RTM.GETNSID, writer.take(), RTM.NEWNSID, 'ip netns list-id', decodeNsid);
    return nsid < 0 ? null : nsid;
  }
}
