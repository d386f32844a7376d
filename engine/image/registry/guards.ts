import { stands } from '../../kernel/guards.js';

/**
 * The guards of registries and archives that a test can take away, to show that its attack succeeds without them. Only
 * inside a test's sandbox; on a user's machine every guard stands.
 */
export type RegistryGuard =
  | 'registry-own-host'
  | 'registry-realm'
  | 'registry-tls'
  | 'registry-size'
  | 'registry-digest'
  | 'registry-media-type'
  | 'archive-links'
  | 'archive-retag';

export const guard = (name: RegistryGuard): boolean => stands(name);
