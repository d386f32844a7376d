/**
 * The guards that a test can take away, to show that its attack succeeds without them. Only inside a test's sandbox; on
 * a user's machine every guard stands.
 */
export type GuardName = 'volume-name' | 'copy-in-root' | 'copy-no-follow' | 'copy-empty-only' | 'remove-unmounted';

/** Whether a guard stands. */
export function guard(name: GuardName): boolean {
  if (process.env['GLASSBOX_TEST_SANDBOX'] !== '1') return true;
  return !(process.env['GLASSBOX_TEST_GUARDS_OFF'] ?? '').split(',').includes(name);
}
