import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError } from '../kernel/errors.js';
import { noteFile } from '../kernel/journal/file-deed.js';
import { replaceFileSync, syncDirectorySync } from '../kernel/replace-file.js';
import type { ContainerRecord } from './record.js';

/** As it was when it was last forced to the disk. */
const KEPT = 'container.json';
/** As it is; what is newer of the two counts. */
const LATEST = 'latest.json';
/** A truncated text of an id, as `docker ps` shows it. */
export const SHORT = 12;

/** A record in a file, with how often it has been written. */
interface Written {
  readonly serial: number;
  readonly record: ContainerRecord;
}

/**
 * Containers as they are on disk, `ROOT/containers/ID/`, and in memory, by id and by name. A record is replaced by a rename,
 * so that a kill leaves the old one or the new one. What a person asked for (a container, its name, its limits, its removal) is
 * forced to the disk before it is answered; where it is in its life is not, for after a power cut no container runs: that
 * would be four more fsyncs in each `docker run`, which has three (about 1.5 ms). It goes to a file of its own, because one that is replaced without fsync(2) may
 * be empty after a power cut. Where a policy restarts a container, its life decides what starts with the engine, and is kept too.
 */
export class ContainerStore {
  readonly #root: string;
  #records = new Map<string, ContainerRecord>();
  #names = new Map<string, string>();
  /** Directories without a record that can be read: what a kill left of a create. */
  readonly broken: readonly string[];
  /** Directories whose record was on the disk and cannot be read any more, and why: nobody touches them. */
  readonly damaged: ReadonlyMap<string, string>;
  #serials = new Map<string, number>();

  constructor(root: string) {
    this.#root = join(root, 'containers');
    mkdirSync(this.#root, { recursive: true, mode: 0o710 });
    const broken: string[] = [];
    const damaged = new Map<string, string>();
    for (const entry of readdirSync(this.#root, { withFileTypes: true })) {
      // what is no directory is none of the engine's
      if (!entry.isDirectory()) continue;
      const id = entry.name;
      const kept = readRecord(this.file(id, KEPT));
      if (typeof kept === 'string') {
        damaged.set(id, kept);
        continue;
      }
      const latest = readRecord(this.file(id, LATEST));
      const found = typeof latest === 'object' && (latest?.serial ?? 0) > (kept?.serial ?? 0) ? latest : kept;
      if (found === null) broken.push(id);
      else {
        this.#serials.set(id, found.serial);
        this.#records.set(id, found.record);
        this.#names.set(found.record.name, id);
      }
    }
    for (const record of this.#records.values()) this.#takeLinks(record);
    this.broken = broken;
    this.damaged = damaged;
  }

  /** Of the whole engine. */
  get dataRoot(): string {
    return dirname(this.#root);
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

  /** By another name: what its links are called goes along. */
  rename(record: ContainerRecord, to: string): void {
    this.reserve(to, record.id);
    const old = record.name;
    const links = Object.entries(record.links ?? {});
    record.name = to;
    this.#takeLinks(record);
    this.keep(record);
    for (const [alias, id] of links) this.release(`${old}/${alias}`, id);
    this.release(old, record.id);
  }

  /** `parent/alias` is a name of the container that the link leads to. */
  #takeLinks({ name, links }: ContainerRecord): void {
    for (const [alias, id] of Object.entries(links ?? {}))
      if (this.#records.has(id)) this.#names.set(`${name}/${alias}`, id);
  }

  add(record: ContainerRecord): void {
    mkdirSync(this.directory(record.id), { mode: 0o710 });
    noteFile({ what: 'mkdir', path: this.directory(record.id), say: BEGUN });
    syncDirectorySync(this.#root);
    this.#records.set(record.id, record);
    this.#takeLinks(record);
    // volumes survive a power cut: who finds them must find whose they are
    if (record.mounts.some(({ volume }) => volume !== undefined)) this.keep(record);
    else this.save(record);
  }

  /** After a step of its life. */
  save(record: ContainerRecord): void {
    if (record.phase !== 'creating' && !['', 'no'].includes(record.hostConfig.RestartPolicy.Name)) this.keep(record);
    else replaceFileSync(this.file(record.id, LATEST), this.#written(record));
  }

  /** After what must outlive the machine's power. */
  keep(record: ContainerRecord): void {
    replaceFileSync(this.file(record.id, KEPT), this.#written(record), { durable: true });
  }

  #written(record: ContainerRecord): string {
    const serial = (this.#serials.get(record.id) ?? 0) + 1;
    this.#serials.set(record.id, serial);
    return JSON.stringify({ serial, record } satisfies Written);
  }

  /** The record goes first: what is left of the directory is then nobody's. */
  remove(record: ContainerRecord): void {
    for (const name of [KEPT, LATEST]) rmSync(this.file(record.id, name), { force: true });
    this.#records.delete(record.id);
    this.#serials.delete(record.id);
    for (const [alias, id] of Object.entries(record.links ?? {})) this.release(`${record.name}/${alias}`, id);
    for (const [name, id] of this.#names) if (id === record.id) this.#names.delete(name);
    rmSync(this.directory(record.id), { recursive: true, force: true });
    noteFile({ what: 'remove', path: this.directory(record.id), say: FORGOTTEN });
  }

  removeBroken(id: string): void {
    rmSync(this.directory(id), { recursive: true, force: true });
  }
}

const BEGUN = {
  en: "make the container's own directory: its record, its log, its files",
  zh: '创建容器自己的目录：记录、日志和各文件',
};
const FORGOTTEN = {
  en: "remove the container's directory: its record, its log, its files",
  zh: '删除容器的目录：记录、日志和各文件',
};

/** Null: there is none; a text: why it cannot be read. */
function readRecord(path: string): Written | string | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const found = JSON.parse(text) as Written;
    return typeof found.serial === 'number' ? found : `${path} is of another version of the engine`;
  } catch (error) {
    return `${path}: ${(error as Error).message}`;
  }
}
