import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../kernel/errors.js';
import type { ContainerRecord } from './record.js';

const RECORD = 'container.json';
/** A truncated text of an id, as `docker ps` shows it. */
export const SHORT = 12;

/**
 * Containers as they are on disk, `ROOT/containers/ID/`, and in memory, by id and by name. A record is replaced by a rename,
 * so that a kill leaves the old one or the new one; it is not forced to the disk at each change, for after a power cut no
 * container runs, whatever its record says.
 */
export class ContainerStore {
  readonly #root: string;
  #records = new Map<string, ContainerRecord>();
  #names = new Map<string, string>();
  /** Directories without a record that can be read: what a kill left of a create. */
  readonly broken: readonly string[];

  constructor(root: string) {
    this.#root = join(root, 'containers');
    mkdirSync(this.#root, { recursive: true, mode: 0o710 });
    const broken: string[] = [];
    for (const id of readdirSync(this.#root)) {
      const record = this.#read(id);
      if (record === null) broken.push(id);
      else {
        this.#records.set(id, record);
        this.#names.set(record.name, id);
      }
    }
    this.broken = broken;
  }

  directory(id: string): string {
    return join(this.#root, id);
  }

  file(id: string, name: string): string {
    return join(this.#root, id, name);
  }

  /** All, newest first. */
  list(): ContainerRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : 0));
  }

  has(id: string): boolean {
    return this.#records.has(id);
  }

  /** By id, name (with or without `/`) or a prefix of the id that only one has, in this order, as Docker looks. */
  find(name: string): ContainerRecord {
    const bare = name.startsWith('/') ? name.slice(1) : name;
    const known = this.#records.get(bare) ?? this.#records.get(this.#names.get(bare) ?? '');
    if (known !== undefined) return known;
    if (bare !== '' && /^[0-9a-f]+$/.test(bare)) {
      const found = [...this.#records.keys()].filter((id) => id.startsWith(bare));
      if (found.length > 1)
        throw new EngineError('InvalidArgument', `Multiple IDs found with provided prefix: ${bare}`);
      if (found.length === 1) return this.#records.get(found[0] as string) as ContainerRecord;
    }
    throw new EngineError('NotFound', `No such container: ${name}`);
  }

  tryFind(name: string): ContainerRecord | null {
    try {
      return this.find(name);
    } catch (error) {
      if (error instanceof EngineError && (error.code === 'NotFound' || error.code === 'InvalidArgument')) return null;
      throw error;
    }
  }

  idOfName(name: string): string | null {
    return this.#names.get(name) ?? null;
  }

  /** Take a name for an id. AlreadyExists in Docker's words. */
  reserve(name: string, id: string): void {
    const owner = this.#names.get(name);
    if (owner !== undefined && owner !== id)
      throw new EngineError(
        'AlreadyExists',
        `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    this.#names.set(name, id);
  }

  release(name: string, id: string): void {
    if (this.#names.get(name) === id) this.#names.delete(name);
  }

  add(record: ContainerRecord): void {
    mkdirSync(this.directory(record.id), { mode: 0o710 });
    this.#records.set(record.id, record);
    this.save(record);
  }

  save(record: ContainerRecord): void {
    const path = this.file(record.id, RECORD);
    writeFileSync(`${path}~`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${path}~`, path);
  }

  /** The record goes first: what is left of the directory is then nobody's. */
  remove(record: ContainerRecord): void {
    rmSync(this.file(record.id, RECORD), { force: true });
    this.#records.delete(record.id);
    this.release(record.name, record.id);
    rmSync(this.directory(record.id), { recursive: true, force: true });
  }

  removeBroken(id: string): void {
    rmSync(this.directory(id), { recursive: true, force: true });
  }

  #read(id: string): ContainerRecord | null {
    const path = this.file(id, RECORD);
    if (!existsSync(path)) return null;
    return JSON.parse(readFileSync(path, 'utf8')) as ContainerRecord;
  }
}
