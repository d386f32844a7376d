import { unquote } from './quote.js';

const LARGEST = (1n << 63n) - 1n;

/** A number or character constant of a template: an int where it is one, else a float; null when it is neither. */
export function parseNumber(text: string): bigint | number | null {
  if (text.startsWith("'")) {
    const value = unquote(text);
    return value === null || [...value].length !== 1 ? null : BigInt(value.codePointAt(0) ?? 0);
  }
  if (/__|_$|^[+-]?_/.test(text) || text.endsWith('i')) return null;
  const plain = text.replaceAll('_', '');
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/s.exec(plain) ?? [];
  const integer = integerOf(digits);
  if (integer !== null) return bounded(sign === '-' ? -integer : integer);
  if (!/^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(digits)) return null;
  const value = Number(digits) * (sign === '-' ? -1 : 1);
  if (!Number.isFinite(value)) return null;
  // 1e3 can be an int
  return /[eE]/.test(digits) && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function integerOf(digits: string): bigint | null {
  if (/^0[xX][0-9a-fA-F]+$|^0[oO][0-7]+$|^0[bB][01]+$/.test(digits)) return BigInt(digits.toLowerCase());
  if (/^0[0-7]+$/.test(digits)) return BigInt(`0o${digits.slice(1)}`);
  return /^(?:0|[1-9][0-9]*)$/.test(digits) ? BigInt(digits) : null;
}

function bounded(value: bigint): bigint | null {
  return value > LARGEST || value < -LARGEST - 1n ? null : value;
}
