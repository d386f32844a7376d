import { isIPv6 } from 'node:net';
import { addressBytes } from '../../kernel/netlink/address.js';

/** DNS messages: RFC 1035, AAAA of RFC 3596. A reader of bytes answers null for what is none, whatever it is given. */

export const TYPE = { A: 1, PTR: 12, AAAA: 28, ANY: 255 } as const;
export const RCODE = { ok: 0, formatError: 1, serverFailure: 2, notImplemented: 4, refused: 5 } as const;
const CLASS_IN = 1;
const HEADER = 12;
const MAX_NAME = 255;
const QUERY_BIT = 0x8000;
const OPCODE = 0x7800;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;
/** As Docker's: names of containers change rarely, and a cache would not notice. */
const TTL_SECONDS = 600;

export interface Question {
  readonly id: number;
  /** Lower case, without the last dot. */
  readonly name: string;
  readonly type: number;
  readonly isInternet: boolean;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  /** Where the question ends. */
  readonly end: number;
}

/** A query with exactly one question, without compression in its name (nothing stands before it to point to). */
export function readQuestion(bytes: Uint8Array): Question | null {
  if (bytes.length < HEADER) return null;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.readUInt16BE(2);
  if ((flags & QUERY_BIT) !== 0 || view.readUInt16BE(4) !== 1) return null;
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = view[at];
    if (length === undefined || length > 63) return null;
    at++;
    if (length === 0) break;
    if (at + length > view.length || at + length - HEADER > MAX_NAME) return null;
    labels.push(view.toString('latin1', at, at + length));
    at += length;
  }
  if (at + 4 > view.length) return null;
  // a dot or a NUL within a label is no name of ours; it goes to others as it came
  const name = labels.some((label) => /[.\0]/.test(label)) ? '' : labels.join('.').toLowerCase();
  return {
    id: view.readUInt16BE(0),
    name,
    type: view.readUInt16BE(at),
    isInternet: view.readUInt16BE(at + 2) === CLASS_IN,
    opcode: (flags & OPCODE) >> 11,
    recursionDesired: (flags & RECURSION_DESIRED) !== 0,
    end: at + 4,
  };
}

export interface Answer {
  readonly type: number;
  /** An address, or for PTR a name. */
  readonly value: string;
}

/** The answer to a query, its question repeated; cut off and marked as such when it is longer than `limit`. */
export function writeAnswer(
  query: Uint8Array,
  question: Question,
  reply: { readonly rcode: number; readonly answers?: readonly Answer[]; readonly limit: number },
): Buffer {
  const { rcode, answers = [], limit } = reply;
  const head = Buffer.from(query.subarray(0, question.end));
  const records = answers.map(record);
  let size = head.length;
  let count = 0;
  while (count < records.length && size + (records[count]?.length ?? 0) <= limit) size += records[count++]?.length ?? 0;
  const cut = count < records.length ? TRUNCATED : 0;
  const desired = question.recursionDesired ? RECURSION_DESIRED : 0;
  head.writeUInt16BE(QUERY_BIT | (question.opcode << 11) | cut | desired | RECURSION_AVAILABLE | rcode, 2);
  head.writeUInt16BE(count, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...records.slice(0, count)]);
}

/** A resource record whose name is a pointer to the question's. */
function record({ type, value }: Answer): Buffer {
  const data = type === TYPE.PTR ? nameBytes(value) : Buffer.from(addressBytes(value));
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc000 | HEADER, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(CLASS_IN, 4);
  head.writeUInt32BE(TTL_SECONDS, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(label.slice(0, 63), 'latin1'));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.alloc(1)]);
}

/** The address that a name of in-addr.arpa or ip6.arpa stands for; null for any other name. */
export function reverseAddress(name: string): string | null {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (v4 !== null) return v4.slice(1).reverse().join('.');
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (v6 === null) return null;
  const digits = (v6[1] ?? '').replaceAll('.', '').split('').reverse().join('');
  const address = digits.replace(/(.{4})(?=.)/g, '$1:');
  return isIPv6(address) ? address : null;
}
