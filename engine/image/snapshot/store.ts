import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { EngineError } from '../../kernel/errors.js';
import { noteFile } from '../../kernel/journal/file-deed.js';
import { realKernel } from '../../kernel/kernel.js';
import { syncDirectory } from '../../kernel/replace-file.js';
import { hexOf } from '../digest.js';
import type { Digest, Snapshot } from '../types.js';
import { makeDirectories, moveDurably, type Step, syncEverythingAt, writeNew } from './durable.js';
import { isInitLayer, makeInitLayer } from './init-layer.js';
import { Layout } from './layout.js';
import { mountSnapshot, unmountSnapshot } from './mount.js';
import { readLayerRecord, readSnapshotRecord, type StoredLayer, type StoredSnapshot } from './records.js';
import { removeFiles } from './remove.js';
import {
  type DiskUsage,
  type LayerDraft,
  type LayerRecord,
  MAX_LAYERS,
  type MountOptions,
  type Snapshots,
  type StoreOptions,
} from './types.js';
import { usageOf } from './usage.js';

const SAID = {
  snapshot: {
    en: 'make the directories of an overlay: upper takes every write, the image below stays as it is',
    zh: '创建 overlay 的各目录：所有写入都落在 upper，下面的镜像保持不变',
  },
  init: {
    en: "make the layer with a container's mount points: what mounts stand on is no change of the container's",
    zh: '创建包含挂载点的中间层：挂载点不算作容器自身的改动',
  },
  layer: {
    en: 'unpack a layer of an image: its files lie in a directory of their own',
    zh: '解开镜像的一层：其文件位于独立的目录中',
  },
  gone: { en: 'remove directories of layers that nobody stands on any more', zh: '删除已无人使用的层目录' },
};

/** Ending of the names of layers with a container's mount points. */
const INIT = '-init';

/**
 * Layers and snapshots in files. What is under its own name in `layers/` or `snapshots/` is whole; what is being made or
 * removed is in `incomplete/`, from where and to where a directory goes by one rename. So a crash leaves either nothing or
 * something in `incomplete/`, which the next start removes.
 */
export class SnapshotStore implements Snapshots {
  /** What the start found that was not as the store leaves it. */
  readonly problems: string[] = [];

  readonly #layout: Layout;
  readonly #options: StoreOptions;
  readonly #layers = new Map<Digest, StoredLayer>();
  readonly #snapshots = new Map<string, StoredSnapshot>();
  /** Layers that something in the making stands on: drafts and snapshots before their record is there. */
  readonly #needed = new Map<Digest, number>();
  readonly #drafts = new Map<LayerDraft, string>();
  readonly #inits = new Map<string, Promise<void>>();
  readonly #commits = new Map<Digest, Promise<void>>();
  readonly #snapshotsInTheMaking = new Set<string>();

  private constructor(options: StoreOptions) {
    this.#options = options;
    this.#layout = new Layout(options.root);
  }

  /** Open or make the store, and remove what a crash left. */
  static async open(options: StoreOptions): Promise<SnapshotStore> {
    const store = new SnapshotStore(options);
    await store.#recover();
    return store;
  }

  // ---- layers

