import { O, RESOLVE, S_IF } from '../../kernel/constants.js';
import type { SlotValue } from '../../kernel/program/builder.js';
import { guard } from '../guards.js';
import { HOW_SIZE, type Steps } from './steps.js';

/**
 * Every path inside a container is resolved by the kernel with the container's root as its limit, absolute and
 * climbing symbolic links included, and used through the descriptor that comes out of it: what an image, or a racing
 * container that shares a volume, puts in the way decides at most which file of its own is hit.
 * openat2(2); CVE-2021-30465, CVE-2024-45310, CVE-2023-27561.
 */
const INSIDE = guard('in-root-open') ? RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS : 0;

/** Relative to the descriptor of the root, for a path that is not looked for inside of it. */
function below(path: string): string {
  return path.replace(/^\/+/, '') || '.';
}

export interface TargetOptions {
  readonly kind: 'directory' | 'file';
  /** Refuse a symbolic link anywhere in the path, for places that must be what they seem: /proc, /sys. */
  readonly plain?: boolean;
  /** The path without its symbolic links as far as they could be followed beforehand: what is missing is made there. */
  readonly resolved?: string;
  readonly failure: string;
}

/** Put a descriptor (O_PATH) of a path in the root into `into`; what is missing is made, mode 0755. */
export function openTarget(s: Steps, root: SlotValue, path: string, into: SlotValue, options: TargetOptions): void {
  const resolve = options.plain === true ? INSIDE | RESOLVE.NO_SYMLINKS : INSIDE;
  const have = s.label('have');
  const make = s.label('make');
  s.call('openat2', [root, below(path), s.how(O.PATH, resolve), HOW_SIZE], {
    storeAt: into.data,
    accept: ['ENOENT'],
    jumpIfError: make,
    failure: options.failure,
    say: {
      en: `find ${path}, never outside the container's root, whatever links the image has put there`,
      zh: `找到 ${path}：无论镜像里放了什么链接，都不会走出容器的根目录`,
    },
  });
  s.b.goto(null, { label: have });
  s.later(() => {
    s.b.goto(null, { label: make });
    const names = (options.resolved ?? path).split('/').filter((name) => name !== '');
    const parent = s.slot('parent');
    names.forEach((name, n) => {
      const last = n === names.length - 1;
      const at = n === 0 ? root : parent;
      if (last && options.kind === 'file')
        s.call('mknodat', [at, name, S_IF.REG | 0o755, 0], {
          accept: ['EEXIST'],
          command: `touch ${path}`,
          failure: options.failure,
        });
      else
        s.call('mkdirat', [at, name, 0o755], {
          accept: ['EEXIST'],
          command: `mkdir -p ${path}`,
          failure: options.failure,
        });
      if (!last)
        s.call('openat2', [root, names.slice(0, n + 1).join('/'), s.how(O.PATH, resolve), HOW_SIZE], {
          storeAt: parent.data,
          failure: options.failure,
        });
    });
    s.call('openat2', [root, below(path), s.how(O.PATH, resolve), HOW_SIZE], {
      storeAt: into.data,
      failure: options.failure,
    });
    s.b.goto(have);
  });
}

/** Open an existing path in the root for reading or writing. */
export function openInRoot(
  s: Steps,
  root: SlotValue,
  path: string,
  flags: number,
  into: SlotValue,
  options: { plain?: boolean; missing?: string; failure: string },
): void {
  s.call(
    'openat2',
    [root, below(path), s.how(flags, options.plain === true ? INSIDE | RESOLVE.NO_SYMLINKS : INSIDE), HOW_SIZE],
    {
      storeAt: into.data,
      ...(options.missing === undefined
        ? { failure: options.failure }
        : { failure: options.failure, accept: ['ENOENT'], jumpIfError: options.missing }),
    },
  );
}
