import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { EngineError } from './errors.js';

/** One line of /proc/PID/uid_map. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** uid_map and gid_map of a user namespace, and how they may be written. */
export interface IdMaps {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
  /** By newuidmap(1) and newgidmap(1), for subordinate ids of a user who is not root. */
  readonly helpers: boolean;
  /** Forbid setgroups(2) first: what an unprivileged map of groups asks for. */
  readonly denySetgroups: boolean;
}

/** Write the maps of a process that waits in a new user namespace. user_namespaces(7). */
export function writeIdMaps(pid: number, maps: IdMaps): void {
  if (maps.helpers) {
    for (const [program, ranges] of [
      ['newuidmap', maps.uids],
      ['newgidmap', maps.gids],
    ] as const) {
      const words = ranges.flatMap(({ inside, outside, count }) => [String(inside), String(outside), String(count)]);
      const done = spawnSync(program, [String(pid), ...words], { encoding: 'utf8', timeout: 5000 });
      if (done.status !== 0)
        throw new EngineError(
          'PermissionDenied',
          `${program} could not map the users: ${(done.stderr || done.error?.message || `exit ${done.status}`).trim()}`,
        );
    }
    return;
  }
  // "deny" before gid_map: an unprivileged map may not give a way to drop groups (CVE-2014-8989)
  if (maps.denySetgroups) writeFileSync(`/proc/${pid}/setgroups`, 'deny');
  writeFileSync(`/proc/${pid}/uid_map`, idMapText(maps.uids));
  writeFileSync(`/proc/${pid}/gid_map`, idMapText(maps.gids));
}

/** Lines of `inside outside count`. */
export function idMapText(ranges: readonly IdRange[]): string {
  return ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('');
}
