import { differentialSuite, RUNC } from '../helpers/oci/suite.js';
import { MOUNT_CASES, ROOTFS_CASES } from './cases/mounts.js';
import { MEANT } from './differences.js';

differentialSuite(
  import.meta.url,
  'the same bundles with runc: mounts and the root',
  [...MOUNT_CASES, ...ROOTFS_CASES],
  RUNC,
  MEANT,
);
