import assert from 'node:assert/strict';
import type { RegistryGuard } from '../../../engine/image/registry/guards.js';

const NAME = 'GLASSBOX_TEST_GUARDS_OFF';

/** Do something with guards taken away. Only in a sandbox; one at a time. */
export async function without<T>(guards: readonly RegistryGuard[], work: () => Promise<T>): Promise<T> {
  assert.equal(process.env['GLASSBOX_TEST_SANDBOX'], '1', 'guards are only taken away in a sandbox');
  assert.equal(process.env[NAME] ?? '', '', 'guards are away already');
  process.env[NAME] = guards.join(',');
  try {
    return await work();
  } finally {
    delete process.env[NAME];
  }
}
