import { EngineError } from '../errors.js';
import { NLA_TYPE_MASK } from './constants.js';

/**
 * Messages and attributes of netlink(7): a 16-byte header, then a fixed struct, then attributes of
 * {u16 length, u16 type, value}, each padded to 4 bytes. Numbers are in the byte order of the machine (x86-64 and arm64
 * Linux: little) except where a protocol says network order.
 */

export const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;

/** Round up to the 4 bytes to which netlink aligns everything. */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

// ---------------------------------------------------------------------------------------------------------------
// Write

/** Grows by itself; every write ends on a 4-byte boundary. */
export class Writer {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  private reserve(count: number): number {
    const at = this.length;
    const needed = at + align4(count);
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    this.length = needed;
    return at;
  }

  /** Bytes as they are, padded to 4: the fixed struct of a message. */
  raw(bytes: Uint8Array): this {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    const length = ATTRIBUTE_HEADER_BYTES + value.length;
    if (length > 0xffff)
      throw new EngineError('InvalidArgument', `netlink attribute ${type} is longer than 65535 bytes`);
    const at = this.reserve(length);
    this.view.setUint16(at, length, true);
    this.view.setUint16(at + 2, type, true);
    this.bytes.set(value, at + ATTRIBUTE_HEADER_BYTES);
    return this;
  }

  u8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value));
  }

  u16(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value & 0xff, (value >>> 8) & 0xff));
  }

  /** Network byte order, as ports and ethertypes have it. */
  u16be(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of((value >>> 8) & 0xff, value & 0xff));
  }

  u32(type: number, value: number): this {
    return this.attribute(type, u32Bytes(value));
  }

  /** Text without a NUL at its end. */
  bareText(type: number, value: string): this {
    if (value.includes('\0')) throw new EngineError('InvalidArgument', 'text for the kernel must not contain a NUL');
    return this.attribute(type, Buffer.from(value));
  }

  /** With the NUL at its end, as NLA_NUL_STRING wants it. */
  text(type: number, value: string): this {
    if (value.includes('\0')) throw new EngineError('InvalidArgument', 'text for the kernel must not contain a NUL');
    return this.attribute(type, Buffer.from(`${value}\0`));
  }

  /** An attribute that holds attributes, and before them perhaps a struct. */
  nest(type: number, fill: (inner: Writer) => void): this {
    const inner = new Writer();
    fill(inner);
    return this.attribute(type, inner.take());
  }

  take(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

export function u32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  return bytes;
}

/** One message: header and payload. `port` 0 lets the kernel fill in the sender. */
export function encodeMessage(type: number, flags: number, seq: number, payload: Uint8Array, port = 0): Uint8Array {
  const bytes = new Uint8Array(align4(HEADER_BYTES + payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, HEADER_BYTES + payload.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, seq >>> 0, true);
  view.setUint32(12, port >>> 0, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

// ---------------------------------------------------------------------------------------------------------------
// Read. A length that lies ends the reading there; nothing here throws or loops on hostile input.

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  readonly port: number;
  readonly payload: Uint8Array;
}

export interface Messages {
  readonly messages: readonly Message[];
  /** The bytes ended in the middle of a message, or a length was impossible. */
  readonly malformed: boolean;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The messages of one datagram. Payloads are views into `bytes`, not copies. */
export function decodeMessages(bytes: Uint8Array): Messages {
  const view = viewOf(bytes);
  const messages: Message[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || length > bytes.length - at) return { messages, malformed: true };
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      seq: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      payload: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += Math.ceil(length / 4) * 4;
  }
  return { messages, malformed: at < bytes.length };
}

/** The attributes from `offset` of a payload, by type; of a type that occurs twice the last one counts, as in the kernel. */
export class Attributes {
  private readonly byType = new Map<number, Uint8Array>();
  /** All of them, in order: for lists. */
  readonly list: { readonly type: number; readonly value: Uint8Array }[] = [];

  constructor(bytes: Uint8Array, offset = 0) {
    const view = viewOf(bytes);
    let at = align4(offset);
    while (at + ATTRIBUTE_HEADER_BYTES <= bytes.length) {
      const length = view.getUint16(at, true);
      if (length < ATTRIBUTE_HEADER_BYTES || length > bytes.length - at) return;
      const type = view.getUint16(at + 2, true) & NLA_TYPE_MASK;
      const value = bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length);
      this.byType.set(type, value);
      this.list.push({ type, value });
      at += align4(length);
    }
  }

  has(type: number): boolean {
    return this.byType.has(type);
  }

  bytes(type: number): Uint8Array | null {
    return this.byType.get(type) ?? null;
  }

  /** Number of a value of 1, 2, 4 or 8 bytes; null when absent or of another size. Beyond 2^53 it loses precision. */
  number(type: number): number | null {
    const value = this.byType.get(type);
    if (value === undefined) return null;
    const view = viewOf(value);
    if (value.length === 1) return view.getUint8(0);
    if (value.length === 2) return view.getUint16(0, true);
    if (value.length === 4) return view.getUint32(0, true);
    if (value.length === 8) return Number(view.getBigUint64(0, true));
    return null;
  }

  signed(type: number): number | null {
    const value = this.byType.get(type);
    return value?.length === 4 ? viewOf(value).getInt32(0, true) : null;
  }

  /** Of 2 or 4 bytes in network order. */
  numberBe(type: number): number | null {
    const value = this.byType.get(type);
    if (value?.length === 2) return viewOf(value).getUint16(0, false);
    if (value?.length === 4) return viewOf(value).getUint32(0, false);
    return null;
  }

  text(type: number): string | null {
    const value = this.byType.get(type);
    return value === undefined ? null : textOf(value);
  }

  nested(type: number, offset = 0): Attributes | null {
    const value = this.byType.get(type);
    return value === undefined ? null : new Attributes(value, offset);
  }
}

/** Up to the first NUL. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(bytes.buffer, bytes.byteOffset, end < 0 ? bytes.length : end).toString('utf8');
}
