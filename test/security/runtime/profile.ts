import { readFileSync } from 'node:fs';

/**
 * Docker's seccomp profile as moby's loader resolves it for a set of capabilities (profiles/seccomp/seccomp_linux.go), and
 * what it decides about a call: the first principle of libseccomp, that a rule which matches wins over the default. The
 * file is moby's default.json.
 */
interface Argument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}
interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}
interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args?: readonly Argument[];
  readonly errnoRet?: number;
  readonly includes?: Condition;
  readonly excludes?: Condition;
}
interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly archMap: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] | null }[];
  readonly syscalls: readonly Rule[];
}

export interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly Pick<Rule, 'names' | 'action' | 'args' | 'errnoRet'>[];
}

const profile = JSON.parse(readFileSync(new URL('./docker-seccomp.json', import.meta.url), 'utf8')) as Profile;
const GO_ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';
const SCMP_ARCH = process.arch === 'arm64' ? 'SCMP_ARCH_AARCH64' : 'SCMP_ARCH_X86_64';

function applies({ includes = {}, excludes = {} }: Rule, capabilities: readonly string[]): boolean {
  const has = (capability: string): boolean => capabilities.includes(capability);
  if (includes.arches !== undefined && !includes.arches.includes(GO_ARCH)) return false;
  if (includes.caps?.some((capability) => !has(capability)) === true) return false;
  if (excludes.arches?.includes(GO_ARCH) === true) return false;
  return excludes.caps?.some(has) !== true;
}

/** `linux.seccomp` of config.json as dockerd writes it. Every kernel that runs this is younger than `minKernel`. */
export function dockerSeccomp(capabilities: readonly string[]): OciSeccomp {
  const native = profile.archMap.find(({ architecture }) => architecture === SCMP_ARCH);
  return {
    defaultAction: profile.defaultAction,
    defaultErrnoRet: profile.defaultErrnoRet,
    architectures: [SCMP_ARCH, ...(native?.subArchitectures ?? [])],
    syscalls: profile.syscalls
      .filter((rule) => applies(rule, capabilities))
      .map(({ names, action, args, errnoRet }) => ({
        names,
        action,
        ...(args === undefined ? {} : { args }),
        ...(errnoRet === undefined ? {} : { errnoRet }),
      })),
  };
}

const COMPARE: Readonly<Record<string, (value: bigint, want: bigint, two: bigint) => boolean>> = {
  SCMP_CMP_EQ: (value, want) => value === want,
  SCMP_CMP_LT: (value, want) => value < want,
  SCMP_CMP_GT: (value, want) => value > want,
  SCMP_CMP_MASKED_EQ: (value, mask, want) => (value & mask) === want,
};

/** Allowed, or the errno of the refusal. */
export type Verdict = 'allow' | number;

/** What the profile says about a call with these arguments, worked out by itself and not by the compiler under test. */
export function verdict(seccomp: OciSeccomp, name: string, args: readonly number[]): Verdict {
  const words = args.map((arg) => BigInt.asUintN(64, BigInt(arg)));
  const matching = seccomp.syscalls.filter(
    ({ names, args: conditions = [] }) =>
      names.includes(name) &&
      conditions.every(({ index, value, valueTwo = 0, op }) => {
        const compare = COMPARE[op];
        if (compare === undefined) throw new RangeError(`the profile compares by ${op}`);
        return compare(words[index] ?? 0n, BigInt(value), BigInt(valueTwo));
      }),
  );
  const errno = matching.find(({ action }) => action === 'SCMP_ACT_ERRNO');
  if (errno !== undefined && matching.every(({ action }) => action === 'SCMP_ACT_ERRNO')) return errno.errnoRet ?? 1;
  return matching.length > 0 ? 'allow' : seccomp.defaultErrnoRet;
}
