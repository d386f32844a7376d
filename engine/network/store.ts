import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../kernel/errors.js';
import { replaceFileSync } from '../kernel/replace-file.js';
import { isErrno } from './errors.js';
import type { NetworkRecord, SandboxRecord } from './record.js';

const NETWORKS = 'networks.json';
const SANDBOXES = 'sandboxes';
/** Format of the files; another one is not read. */
const VERSION = 1;

/**
 * What is kept of networks: they outlive the machine's power; sandboxes only the engine, for with the power their namespaces go
 * too. Files are ours alone, so their shape is not doubted, but one that cannot be read is an error that names it.
 */
export class NetworkStore {
  readonly #root: string;
  readonly #warn: (message: string) => void;

  constructor(root: string, warn: (message: string) => void) {
    this.#root = join(root, 'network');
    this.#warn = warn;
    mkdirSync(join(this.#root, SANDBOXES), { recursive: true, mode: 0o700 });
    // what was being written when the engine was killed
    for (const name of readdirSync(join(this.#root, SANDBOXES)))
      if (name.endsWith('~')) rmSync(join(this.#root, SANDBOXES, name), { force: true });
    rmSync(join(this.#root, `${NETWORKS}~`), { force: true });
  }

  networks(): NetworkRecord[] {
    const path = join(this.#root, NETWORKS);
    return (read(path) as { networks?: NetworkRecord[] } | null)?.networks ?? [];
  }

  writeNetworks(networks: readonly NetworkRecord[]): void {
    replaceFileSync(join(this.#root, NETWORKS), `${JSON.stringify({ version: VERSION, networks }, null, 1)}\n`, {
      durable: true,
    });
  }

  /** One that cannot be read is of before a power cut: what it tells of is gone, and so is it. */
  sandboxes(): SandboxRecord[] {
    const directory = join(this.#root, SANDBOXES);
    return readdirSync(directory).flatMap((name) => {
      const path = join(directory, name);
      try {
        const found = name.endsWith('.json') ? (read(path) as { sandbox: SandboxRecord } | null) : null;
        return found === null ? [] : [found.sandbox];
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        this.#warn(`${error.message}; it is removed`);
        rmSync(path, { force: true });
        return [];
      }
    });
  }

  writeSandbox(sandbox: SandboxRecord): void {
    replaceFileSync(this.#sandbox(sandbox.sandboxId), JSON.stringify({ version: VERSION, sandbox }));
  }

  removeSandbox(id: string): void {
    rmSync(this.#sandbox(id), { force: true });
  }

  #sandbox(id: string): string {
    return join(this.#root, SANDBOXES, `${id.slice(0, 12)}.json`);
  }
}

function read(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
  try {
    const value = JSON.parse(text) as { version?: unknown };
    if (value.version !== VERSION) throw new Error(`its version is ${JSON.stringify(value.version)}, not ${VERSION}`);
    return value;
  } catch (error) {
    throw new EngineError('DataLoss', `read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
