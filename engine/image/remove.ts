import { EngineError } from '../kernel/errors.js';
import { shortId } from './digest.js';
import type { GarbageCollector } from './gc.js';
import { familiar, nameOf, parseReference, type Reference, withDefaultTag } from './reference.js';
import { findImage, isIdOf } from './store/find.js';
import type { ImageStore } from './store/image-store.js';
import type { DeletedImage, Digest } from './types.js';

interface Removing {
  readonly store: ImageStore;
  readonly garbage: GarbageCollector;
  readonly records: DeletedImage[];
}

interface RemoveOptions {
  readonly force?: boolean;
  readonly noPrune?: boolean;
}

/**
 * `docker rmi`, rule by rule as moby's daemon/images/image_delete.go: a name is untagged, and with its last name the image goes
 * unless something needs it; an id takes all names of one repository along. On the disk: names, then the record, then the data.
 */
export async function removeImage(
  store: ImageStore,
  garbage: GarbageCollector,
  name: string,
  options: RemoveOptions,
): Promise<DeletedImage[]> {
  const removing: Removing = { store, garbage, records: [] };
  const { record } = findImage(store, name);
  const force = options.force ?? false;
  const isByName = !isIdOf(record.id, name);
  if (isByName) {
    if (!(await untagByName(removing, record.id, name, force))) return removing.records;
  } else if (isOneRepository(store.repositories.of(record.id))) {
    refuseConflict(store, record.id, { used: !force, named: false });
    for (const reference of store.repositories.of(record.id)) await untag(removing, record.id, reference);
  }
  await removeUnneeded(removing, record.id, { force, prune: !(options.noPrune ?? false), quiet: isByName });
  return removing.records;
}

/** False: other names are left, and the image with them. */
async function untagByName(removing: Removing, id: Digest, name: string, force: boolean): Promise<boolean> {
  const { store, records } = removing;
  const user = usersOf(store, id)[0];
  if (!force && user !== undefined && isOneRepository(store.repositories.of(id)))
    // without its name it would be dangling
    throw new EngineError(
      'FailedPrecondition',
      `conflict: unable to remove repository reference ${JSON.stringify(name)} (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(id)}`,
    );
  const reference = withDefaultTag(parseReference(name));
  await untag(removing, id, reference);
  if (reference.digest === null) {
    // digests of a repository whose last tag is gone
    const same = store.repositories.of(id).filter((one) => nameOf(one) === nameOf(reference));
    if (same.every(({ digest }) => digest !== null))
      for (const one of same) {
        await store.repositories.remove([one]);
        records.push({ Untagged: familiar(one) });
      }
  }
  return store.repositories.of(id).length === 0;
}

async function untag({ store, records }: Removing, id: Digest, reference: Reference): Promise<void> {
  await store.repositories.remove([reference]);
  store.event('untag', id, id);
  records.push({ Untagged: familiar(reference) });
}

async function removeUnneeded(
  removing: Removing,
  id: Digest,
  options: { readonly force: boolean; readonly prune: boolean; readonly quiet: boolean },
): Promise<void> {
  const { store, garbage, records } = removing;
  const conflict = conflictOf(store, id, { used: !options.force, named: !options.force });
  if (conflict !== null) {
    const isDangling = store.repositories.of(id).length === 0 && store.records.children(id).length === 0;
    if (options.quiet && (!isDangling || conflict.isUse)) return;
    throw conflict.error;
  }
  const image = store.known(id);
  for (const reference of store.repositories.of(id)) await untag(removing, id, reference);
  store.event('delete', id, id);
  await store.records.remove(id);
  records.push({ Deleted: id });
  for (const layer of await garbage.removeLayersFrom(image.chain.at(-1) ?? null)) records.push({ Deleted: layer });
  await garbage.removeBlobsOf(image);
  const { parent } = image.record;
  if (options.prune && parent !== null && store.records.find(parent) !== null)
    await removeUnneeded(removing, parent, { force: false, prune: true, quiet: true });
}

interface Conflict {
  readonly error: EngineError;
  /** A container uses it. */
  readonly isUse: boolean;
}

/** @param soft also what `force` would overrule: stopped containers, names */
function conflictOf(
  store: ImageStore,
  id: Digest,
  soft: { readonly used: boolean; readonly named: boolean },
): Conflict | null {
  const conflict = (isHard: boolean, isUse: boolean, why: string): Conflict => ({
    isUse,
    error: new EngineError(
      'FailedPrecondition',
      `conflict: unable to delete ${shortId(id)} (${isHard ? 'cannot be forced' : 'must be forced'}) - ${why}`,
    ),
  });
  if (store.records.children(id).length > 0) return conflict(true, false, 'image has dependent child images');
  const users = usersOf(store, id);
  const running = users.find((one) => one.running);
  if (running !== undefined)
    return conflict(true, true, `image is being used by running container ${shortId(running.id)}`);
  if (soft.named && store.repositories.of(id).length > 0)
    return conflict(false, false, 'image is referenced in multiple repositories');
  const stopped = users[0];
  if (soft.used && stopped !== undefined)
    return conflict(false, true, `image is being used by stopped container ${shortId(stopped.id)}`);
  return null;
}

function refuseConflict(store: ImageStore, id: Digest, soft: { used: boolean; named: boolean }): void {
  const conflict = conflictOf(store, id, soft);
  if (conflict !== null) throw conflict.error;
}

function usersOf(store: ImageStore, id: Digest): readonly { readonly id: string; readonly running: boolean }[] {
  return store.options.inUse?.(id) ?? [];
}

/** At most one tag, and all digests of its repository. No name at all is none. */
export function isOneRepository(references: readonly Reference[]): boolean {
  const [first] = references;
  if (first === undefined) return false;
  if (references.length === 1) return true;
  const tags = references.filter(({ digest }) => digest === null);
  if (tags.length > 1) return false;
  const digests = new Set(references.filter(({ digest }) => digest !== null).map(nameOf));
  return digests.size === 1 && digests.has(nameOf(tags[0] ?? first));
}
