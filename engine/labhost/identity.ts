import { accessSync, constants, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { LabInfo } from '../api/types.js';

/** One line of a uid_map or gid_map, user_namespaces(7). */
export interface MapLine {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Who the lab's users are outside it. */
export interface Identity {
  readonly mode: LabInfo['mode'];
  readonly uids: readonly MapLine[];
  readonly gids: readonly MapLine[];
}

/**
 * The range that the lab of root is mapped to: a million ids above those of people and of distributions' subuid ranges,
 * so that the lab's root owns nothing on the machine.
 */
const ROOT_RANGE = { first: 1_000_000, count: 1_000_000 } as const;

/**
 * Decide the mapping. Root gets a large range of ids that nobody has. A user gets their own id as root and their
 * subordinate range behind it (subuid(5), written by newuidmap), or, without such a range, their own id alone.
 */
export function decideIdentity(options: {
  uid: number;
  gid: number;
  hasNewuidmap: boolean;
  subuid?: string;
  subgid?: string;
  ownUids?: string;
  ownGids?: string;
}): Identity {
  const { uid, gid } = options;
  if (uid === 0) {
    const uids = rangeWithin(options.ownUids ?? readIfThere('/proc/self/uid_map'));
    const gids = rangeWithin(options.ownGids ?? readIfThere('/proc/self/gid_map'));
    if (uids !== null && gids !== null) return { mode: 'root', uids: [uids], gids: [gids] };
  }
  const self = (id: number): MapLine => ({ inside: 0, outside: id, count: 1 });
  const uids = options.hasNewuidmap ? subordinateRange(options.subuid ?? readIfThere('/etc/subuid'), uid) : null;
  const gids = options.hasNewuidmap ? subordinateRange(options.subgid ?? readIfThere('/etc/subgid'), uid) : null;
  if (uids === null || gids === null) return { mode: 'one-user', uids: [self(uid)], gids: [self(gid)] };
  return { mode: 'subuid', uids: [self(uid), { inside: 1, ...uids }], gids: [self(gid), { inside: 1, ...gids }] };
}

/**
 * Where a lab of root goes within our own map. On the machine itself all ids exist; root of a user namespace (a rootless
 * container, a lab in a lab) has fewer: then all of them but its own id 0. Null when there is no other id than that.
 */
function rangeWithin(map: string): MapLine | null {
  const lines = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number]);
  const covers = (first: number, count: number): boolean =>
    lines.some(([inside, , size]) => first >= inside && first + count <= inside + size);
  if (map === '' || covers(ROOT_RANGE.first, ROOT_RANGE.count))
    return { inside: 0, outside: ROOT_RANGE.first, count: ROOT_RANGE.count };
  const [first, , size] = lines.reduce((best, line) => (line[2] > best[2] ? line : best), [0, 0, 0]);
  const [outside, count] = first === 0 ? [1, size - 1] : [first, size];
  return count < 1 ? null : { inside: 0, outside, count };
}

/** First range of `user` (by name or number) in the text of subuid(5) or subgid(5). */
function subordinateRange(text: string, uid: number): { outside: number; count: number } | null {
  const names = new Set([String(uid)]);
  try {
    if (process.getuid?.() === uid) names.add(userInfo().username);
  } catch {
    // userInfo throws for a uid without an entry in passwd(5): then only the number can be in subuid(5)
    return find();
  }
  return find();

  function find(): { outside: number; count: number } | null {
    for (const line of text.split('\n')) {
      const [name, first, count] = line.split(':');
      if (name === undefined || !names.has(name)) continue;
      const range = { outside: Number(first), count: Number(count) };
      if (
        Number.isSafeInteger(range.outside) &&
        Number.isSafeInteger(range.count) &&
        range.outside > 0 &&
        range.count > 0
      )
        return range;
    }
    return null;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'EACCES')
      return '';
    throw error;
  }
}

/** Text for /proc/PID/uid_map. */
export function mapText(lines: readonly MapLine[]): string {
  return lines.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('');
}

/** Id outside of an id inside; the overflow id 65534 where it is not mapped. */
export function toOutside(lines: readonly MapLine[], inside: number): number {
  const line = lines.find((entry) => inside >= entry.inside && inside < entry.inside + entry.count);
  return line === undefined ? 65534 : line.outside + inside - line.inside;
}

/** Whether the set-user-id programs that write maps of subordinate ids are here. newuidmap(1), newgidmap(1). */
export function hasNewuidmap(): boolean {
  return hasProgram('newuidmap') && hasProgram('newgidmap');
}

function hasProgram(name: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(':')
    .concat('/usr/bin', '/usr/sbin')
    .some((directory) => {
      try {
        accessSync(join(directory, name), constants.X_OK);
        return true;
      } catch {
        return false; // not in this directory
      }
    });
}
