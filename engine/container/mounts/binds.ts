import { EngineError } from '../../kernel/errors.js';
import type { MountRequest } from '../types.js';
import { isPropagation, verifyMountRequest } from './mount-request.js';

const READ_ONLY = new Set(['ro', 'ro-non-recursive', 'ro-force-recursive', 'rro']);
const WRITES = new Set(['rw', ...READ_ONLY]);
const LABELS = new Set(['z', 'Z']);
const CONSISTENCY = new Set(['consistent', 'cached', 'delegated']);

/** `-v src:dst:opts` as the `--mount` that says the same, with the options as they were written. */
export interface ParsedBind {
  readonly request: MountRequest;
  readonly mode: string;
}

/** At most one word of each kind. moby, volume/mounts/linux_parser.go (linuxValidMountMode). */
export function isMode(mode: string): boolean {
  if (mode === '') return true;
  const seen = new Set<string>();
  for (const word of mode.split(',')) {
    const kind = WRITES.has(word)
      ? 'write'
      : LABELS.has(word)
        ? 'label'
        : isPropagation(word)
          ? 'propagation'
          : word === 'nocopy'
            ? 'copy'
            : CONSISTENCY.has(word)
              ? 'consistency'
              : null;
    if (kind === null || seen.has(kind)) return false;
    seen.add(kind);
  }
  return true;
}

export function isWritable(mode: string): boolean {
  return isMode(mode) && !mode.split(',').some((word) => READ_ONLY.has(word));
}

const invalid = (raw: string): string => `invalid volume specification: '${raw}'`;
const invalidMode = (mode: string): EngineError => new EngineError('InvalidArgument', `invalid mode: ${mode}`);

/** One entry of `Binds`: `/src:/dst`, `name:/dst:ro,z`. A path alone is an anonymous volume. */
export function parseBind(raw: string, volumeDriver: string): ParsedBind {
  const parts = raw.split(':');
  const [first = '', second, mode = ''] = parts;
  if (first === '' || parts.length > 3 || (parts.length === 2 && isMode(second ?? '')))
    throw new EngineError('InvalidArgument', invalid(raw));
  if (!isMode(mode)) throw invalidMode(mode);
  const words = mode.split(',');
  const source = second === undefined ? '' : first;
  const isBind = source.startsWith('/');
  const propagation = words.find(isPropagation);
  const bindOptions = {
    ...(propagation === undefined ? {} : { Propagation: propagation }),
    ...(words.includes('ro-non-recursive') ? { ReadOnlyNonRecursive: true } : {}),
    ...(words.includes('rro') || words.includes('ro-force-recursive') ? { ReadOnlyForceRecursive: true } : {}),
  };
  const volumeOptions = {
    ...(words.includes('nocopy') ? { NoCopy: true } : {}),
    ...(volumeDriver !== '' && !isBind ? { DriverConfig: { Name: volumeDriver } } : {}),
  };
  const request: MountRequest = {
    Type: isBind ? 'bind' : 'volume',
    Source: source,
    Target: second ?? first,
    ReadOnly: !isWritable(mode),
    ...(Object.keys(bindOptions).length === 0 ? {} : { BindOptions: bindOptions }),
    ...(Object.keys(volumeOptions).length === 0 ? {} : { VolumeOptions: volumeOptions }),
  };
  try {
    verifyMountRequest(request, null);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, `${invalid(raw)}: ${error.message}`, { cause: error });
  }
  return { request, mode };
}

/** `CONTAINER[:ro]` of `--volumes-from`. */
export function parseVolumesFrom(text: string): { readonly container: string; readonly mode: string } {
  if (text === '') throw new EngineError('InvalidArgument', 'volumes-from specification cannot be an empty string');
  const at = text.indexOf(':');
  const container = at < 0 ? text : text.slice(0, at);
  const mode = at < 0 ? '' : text.slice(at + 1);
  if (mode === '') return { container, mode: 'rw' };
  // how the mounts spread, and copying, are the other container's
  if (!isMode(mode) || mode.split(',').some((word) => isPropagation(word) || word === 'nocopy'))
    throw invalidMode(mode);
  return { container, mode };
}
