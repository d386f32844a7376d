import { EngineError } from '../kernel/errors.js';
import type { ImageStore } from './store/image-store.js';
import type { KnownImage } from './store/records.js';
import type { Digest } from './types.js';

/**
 * What nobody needs: blobs and layers that no image has and no running operation holds, layers below no snapshot. Everything
 * is asked again in the moment of removing, under the lock under which it would be made.
 */
export class GarbageCollector {
  readonly #store: ImageStore;

  constructor(store: ImageStore) {
    this.#store = store;
  }

  /** Everything, also what a crash left. */
  async collect(): Promise<void> {
    const { content, snapshots } = this.#store;
    const parents = new Set(snapshots.listLayers().map(({ parent }) => parent));
    const tops = snapshots.listLayers().filter(({ chainId }) => !parents.has(chainId));
    for (const { chainId } of tops) await this.removeLayersFrom(chainId);
    const needed = this.#neededBlobs();
    for await (const { digest } of content.list()) if (!needed.has(digest)) await this.#removeBlob(digest);
    await content.removeStaleIngests();
  }

  /**
   * From a layer down: each that nobody needs, until one is needed.
   * @returns chainIDs of the removed layers, topmost first
   */
  async removeLayersFrom(top: Digest | null): Promise<Digest[]> {
    const removed: Digest[] = [];
    const { snapshots } = this.#store;
    let chainId = top;
    while (chainId !== null && snapshots.hasLayer(chainId)) {
      const { parent } = snapshots.layer(chainId);
      if (!(await this.#removeLayer(chainId))) break;
      removed.push(chainId);
      chainId = parent;
    }
    return removed;
  }

  /** The blobs of an image that is gone. */
  async removeBlobsOf({ record }: KnownImage): Promise<void> {
    for (const { digest } of [...record.layers, ...record.manifests]) await this.#removeBlob(digest);
    await this.#removeBlob(record.id);
  }

  async #removeLayer(chainId: Digest): Promise<boolean> {
    const { snapshots, layerLocks, records, content } = this.#store;
    // also one that is just being made: nobody waits for that
    if (content.leases.holds(chainId)) return false;
    return layerLocks.hold(chainId, async () => {
      const isNeeded = content.leases.holds(chainId) || records.all().some(({ chain }) => chain.includes(chainId));
      if (isNeeded || !snapshots.hasLayer(chainId)) return false;
      try {
        await snapshots.removeLayer(chainId);
        return true;
      } catch (error) {
        // a container's layer or another layer stands on it
        if (error instanceof EngineError && error.code === 'FailedPrecondition') return false;
        throw error;
      }
    });
  }

  async #removeBlob(digest: Digest): Promise<void> {
    const { content } = this.#store;
    if (content.leases.holds(digest) || this.#neededBlobs().has(digest)) return;
    await content.delete(digest);
  }

  #neededBlobs(): Set<Digest> {
    const needed = new Set<Digest>();
    for (const { record } of this.#store.records.all()) {
      needed.add(record.id);
      for (const { digest } of [...record.layers, ...record.manifests]) needed.add(digest);
    }
    return needed;
  }
}
