/**
 * The guards of archives and layers that a test can take away, to show that its attack succeeds without them. Only inside a
 * test's sandbox; on a user's machine every guard stands.
 */
export type ArchiveGuard =
  | 'layer-in-root'
  | 'layer-link-in-root'
  | 'layer-whiteout-names'
  | 'layer-attributes'
  | 'layer-no-follow'
  | 'tar-bounds'
  | 'decompress-bounds';

const off =
  process.env['GLASSBOX_TEST_SANDBOX'] === '1'
    ? new Set((process.env['GLASSBOX_TEST_GUARDS_OFF'] ?? '').split(','))
    : null;

/** Whether a guard stands. */
export function guard(name: ArchiveGuard): boolean {
  return off === null || !off.has(name);
}
