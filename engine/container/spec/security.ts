import { EngineError } from '../../kernel/errors.js';
import { dockerSeccompProfile, type ProfileContext, resolveProfile } from '../../policy/seccomp-profile.js';
import { parseJson } from '../../runtime/spec/json.js';
import type { SpecSeccomp } from '../../runtime/spec/types.js';

/** What `--security-opt` asks for. */
export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `''`: nothing was said. */
  readonly apparmor: string;
  /** `''`: nothing was said; `unconfined`, `builtin`, or the JSON text of a profile. */
  readonly seccomp: string;
  /** null: nothing was said. */
  readonly writableCgroups: boolean | null;
}

/** Go's strconv.ParseBool; undefined: it is none. */
function bool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : undefined;
}

/** Labels are SELinux's: taken and, as on every machine without it, without effect. moby, daemon/daemon_unix.go. */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let result: SecurityOptions = { noNewPrivileges: false, apparmor: '', seccomp: '', writableCgroups: null };
  for (const option of options) {
    const invalid = (step: 1 | 2): EngineError =>
      new EngineError('InvalidArgument', `invalid --security-opt ${step}: ${JSON.stringify(option)}`);
    const flag = (value: string): boolean => {
      const given = bool(value);
      if (given === undefined) throw invalid(2);
      return given;
    };
    if (option === 'disable') continue;
    const at = option.includes('=') ? option.indexOf('=') : option.indexOf(':');
    const key = at < 0 ? option : option.slice(0, at);
    const value = at < 0 ? null : option.slice(at + 1);
    if (key === 'no-new-privileges') result = { ...result, noNewPrivileges: flag(value ?? 'true') };
    else if (key === 'writable-cgroups') result = { ...result, writableCgroups: flag(value ?? 'true') };
    else if (value === null) throw invalid(1);
    else if (key === 'apparmor') result = { ...result, apparmor: value };
    else if (key === 'seccomp') result = { ...result, seccomp: value };
    else if (key !== 'label') throw invalid(2);
  }
  return result;
}

/**
 * The filter of a container. Undefined: none, by the user's wish or because it is privileged. A kernel without seccomp is
 * refused, unless the user asked for no filter: a container that is open without anybody's wish is worse than none.
 */
export function containerSeccomp(
  profile: string,
  privileged: boolean,
  context: ProfileContext & { readonly supported: boolean },
): SpecSeccomp | undefined {
  if (profile === 'unconfined' || (privileged && profile === '')) return undefined;
  if (!context.supported)
    throw new EngineError(
      'FailedPrecondition',
      profile === '' || profile === 'builtin'
        ? 'seccomp is not enabled in your kernel: run with --security-opt seccomp=unconfined'
        : 'seccomp is not enabled in your kernel, cannot run a custom seccomp profile',
    );
  if (profile === '' || profile === 'builtin') return defaultProfile(context);
  try {
    return resolveProfile(parseJson(profile), context);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError('InvalidArgument', `Decoding seccomp profile failed: ${error.message}`, { cause: error });
  }
}

/** Docker's profile for the last set of capabilities: most containers have the same. */
let last: { readonly key: string; readonly profile: SpecSeccomp | undefined } | undefined;

function defaultProfile(context: ProfileContext): SpecSeccomp | undefined {
  const { architecture, capabilities, kernel } = context;
  const key = [architecture, kernel.major, kernel.minor, ...capabilities].join();
  if (last?.key !== key) last = { key, profile: resolveProfile(dockerSeccompProfile(), context) };
  return last.profile;
}

/**
 * The AppArmor profile; undefined: none is set. Docker leaves a profile away without a word where the machine has no
 * AppArmor, and the container runs unprotected; here that is said.
 */
export function apparmorProfile(profile: string, privileged: boolean, supported: boolean): string | undefined {
  if (supported) return profile === '' ? (privileged ? 'unconfined' : undefined) : profile;
  if (profile !== '' && profile !== 'unconfined' && profile !== 'docker-default')
    throw new EngineError(
      'FailedPrecondition',
      `apparmor profile ${JSON.stringify(profile)} cannot be applied: AppArmor is not enabled on this machine`,
    );
  return undefined;
}
