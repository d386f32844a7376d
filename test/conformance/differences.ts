import type { MeantDifference } from '../helpers/oci/compare.js';

/** Where this runtime means to differ from runc 1.1.5. An entry that no case shows any more fails the suite. */
export const MEANT: readonly MeantDifference[] = [];