  async prepareLayer(chainId: Digest, parent: Digest | null): Promise<LayerDraft> {
    if (this.#layers.has(chainId)) throw new EngineError('AlreadyExists', `layer ${chainId} is there already`);
    const chain = parent === null ? [] : this.chainOf(parent);
    if (chain.length >= MAX_LAYERS) throw new EngineError('InvalidArgument', 'max depth exceeded');
    this.#need(parent, 1);
    try {
      const home = await mkdtemp(join(this.#layout.incomplete, 'layer-'));
      makeDirectories(home, { diff: 0o755 });
      await syncDirectory(home);
      await syncDirectory(this.#layout.incomplete);
      this.#step('draft-made');
      const lower = chain.map((layer) => this.directoryOf(layer.chainId));
      const draft: LayerDraft = { chainId, parent, directory: join(home, 'diff'), lower };
      this.#drafts.set(draft, home);
      return draft;
    } catch (error) {
      this.#need(parent, -1);
      throw error;
    }
  }

  async commitLayer(draft: LayerDraft, made: { readonly diffId: Digest } & Partial<DiskUsage>): Promise<LayerRecord> {
    const { chainId } = draft;
    // one after the other: the second of two drafts finds the first's layer
    const before = this.#commits.get(chainId);
    const commit = (before ?? Promise.resolve()).then(() => this.#commit(draft, made));
    const settled = commit.then(
      () => undefined,
      () => undefined,
    );
    this.#commits.set(chainId, settled);
    try {
      return await commit;
    } finally {
      if (this.#commits.get(chainId) === settled) this.#commits.delete(chainId);
    }
  }

  async #commit(draft: LayerDraft, made: { readonly diffId: Digest } & Partial<DiskUsage>): Promise<LayerRecord> {
    const home = this.#homeOf(draft);
    const { chainId, parent } = draft;
    if (!this.#layers.has(chainId)) {
      await syncEverythingAt(draft.directory);
      this.#step('files-synced');
      const { bytes, inodes } =
        made.bytes === undefined || made.inodes === undefined ? { ...(await usageOf(draft.directory)), ...made } : made;
      const layer: StoredLayer = {
        version: 1,
        chainId,
        diffId: made.diffId,
        parent,
        size: bytes as number,
        inodes: inodes as number,
        created: new Date().toISOString(),
        userxattr: this.#options.userxattr === true,
      };
      await writeNew(join(home, 'layer.json'), `${JSON.stringify(layer)}\n`);
      this.#step('record-written');
      await this.#link(hexOf(chainId));
      this.#step('link-made');
      await this.#publish(home, layer);
      this.#drafts.delete(draft);
      this.#need(parent, -1);
      this.#step('durable');
      return layer;
    }
    // somebody else was faster
    await this.abandonLayer(draft);
    return this.layer(chainId);
  }

  async abandonLayer(draft: LayerDraft): Promise<void> {
    const home = this.#homeOf(draft);
    this.#drafts.delete(draft);
    this.#need(draft.parent, -1);
    await removeFiles(home);
  }

  layer(chainId: Digest): LayerRecord {
    const layer = this.#layers.get(chainId);
    if (layer === undefined) throw new EngineError('NotFound', `layer ${chainId} is not in the store`);
    return layer;
  }

  hasLayer(chainId: Digest): boolean {
    return this.#layers.has(chainId);
  }

  listLayers(): readonly LayerRecord[] {
    return [...this.#layers.values()];
  }

  directoryOf(chainId: Digest): string {
    return this.#layout.diff(this.layer(chainId).chainId);
  }

  chainOf(top: Digest): readonly LayerRecord[] {
    const chain: LayerRecord[] = [];
    for (let at: Digest | null = top; at !== null; ) {
      const layer: LayerRecord = this.layer(at);
      chain.push(layer);
      at = layer.parent;
    }
    return chain;
  }

  async removeLayer(chainId: Digest): Promise<void> {
    this.layer(chainId);
    const user =
      [...this.#layers.values()].find(({ parent }) => parent === chainId)?.chainId ??
      [...this.#snapshots.values()].find(({ top }) => top === chainId)?.id ??
      (this.#needed.has(chainId) ? 'a layer or snapshot that is being made' : undefined);
    if (user !== undefined) throw new EngineError('FailedPrecondition', `layer ${chainId} is in use by ${user}`);
    this.#layers.delete(chainId);
    await this.#removeInit(chainId);
    await this.#takeAway(this.#layout.layer(chainId));
    await rm(this.#layout.link(hexOf(chainId)), { force: true });
  }

  layersSize(): number {
    let sum = 0;
    for (const { size } of this.#layers.values()) sum += size;
    return sum;
  }

  // ---- snapshots

  async prepareSnapshot(
    id: string,
    top: Digest | null,
    { bare = false }: { readonly bare?: boolean } = {},
  ): Promise<Snapshot> {
    const target = this.#layout.snapshot(id);
    if (this.#snapshots.has(id) || this.#snapshotsInTheMaking.has(id))
      throw new EngineError('AlreadyExists', `snapshot ${id} is there already`);
    if (top !== null && this.chainOf(top).length > MAX_LAYERS)
      throw new EngineError('InvalidArgument', 'max depth exceeded');
    this.#snapshotsInTheMaking.add(id);
    this.#need(top, 1);
    try {
      if (!bare) await this.#ensureInit(top);
      const home = mkdtempSync(join(this.#layout.incomplete, 'snapshot-'));
      makeDirectories(home, { upper: 0o755, work: 0o700, merged: 0o700 });
      const record: StoredSnapshot = { version: 1, id, top, init: !bare };
      await writeNew(join(home, 'snapshot.json'), `${JSON.stringify(record)}\n`);
      this.#step('record-written');
      await moveDurably(home, target);
      noteFile({ what: 'mkdir', path: target, say: SAID.snapshot });
      this.#snapshots.set(id, record);
      this.#step('durable');
    } finally {
      this.#snapshotsInTheMaking.delete(id);
      this.#need(top, -1);
    }
    return this.snapshot(id);
  }

  snapshot(id: string): Snapshot {
    const { top, init } = this.#snapshotRecord(id);
    const home = this.#layout.snapshot(id);
    const layers = top === null ? [] : this.chainOf(top).map(({ chainId }) => this.#layout.diff(chainId));
    const lower = init ? [this.#initDirectory(top), ...layers] : layers;
    return {
      id,
      lower: lower.length === 0 ? [this.#layout.empty] : lower,
      upper: join(home, 'upper'),
      work: join(home, 'work'),
      merged: join(home, 'merged'),
    };
  }

  topOf(id: string): Digest | null {
    return this.#snapshotRecord(id).top;
  }

  #snapshotRecord(id: string): StoredSnapshot {
    const record = this.#snapshots.get(id);
    if (record === undefined) throw new EngineError('NotFound', `snapshot ${id} is not in the store`);
    return record;
  }

  listSnapshots(): readonly string[] {
    return [...this.#snapshots.keys()];
  }

  async removeSnapshot(id: string): Promise<void> {
    const snapshot = this.snapshot(id);
    unmountSnapshot(snapshot, this.#options.kernel);
    await this.#takeAway(this.#layout.snapshot(id), () => this.#snapshots.delete(id));
  }

  usage(id: string): Promise<DiskUsage> {
    return usageOf(this.snapshot(id).upper);
  }

  mount(id: string, options: MountOptions = {}): void {
    const userxattr = this.#options.userxattr === true;
    const kernel = this.#options.kernel;
    mountSnapshot(this.snapshot(id), { userxattr, ...(kernel === undefined ? {} : { kernel }), ...options });
  }

  unmount(id: string): boolean {
    return unmountSnapshot(this.snapshot(id), this.#options.kernel);
  }

  // ---- the layer with a container's mount points

  #initDirectory(top: Digest | null): string {
    return join(this.#layout.layers, this.#layout.initName(top), 'diff');
  }

  /** Make it where it is missing. One after the other: two containers may be the first at once. */
  #ensureInit(top: Digest | null): Promise<void> {
    const name = this.#layout.initName(top);
    const made = (this.#inits.get(name) ?? Promise.resolve()).then(() => this.#makeInit(top, name));
    const settled = made.then(
      () => undefined,
      () => undefined,
    );
    this.#inits.set(name, settled);
    return made;
  }

  async #makeInit(top: Digest | null, name: string): Promise<void> {
    const kernel = this.#options.kernel ?? realKernel;
    const target = join(this.#layout.layers, name);
    const lower = top === null ? [] : this.chainOf(top).map(({ chainId }) => this.#layout.diff(chainId));
    if (isInitLayer(kernel, join(target, 'diff'), lower)) return;
    const home = await mkdtemp(join(this.#layout.incomplete, 'init-'));
    makeDirectories(home, { diff: 0o755 });
    const userxattr = this.#options.userxattr === true;
    await makeInitLayer(join(home, 'diff'), lower, { userxattr, kernel });
    // a power cut took something of it
    if (existsSync(target)) await this.#takeAway(target);
    await this.#link(name);
    await moveDurably(home, target);
    noteFile({ what: 'mkdir', path: target, say: SAID.init });
  }

  async #removeInit(top: Digest): Promise<void> {
    const name = this.#layout.initName(top);
    this.#inits.delete(name);
    if (existsSync(join(this.#layout.layers, name))) await this.#takeAway(join(this.#layout.layers, name));
    await rm(this.#layout.link(name), { force: true });
  }

  // ---- in common

  /** Give a draft its name. */
  async #publish(home: string, layer: StoredLayer): Promise<void> {
    await rename(home, this.#layout.layer(layer.chainId));
    this.#step('renamed');
    noteFile({ what: 'layer', path: this.#layout.diff(layer.chainId), bytes: layer.size, say: SAID.layer });
    await syncDirectory(this.#layout.layers);
    await syncDirectory(this.#layout.incomplete);
    this.#layers.set(layer.chainId, layer);
  }

  /** Remove a directory: its name at once and durably, then its files. */
  async #takeAway(path: string, gone: () => void = () => undefined): Promise<void> {
    const grave = join(this.#layout.incomplete, `gone-${randomBytes(8).toString('hex')}`);
    await moveDurably(path, grave);
    gone();
    this.#step('taken-away');
    noteFile({ what: 'remove', path, say: SAID.gone });
    await removeFiles(grave);
    this.#step('removed');
  }

  async #link(name: string): Promise<void> {
    const path = this.#layout.link(name);
    const target = relative(this.#layout.links, join(this.#layout.layers, name, 'diff'));
    try {
      await symlink(target, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if ((await readlink(path)) !== target) throw new EngineError('Internal', `link ${path} is of another layer`);
    }
    await syncDirectory(this.#layout.links);
  }

  #homeOf(draft: LayerDraft): string {
    const home = this.#drafts.get(draft);
    if (home === undefined) throw new EngineError('FailedPrecondition', `layer ${draft.chainId}: the draft is closed`);
    return home;
  }

  #need(chainId: Digest | null, change: 1 | -1): void {
    if (chainId === null) return;
    const count = (this.#needed.get(chainId) ?? 0) + change;
    if (count === 0) this.#needed.delete(chainId);
    else this.#needed.set(chainId, count);
  }

  #step(step: Step): void {
    this.#options.step?.(step);
  }

  // ---- after a crash

  async #recover(): Promise<void> {
    const { top, layers, incomplete, links, snapshots, empty } = this.#layout;
    for (const path of [top, layers, incomplete, links, snapshots]) await mkdir(path, { recursive: true, mode: 0o700 });
    await mkdir(empty, { recursive: true, mode: 0o755 });
    for (const name of await readdir(incomplete)) {
      unmountSnapshot({ merged: join(incomplete, name, 'merged') }, this.#options.kernel);
      await removeFiles(join(incomplete, name));
    }
    await this.#recoverLayers();
    await this.#recoverInits();
    await this.#recoverLinks();
    await this.#recoverSnapshots();
  }

  async #recoverLayers(): Promise<void> {
    const found = new Map<Digest, StoredLayer>();
    const names = await readdir(this.#layout.layers);
    for (const name of names.filter((one) => !one.endsWith(INIT))) {
      const path = join(this.#layout.layers, name);
      const layer = await readLayerRecord(join(path, 'layer.json'));
      if (layer === null || layer.chainId !== `sha256:${name}`) {
        // a layer gets its name after its record: the disk lost it, and the name has to be free for a new one
        await this.#drop(path, 'no record of a layer');
        continue;
      }
      if (layer.userxattr !== (this.#options.userxattr === true))
        throw new EngineError(
          'FailedPrecondition',
          `open layers ${this.#layout.layers}: their whiteouts are in ${layer.userxattr ? 'user' : 'trusted'}.overlay attributes`,
        );
      found.set(layer.chainId, layer);
    }
    for (const layer of found.values()) {
      if (isWhole(layer, found)) this.#layers.set(layer.chainId, layer);
      else await this.#drop(this.#layout.layer(layer.chainId), 'a layer below it is missing');
    }
  }

  async #recoverInits(): Promise<void> {
    for (const name of (await readdir(this.#layout.layers)).filter((one) => one.endsWith(INIT))) {
      const hex = name.slice(0, -INIT.length);
      if (hex !== 'none' && !this.#layers.has(`sha256:${hex}` as Digest))
        await this.#takeAway(join(this.#layout.layers, name));
      else this.#inits.set(name, Promise.resolve());
    }
  }

  async #drop(path: string, why: string): Promise<void> {
    this.problems.push(`${path} was removed: ${why}`);
    await this.#takeAway(path);
  }

  async #recoverLinks(): Promise<void> {
    const wanted = new Set<string>();
    for (const name of [...[...this.#layers.keys()].map(hexOf), ...this.#inits.keys()]) {
      wanted.add(basename(this.#layout.link(name)));
      await this.#link(name);
    }
    for (const name of await readdir(this.#layout.links))
      if (!wanted.has(name)) await rm(join(this.#layout.links, name), { force: true });
  }

  async #recoverSnapshots(): Promise<void> {
    for (const name of await readdir(this.#layout.snapshots)) {
      const path = join(this.#layout.snapshots, name);
      const record = await readSnapshotRecord(join(path, 'snapshot.json'));
      if (record === null || record.id !== name) this.problems.push(`${path}: no record of a snapshot`);
      else if (record.top !== null && !this.#layers.has(record.top))
        this.problems.push(`snapshot ${name}: its layers are missing`);
      else this.#snapshots.set(name, record);
    }
  }
}

function isWhole(layer: StoredLayer, all: ReadonlyMap<Digest, StoredLayer>): boolean {
  let at: StoredLayer | undefined = layer;
  for (let depth = 0; depth <= MAX_LAYERS; depth++) {
    if (at === undefined) return false;
    if (at.parent === null) return true;
    at = all.get(at.parent);
  }
  return false;
}
