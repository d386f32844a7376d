import {
  type At,
  isAbsent,
  list,
  MAX_ARGUMENTS,
  MAX_PATH,
  MAX_TEXT,
  member,
  present,
  text,
  texts,
  whole,
} from './read.js';
import { HOOK_KINDS, type HookKind, type SpecHook, type SpecHooks } from './types.js';

/** `hooks` of config.md, "POSIX-platform Hooks". */
export function parseHooks(at: At): SpecHooks {
  return Object.fromEntries(HOOK_KINDS.map((kind) => [kind, list(member(at, kind), hook)])) as Record<
    HookKind,
    SpecHook[]
  >;
}

function hook(at: At): SpecHook {
  return present({
    path: text(member(at, 'path'), MAX_PATH) ?? '',
    args: texts(member(at, 'args'), MAX_TEXT, MAX_ARGUMENTS),
    env: isAbsent(member(at, 'env')) ? undefined : texts(member(at, 'env'), MAX_TEXT, MAX_ARGUMENTS),
    timeout: whole(member(at, 'timeout'), 'timeout'),
  });
}
