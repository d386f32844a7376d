/** How numbers become the names of the manual pages: flags, one of several values, modes, pointers. */
import { O } from '../constants.js';

export type Decoder = (value: bigint) => string;

export const decimal: Decoder = (value) => value.toString();
export const octal: Decoder = (value) => (value === 0n ? '0' : `0${value.toString(8)}`);
export const pointer: Decoder = (value) => (value === 0n ? 'NULL' : `0x${value.toString(16)}`);
export const hexadecimal: Decoder = (value) => `0x${value.toString(16)}`;

/** `A|B|0x40` from a table of bits; `zero` when no bit is set. */
export function bits(table: Readonly<Record<string, number | bigint>>, prefix: string, zero = '0'): Decoder {
  const entries = Object.entries(table)
    .map(([name, bit]) => [name, BigInt(bit)] as const)
    .filter(([, bit]) => bit !== 0n);
  return (value) => {
    const names: string[] = [];
    let rest = value;
    for (const [name, bit] of entries) {
      if ((rest & bit) !== bit) continue;
      names.push(prefix + name);
      rest &= ~bit;
    }
    if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
    return names.length === 0 ? zero : names.join('|');
  };
}

export function oneOf(table: Readonly<Record<string, number>>, prefix: string): Decoder {
  const names = new Map(Object.entries(table).map(([name, value]) => [BigInt(value), prefix + name]));
  return (value) => names.get(value) ?? value.toString();
}

export const openFlags: Decoder = (value) => {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR'][Number(value & 3n)] ?? '3';
  const { RDONLY: _r, WRONLY: _w, RDWR: _rw, ...others } = O;
  const rest = bits(others, 'O_', '')(value & ~3n);
  return rest === '' ? access : `${access}|${rest}`;
};
