import { PR, PR_CAP_AMBIENT_CLEAR_ALL, PR_CAP_AMBIENT_RAISE } from '../../kernel/constants.js';
import type { DataRef } from '../../kernel/program/builder.js';
import { capabilityText } from '../../kernel/program/decode.js';
import { guard } from '../guards.js';
import type { CapabilityPlan, ProcessPlan } from '../plan.js';
import type { Steps } from './steps.js';

const CAPABILITY_VERSION_3 = 0x20080522;
const CAP_SYS_ADMIN = 1n << 21n;
const CAP_SETPCAP = 1n << 8n;
const APPLY = 'unable to apply caps';
const IOPRIO_WHO_PROCESS = 1;
const IOPRIO_CLASSES = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 } as const;
const SCHED_POLICIES: Readonly<Record<string, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};
const SCHED_FLAGS: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 1,
  SCHED_FLAG_RECLAIM: 2,
  SCHED_FLAG_DL_OVERRUN: 4,
  SCHED_FLAG_KEEP_POLICY: 8,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};

/** sched_setattr(2), ioprio_set(2), prlimit(2): what is easier to set while one is root. */
export function limitsAndPriorities(s: Steps, plan: ProcessPlan): void {
  const { scheduler, ioPriority } = plan.process;
  s.b.section('limits');
  if (scheduler !== undefined) {
    const attributes = Buffer.alloc(48);
    attributes.writeUInt32LE(48, 0);
    attributes.writeUInt32LE(SCHED_POLICIES[scheduler.policy] ?? 0, 4);
    attributes.writeBigUInt64LE(BigInt(scheduler.flags.reduce((bits, flag) => bits | (SCHED_FLAGS[flag] ?? 0), 0)), 8);
    attributes.writeInt32LE(scheduler.nice ?? 0, 16);
    attributes.writeUInt32LE(scheduler.priority ?? 0, 20);
    attributes.writeBigUInt64LE(scheduler.runtime ?? 0n, 24);
    attributes.writeBigUInt64LE(scheduler.deadline ?? 0n, 32);
    attributes.writeBigUInt64LE(scheduler.period ?? 0n, 40);
    s.call('sched_setattr', [0, s.b.bytes(attributes, `{${scheduler.policy}}`), 0], {
      failure: 'failed to set scheduler',
    });
  }
  if (ioPriority !== undefined)
    s.call('ioprio_set', [IOPRIO_WHO_PROCESS, 0, (IOPRIO_CLASSES[ioPriority.class] << 13) | ioPriority.priority], {
      failure: 'failed to set io priority',
    });
  for (const [resource, soft, hard] of plan.rlimits)
    s.call('prlimit64', [0, resource, s.b.words([soft, hard], `{${limit(soft)}, ${limit(hard)}}`), 0], {
      failure: `error setting rlimits for ready process: error setting rlimit type ${resource}`,
      command: `prlimit --pid $$ … ${limit(soft)}:${limit(hard)}`,
    });
}

/** Processors for this process, a list as cpuset(7) has them (`0-3,7`): before and after it joins the container's groups. sched_setaffinity(2) */
export function affinity(s: Steps, list: string | undefined): void {
  if (list === undefined || list === '') return;
  const mask = Buffer.alloc(128);
  for (const range of list.split(',')) {
    const [first = 0, last = first] = range.split('-').map(Number);
    for (let cpu = first; cpu <= last && cpu < mask.length * 8; cpu++)
      mask.writeUInt8(mask.readUInt8(cpu >> 3) | (1 << (cpu & 7)), cpu >> 3);
  }
  s.call('sched_setaffinity', [0, mask.length, s.b.bytes(mask, `{${list}}`)], {
    failure: `error setting CPU affinity to ${list}`,
    command: `taskset --cpu-list ${list} …`,
  });
}

function limit(value: bigint): string {
  return value === 0xffff_ffff_ffff_ffffn ? 'RLIM_INFINITY' : value.toString();
}

/**
 * Groups, then group, then user, each irreversible once the next is done; capabilities survive the change (KEEPCAPS) because the
 * filter of syscalls is still to be installed. setresuid(2), capabilities(7) "Effect of user ID changes".
 */
