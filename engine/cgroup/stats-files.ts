import { EngineError } from '../kernel/errors.js';
import { readControlIfThere } from './control-file.js';
import type { BlkioEntry } from './stats.js';

/** The largest unsigned 64-bit number: what runc says for `max`. */
export const UNLIMITED = (1n << 64n) - 1n;

/** Numbers of control files of one group, 64 bits wide. A file that is not there is null. */
export class StatFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  text(name: string): string | null {
    return readControlIfThere(`${this.#directory}/${name}`);
  }

  /** A whole number; `max` is the largest. */
  number(name: string): bigint | null {
    const text = this.text(name);
    return text === null ? null : this.#parse(name, text);
  }

  /** `key value` lines. */
  keyed(name: string): Record<string, bigint> | null {
    const text = this.text(name);
    if (text === null) return null;
    const lines = text.split('\n').filter((line) => line !== '');
    return Object.fromEntries(
      lines.map((line) => {
        const [key = '', value = ''] = line.split(' ');
        return [key, this.#parse(name, value)];
      }),
    );
  }

  /** `0-3,5` as 0 1 2 3 5. */
  list(name: string): bigint[] {
    const text = this.text(name) ?? '';
    return text.split(',').flatMap((range) => {
      if (range === '') return [];
      const [first = '', last = first] = range.split('-');
      const from = this.#parse(name, first);
      return Array.from({ length: Number(this.#parse(name, last) - from) + 1 }, (_, n) => from + BigInt(n));
    });
  }

  /** `8:0 Read 4096` lines, or `8:0 4096`; the line of all devices is left out. Null also for an empty file. */
  blkio(name: string): BlkioEntry[] | null {
    const text = this.text(name);
    if (text === null) return null;
    const entries = text.split('\n').flatMap((line): BlkioEntry[] => {
      const [, major, minor, op, value] = /^(\d+):(\d+)(?: (\w+))? (\d+)$/.exec(line) ?? [];
      if (major === undefined || minor === undefined || value === undefined) return [];
      return [{ major: BigInt(major), minor: BigInt(minor), op: op ?? '', value: BigInt(value) }];
    });
    return entries.length === 0 ? null : entries;
  }

  #parse(name: string, text: string): bigint {
    if (text === 'max') return UNLIMITED;
    if (/^-?\d+$/.test(text)) return BigInt(text);
    throw new EngineError('Internal', `${this.#directory}/${name} holds ${JSON.stringify(text)}, which is no number`);
  }
}

/** Sizes of huge pages as control files name them: `2MB`, `1GB`. */
export function hugePageNames(directories: readonly string[]): string[] {
  return directories.flatMap((name) => {
    const kib = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    if (kib === undefined) return [];
    let size = Number(kib);
    let unit = 0;
    for (; size >= 1024 && unit < 2; size /= 1024) unit++;
    return [`${size}${['KB', 'MB', 'GB'][unit]}`];
  });
}
