import type { Endpoint } from '../router.js';
import { CONTAINER_FILES } from './container-files.js';
import { CONTAINER_STREAMS } from './container-streams.js';
import { CONTAINERS } from './containers.js';
import { DISK_USAGE } from './disk-usage.js';
import { EXEC } from './exec.js';
import { EXPLAIN } from './explain.js';
import { IMAGE_TRANSFER } from './image-transfer.js';
import { IMAGES } from './images.js';
import { NETWORKS } from './networks.js';
import { ELSEWHERE } from './swarm.js';
import { SYSTEM } from './system.js';
import { VOLUMES } from './volumes.js';

/** Every endpoint; the first that matches answers. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...SYSTEM,
  ...EXPLAIN,
  ...DISK_USAGE,
  ...CONTAINERS,
  ...CONTAINER_STREAMS,
  ...CONTAINER_FILES,
  ...EXEC,
  ...IMAGES,
  ...IMAGE_TRANSFER,
  ...NETWORKS,
  ...VOLUMES,
  ...ELSEWHERE,
];
