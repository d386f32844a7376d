import { NFNL_SUBSYS_NFTABLES } from './constants.js';
import { Attributes } from './wire.js';

/** What nfnetlink tells of the rule set of nf_tables. Source: linux/netfilter/nfnetlink.h, nf_tables.h. */

export interface FirewallEvent {
  /** `generation` ends each transaction: one `nft` or `iptables` command, however many rules it changed. */
  readonly object: 'table' | 'chain' | 'rule' | 'set' | 'set-element' | 'generation' | 'object' | 'flowtable' | 'other';
  readonly deleted: boolean;
  /** `ip`, `ip6`, `inet`, `arp`, `bridge`, `netdev`. */
  readonly family: string;
  readonly table: string | null;
  readonly chain: string | null;
}

/** NFT_MSG_* of new and deleted objects: [object, deleted, attribute of the table, attribute of the chain]. */
const MESSAGES: Readonly<Record<number, readonly [FirewallEvent['object'], boolean, number, number]>> = {
  0: ['table', false, 1, 0],
  2: ['table', true, 1, 0],
  3: ['chain', false, 1, 3],
  5: ['chain', true, 1, 3],
  6: ['rule', false, 1, 2],
  8: ['rule', true, 1, 2],
  9: ['set', false, 1, 0],
  11: ['set', true, 1, 0],
  12: ['set-element', false, 1, 0],
  14: ['set-element', true, 1, 0],
  15: ['generation', false, 0, 0],
  18: ['object', false, 1, 0],
  20: ['object', true, 1, 0],
  22: ['flowtable', false, 1, 0],
  24: ['flowtable', true, 1, 0],
};

const FAMILIES: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};

/** Null for a message of another subsystem, or one that is too short. */
export function decodeFirewallEvent(type: number, payload: Uint8Array): FirewallEvent | null {
  if (type >> 8 !== NFNL_SUBSYS_NFTABLES || payload.length < 4) return null;
  const [object, deleted, table, chain] = MESSAGES[type & 0xff] ?? ['other', false, 0, 0];
  const attributes = new Attributes(payload, 4);
  return {
    object,
    deleted,
    family: FAMILIES[payload[0]!] ?? String(payload[0]),
    table: table === 0 ? null : attributes.text(table),
    chain: chain === 0 ? null : attributes.text(chain),
  };
}
