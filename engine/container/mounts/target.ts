import { posix } from 'node:path';
import { EngineError } from '../../kernel/errors.js';

/** path.Clean of Go, for an absolute path. */
export function cleanPath(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** Why nothing can be mounted there; null: it can. moby, volume/mounts/linux_parser.go. */
export function targetProblem(target: string): string | null {
  if (target.includes('\0')) return `invalid mount path: '${target.replaceAll('\0', '\\0')}' has a NUL byte`;
  if (posix.normalize(target) === '/') return "invalid specification: destination can't be '/'";
  return absoluteProblem(target);
}

export function absoluteProblem(path: string): string | null {
  return path.startsWith('/') ? null : `invalid mount path: '${path}' mount path must be absolute`;
}

/** For `--tmpfs`. */
export function verifyTarget(target: string): void {
  const problem = targetProblem(target);
  if (problem !== null) throw new EngineError('InvalidArgument', problem);
}
