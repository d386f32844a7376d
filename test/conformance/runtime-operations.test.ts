import { differentialSuite, RUNC } from '../helpers/oci/suite.js';
import { COMBINED_CASES, ROOTLESS_CASES } from './cases/combined.js';
import { DESCRIPTOR_CASES, EXEC_CASES, TERMINAL_CASES } from './cases/exec.js';
import { HOOK_CASES } from './cases/hooks.js';
import { LIFE_CASES } from './cases/life.js';
import { MEANT } from './differences.js';

differentialSuite(
  import.meta.url,
  'the same bundles with runc: operations and hooks',
  [
    ...HOOK_CASES,
    ...LIFE_CASES,
    ...DESCRIPTOR_CASES,
    ...EXEC_CASES,
    ...TERMINAL_CASES,
    ...COMBINED_CASES,
    ...ROOTLESS_CASES,
  ],
  RUNC,
  MEANT,
);
