import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { loadImages, saveImages } from '../../../engine/image/archive/index.js';
import type { RegistryConfig } from '../../../engine/image/registry/endpoints.js';
import { Registries } from '../../../engine/image/registry/index.js';
import { ImageStore } from '../../../engine/image/store/image-store.js';
import type { Image, Progress } from '../../../engine/image/types.js';

/** Where a test's files are: below /tmp, which overlay can stand on, and gone with `remove`. */
export class Place {
  readonly path = mkdtempSync('/tmp/glassbox-images-');
  #count = 0;

  /** A path that nothing has yet. */
  fresh(name = 'file'): string {
    this.#count += 1;
    return join(this.path, `${this.#count}-${name}`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface RealStore {
  readonly store: ImageStore;
  readonly registries: Registries;
  readonly lines: Progress[];
  pull(name: string, more?: object): Promise<Image>;
  push(name: string, more?: object): Promise<void>;
  saveTo(file: string, ...names: string[]): Promise<void>;
  loadFrom(file: string): Promise<readonly Image[]>;
  /** `stream` and `status` lines so far. */
  text(): string[];
}

/** An image store as the engine has it, in a directory of its own. */
export async function realStore(place: Place, config: RegistryConfig = {}): Promise<RealStore> {
  const root = place.fresh('store');
  mkdirSync(root);
  const store = await ImageStore.open({ root });
  const registries = new Registries(store, { certificates: join(root, 'certs.d'), retrySecondMs: 1, ...config });
  const lines: Progress[] = [];
  const progress = (line: Progress): void => void lines.push(line);
  return {
    store,
    registries,
    lines,
    pull: (name, more = {}) => registries.pull(name, { progress, ...more }),
    push: (name, more = {}) => registries.push(name, { progress, ...more }),
    saveTo: (file, ...names) => pipeline(saveImages(store, names), createWriteStream(file)),
    loadFrom: (file) => loadImages(store, createReadStream(file), progress),
    text: () =>
      lines.flatMap(
        ({ stream, status, id }) => stream?.trimEnd() ?? (id === undefined ? status : `${id}: ${status}`) ?? [],
      ),
  };
}

/** A program that must succeed: what it printed. */
export function ran(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const done = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 600_000,
    maxBuffer: 64 << 20,
    env: { ...process.env, ...env },
  });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${done.status}: ${done.stderr}${done.stdout}`);
  return done.stdout;
}
