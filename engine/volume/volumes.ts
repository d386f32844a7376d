import { EngineError } from '../kernel/errors.js';
import { boolean, checkFilters, exact, type Filters, labelsPass, matches } from './filters.js';
import { checkOptions, isMounted, mountLocal, needsMount, unmountLocal } from './local-mount.js';
import { ANONYMOUS, anonymousName, checkVolumeName, printable } from './names.js';
import { directorySize } from './size.js';
import { type VolumeRecord, VolumeStore } from './store.js';
import type { Volume, VolumeCreateOptions, VolumeEvent, VolumeService, VolumeServiceOptions } from './types.js';

const LIST_FILTERS = ['dangling', 'driver', 'label', 'label!', 'name'];
const PRUNE_FILTERS = ['all', 'label', 'label!'];
const MAX_LABELS = 1024;

/** Open the volumes below a root; what a killed engine left unfinished is gone afterwards. */
export function openVolumes(options: VolumeServiceOptions): Promise<VolumeService> {
  return settle(() => new Volumes(new VolumeStore(options.root), options.event ?? (() => undefined)));
}

class Volumes implements VolumeService {
  readonly #store: VolumeStore;
  readonly #event: VolumeEvent;
  readonly #volumes: Map<string, VolumeRecord>;
  /** Containers that have each volume, running or not. */
  readonly #users = new Map<string, Set<string>>();
  /** Running containers for which it is mounted. */
  readonly #mounters = new Map<string, Set<string>>();
  /** Volumes whose directory is being removed. */
  readonly #dying = new Map<string, Promise<void>>();

  constructor(store: VolumeStore, event: VolumeEvent) {
    this.#store = store;
    this.#event = event;
    this.#volumes = new Map(store.read().map((volume) => [volume.name, volume]));
  }

  async create(options: VolumeCreateOptions): Promise<Volume> {
    const isAnonymous = (options.Name ?? '') === '';
    const name = isAnonymous ? anonymousName() : (options.Name ?? '');
    checkVolumeName(name);
    await this.#dying.get(name);
    const driver = (options.Driver ?? '') === '' ? 'local' : (options.Driver ?? '');
    if (driver !== 'local')
      throw new EngineError(
        'NotFound',
        `create ${name}: error looking up volume plugin ${printable(driver)}: plugin "${printable(driver)}" not found`,
      );
    const known = this.#volumes.get(name);
    if (known !== undefined) return this.#show(known);
    const driverOptions = options.DriverOpts ?? {};
    checkOptions(name, driverOptions);
    const labels = { ...options.Labels, ...(isAnonymous ? { [ANONYMOUS]: '' } : {}) };
    if (Object.keys(labels).length > MAX_LABELS)
      throw new EngineError('InvalidArgument', `create ${name}: more than ${MAX_LABELS} labels`);
    const volume: VolumeRecord = {
      name,
      driver,
      created: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      labels: options.Labels === undefined && !isAnonymous ? null : labels,
      options: options.DriverOpts === undefined ? null : driverOptions,
    };
    this.#store.make(volume);
    this.#volumes.set(name, volume);
    this.#event('create', name, { driver });
    return this.#show(volume);
  }

