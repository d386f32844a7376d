import { isUtf8 } from 'node:buffer';

/**
 * Names on Linux are bytes. As text here, what is UTF-8 is read as such, and every other byte b becomes the lone surrogate
 * U+DC00 + b, which no UTF-8 gives: nothing is lost, and two names never become one. (Python's `surrogateescape`, PEP 383.)
 */
export function decodeName(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i);
    text +=
      length === 0
        ? String.fromCharCode(0xdc00 + (bytes[i] as number))
        : Buffer.from(bytes.subarray(i, i + length)).toString('utf8');
    i += Math.max(1, length);
  }
  return text;
}

/** The bytes of a name. */
export function encodeName(name: string): Buffer {
  if (!/[\ud800-\udfff]/.test(name)) return Buffer.from(name);
  const pieces: Buffer[] = [];
  for (const char of name) {
    const code = char.codePointAt(0) as number;
    pieces.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(char));
  }
  return Buffer.concat(pieces);
}

/** The bytes of a name with the NUL that a system call wants. */
export function cString(name: string): Buffer {
  return Buffer.concat([encodeName(name), Buffer.alloc(1)]);
}

/** Length of the UTF-8 sequence that begins here, 0 when none does. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++)
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  return 0;
}
