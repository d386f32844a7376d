import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerNetwork, Mount } from '../../api/types.js';
import type { Kernel } from '../../kernel/kernel.js';
import { mountOf } from '../../kernel/mountinfo.js';
import { O_CLOEXEC, O_DIRECTORY, O_PATH, openBeneath } from '../../kernel/namespaces/open-in-root.js';
import { hasVanished, readProcLink } from '../../kernel/procfs/read.js';
import type { LabIdentity } from '../lab-identity.js';
import type { Problems } from '../problems.js';
import {
  containerOf,
  digestHex,
  isId,
  networksOf,
  parseFields,
  type RecordedContainer,
  sandboxOwner,
} from './fields.js';
import { type Cached, RecordFiles } from './record-files.js';

/** Where the engine of a lab keeps its data. */
export interface EngineData {
  /** Path in the lab. */
  readonly path: string;
  /** A bind mount of it, under which the engine names its files where it could make one. */
  readonly alias: string;
}

/** The layers of a container as the engine keeps them, mounted or not: paths in the lab. */
export interface RecordedLayers {
  readonly merged: string;
  readonly upper: string;
  readonly work: string;
  /** Topmost first. */
  readonly lower: readonly string[];
}

/** Networks that are told of; layers of one image (Docker's own bound). */
const NETWORKS = 256;
const LAYERS = 128;

/** The two files of a container: as it was when it was last forced to the disk, and as it is. */
const FILES = ['container.json', 'latest.json'];

function isSandbox(name: string): boolean {
  return /^[0-9a-f]{12}\.json$/.test(name);
}

/** File systems whose server is a process that may never answer. */
const UNTRUSTED = /^(fuse|9p|nfs|cifs|ceph|virtiofs)/;

/**
 * The records of the lab's container engine: small files that it replaces by a rename, so that inode, size and time say
 * whether one is worth reading again. Opened through the root of the lab's pid 1 for each look and closed after it;
 * no link is followed and no other mount entered on the way, so nothing in the lab can lead a look elsewhere or hold it up.
 */
export class ContainerRecords {
  readonly #kernel: Kernel;
  readonly #lab: LabIdentity;
  readonly #data: EngineData;
  #containers = new Map<string, Cached<RecordedContainer | null>>();
  #sandboxes = new Map<string, Cached<string | null>>();
  #networks: Cached<readonly ContainerNetwork[]> | null = null;
  /** Layers below a container, by its id: they never change. */
  #chains = new Map<string, readonly string[]>();
  /** The layer below each of these layers. */
  #parents = new Map<string, string | null>();
  #list: readonly RecordedContainer[] = [];
  /** Names of which `isNews` has spoken. */
  #heardOf = new Set<string>();
  #prefix: string;
  readonly #files: RecordFiles;

  constructor(kernel: Kernel, lab: LabIdentity, data: EngineData) {
    this.#kernel = kernel;
    this.#files = new RecordFiles(kernel);
    this.#lab = lab;
    this.#data = data;
    this.#prefix = data.path;
  }

  /** Oldest first. */
  get list(): readonly RecordedContainer[] {
    return this.#list;
  }

  get networks(): readonly ContainerNetwork[] {
    return this.#networks?.value ?? [];
  }

  /** Container for which the network namespace was made that is mounted under this name. */
  sandboxOwner(name: string): string | null {
    return this.#sandboxes.get(`${name}.json`)?.value ?? null;
  }

