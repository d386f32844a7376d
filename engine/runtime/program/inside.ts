import type { DataRef, SlotValue } from '../../kernel/program/builder.js';

/** The 64-bit word of some data at an offset, as a value for other records; a syscall that takes 32 bits looks at the lower half alone. */
export function inside(data: DataRef, at: number): SlotValue {
  return { kind: 'slot', data: { ...data, offset: data.offset + at, length: 8, text: `<${data.text}+${at}>` } };
}
