import { stands } from '../kernel/guards.js';

/**
 * The guards that a test can take away, to show that its attack succeeds without them. Only inside a test's sandbox; on
 * a user's machine every guard stands.
 */
export type GuardName =
  | 'non-dumpable'
  | 'sealed-exe'
  | 'close-range'
  | 'cwd-check'
  | 'in-root-open'
  | 'mask-null-check'
  | 'proc-check'
  | 'console-check'
  | 'setgroups-deny'
  | 'private-state-dir'
  | 'sysctl-check'
  | 'user-bounds'
  | 'inheritable-empty'
  | 'bounding-drop'
  | 'keyring'
  | 'supplementary-groups'
  | 'own-session'
  | 'passwd-bounds';

export const guard = (name: GuardName): boolean => stands(name);
