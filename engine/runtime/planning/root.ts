import { realpathSync } from 'node:fs';
import { mountOf, parseMountinfo } from '../../kernel/mountinfo.js';
import { readProc } from '../../kernel/procfs/read.js';
import type { ContainerPlan } from '../plan.js';

/**
 * What of the machine's mounts matters for the container's root. They are read only where something depends on them: for a
 * root that stays shared, and for one that is entered without pivot_root(2).
 */
export function planRoot(
  rootfs: string,
  options: { readonly shared: boolean; readonly chroot: boolean },
): Pick<ContainerPlan, 'rootParent' | 'wholeKernelMounts'> {
  if (!options.shared && !options.chroot) return { rootParent: '/', wholeKernelMounts: [] };
  const mounts = parseMountinfo(readProc('/proc/self/mountinfo') ?? '');
  const directory = realpathSync(rootfs);
  const whole = mounts.filter(
    ({ root, fsType, mountPoint }) =>
      root === '/' &&
      (fsType === 'proc' || fsType === 'sysfs') &&
      mountPoint !== directory &&
      !mountPoint.startsWith(`${directory}/`),
  );
  return {
    rootParent: mountOf(mounts, directory)?.mountPoint ?? '/',
    wholeKernelMounts: options.chroot ? whole.map(({ mountPoint }) => mountPoint).toReversed() : [],
  };
}
