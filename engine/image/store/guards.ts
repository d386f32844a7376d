import { stands } from '../../kernel/guards.js';

/**
 * The guards of the image store that a test can take away, to show that its attack succeeds without them. Only inside a
 * test's sandbox; on a user's machine every guard stands.
 */
export type StoreGuard =
  /** Content is what its digest and size say. */
  | 'content-check'
  /** A layer is what the configuration says. */
  | 'diff-id'
  /** A digest is 64 digits, so it can be a file name. */
  | 'digest-form'
  /** A manifest means one thing only. */
  | 'manifest-ambiguity'
  /** Documents have a bound. */
  | 'document-bound'
  /** What running operations hold is no garbage. */
  | 'lease'
  /** Bytes reach the disk before their name. */
  | 'store-sync';

export const guard = (name: StoreGuard): boolean => stands(name);
