import { EngineError } from '../../kernel/errors.js';
import type { SpecSeccomp } from '../spec/types.js';
import { actionValue, isPermissive } from './actions.js';
import { type Abi, abiOf, type NativeArchitecture, nativeAbi, syscallRow } from './architectures.js';
import { assemble } from './assemble.js';
import { encode } from './bpf.js';
import { type ArchitectureView, viewOf } from './explain.js';
import { type AbiPart, rangesOf } from './ranges.js';
import { AbiRules, conditionsOf } from './rules.js';

export interface CompiledSeccomp {
  /** Array of struct sock_filter, 8 bytes each. */
  readonly filter: Buffer;
  /** SECCOMP_FILTER_FLAG_* for seccomp(2). */
  readonly flags: number;
  /** Worth a line in the log, as runc warns. */
  readonly warnings: readonly string[];
  /** What runc tells with --debug only: names that no call has. */
  readonly debug: readonly string[];
  /** What each call of each architecture gets, for the explain view: made when it is read. */
  readonly tree: readonly ArchitectureView[];
}

/** seccomp(2), linux/seccomp.h. TSYNC is no bit: a container's init has one thread when it installs the filter. */
const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};
export const KNOWN_FLAGS: readonly string[] = Object.keys(FLAGS);

/** runc's "seccomp disabled": a section that says nothing (specconv, SetupSeccomp). Such a container gets no filter. */
export const isEmptySeccomp = ({ defaultAction, syscalls }: SpecSeccomp): boolean =>
  defaultAction === '' && syscalls.length === 0;

/**
 * `linux.seccomp` as the program that the kernel runs at every system call. Decides as runc 1.1 with libseccomp 2.5 does,
 * whose rules are in rules.ts and ranges.ts; only the newest names differ, for our tables are younger.
 */
export function compileSeccomp(
  seccomp: SpecSeccomp,
  options: { readonly native?: NativeArchitecture } = {},
): CompiledSeccomp {
  const flags = seccomp.flags.reduce((bits, flag) => bits | flagValue(flag), 0);
  const defaultAction = actionValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const rules = abisOf(seccomp, nativeAbi(options.native ?? (process.arch as NativeArchitecture))).map((one) => ({
    ...one,
    rules: new AbiRules(one.abi),
  }));
  const debug = new Set<string>();
  for (const rule of seccomp.syscalls) {
    const action = actionValue(rule.action, rule.errnoRet);
    for (const name of rule.names) {
      if (name === '') throw new EngineError('InvalidArgument', 'empty string is not a valid syscall');
      const alternatives = conditionsOf(rule, name);
      const row = syscallRow(name);
      if (row === null) {
        debug.add(`unknown seccomp syscall "${name}" ignored`);
        continue;
      }
      for (const each of rules) {
        each.rules.name(name, row);
        if (action === defaultAction) continue;
        for (const conditions of alternatives) each.rules.add(name, row, conditions, action);
      }
    }
  }

  const warnings: string[] = [];
  const parts = rules.map(({ abi, listed, rules: { numbers, newest } }): AbiPart => {
    // runc's ENOSYS stub looks at the listed architectures only, and stays away where the default lets calls pass
    if (listed === null || isPermissive(seccomp.defaultAction)) return { abi, numbers, newest: null };
    if (newest === 0) warnings.push(`could not find any syscalls for arch ${listed}`);
    return { abi, numbers, newest: newest === 0 ? null : newest };
  });
  const audits = [...new Set(parts.map(({ abi }) => abi.audit))];
  const architectures = audits.map((audit) => ({
    audit,
    ranges: rangesOf(
      parts.filter(({ abi }) => abi.audit === audit),
      defaultAction,
    ),
  }));
  return {
    filter: encode(assemble(architectures)),
    flags,
    warnings,
    debug: [...debug],
    get tree() {
      return architectures.map(({ audit, ranges }) => viewOf(audit, ranges));
    },
  };
}

function flagValue(flag: string): number {
  if (flag === 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV')
    throw new EngineError('NotImplemented', `seccomp notify is not supported: the flag ${flag} is for its listeners`);
  const value = Object.hasOwn(FLAGS, flag) ? FLAGS[flag] : undefined;
  if (value === undefined) throw new EngineError('InvalidArgument', `seccomp flag ${flag} is not known`);
  return value;
}

/** The machine's own ABI is always in a filter (seccomp_init(3)), first; then the listed ones, each once. */
function abisOf(seccomp: SpecSeccomp, native: Abi): { abi: Abi; listed: string | null }[] {
  const listed = new Map<Abi, string>();
  for (const name of seccomp.architectures) {
    const abi = abiOf(name);
    if (abi !== null && !listed.has(abi)) listed.set(abi, name);
  }
  return [native, ...[...listed.keys()].filter((abi) => abi !== native)].map((abi) => ({
    abi,
    listed: listed.get(abi) ?? null,
  }));
}
