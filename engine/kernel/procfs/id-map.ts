import { readFileSync } from 'node:fs';
import type { IdMap } from '../../api/types.js';

/** The id that the kernel shows for one that has no mapping; /proc/sys/kernel/overflowuid. */
export const OVERFLOW_ID = 65534;

/** Parse /proc/PID/uid_map or gid_map: `inside outside count` a line; user_namespaces(7). Lines that are not that are left out. */
export function parseIdMap(text: string): IdMap[] {
  const maps: IdMap[] = [];
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    if (words.length !== 3) continue;
    const [inside, outside, count] = words.map(Number) as [number, number, number];
    if ([inside, outside, count].every(Number.isSafeInteger)) maps.push({ inside, outside, count });
  }
  return maps;
}

/** The id inside of the one whose id outside is given; `OVERFLOW_ID` when it has none. */
export function toInside(map: readonly IdMap[], outside: number): number {
  for (const range of map) {
    if (outside >= range.outside && outside < range.outside + range.count)
      return range.inside + outside - range.outside;
  }
  return OVERFLOW_ID;
}

/**
 * Express a map's outside ids in the ids of another namespace: from outside, the kernel shows where a nested user
 * namespace's ids lie on the machine; a learner inside sees where they lie in the parent.
 *
 * @param map read from the machine
 * @param parent the parent's map, also read from the machine
 */
export function relativeTo(map: readonly IdMap[], parent: readonly IdMap[]): IdMap[] {
  const result: IdMap[] = [];
  for (const range of map) {
    let done = 0;
    while (done < range.count) {
      const outside = range.outside + done;
      const within = parent.find((p) => outside >= p.outside && outside < p.outside + p.count);
      const count =
        within === undefined
          ? range.count - done
          : Math.min(range.count - done, within.outside + within.count - outside);
      result.push({
        inside: range.inside + done,
        outside: within === undefined ? OVERFLOW_ID : within.inside + outside - within.outside,
        count,
      });
      done += count;
    }
  }
  return result;
}

/** Whether we are in another user namespace than the machine's, which alone maps every id to itself. user_namespaces(7) */
export function inUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}
