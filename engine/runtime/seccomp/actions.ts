import { ERRNO, errnoName } from '../../kernel/errno.js';
import { EngineError } from '../../kernel/errors.js';

/** What a filter returns: linux/seccomp.h, SECCOMP_RET_*. The low 16 bits are data. */
const RET = {
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
} as const;

/** Every action that a profile may name, apart from SCMP_ACT_NOTIFY, which is refused. */
export const KNOWN_ACTIONS: readonly string[] = Object.keys(RET).sort();

export const ERRNO_ENOSYS = RET.SCMP_ACT_ERRNO | ERRNO.ENOSYS;
/** What libseccomp gives to an architecture that is not in the filter: SCMP_ACT_KILL (seccomp_attr_set(3), ACT_BADARCH). */
export const BAD_ARCHITECTURE = RET.SCMP_ACT_KILL;

/** The filter's return value for an action. ERRNO and TRACE carry `errnoRet`, EPERM when it is absent, as in runc. */
export function actionValue(action: string, errnoRet: number | undefined): number {
  if (action === 'SCMP_ACT_NOTIFY')
    throw new EngineError('NotImplemented', 'seccomp notify is not supported: a profile may not use SCMP_ACT_NOTIFY');
  if (!Object.hasOwn(RET, action))
    throw new EngineError('InvalidArgument', `string ${action} is not a valid action for seccomp`);
  const value = RET[action as keyof typeof RET];
  if (value !== RET.SCMP_ACT_ERRNO && value !== RET.SCMP_ACT_TRACE) return value;
  const data = errnoRet ?? ERRNO.EPERM;
  // libseccomp takes less than MAX_ERRNO; 16 bits are all that a return value has
  const limit = value === RET.SCMP_ACT_ERRNO ? 4094 : 0xffff;
  if (!Number.isInteger(data) || data < 0 || data > limit)
    throw new EngineError('InvalidArgument', `seccomp: errnoRet ${data} of ${action} is not between 0 and ${limit}`);
  return value + data;
}

/** Actions after which the call happens (or a tracer sees it): runc puts no ENOSYS in front of these as a default. */
export const isPermissive = (action: string): boolean =>
  action === 'SCMP_ACT_ALLOW' || action === 'SCMP_ACT_LOG' || action === 'SCMP_ACT_TRACE';

/** `ALLOW`, `ERRNO(EPERM)`, `TRACE(7)` … */
export function actionText(value: number): string {
  const action = (value & 0xffff0000) >>> 0;
  const data = value & 0xffff;
  if (action === RET.SCMP_ACT_ERRNO) return data === 0 ? 'ERRNO(0)' : `ERRNO(${errnoName(data)})`;
  if (action === RET.SCMP_ACT_TRACE) return `TRACE(${data})`;
  const name = Object.entries(RET).find(([key, its]) => its === action && key !== 'SCMP_ACT_KILL')?.[0];
  return name === undefined ? `0x${value.toString(16)}` : name.replace('SCMP_ACT_', '');
}
