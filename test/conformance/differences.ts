import type { MeantDifference } from '../helpers/oci/compare.js';

const OWN_STDIO =
  'runc copies a foreground container through pipes; here it gets the descriptors of the caller themselves';

/** Where this runtime means to differ from runc 1.1.5. An entry that no case shows any more fails the suite. */
export const MEANT: readonly MeantDifference[] = [
  {
    cases: /./,
    section: /(^|: )fds$/,
    reference: /^((0|1|2|11) l[-rwx]{9} pipe\n?)+$/,
    subject: /^((0|1|2|11) l[-rwx]{9} (socket|\/dev\/null)\n?)+$/,
    reason: OWN_STDIO,
  },
  {
    cases: /./,
    section: /(^|: )fdowners$/,
    reference: /^(\/proc\/n\/fd\/[012] fifo \d+ \d+ 600\n?)+$/,
    subject: /^(\/proc\/n\/fd\/[012] (socket \d+ \d+ 777|character special file 0 0 666)\n?)+$/,
    reason: OWN_STDIO,
  },
  {
    cases: /./,
    section: /(^|: )fdflags$/,
    reference: /^(\/proc\/n\/fdinfo\/[012]:flags:\t0[01]\n?)+$/,
    subject: /^(\/proc\/n\/fdinfo\/[012]:flags:\t(0100000|02)\n?)+$/,
    reason: OWN_STDIO,
  },
  {
    cases: /./,
    section: /mount order$/,
    reason:
      'sources of binds are opened before the container has its own mount namespace, so those mounts are older and the ' +
      'kernel lists them first; what lies on what is compared in the section `mounts`',
  },
  {
    cases: /^(the personality of 32 bits)$/,
    section: /^arch$/,
    subject: /^i686$/,
    reason: 'runc 1.1 does not know linux.personality',
  },
  {
    cases: /^tmpfs with r(ro|nosuid|nodev|noexec|noatime|strictatime)$/,
    section: /^mounts$/,
    reason: 'runc sets recursive options on bind mounts only, and leaves others as they are without a word',
  },
];
