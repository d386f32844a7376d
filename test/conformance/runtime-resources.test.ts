import { differentialSuite, RUNC } from '../helpers/oci/suite.js';
import { RESOURCE_CASES } from './cases/resources.js';
import { SECCOMP_CASES } from './cases/seccomp.js';
import { MEANT } from './differences.js';

differentialSuite(
  import.meta.url,
  'the same bundles with runc: resources, devices and seccomp',
  [...RESOURCE_CASES, ...SECCOMP_CASES],
  RUNC,
  MEANT,
);
