import { readProc } from '../kernel/procfs/read.js';

/** The control files of one group; every reader answers null for a file that this kernel, or this group, does not have. */
export interface ControlFiles {
  text(name: string): string | null;
  /** A whole number; `max` and `-1` are null. */
  number(name: string): number | null;
  /** `key value` lines (cpu.stat, memory.events …). */
  keyed(name: string): ReadonlyMap<string, number> | null;
}

export function controlFiles(directory: string): ControlFiles {
  const text = (name: string): string | null => readProc(`${directory}/${name}`)?.trimEnd() ?? null;
  return {
    text,
    number(name) {
      const value = text(name);
      if (value === null || value === '' || value === 'max') return null;
      const number = Number(value);
      return Number.isNaN(number) || number < 0 ? null : number;
    },
    keyed(name) {
      const value = text(name);
      return value === null ? null : parseKeyedNumbers(value);
    },
  };
}

/** `key number` lines; others are left out. */
export function parseKeyedNumbers(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space <= 0) continue;
    const value = line.slice(space + 1);
    const number = value === 'max' ? Number.POSITIVE_INFINITY : Number(value);
    if (!Number.isNaN(number)) found.set(line.slice(0, space), number);
  }
  return found;
}
