import { EngineError } from '../../kernel/errors.js';

/** Words that are flags of a mount, by what they are about: of two about the same the last counts. moby/sys/mount. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['ro', 'write'],
  ['rw', 'write'],
  ['suid', 'suid'],
  ['nosuid', 'suid'],
  ['dev', 'dev'],
  ['nodev', 'dev'],
  ['exec', 'exec'],
  ['noexec', 'exec'],
  ['sync', 'sync'],
  ['async', 'sync'],
  ['dirsync', 'dirsync'],
  ['mand', 'mand'],
  ['nomand', 'mand'],
  ['atime', 'atime'],
  ['noatime', 'atime'],
  ['diratime', 'diratime'],
  ['nodiratime', 'diratime'],
  ['relatime', 'relatime'],
  ['norelatime', 'relatime'],
  ['strictatime', 'strictatime'],
  ['nostrictatime', 'strictatime'],
  ...['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave', 'unbindable', 'runbindable'].map(
    (word) => [word, 'propagation'] as const,
  ),
]);

const DATA = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']);

const DEFAULTS = ['noexec', 'nosuid', 'nodev', 'rprivate'];

/**
 * Options of a tmpfs: Docker's defaults, then `data` (`size=64m,mode=1777`), of contradictions the last. `bind` and `remount`
 * are no options of a tmpfs here: Docker hands them on, and the mount becomes something else than a tmpfs.
 */
export function tmpfsOptions(data: string): string[] {
  const options = [...DEFAULTS, ...(data === '' ? [] : data.split(','))];
  const seen = new Set<string>();
  const merged: string[] = [];
  for (const option of options.reverse()) {
    if (option === 'defaults') continue;
    const [name = '', ...rest] = option.split('=');
    const about = FLAGS.get(option) ?? (rest.length > 0 && DATA.has(name) ? `=${name}` : null);
    if (about === null) {
      const parts = rest.length === 0 ? [option] : [name, rest.join('=')];
      throw new EngineError(
        'InvalidArgument',
        `invalid tmpfs option [${parts.map((part) => JSON.stringify(part)).join(' ')}]`,
      );
    }
    if (seen.has(about)) continue;
    seen.add(about);
    merged.unshift(option);
  }
  return merged;
}
