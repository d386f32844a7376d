import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { EngineError } from '../kernel/errors.js';
import { parseJson } from '../runtime/spec/json.js';
import { parseSeccompAt } from '../runtime/spec/parse-seccomp.js';
import { type At, list, member, text, texts } from '../runtime/spec/read.js';
import type { SpecSeccomp } from '../runtime/spec/types.js';

/** What a profile's conditions are asked about. */
export interface ProfileContext {
  readonly architecture: 'x64' | 'arm64';
  /** The bounding set, `CAP_SYS_ADMIN` …: rules come and go with it. */
  readonly capabilities: readonly string[];
  readonly kernel: { readonly major: number; readonly minor: number };
}

/** Names in `archMap`, and in `includes.arches` (libseccomp's names, as moby's goToNative and nativeToSeccomp map them). */
const ARCHITECTURES = {
  x64: { seccomp: 'SCMP_ARCH_X86_64', native: 'amd64' },
  arm64: { seccomp: 'SCMP_ARCH_AARCH64', native: 'arm64' },
} as const;

/**
 * A profile in moby's format (profiles/seccomp) for one container: `archMap` picks the architectures, rules whose
 * `includes` do not hold or of whose `excludes` one holds are dropped. Undefined: the profile says nothing, and no filter is
 * set. Listed capabilities of `includes` must all be there, of `excludes` one suffices.
 */
export function resolveProfile(json: unknown, context: ProfileContext): SpecSeccomp | undefined {
  const at: At = { path: 'seccomp profile', value: json };
  const { seccomp, native } = ARCHITECTURES[context.architecture];
  const architectures = texts(member(at, 'architectures'));
  const archMap = list(member(at, 'archMap'), (one) => ({
    architecture: text(member(one, 'architecture')) ?? '',
    subArchitectures: texts(member(one, 'subArchitectures')),
  }));
  if (architectures.length > 0 && archMap.length > 0)
    throw new EngineError('InvalidArgument', "a seccomp profile has either 'architectures' or 'archMap', not both");
  const mapped = archMap.find(({ architecture }) => architecture === seccomp);

  const rules = list(member(at, 'syscalls'), (one) => {
    const name = text(member(one, 'name')) ?? '';
    const names = texts(member(one, 'names'));
    if (name !== '' && names.length > 0)
      throw new EngineError('InvalidArgument', `${one.path} has either 'name' or 'names', not both`);
    return { applies: applies(one, native, context), names: name === '' ? names : [name], rule: one.value as object };
  });
  return parseSeccompAt({
    path: at.path,
    value: {
      ...(json as object),
      architectures: mapped === undefined ? architectures : [mapped.architecture, ...mapped.subArchitectures],
      syscalls: rules.filter((rule) => rule.applies).map(({ rule, names }) => ({ ...rule, names })),
    },
  });
}

function applies(rule: At, native: string, { capabilities, kernel }: ProfileContext): boolean {
  const condition = (key: 'includes' | 'excludes') => ({
    arches: texts(member(member(rule, key), 'arches')),
    caps: texts(member(member(rule, key), 'caps')),
    minKernel: atLeast(member(member(rule, key), 'minKernel'), kernel),
  });
  const [includes, excludes] = [condition('includes'), condition('excludes')];
  if (excludes.arches.includes(native) || excludes.caps.some((name) => capabilities.includes(name))) return false;
  if (excludes.minKernel === true) return false;
  if (includes.arches.length > 0 && !includes.arches.includes(native)) return false;
  return includes.caps.every((name) => capabilities.includes(name)) && includes.minKernel !== false;
}

/** Is the kernel as new as `4.8` says? Null: it says nothing. */
function atLeast(at: At, kernel: { readonly major: number; readonly minor: number }): boolean | null {
  const version = text(at) ?? '';
  if (version === '') return null;
  const [, major, minor] = /^(\d+)\.(\d+)$/.exec(version) ?? [];
  if (major === undefined || minor === undefined)
    throw new EngineError('InvalidArgument', `${at.path} is "${version}"; expected a version such as 4.8`);
  return kernel.major > Number(major) || (kernel.major === Number(major) && kernel.minor >= Number(minor));
}

/** This machine's kernel: uname(2), release. */
export function runningKernel(name = release()): { major: number; minor: number } {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(name) ?? [];
  if (major === undefined || minor === undefined)
    throw new EngineError('Internal', `the kernel's release ${name} does not begin with a version`);
  return { major: Number(major), minor: Number(minor) };
}

let dockerProfile: unknown;

/** Docker's default profile (assets/seccomp-default.json), unresolved. */
export function dockerSeccompProfile(): unknown {
  dockerProfile ??= parseJson(readAsset('seccomp-default.json'));
  return dockerProfile;
}

/** `assets` is beside `engine` in the sources and beside `dist` in a build. */
function readAsset(name: string): string {
  const places = ['../../assets/', '../../../assets/'].map((path) => new URL(path + name, import.meta.url));
  for (const place of places) {
    try {
      return readFileSync(place, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new EngineError('Internal', `cannot find assets/${name} above the program`);
}