  get(name: string): Promise<Volume> {
    return settle(() => this.#show(this.#find(name)));
  }

  list(filters: Filters = {}): Promise<{ Volumes: readonly Volume[]; Warnings: readonly string[] }> {
    return settle(() => {
      checkFilters(filters, LIST_FILTERS);
      const dangling = boolean(filters, 'dangling');
      const found = [...this.#volumes.values()].filter(
        (one) =>
          matches(filters, 'name', one.name) &&
          exact(filters, 'driver', one.driver) &&
          labelsPass(filters, one.labels ?? {}) &&
          (dangling === null || dangling === !this.#isUsed(one.name)),
      );
      const byName = found.sort((a, b) => (a.name < b.name ? -1 : 1));
      return { Volumes: byName.map((one) => this.#show(one)), Warnings: [] };
    });
  }

  async remove(name: string, options: { readonly force?: boolean } = {}): Promise<void> {
    if (options.force === true && !this.#volumes.has(name)) return;
    const volume = this.#find(name);
    if (this.#isUsed(name)) {
      const users = [...(this.#users.get(name) ?? []), ...(this.#mounters.get(name) ?? [])];
      throw new EngineError(
        'FailedPrecondition',
        `remove ${name}: volume is in use - [${[...new Set(users)].join(', ')}]`,
      );
    }
    // mounted by an engine that was killed, for a container that is gone
    if (needsMount(volume.options)) unmountLocal(this.#store.dataOf(name));
    this.#volumes.delete(name);
    const dying = this.#store.remove(name);
    const over = dying.then(
      () => undefined,
      () => undefined,
    );
    this.#dying.set(name, over);
    try {
      await dying;
    } catch (error) {
      this.#volumes.set(name, volume);
      throw error;
    } finally {
      this.#dying.delete(name);
    }
    this.#event('destroy', name, { driver: volume.driver });
  }

  async prune(filters: Filters): Promise<{ VolumesDeleted: readonly string[]; SpaceReclaimed: number }> {
    checkFilters(filters, PRUNE_FILTERS);
    const all = boolean(filters, 'all') ?? false;
    const deleted: string[] = [];
    let reclaimed = 0;
    for (const { name, labels, options } of [...this.#volumes.values()]) {
      if (this.#isUsed(name) || !labelsPass(filters, labels ?? {})) continue;
      // what is mounted from elsewhere is not the engine's to reclaim: Docker leaves it too
      if (Object.keys(options ?? {}).length > 0) continue;
      if (!all && !Object.hasOwn(labels ?? {}, ANONYMOUS)) continue;
      const size = await directorySize(this.#store.dataOf(name));
      // a container may have taken it meanwhile
      if (this.#isUsed(name) || !this.#volumes.has(name)) continue;
      await this.remove(name);
      deleted.push(name);
      reclaimed += size;
    }
    this.#event('prune', '', { reclaimed: String(reclaimed) });
    return { VolumesDeleted: deleted, SpaceReclaimed: reclaimed };
  }

  acquire(name: string, container: string): Promise<void> {
    return settle(() => {
      this.#find(name);
      add(this.#users, name, container);
    });
  }

  release(name: string, container: string): Promise<void> {
    return settle(() => remove(this.#users, name, container));
  }

  mount(name: string, container: string): Promise<string> {
    return settle(() => {
      const volume = this.#find(name);
      const target = this.#store.dataOf(name);
      if (volume.options !== null && needsMount(volume.options) && !isMounted(target))
        mountLocal(target, volume.options);
      add(this.#mounters, name, container);
      return target;
    });
  }

  unmount(name: string, container: string): Promise<void> {
    return settle(() => {
      remove(this.#mounters, name, container);
      const volume = this.#volumes.get(name);
      if (volume === undefined || this.#mounters.has(name) || !needsMount(volume.options)) return;
      unmountLocal(this.#store.dataOf(name));
    });
  }

  async usage(name: string): Promise<{ readonly Size: number; readonly RefCount: number }> {
    this.#find(name);
    const RefCount = this.#users.get(name)?.size ?? 0;
    return { Size: await directorySize(this.#store.dataOf(name)), RefCount };
  }

  #isUsed(name: string): boolean {
    return this.#users.has(name) || this.#mounters.has(name);
  }

  #find(name: string): VolumeRecord {
    const volume = this.#volumes.get(name);
    if (volume === undefined) throw new EngineError('NotFound', `get ${printable(name)}: no such volume`);
    return volume;
  }

  #show(volume: VolumeRecord): Volume {
    return {
      CreatedAt: volume.created,
      Driver: volume.driver,
      Labels: volume.labels,
      Mountpoint: this.#store.dataOf(volume.name),
      Name: volume.name,
      Options: volume.options,
      Scope: 'local',
    };
  }
}

function add(map: Map<string, Set<string>>, name: string, container: string): void {
  const set = map.get(name);
  if (set === undefined) map.set(name, new Set([container]));
  else set.add(container);
}

function remove(map: Map<string, Set<string>>, name: string, container: string): void {
  const set = map.get(name);
  set?.delete(container);
  if (set?.size === 0) map.delete(name);
}

/** A synchronous answer as a promise, so that its errors are rejections. */
function settle<T>(act: () => T): Promise<T> {
  return new Promise((resolve) => resolve(act()));
}
