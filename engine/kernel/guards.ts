/** Only in a test's sandbox: on a user's machine every guard stands. */
const isSandbox = process.env['GLASSBOX_TEST_SANDBOX'] === '1';

/**
 * Whether a guard stands: GLASSBOX_TEST_GUARDS_OFF names those that a test takes away, to show that its attack succeeds without
 * them. Each part of the engine has a `guards.ts` with the names of its own.
 */
export function stands(name: string): boolean {
  return !isSandbox || !(process.env['GLASSBOX_TEST_GUARDS_OFF'] ?? '').split(',').includes(name);
}
