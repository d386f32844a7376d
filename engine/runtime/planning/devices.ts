import { posix } from 'node:path';
import type { DevicePlan } from '../plan.js';
import { parseMountOptions } from '../spec/mount-options.js';
import type { Spec } from '../spec/types.js';

/** runtime-spec config-linux.md, "Default Devices". */
const DEFAULTS: readonly (readonly [path: string, minor: number, major: number])[] = [
  ['/dev/null', 3, 1],
  ['/dev/random', 8, 1],
  ['/dev/full', 7, 1],
  ['/dev/tty', 0, 5],
  ['/dev/zero', 5, 1],
  ['/dev/urandom', 9, 1],
];

/** The nodes of /dev: those of the config, then the default ones that it does not name. */
export function planDevices(spec: Spec, bind: boolean): DevicePlan[] {
  const own = spec.linux.devices.map(
    (device): DevicePlan => ({
      path: posix.join('/', device.path),
      type: device.type === 'u' ? 'c' : device.type,
      major: device.major,
      minor: device.minor,
      mode: device.fileMode ?? 0o666,
      uid: device.uid ?? 0,
      gid: device.gid ?? 0,
      bind,
    }),
  );
  const named = new Set(own.map(({ path }) => path));
  const defaults = DEFAULTS.filter(([path]) => !named.has(path)).map(
    ([path, minor, major]): DevicePlan => ({ path, type: 'c', major, minor, mode: 0o666, uid: 0, gid: 0, bind }),
  );
  return [...defaults, ...own];
}

/** Whether /dev is the container's own to fill: not when something of the machine is bound there. */
export function hasOwnDev(spec: Spec): boolean {
  return !spec.mounts.some(
    (mount) =>
      posix.join('/', mount.destination) === '/dev' && (mount.type === 'bind' || parseMountOptions(mount.options).bind),
  );
}
