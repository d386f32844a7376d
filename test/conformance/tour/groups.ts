import type { Group } from '../../helpers/tour/walk.js';
import { IMAGES } from './images.js';
import { LIFE } from './life.js';
import { NETWORK } from './network.js';
import { OPTIONS } from './options.js';
import { OWN_NETWORKS } from './own-networks.js';
import { RUN } from './run.js';
import { SYSTEM } from './system.js';
import { USE } from './use.js';

/** The whole tour. */
export const GROUPS: readonly Group[] = [
  ...RUN,
  ...OPTIONS,
  ...LIFE,
  ...USE,
  ...NETWORK,
  ...OWN_NETWORKS,
  ...SYSTEM,
  ...IMAGES,
];