  /**
   * Is one of these parts of paths, which the kernel shows, a container or a sandbox that is not known? Its record is on the
   * disk before the kernel has anything of it. Of a name that stays unknown it is said once for as long as it is shown.
   */
  isNews(names: Iterable<string>): boolean {
    const shown = new Set<string>();
    for (const name of names) if (this.#isUnknown(name)) shown.add(name);
    const news = [...shown].some((name) => !this.#heardOf.has(name));
    this.#heardOf = shown;
    return news;
  }

  #isUnknown(name: string): boolean {
    if (isId(name)) return !FILES.some((file) => this.#containers.has(`${name}/${file}`));
    return isSandbox(`${name}.json`) && !this.#sandboxes.has(`${name}.json`);
  }

  layersOf(id: string): RecordedLayers | null {
    const lower = this.#chains.get(id);
    if (lower === undefined) return null;
    const at = join(this.#prefix, 'image/overlay/snapshots', id);
    return {
      merged: `${at}/merged`,
      upper: `${at}/upper`,
      work: `${at}/work`,
      lower: lower.map((name) => join(this.#prefix, 'image/overlay/layers', name, 'diff')),
    };
  }

  /** Look again. @param mounts of the lab host's own mount namespace */
  refresh(mounts: readonly Mount[], problems: Problems): void {
    this.#files.problems = problems;
    this.#prefix = mounts.some(({ mountPoint }) => mountPoint === this.#data.alias)
      ? this.#data.alias
      : this.#data.path;
    const under = mountOf(mounts, this.#data.path);
    if (under !== null && UNTRUSTED.test(under.fsType)) {
      problems.add('containers', `records of the container engine: they are on ${under.fsType}, which is not read`);
      return;
    }
    const data = this.#open();
    if (data === null) {
      this.#forget();
      return;
    }
    try {
      this.#readContainers(data);
      this.#readNetworks(data);
    } finally {
      closeSync(data);
    }
  }

  #forget(): void {
    this.#containers.clear();
    this.#sandboxes.clear();
    this.#chains.clear();
    this.#parents.clear();
    this.#networks = null;
    this.#list = [];
  }

  /** Null: no engine was ever used here. */
  #open(): number | null {
    let root: number;
    try {
      root = openSync(`/proc/${this.#lab.initHostPid}/root`, O_PATH | O_DIRECTORY | O_CLOEXEC);
    } catch (error) {
      if (hasVanished(error)) return null;
      throw error;
    }
    try {
      // The number may be another process's by now.
      if (readProcLink(`/proc/${this.#lab.initHostPid}/ns/mnt`) !== this.#lab.namespaces.mnt) return null;
      return openBeneath(this.#kernel, root, this.#data.path, O_PATH | O_DIRECTORY);
    } catch (error) {
      if (hasVanished(error)) return null;
      throw error;
    } finally {
      closeSync(root);
    }
  }

  #readContainers(data: number): void {
    const next = new Map<string, Cached<RecordedContainer | null>>();
    this.#files.namesIn(data, 'containers', isId, (directory, names) => {
      for (const id of names) {
        for (const file of FILES) {
          const path = `${id}/${file}`;
          const found = this.#files.read(directory, path, this.#containers.get(path), (text) =>
            containerOf(parseFields(text), id),
          );
          if (found !== null) next.set(path, found);
        }
      }
    });
    this.#containers = next;
    const byId = new Map<string, RecordedContainer>();
    for (const { value } of next.values())
      if (value !== null && (byId.get(value.id)?.serial ?? -1) < value.serial) byId.set(value.id, value);
    this.#list = [...byId.values()].sort((a, b) =>
      a.created < b.created ? -1 : a.created > b.created ? 1 : a.id < b.id ? -1 : 1,
    );
    this.#readChains(data, byId);
  }

  #readChains(data: number, containers: ReadonlyMap<string, unknown>): void {
    let isOther = false;
    for (const id of this.#chains.keys()) if (!containers.has(id)) isOther = this.#chains.delete(id);
    for (const { id } of this.#list) {
      if (this.#chains.has(id)) continue;
      isOther = true;
      const chain = this.#readChain(data, id);
      if (chain !== null) this.#chains.set(id, chain);
    }
    if (!isOther) return;
    const used = new Set([...this.#chains.values()].flat());
    for (const layer of this.#parents.keys()) if (!used.has(layer)) this.#parents.delete(layer);
  }

  #readNetworks(data: number): void {
    this.#networks = this.#files.read(data, 'network/networks.json', this.#networks ?? undefined, (text) =>
      networksOf(parseFields(text), NETWORKS),
    );
    const next = new Map<string, Cached<string | null>>();
    this.#files.namesIn(data, 'network/sandboxes', isSandbox, (directory, names) => {
      for (const name of names) {
        const found = this.#files.read(directory, name, this.#sandboxes.get(name), (text) =>
          sandboxOwner(parseFields(text)),
        );
        if (found !== null) next.set(name, found);
      }
    });
    this.#sandboxes = next;
  }

  /** Names in `layers/` of what a container stands on, topmost first; null while one of the records is not there or cannot be read. */
  #readChain(data: number, id: string): readonly string[] | null {
    const read = (path: string): Cached<ReturnType<typeof parseFields>> | null =>
      this.#files.read(data, `image/overlay/${path}`, undefined, parseFields);
    const snapshot = read(`snapshots/${id}/snapshot.json`)?.value ?? null;
    if (snapshot === null) return null;
    const top = digestHex(snapshot['top']);
    const chain: string[] = [];
    for (let layer = top; layer !== null && chain.length < LAYERS; layer = this.#parents.get(layer) ?? null) {
      chain.push(layer);
      if (this.#parents.has(layer)) continue;
      const found = read(`layers/${layer}/layer.json`);
      if (found === null) return null;
      this.#parents.set(layer, digestHex(found.value?.['parent']));
    }
    return snapshot['init'] === true ? [`${top ?? 'none'}-init`, ...chain] : chain;
  }
}
