import { stands } from '../kernel/guards.js';

/**
 * The guards that a test can take away, to show that its attack succeeds without them. Only inside a test's sandbox; on
 * a user's machine every guard stands.
 */
export type GuardName = 'volume-name' | 'copy-in-root' | 'copy-no-follow' | 'copy-empty-only' | 'remove-unmounted';

export const guard = (name: GuardName): boolean => stands(name);
