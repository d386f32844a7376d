import { EngineError } from '../../kernel/errors.js';
import { isDigest } from '../digest.js';
import { familiar, parseAnyReference, withDefaultTag } from '../reference.js';
import type { Repositories } from '../repositories.js';
import type { ImageRecords, KnownImage } from './records.js';

interface Places {
  readonly records: ImageRecords;
  readonly repositories: Repositories;
}

/** The image that a user means: by id, by name (or digest), else by the beginning of an id. As moby's getImage. */
export function findImage(places: Places, text: string): KnownImage {
  const reference = parseAnyReference(text);
  if ('id' in reference) return places.records.find(reference.id) ?? noSuchImage(reference.id);
  const named = places.repositories.get(reference.name);
  return (
    (named === null ? null : places.records.find(named)) ??
    byPrefix(places.records, text) ??
    noSuchImage(familiar(withDefaultTag(reference.name)))
  );
}

/** Null also for a beginning of several ids: Docker says of it, too, that there is no such image. */
function byPrefix(records: ImageRecords, text: string): KnownImage | null {
  const digits = text.replace(/^sha256:/, '');
  if (!/^[0-9a-f]{1,64}$/.test(digits)) return null;
  const found = records.all().filter(({ record }) => record.id.startsWith(`sha256:${digits}`));
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** Whether a text means an image by its id and not by a name. */
export function isIdOf(id: string, text: string): boolean {
  return isDigest(id) && (id.startsWith(text) || id.slice('sha256:'.length).startsWith(text));
}

function noSuchImage(name: string): never {
  throw new EngineError('NotFound', `No such image: ${name}`);
}
