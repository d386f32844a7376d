import { EngineError } from '../kernel/errors.js';
import { untilFilter } from '../kernel/go-time.js';
import { booleanFilter, checkFilters, type Filters, passesLabels } from './filters.js';
import type { GarbageCollector } from './gc.js';
import { createdAt } from './list.js';
import { canonical } from './reference.js';
import { removeImage } from './remove.js';
import type { ImageStore } from './store/image-store.js';
import type { DeletedImage } from './types.js';

const FILTERS = ['dangling', 'label', 'label!', 'until'];

/**
 * `docker image prune` (dangling images, the default) and `prune -a` (`dangling=false`: all that no container uses). An image
 * that something needs is left, without a word: moby's daemon/images/image_prune.go.
 */
export async function pruneImages(
  store: ImageStore,
  garbage: GarbageCollector,
  filters: Filters,
): Promise<{ deleted: DeletedImage[]; reclaimed: number }> {
  checkFilters(filters, FILTERS);
  const danglingOnly = booleanFilter(filters, 'dangling') ?? true;
  const until = untilFilter(filters, Date.now());
  const sizes = new Map(store.snapshots.listLayers().map(({ chainId, size }) => [chainId as string, size]));
  const chosen = store.records.all().filter((image) => {
    const isIntermediate = store.records.children(image.record.id).length > 0;
    if (isIntermediate && (danglingOnly || store.repositories.of(image.record.id).length === 0)) return false;
    if (until !== null && (image.config.created === undefined || createdAt(image) > until)) return false;
    return passesLabels(filters, image.config.config?.Labels ?? {});
  });
  const deleted: DeletedImage[] = [];
  for (const { record } of chosen) {
    const references = store.repositories.of(record.id);
    if (danglingOnly && references.some(({ digest }) => digest === null)) continue;
    const names = references.length === 0 ? [record.id] : references.map(canonical);
    for (const name of names) deleted.push(...(await removeQuietly(store, garbage, name)));
  }
  const reclaimed = deleted.reduce((sum, { Deleted: id }) => sum + (id === undefined ? 0 : (sizes.get(id) ?? 0)), 0);
  store.options.event?.('prune', '', { reclaimed: `${reclaimed}` });
  return { deleted, reclaimed };
}

/** What is in use stays; and what went with another one is gone. */
async function removeQuietly(store: ImageStore, garbage: GarbageCollector, name: string): Promise<DeletedImage[]> {
  try {
    return await removeImage(store, garbage, name, {});
  } catch (error) {
    if (error instanceof EngineError && ['FailedPrecondition', 'NotFound'].includes(error.code)) return [];
    throw error;
  }
}
