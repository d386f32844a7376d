import { realpathSync } from 'node:fs';
import { posix } from 'node:path';
import { MS } from '../../kernel/constants.js';
import { wordsOf } from '../../kernel/errno-text.js';
import { rootfsPropagation } from './mount-options.js';
import { type HostFacts, hostFacts, refuse } from './rule.js';
import { HOOK_KINDS, type Spec } from './types.js';
import { validateMounts } from './validate-mounts.js';
import { namespaceOf, validateNamespaces } from './validate-namespaces.js';
import { validateProcess } from './validate-process.js';
import { validateResources } from './validate-resources.js';
import { validateSeccomp } from './validate-seccomp.js';
import { validateSysctl } from './validate-sysctl.js';

export interface ValidateOptions {
  /** Our effective uid is not 0. */
  readonly rootless: boolean;
  /** Absolute path. */
  readonly bundle: string;
  readonly noPivot?: boolean;
  readonly host?: HostFacts;
}

/**
 * The rules between fields, before anything is made. They are those of runc 1.1.5 (utils_linux.go, libcontainer/specconv,
 * libcontainer/configs/validate), of runc 1.2 for fields that 1.1 does not know, and what docs of the kernel say where runc would
 * only learn it from a failed call. Stricter than runc, each for a reason, are: no container without a mount namespace; nothing
 * mounted over or into /proc but what runc allows for bind mounts (runc 1.1 lets a tmpfs pass); a bind mount without a source
 * (runc would bind the bundle); sysctls through a path to our own ipc or uts namespace; names of sysctls with `..` or other marks;
 * `unified` keys that move processes; rlimits twice (config.md: MUST); hooks with a relative path (config.md: MUST).
 * Throws EngineError (InvalidArgument).
 */
export function validateSpec(spec: Spec, options: ValidateOptions): { warnings: string[] } {
  const host = options.host ?? hostFacts();
  const { linux } = spec;
  const warnings = validateNamespaces(spec);
  if (options.rootless) validateRootless(spec);
  warnings.push(...validateProcess(spec.process, { rootless: options.rootless, linux, host }));
  if (!/^1\.\d/.test(spec.ociVersion))
    warnings.push(`ociVersion ${JSON.stringify(spec.ociVersion)} is not a 1.x version`);
  warnings.push(...validateMounts(spec, options), ...validateResources(linux.resources, host));
  validatePropagation(linux.rootfsPropagation ?? '', options.noPivot === true);
  if (linux.seccomp !== undefined) validateSeccomp(linux.seccomp);
  validateRoot(spec.root.path, options.bundle);
  validateSysctl(linux, host);
  if (linux.mountLabel !== undefined && !host.selinux)
    refuse('selinux label is specified in config, but selinux is disabled or not supported');
  if ((linux.personality?.flags.length ?? 0) > 0) refuse('additional flags are not supported for the personality');
  for (const kind of HOOK_KINDS)
    for (const [index, { path }] of spec.hooks[kind].entries())
      if (!path.startsWith('/')) refuse(`hooks.${kind}[${index}].path must be an absolute path`);
  warnings.push(...(linux.notApplied ?? []).map((path) => `${path} is not supported and is ignored`));
  return { warnings };
}

function validatePropagation(word: string, noPivot: boolean): void {
  const flags = rootfsPropagation(word);
  if (flags === undefined) refuse(`rootfsPropagation=${word} is not supported`);
  else if (noPivot && (flags & MS.PRIVATE) !== 0)
    refuse('rootfsPropagation of [r]private is not safe without pivot_root');
}

/** The root file system is there, and nowhere on its path is a symbolic link that could be turned after this check. */
function validateRoot(path: string, bundle: string): void {
  // The bundle may be reached through links: runc stands in it by then, and the kernel tells it the real path.
  const root = posix.isAbsolute(path) ? posix.join(path) : posix.join(real(bundle), path);
  const plain = root.length > 1 ? root.replace(/\/$/, '') : root;
  if (real(plain) !== plain) refuse('invalid rootfs: not an absolute path, or a symlink');
}

function real(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    return refuse(wordsOf(error, `invalid rootfs: stat ${path}`));
  }
}

function validateRootless({ linux }: Spec): void {
  if (namespaceOf(linux, 'user') === undefined) refuse('rootless container requires user namespaces');
  if (linux.uidMappings.length === 0) refuse('rootless containers requires at least one UID mapping');
  if (linux.gidMappings.length === 0) refuse('rootless containers requires at least one GID mapping');
}
