import { stands } from '../../kernel/guards.js';

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

export const guard = (name: ArchiveGuard): boolean => stands(name);
