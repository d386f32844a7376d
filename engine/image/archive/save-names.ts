import { EngineError } from '../../kernel/errors.js';
import { familiar, parseAnyReference, type Reference } from '../reference.js';
import type { ImageBackend } from '../store/backend.js';
import type { Digest } from '../types.js';

/** An image and the tags under which it was asked for. */
export interface SavedImage {
  readonly id: Digest;
  readonly tags: readonly Reference[];
}

/** What `docker save NAME…` means: a name without a tag is all tags of the repository, an id is the image without a name. */
export async function savedImages(backend: ImageBackend, names: readonly string[]): Promise<SavedImage[]> {
  const found = new Map<Digest, Map<string, Reference>>();
  const add = (id: Digest, reference: Reference | null): void => {
    const tags = found.get(id) ?? new Map<string, Reference>();
    found.set(id, tags);
    if (reference !== null && reference.digest === null) tags.set(familiar(reference), reference);
  };
  for (const name of names) {
    const any = parseAnyReference(name);
    if ('id' in any) {
      add((await backend.get(name)).id, null);
      continue;
    }
    const reference = any.name;
    if (reference.tag === null && reference.digest === null) {
      const all = backend.repositories.in(reference);
      for (const one of all) add(one.id, one.reference);
      // a short id looks like a name
      if (all.length === 0) add(await byId(backend, name), null);
      continue;
    }
    const id = backend.repositories.get(reference);
    if (id === null) throw doesNotExist(name);
    add(id, reference);
  }
  return [...found].map(([id, tags]) => ({ id, tags: [...tags.values()] }));
}

async function byId(backend: ImageBackend, name: string): Promise<Digest> {
  try {
    return (await backend.get(name)).id;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'NotFound')
      throw new EngineError('NotFound', `No such image: ${name}`, { cause: error });
    throw error;
  }
}

function doesNotExist(name: string): EngineError {
  return new EngineError('NotFound', 'reference does not exist', { details: { name } });
}
