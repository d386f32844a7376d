import { type At, big, list, MAX_PATH, member, present, text, texts, whole } from './read.js';
import type { SeccompRule, SpecSeccomp } from './types.js';

const NAME = 255;

/**
 * `linux.seccomp` of config-linux.md. Without a default action and without rules there is no filter, as in runc (SetupSeccomp).
 * Whether the names mean something is `validate-seccomp.ts`'s question.
 */
export function parseSeccompAt(at: At): SpecSeccomp | undefined {
  const seccomp = present({
    defaultAction: text(member(at, 'defaultAction'), NAME) ?? '',
    defaultErrnoRet: whole(member(at, 'defaultErrnoRet'), 'uint32'),
    architectures: texts(member(at, 'architectures'), NAME),
    flags: texts(member(at, 'flags'), NAME),
    listenerPath: text(member(at, 'listenerPath'), MAX_PATH),
    listenerMetadata: text(member(at, 'listenerMetadata')),
    syscalls: list(member(at, 'syscalls'), rule),
  });
  return seccomp.defaultAction === '' && seccomp.syscalls.length === 0 ? undefined : seccomp;
}

function rule(at: At): SeccompRule {
  return present({
    names: texts(member(at, 'names'), NAME),
    action: text(member(at, 'action'), NAME) ?? '',
    errnoRet: whole(member(at, 'errnoRet'), 'uint32'),
    args: list(member(at, 'args'), (one) => ({
      index: whole(member(one, 'index'), 'uint32') ?? 0,
      value: big(member(one, 'value'), 'uint64') ?? 0n,
      valueTwo: big(member(one, 'valueTwo'), 'uint64') ?? 0n,
      op: text(member(one, 'op'), NAME) ?? '',
    })),
  });
}
