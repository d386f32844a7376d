import { ERRNO } from '../kernel/errno.js';
import { SyscallError } from '../kernel/errors.js';
import type { Kernel } from '../kernel/kernel.js';

const JOIN_SESSION_KEYRING = 1;
const left = new WeakSet<Kernel>();

/**
 * Give this thread, and so every process that it makes from now on, an empty session keyring. A new user namespace keeps
 * the keyring of its maker, and whoever possesses a key may read it, whatever their id: without this a lab could read the
 * tickets and disk keys of the person who started it. keyctl_join_session_keyring(3), session-keyring(7).
 * Done once: keys are counted, and a user may have few.
 */
export function leaveSessionKeyring(kernel: Kernel): void {
  if (left.has(kernel)) return;
  const result = kernel.call('keyctl', JOIN_SESSION_KEYRING, null);
  // ENOSYS: a kernel without keys. EPERM: a container whose filter allows no keyctl at all, to the lab neither.
  if (result < 0 && result !== -ERRNO.ENOSYS && result !== -ERRNO.EPERM) {
    throw new SyscallError('keyctl', -result, { while: 'making the lab host' });
  }
  left.add(kernel);
}
