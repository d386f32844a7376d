/** Arguments that mean another thing with every operation of their call: prctl(2), ioctl(2), fcntl(2), fsconfig(2) … */
import { FSCONFIG, O, PR, SIG, TIOC } from '../constants.js';
import { CAPABILITIES } from '../names.js';
import type { SyscallName } from '../syscall-table.js';
import { bits, type Decoder, decimal, oneOf, openFlags, pointer } from './decode-tables.js';

const signal = oneOf(SIG, 'SIG');
const nothing: readonly Decoder[] = [];
const capability: Decoder = (value) => CAPABILITIES[Number(value)] ?? value.toString();

export const PRCTLS: Readonly<Record<string, number>> = {
  ...PR,
  SET_CHILD_SUBREAPER: 36,
  GET_SECCOMP: 21,
  SET_SECCOMP: 22,
};
export const IOCTLS: Readonly<Record<string, number>> = {
  SIOCSIFFLAGS: 0x8914,
  SIOCGIFFLAGS: 0x8913,
  TIOCGWINSZ: 0x5413,
  FIONREAD: 0x541b,
  ...Object.fromEntries(Object.entries(TIOC).map(([name, number]) => [`TIOC${name}`, number])),
};
export const FCNTLS: Readonly<Record<string, number>> = {
  F_DUPFD: 0,
  F_GETFD: 1,
  F_SETFD: 2,
  F_GETFL: 3,
  F_SETFL: 4,
  F_DUPFD_CLOEXEC: 1030,
  F_ADD_SEALS: 1033,
};
export const FSCONFIGS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries({ ...FSCONFIG, SET_BINARY: 2, SET_PATH: 3, SET_PATH_EMPTY: 4, SET_FD: 5 }).map(([name, number]) => [
    `FSCONFIG_${name}`,
    number,
  ]),
);
export const FUTEXES: Readonly<Record<string, number>> = {
  FUTEX_WAIT: 0,
  FUTEX_WAKE: 1,
  FUTEX_REQUEUE: 3,
  FUTEX_CMP_REQUEUE: 4,
};
export const KEYCTLS: Readonly<Record<string, number>> = {
  KEYCTL_GET_KEYRING_ID: 0,
  KEYCTL_JOIN_SESSION_KEYRING: 1,
  KEYCTL_SETPERM: 5,
};
export const SECCOMPS: Readonly<Record<string, number>> = {
  SECCOMP_SET_MODE_STRICT: 0,
  SECCOMP_SET_MODE_FILTER: 1,
};

interface Operations {
  /** Position of the argument that names the operation. */
  readonly at: number;
  readonly names: Readonly<Record<string, number>>;
  readonly prefix?: string;
  /** Decoders of the arguments behind it, by the operation's name. */
  readonly rest: Readonly<Record<string, readonly (Decoder | null)[]>>;
}

const string = [pointer, pointer, decimal];
const OPERATIONS: Readonly<Partial<Record<SyscallName, Operations>>> = {
  prctl: {
    at: 0,
    names: PRCTLS,
    prefix: 'PR_',
    rest: {
      PR_SET_PDEATHSIG: [signal],
      PR_CAPBSET_DROP: [capability],
      PR_CAP_AMBIENT: [
        oneOf({ IS_SET: 1, RAISE: 2, LOWER: 3, CLEAR_ALL: 4 }, 'PR_CAP_AMBIENT_'),
        capability,
        decimal,
        decimal,
      ],
    },
  },
  ioctl: {
    at: 1,
    names: IOCTLS,
    rest: { TIOCGPTPEER: [openFlags], TIOCSCTTY: [decimal] },
  },
  fcntl: {
    at: 1,
    names: FCNTLS,
    rest: {
      F_SETFD: [bits({ CLOEXEC: 1 }, 'FD_')],
      F_SETFL: [bits({ APPEND: O.APPEND, NONBLOCK: O.NONBLOCK }, 'O_')],
      F_ADD_SEALS: [bits({ SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8 }, 'F_SEAL_')],
    },
  },
  fsconfig: {
    at: 1,
    names: FSCONFIGS,
    rest: {
      FSCONFIG_SET_FLAG: string,
      FSCONFIG_SET_STRING: string,
      FSCONFIG_CMD_CREATE: string,
      FSCONFIG_CMD_RECONFIGURE: string,
    },
  },
  futex: { at: 1, names: FUTEXES, rest: {} },
  keyctl: { at: 0, names: KEYCTLS, rest: {} },
  seccomp: {
    at: 0,
    names: SECCOMPS,
    rest: {
      SECCOMP_SET_MODE_FILTER: [
        bits(
          { TSYNC: 1, LOG: 2, SPEC_ALLOW: 4, NEW_LISTENER: 8, TSYNC_ESRCH: 16, WAIT_KILLABLE_RECV: 32 },
          'SECCOMP_FILTER_FLAG_',
        ),
      ],
    },
  },
};

/** Name of the operation that a call asks for; null where the call has none, or a number that has no name here. */
export function operationOf(syscall: SyscallName, numbers: readonly (bigint | null)[]): string | null {
  const found = OPERATIONS[syscall];
  const number = found === undefined ? null : (numbers[found.at] ?? null);
  if (found === undefined || number === null) return null;
  const name = oneOf(found.names, found.prefix ?? '')(number);
  return /^\d+$/.test(name) ? null : name;
}

/** The decoder of an argument as its call's operation decides it; undefined where it does not. */
export function operationDecoder(
  syscall: SyscallName,
  position: number,
  numbers: readonly (bigint | null)[],
): Decoder | undefined {
  const found = OPERATIONS[syscall];
  if (found === undefined || position < found.at) return undefined;
  if (position === found.at) return oneOf(found.names, found.prefix ?? '');
  const rest = found.rest[operationOf(syscall, numbers) ?? ''] ?? nothing;
  return rest[position - found.at - 1] ?? undefined;
}
