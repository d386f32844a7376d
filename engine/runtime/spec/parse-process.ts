import {
  type At,
  big,
  fail,
  filled,
  flag,
  isAbsent,
  list,
  MAX_ARGUMENTS,
  MAX_PATH,
  MAX_TEXT,
  member,
  optional,
  present,
  text,
  texts,
  whole,
  word,
} from './read.js';
import type { IoPriorityClass, SpecProcess, SpecScheduler, SpecUser } from './types.js';

const IO_PRIORITY_CLASSES: readonly IoPriorityClass[] = ['IOPRIO_CLASS_RT', 'IOPRIO_CLASS_BE', 'IOPRIO_CLASS_IDLE'];
const NAME = 255;

/** `process` of config.md. What Go's decoder would leave at zero (no `user`: root; no `cwd`: empty) is so here. */
export function parseProcessAt(at: At): SpecProcess {
  return present({
    terminal: flag(member(at, 'terminal')),
    consoleSize: optional(member(at, 'consoleSize'), (size) => ({
      height: whole(member(size, 'height'), 'uint16') ?? 0,
      width: whole(member(size, 'width'), 'uint16') ?? 0,
    })),
    user: user(member(at, 'user')),
    args: texts(member(at, 'args'), MAX_TEXT, MAX_ARGUMENTS),
    env: texts(member(at, 'env'), MAX_TEXT, MAX_ARGUMENTS),
    cwd: text(member(at, 'cwd'), MAX_PATH) ?? '',
    capabilities:
      optional(member(at, 'capabilities'), (sets) => ({
        bounding: texts(member(sets, 'bounding'), NAME),
        effective: texts(member(sets, 'effective'), NAME),
        inheritable: texts(member(sets, 'inheritable'), NAME),
        permitted: texts(member(sets, 'permitted'), NAME),
        ambient: texts(member(sets, 'ambient'), NAME),
      })) ?? null,
    rlimits: list(member(at, 'rlimits'), (one) => ({
      type: text(member(one, 'type'), NAME) ?? '',
      soft: big(member(one, 'soft'), 'uint64') ?? 0n,
      hard: big(member(one, 'hard'), 'uint64') ?? 0n,
    })),
    noNewPrivileges: flag(member(at, 'noNewPrivileges')),
    apparmorProfile: filled(member(at, 'apparmorProfile'), MAX_PATH),
    selinuxLabel: filled(member(at, 'selinuxLabel'), MAX_PATH),
    oomScoreAdj: whole(member(at, 'oomScoreAdj'), 'oomScore'),
    scheduler: optional(member(at, 'scheduler'), scheduler),
    ioPriority: optional(member(at, 'ioPriority'), (io) => ({
      class: word(member(io, 'class'), IO_PRIORITY_CLASSES),
      priority: whole(member(io, 'priority'), 'int32') ?? 0,
    })),
    execCPUAffinity: optional(member(at, 'execCPUAffinity'), (affinity) =>
      present({ initial: cpus(member(affinity, 'initial')), final: cpus(member(affinity, 'final')) }),
    ),
  });
}

function user(at: At): SpecUser {
  return present({
    uid: whole(member(at, 'uid'), 'id') ?? 0,
    gid: whole(member(at, 'gid'), 'id') ?? 0,
    umask: whole(member(at, 'umask'), 'uint32'),
    additionalGids: list(member(at, 'additionalGids'), (gid) => whole(gid, 'id') ?? fail(gid, 'a whole number')),
  });
}

function scheduler(at: At): SpecScheduler {
  return present({
    policy: text(member(at, 'policy'), NAME) ?? '',
    nice: whole(member(at, 'nice'), 'int32'),
    priority: whole(member(at, 'priority'), 'int32'),
    flags: texts(member(at, 'flags'), NAME),
    runtime: big(member(at, 'runtime'), 'uint64'),
    deadline: big(member(at, 'deadline'), 'uint64'),
    period: big(member(at, 'period'), 'uint64'),
  });
}

function cpus(at: At): string | undefined {
  const value = text(at, MAX_PATH);
  return isAbsent(at) || /^[0-9, -]*$/.test(value ?? '') ? value : fail(at, 'a list of processors such as "0-3,7"');
}
