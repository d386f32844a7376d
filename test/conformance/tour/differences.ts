import type { Difference } from '../../helpers/tour/compare.js';

/** What our engine means to say other than Debian's dockerd 20.10, and why. One that is met nowhere any more fails. */
export const DIFFERENCES: readonly Difference[] = [];
