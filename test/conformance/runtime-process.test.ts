import { differentialSuite, RUNC } from '../helpers/oci/suite.js';
import { NAMESPACE_CASES } from './cases/namespaces.js';
import { PROCESS_CASES } from './cases/process.js';
import { MEANT } from './differences.js';

differentialSuite(
  import.meta.url,
  'the same bundles with runc: what a process is given',
  [...NAMESPACE_CASES, ...PROCESS_CASES],
  RUNC,
  MEANT,
);
