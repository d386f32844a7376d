import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { CgroupState } from '../../cgroup/manager.js';
import { EngineError } from '../../kernel/errors.js';
import { fromExactJson, toExactJson } from '../../kernel/exact-json.js';
import { replaceFileSync } from '../../kernel/replace-file.js';
import { readSpecFile } from '../spec/parse.js';
import type { Spec, SpecMount } from '../spec/types.js';
import { isAlive, ourselves, type ProcessId, StateDir } from '../state-dir.js';
import { documentOf } from './document.js';

/** What only we know of a container that another program keeps. */
export interface Memo {
  /** As it was asked for; the program's own may be our private one. */
  readonly bundle: string;
  readonly spec: Spec;
  readonly creator: ProcessId;
  /** Its groups, and which of them there were not before. */
  readonly cgroups: CgroupState;
  readonly shim: ShimMemo | null;
}

/** How a container is taken up again that has a shim of ours. */
export interface ShimMemo {
  readonly init: ProcessId;
  readonly shim: ProcessId;
  /** Offset in the region of the shim's number for the terminal's master; null without. */
  readonly masterAt: number | null;
  /** The shim's number for the end of the container's input that is written to; -1 for none. */
  readonly stdin: number;
}

const MEMO = 'memo';

/** The directory of one container beside the program's state: the memo, and the bundle where it has to be another one. */
export class PrivateBundle {
  readonly #dir: StateDir;

  constructor(root: string, id: string) {
    this.#dir = new StateDir(join(root, 'bundles'), id);
  }

  /** For what a shim of ours keeps in it. */
  get dir(): StateDir {
    return this.#dir;
  }

  /** Make it anew. One whose maker is dead, and of which the program knows nothing, is in nobody's way. */
  make(known: boolean): void {
    const old = this.tryRead();
    if (!known && this.#dir.exists() && (old === null || !isAlive(old.creator))) this.remove();
    this.#dir.make(null);
  }

  /** Remember what was asked for; answers the bundle to give to the program: the caller's own, if its config.json says the same. */
  fill(bundle: string, spec: Spec, cgroups: CgroupState): string {
    this.write({ bundle, spec, creator: ourselves(), cgroups, shim: null });
    const file = join(bundle, 'config.json');
    if (existsSync(file) && isDeepStrictEqual(readSpecFile(file), spec)) return bundle;
    writeFileSync(this.#dir.file('config.json'), documentOf(fromAnywhere(bundle, spec)), { mode: 0o600 });
    return this.#dir.path;
  }

  /** A file that the program writes for us. */
  file(name: string): string {
    return this.#dir.file(name);
  }

  write(memo: Memo): void {
    replaceFileSync(this.#dir.file(MEMO), toExactJson(memo));
  }

  read(): Memo {
    const memo = this.tryRead();
    if (memo === null) throw new EngineError('NotFound', 'container does not exist');
    return memo;
  }

  exists(): boolean {
    return this.#dir.exists();
  }

  remove(): void {
    this.#dir.remove();
  }

  tryRead(): Memo | null {
    try {
      return fromExactJson(readFileSync(this.#dir.file(MEMO), 'utf8')) as Memo;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }
}

/** Relative paths start at the bundle (config.md, "Root" and "Mounts"): in another bundle they must be absolute. */
function fromAnywhere(bundle: string, spec: Spec): Spec {
  return {
    ...spec,
    root: { ...spec.root, path: resolve(bundle, spec.root.path) },
    mounts: spec.mounts.map((mount) =>
      isBind(mount) && mount.source !== undefined ? { ...mount, source: resolve(bundle, mount.source) } : mount,
    ),
  };
}

const isBind = ({ type, options }: SpecMount): boolean =>
  type === 'bind' || options.includes('bind') || options.includes('rbind');