export function becomeUser(s: Steps, plan: ProcessPlan): void {
  const { user } = plan.process;
  s.b.section('identity');
  const { bounding, last, held } = plan.capabilities;
  if (guard('bounding-drop'))
    for (let capability = 0; capability <= last; capability++) {
      const bit = 1n << BigInt(capability);
      if ((bounding & bit) === 0n && (held & bit) !== 0n)
        s.call('prctl', [PR.CAPBSET_DROP, capability], {
          failure: APPLY,
          say: {
            en: 'no program that this process or its children execute can ever get this capability back',
            zh: '本进程及其子进程执行的任何程序都无法再得到这项能力',
          },
        });
    }
  s.call('prctl', [PR.SET_KEEPCAPS, 1, 0, 0, 0], { failure: 'unable to set keep caps' });
  if (plan.setgroups && guard('supplementary-groups')) {
    const gids = [...new Set(user.additionalGids)];
    const groups = Buffer.alloc(Math.max(1, gids.length) * 4);
    gids.forEach((gid, n) => {
      groups.writeUInt32LE(gid, n * 4);
    });
    s.call('setgroups', [gids.length, s.b.bytes(groups, JSON.stringify(gids))], {
      failure: 'setgroups',
    });
  }
  for (const fd of plan.ownStdio)
    s.call('fchown', [fd, user.uid, -1], {
      accept: ['EINVAL', 'EPERM', 'EROFS'],
      failure: 'unable to setup user: fchown',
      say: {
        en: 'the user may open its own standard streams again by name',
        zh: '让用户可以按名字重新打开自己的标准流',
      },
    });
  s.call('setresgid', [user.gid, user.gid, user.gid], { failure: `unable to setup user: setgid` });
  s.call('setresuid', [user.uid, user.uid, user.uid], { failure: `unable to setup user: setuid` });
  s.call('prctl', [PR.SET_KEEPCAPS, 0, 0, 0, 0], { failure: 'unable to clear keep caps' });
  // what the process may see and enter is decided with the capabilities that it will have
  capset(s, { ...plan.capabilities, permitted: plan.capabilities.permitted | needed(plan) });
}

/** Held on to until the filter is installed: seccomp(2) asks for CAP_SYS_ADMIN unless no_new_privs is set. */
function needed(plan: ProcessPlan): bigint {
  return plan.seccomp !== null && plan.process.noNewPrivileges !== true
    ? (CAP_SYS_ADMIN | CAP_SETPCAP) & plan.capabilities.held
    : 0n;
}

function header(s: Steps): DataRef {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(CAPABILITY_VERSION_3, 0);
  return s.b.bytes(bytes, '{_LINUX_CAPABILITY_VERSION_3}');
}

function capset(s: Steps, sets: Pick<CapabilityPlan, 'effective' | 'permitted' | 'inheritable'>): void {
  const bytes = Buffer.alloc(24);
  for (const half of [0, 1] as const) {
    const shift = BigInt(half * 32);
    const word = (set: bigint): number => Number((set >> shift) & 0xffff_ffffn);
    bytes.writeUInt32LE(word(sets.effective), half * 12);
    bytes.writeUInt32LE(word(sets.permitted), half * 12 + 4);
    bytes.writeUInt32LE(word(sets.inheritable), half * 12 + 8);
  }
  const text = `{effective: ${capabilityText(sets.effective)}, permitted: ${capabilityText(sets.permitted)}, inheritable: ${capabilityText(sets.inheritable)}}`;
  s.call('capset', [header(s), s.b.bytes(bytes, text)], { failure: APPLY });
}

/** The last privileges go, the filter comes; after this only `execve` is left. */
export function confine(s: Steps, plan: ProcessPlan): void {
  s.b.section('confine');
  const { process, seccomp, capabilities } = plan;
  const early = seccomp !== null && process.noNewPrivileges !== true;
  if (process.noNewPrivileges === true)
    s.call('prctl', [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0], {
      failure: 'failed to set no_new_privs',
      say: { en: 'no set-user-id program can give privileges any more', zh: '任何 set-user-id 程序都不再能提升权限' },
    });
  if (early) {
    capset(s, {
      effective: capabilities.effective | needed(plan),
      permitted: capabilities.permitted | needed(plan),
      inheritable: capabilities.inheritable,
    });
    installFilter(s, plan);
  }
  capset(s, capabilities);
  if (capabilities.ambient !== 0n) {
    s.call('prctl', [PR.CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0], { accept: ['EINVAL'], failure: APPLY });
    for (let capability = 0; capability <= capabilities.last; capability++)
      if ((capabilities.ambient & (1n << BigInt(capability))) !== 0n)
        s.call('prctl', [PR.CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0], {
          accept: ['EPERM', 'EINVAL'],
          failure: APPLY,
          say: {
            en: 'kept by programs that have no capabilities themselves; refused unless it is inheritable too, and then it is done without',
            zh: '让本身没有能力的程序也能保留它；若不在可继承集合中内核会拒绝，那就不要它',
          },
        });
  }
  if (seccomp !== null && !early) installFilter(s, plan);
}

const SECCOMP_SET_MODE_FILTER = 1;

function installFilter(s: Steps, plan: ProcessPlan): void {
  if (plan.seccomp === null) return;
  const { filter, flags } = plan.seccomp;
  const code = s.b.bytes(filter, `[${filter.length / 8} BPF instructions]`);
  const program = s.b.words([filter.length / 8, code], `{${filter.length / 8}, filter}`);
  s.call('seccomp', [SECCOMP_SET_MODE_FILTER, flags, program], {
    failure: 'unable to init seccomp: error loading seccomp filter into kernel',
    say: {
      en: 'from here on the kernel asks this filter before every syscall of the container',
      zh: '从这里起，容器的每个系统调用都要先过这个过滤器',
    },
  });
}
