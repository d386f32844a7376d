import { EngineError } from '../../kernel/errors.js';

/** A tape block: headers are one, content is filled up to one. */
export const BLOCK = 512;

/**
 * A number of a header: octal digits between blanks and NULs, or, when its first bit is set, GNU's base 256 in two's
 * complement. https://www.gnu.org/software/tar/manual/html_section/Extensions.html
 */
export function parseNumber(block: Uint8Array, at: number, length: number, what: string): number {
  const first = block[at] as number;
  if ((first & 0x80) !== 0) return parseBase256(block, at, length, what);
  let i = at;
  let end = at + length;
  while (i < end && (block[i] === 0x20 || block[i] === 0)) i++;
  while (end > i && (block[end - 1] === 0x20 || block[end - 1] === 0)) end--;
  let value = 0;
  for (; i < end; i++) {
    const digit = (block[i] as number) - 0x30;
    // a NUL ends the number as it ends a string, whatever follows
    if (block[i] === 0) break;
    if (digit < 0 || digit > 7) throw new EngineError('DataLoss', `read tar header: ${what} is no number`);
    value = value * 8 + digit;
  }
  return value;
}

function parseBase256(block: Uint8Array, at: number, length: number, what: string): number {
  const negative = ((block[at] as number) & 0x40) !== 0;
  let value = negative ? (block[at] as number) - 256 : (block[at] as number) & 0x3f;
  for (let i = at + 1; i < at + length; i++) {
    value = value * 256 + (block[i] as number);
    if (!Number.isSafeInteger(value)) throw new EngineError('DataLoss', `read tar header: ${what} is too large`);
  }
  return value;
}

/** Octal with a final NUL where it fits, else base 256. */
export function writeNumber(block: Buffer, at: number, length: number, value: number): void {
  if (value >= 0 && value < 8 ** (length - 1)) {
    block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
    return;
  }
  let rest = BigInt(value);
  for (let i = at + length - 1; i >= at; i--) {
    block[i] = Number(BigInt.asUintN(8, rest));
    rest >>= 8n;
  }
  block[at] = value < 0 ? 0xff : 0x80 | (block[at] as number);
}

/** Sum of a header's bytes, its own field taken as blanks: unsigned, and signed as old tars counted. */
export function checksums(block: Uint8Array): { readonly unsigned: number; readonly signed: number } {
  let unsigned = 0;
  let high = 0;
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : (block[i] as number);
    unsigned += byte;
    high += byte >> 7;
  }
  return { unsigned, signed: unsigned - 256 * high };
}

/** A whole decimal number of a PAX record. */
export function parseDecimal(text: string, what: string): number {
  const value = Number(text);
  if (!/^\d{1,19}$/.test(text) || !Number.isSafeInteger(value))
    throw new EngineError('DataLoss', `read tar header: ${what} is no number`);
  return value;
}
