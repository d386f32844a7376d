import { type IdRange, writeIdMaps } from '../kernel/id-maps.js';
import { guard } from './guards.js';
import type { IdMapping, SpecLinux } from './spec/types.js';

/** Write `uidMappings` and `gidMappings` of the spec for a process that waits in the container's user namespace. */
export function writeMaps(pid: number, linux: Pick<SpecLinux, 'uidMappings' | 'gidMappings'>, rootless: boolean): void {
  const uids = ranges(linux.uidMappings);
  const gids = ranges(linux.gidMappings);
  const single = isOnlyOwn(uids, process.geteuid?.() ?? 0) && isOnlyOwn(gids, process.getegid?.() ?? 0);
  writeIdMaps(pid, {
    uids,
    gids,
    helpers: rootless && !single,
    denySetgroups: rootless && single && guard('setgroups-deny'),
  });
}

function ranges(mappings: readonly IdMapping[]): IdRange[] {
  return mappings.map(({ containerID, hostID, size }) => ({ inside: containerID, outside: hostID, count: size }));
}

function isOnlyOwn(mapped: readonly IdRange[], id: number): boolean {
  return mapped.length === 1 && mapped[0]?.outside === id && mapped[0].count === 1;
}
