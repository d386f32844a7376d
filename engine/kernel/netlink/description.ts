import type { Bilingual } from '../../api/types.js';

/** A request for the reader: what the ledger shows. */
export interface Description {
  /** The command of iproute2 that sends the same message. */
  readonly command: string;
  /** Page of that command. */
  readonly man: string;
  /** The message with its decoded arguments. */
  readonly act: string;
  readonly explanation: Bilingual;
}

type Fields = Readonly<Record<string, unknown>>;

/** `RTM_NEWADDR(dev="eth0", local=10.1.0.2/24)`: the arguments in the order given, those that are undefined left out. */
export function actOf(message: string, fields: Fields): string {
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${message}(${parts.join(', ')})`;
}

/** The part of an `op` after its dash: `ip`'s own verb. */
export function verbOf(op: string): string {
  return op.slice(op.lastIndexOf('-') + 1);
}

/** `RTM_NEWADDR` for `address-add`. */
export function messageOf(op: string, object: string): string {
  return `RTM_${verbOf(op) === 'delete' ? 'DEL' : 'NEW'}${object}`;
}
