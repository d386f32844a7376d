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
  | 'firewall-watch';

/** Whether a guard stands. */
export function guard(name: GuardName): boolean {
  if (process.env['GLASSBOX_TEST_SANDBOX'] !== '1') return true;
  return !(process.env['GLASSBOX_TEST_GUARDS_OFF'] ?? '').split(',').includes(name);
}
