import { differentialSuite, RUNC } from '../helpers/oci/suite.js';
import { HOOK_CASES } from './cases/hooks.js';
import { COMBINED_CASES, OPERATION_CASES } from './cases/operations.js';
import { MEANT } from './differences.js';

differentialSuite(
  import.meta.url,
  'the same bundles with runc: operations and hooks',
  [...HOOK_CASES, ...OPERATION_CASES, ...COMBINED_CASES],
  RUNC,
  MEANT,
);
