import { writeIdMaps } from '../kernel/id-maps.js';
import type { Identity } from './identity.js';

/** Write the maps of a lab's first process: directly as root, through newuidmap(1) for subordinate ids. */
export function writeMaps(pid: number, { mode, uids, gids }: Identity): void {
  writeIdMaps(pid, { uids, gids, helpers: mode === 'subuid', denySetgroups: mode === 'one-user' });
}
