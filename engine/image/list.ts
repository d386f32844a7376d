import { untilFilter } from '../kernel/go-time.js';
import { booleanFilter, checkFilters, matchesLabels, matchesReference } from './filters.js';
import type { Reference } from './reference.js';
import { findImage } from './store/find.js';
import type { ImageStore } from './store/image-store.js';
import type { KnownImage } from './store/records.js';
import type { Image, ImageListOptions } from './types.js';

const FILTERS = ['dangling', 'label', 'before', 'since', 'reference', 'until'];

/** `docker images`, newest first: moby's daemon/images/images.go. Intermediate images only with `all`. */
export function listImages(store: ImageStore, options: ImageListOptions): Image[] {
  const filters = options.filters ?? {};
  checkFilters(filters, FILTERS);
  const dangling = booleanFilter(filters, 'dangling');
  const untils = (filters['until'] ?? []).map((one) => untilFilter({ until: [one] }, Date.now()) ?? Infinity);
  const limits = (name: string): number[] => (filters[name] ?? []).map((one) => createdAt(findImage(store, one)));
  const [before, since] = [limits('before').at(-1), limits('since').at(-1)];
  const patterns = filters['reference'];
  const chosen = store.records.all().flatMap((image): { image: Image; created: number }[] => {
    const created = createdAt(image);
    if (before !== undefined && created >= before) return [];
    if (since !== undefined && created <= since) return [];
    if (untils.some((until) => created >= until)) return [];
    if (!matchesLabels(filters['label'] ?? [], image.config.config?.Labels ?? {})) return [];
    const references = shown(store, image, patterns);
    if (references.length === 0) {
      if (patterns !== undefined || dangling === false) return [];
      if (options.all !== true && store.records.children(image.record.id).length > 0) return [];
    } else if (dangling === true && references.some(({ digest }) => digest === null)) return [];
    if (dangling === true && store.records.children(image.record.id).length > 0) return [];
    return [{ image: store.imageOf(image, references), created }];
  });
  return chosen.sort((a, b) => b.created - a.created || (a.image.id < b.image.id ? -1 : 1)).map(({ image }) => image);
}

/** The names that `reference` filters leave of an image. */
function shown(store: ImageStore, { record }: KnownImage, patterns: readonly string[] | undefined): Reference[] {
  const references = store.repositories.of(record.id);
  if (patterns === undefined) return references;
  return references.filter((one) => patterns.some((pattern) => matchesReference(pattern, one)));
}

/** Milliseconds since 1970; Go's zero time for an image that doesn't say. */
export function createdAt({ config }: KnownImage): number {
  return config.created === undefined ? -62_135_596_800_000 : Date.parse(config.created);
}
