import { differentialSuite, RUNC } from '../helpers/oci/suite.js';
import { LIMIT_CASES } from './cases/limits.js';
import { NAMESPACE_CASES } from './cases/namespaces.js';
import { PROGRAM_CASES } from './cases/programs.js';
import { CAPABILITY_CASES, USER_CASES } from './cases/users.js';
import { MEANT } from './differences.js';

differentialSuite(
  import.meta.url,
  'the same bundles with runc: what a process is given',
  [...NAMESPACE_CASES, ...PROGRAM_CASES, ...CAPABILITY_CASES, ...USER_CASES, ...LIMIT_CASES],
  RUNC,
  MEANT,
);
