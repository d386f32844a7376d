import { EngineError } from '../../kernel/errors.js';
import type { MountRequest } from '../types.js';
import { absoluteProblem, targetProblem } from './target.js';

const PROPAGATIONS = new Set(['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared']);

export function isPropagation(word: string): boolean {
  return PROPAGATIONS.has(word);
}

/**
 * The checks of one `--mount`, in moby's order and words: volume/mounts/linux_parser.go.
 *
 * @param exists asked of a bind's source; null: it may be missing, as with `-v`
 */
export function verifyMountRequest(mount: MountRequest, exists: ((path: string) => boolean) | null): void {
  const problem = problemOf(mount, exists);
  if (problem !== null)
    throw new EngineError('InvalidArgument', `invalid mount config for type "${mount.Type}": ${problem}`);
}

function problemOf(mount: MountRequest, exists: ((path: string) => boolean) | null): string | null {
  const source = mount.Source ?? '';
  if (mount.Target === '') return 'field Target must not be empty';
  const target = targetProblem(mount.Target);
  if (target !== null) return target;
  const extra = (name: string): string => `field ${name} must not be specified`;
  switch (mount.Type) {
    case 'bind': {
      if (source === '') return 'field Source must not be empty';
      const propagation = mount.BindOptions?.Propagation ?? '';
      if (propagation !== '' && !PROPAGATIONS.has(propagation)) return `invalid propagation mode: ${propagation}`;
      if (mount.VolumeOptions !== undefined) return extra('VolumeOptions');
      const absolute = absoluteProblem(source);
      if (absolute !== null) return absolute;
      if (source.includes('\0')) return 'bind source path has a NUL byte';
      if (exists !== null && mount.BindOptions?.CreateMountpoint !== true && !exists(source))
        return `bind source path does not exist: ${source}`;
      return null;
    }
    case 'volume': {
      if (mount.BindOptions !== undefined) return extra('BindOptions');
      const subpath = mount.VolumeOptions?.Subpath ?? '';
      if (subpath !== '') {
        if (source === '') return 'must not set Subpath when using anonymous volumes';
        if (!isLocal(subpath)) return 'subpath must be a relative path within the volume';
      }
      if (mount.ReadOnly === true && source === '') return 'must not set ReadOnly mode when using anonymous volumes';
      return null;
    }
    case 'tmpfs':
      if (mount.BindOptions !== undefined) return extra('BindOptions');
      if (source !== '') return extra('Source');
      return tmpfsProblem(mount);
    case 'npipe':
    case 'cluster':
    case 'image':
      return 'mount type unknown';
    default:
      return 'mount type unknown';
  }
}

/** filepath.IsLocal: stays below the place that it is joined to. */
export function isLocal(path: string): boolean {
  if (path === '' || path.startsWith('/') || path.includes('\0')) return false;
  let depth = 0;
  for (const part of path.split('/')) {
    if (part === '..') depth--;
    else if (part !== '' && part !== '.') depth++;
    if (depth < 0) return false;
  }
  return true;
}

function tmpfsProblem({ TmpfsOptions }: MountRequest): string | null {
  for (const option of TmpfsOptions?.Options ?? []) {
    if (option.length < 1 || option.length > 2) return 'invalid option array length';
    if (option[0] !== 'exec' && option[0] !== 'noexec') return `invalid option: ${option[0]}`;
  }
  return null;
}

/** The tmpfs options of a `--mount` as mount(8)'s: `ro,mode=1777,size=64m`. */
export function tmpfsData({ TmpfsOptions, ReadOnly }: MountRequest): string {
  const options = ReadOnly === true ? ['ro'] : [];
  const { Mode: mode = 0, SizeBytes: size = 0 } = TmpfsOptions ?? {};
  if (mode !== 0) options.push(`mode=${mode.toString(8)}`);
  if (size !== 0) {
    const unit = (['g', 'm', 'k'] as const).find((_, n) => size % 1024 ** (3 - n) === 0);
    const divisor = unit === undefined ? 1 : 1024 ** { g: 3, m: 2, k: 1 }[unit];
    options.push(`size=${size / divisor}${unit ?? ''}`);
  }
  for (const option of TmpfsOptions?.Options ?? []) options.push(option.join('='));
  return options.join(',');
}
