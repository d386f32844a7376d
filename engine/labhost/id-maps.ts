import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { EngineError } from '../kernel/errors.js';
import { type Identity, mapText } from './identity.js';

/**
 * Write the maps of a child that waits in a new user namespace: directly as root, through newuidmap(1) for subordinate
 * ids. user_namespaces(7).
 */
export function writeMaps(pid: number, identity: Identity): void {
  if (identity.mode === 'subuid') {
    for (const [program, lines] of [
      ['newuidmap', identity.uids],
      ['newgidmap', identity.gids],
    ] as const) {
      const words = lines.flatMap(({ inside, outside, count }) => [String(inside), String(outside), String(count)]);
      const done = spawnSync(program, [String(pid), ...words], { encoding: 'utf8', timeout: 5000 });
      if (done.status !== 0) {
        throw new EngineError(
          'PermissionDenied',
          `${program} could not map the lab's users: ${(done.stderr || done.error?.message || `exit ${done.status}`).trim()}`,
        );
      }
    }
    return;
  }
  // "deny" before gid_map: an unprivileged map may not give a way to drop groups (CVE-2014-8989)
  if (identity.mode === 'one-user') writeFileSync(`/proc/${pid}/setgroups`, 'deny');
  writeFileSync(`/proc/${pid}/uid_map`, mapText(identity.uids));
  writeFileSync(`/proc/${pid}/gid_map`, mapText(identity.gids));
}
