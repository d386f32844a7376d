import { stands } from '../kernel/guards.js';

/**
 * The guards that a test can take away, to show that its attack succeeds without them. Only inside a test's sandbox; on
 * a user's machine every guard stands.
 */
export type GuardName =
  | 'loopback-publish'
  | 'direct-access'
  | 'bridge-isolation'
  | 'internal'
  | 'internal-names'
  | 'icc'
  | 'reverse-path'
  | 'forward-policy'
  | 'network-name'
  | 'firewall-watch'
  | 'own-name-first'
  | 'forward-bound';

export const guard = (name: GuardName): boolean => stands(name);
