import { differentialSuite, RUNC } from '../helpers/oci/suite.js';
import { BIND_CASES } from './cases/binds.js';
import { OPTION_CASES, PLACE_CASES } from './cases/mounts.js';
import { CGROUP_CASES, ROOT_CASES } from './cases/rootfs.js';
import { MEANT } from './differences.js';

differentialSuite(
  import.meta.url,
  'the same bundles with runc: mounts and the root',
  [...OPTION_CASES, ...PLACE_CASES, ...BIND_CASES, ...CGROUP_CASES, ...ROOT_CASES],
  RUNC,
  MEANT,
);
