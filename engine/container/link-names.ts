import { EngineError } from '../kernel/errors.js';
import type { ContainerRecord } from './record.js';
import { joinedContainer } from './spec/modes.js';
import type { ContainerStore } from './store.js';
import type { HostConfig } from './types.js';

/**
 * Links as Docker keeps them: `--link NAME:ALIAS` makes `/parent/ALIAS` another name of the container that it leads to, by which
 * it is found, listed and unlinked. They are of containers, not of names: a container that is renamed stays linked. moby,
 * daemon/links.go, opts/parse_link.go.
 */
export function resolveLinks(store: ContainerStore, hostConfig: HostConfig): Record<string, string> {
  if (!['default', 'bridge', ''].includes(hostConfig.NetworkMode)) return {};
  const found: Record<string, string> = {};
  for (const text of hostConfig.Links ?? []) {
    const { name, alias } = parseLink(text);
    const child = linked(store, name);
    if (child.hostConfig.NetworkMode === 'host')
      throw new EngineError(
        'InvalidArgument',
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    // the first one of an alias stays, as with dockerd, which takes a second one for none
    if (!Object.hasOwn(found, alias)) found[alias] = child.id;
  }
  return found;
}

/** `name`, `name:alias`, or what inspect shows: `/name:/parent/alias`. */
function parseLink(text: string): { readonly name: string; readonly alias: string } {
  const bad = (why: string): EngineError => new EngineError('InvalidArgument', why);
  if (text === '') throw bad('empty string specified for links');
  const [name = '', alias = name, ...rest] = text.split(':');
  if (rest.length > 0) throw bad(`bad format for links: ${text}`);
  if (name.startsWith('/') && text.includes(':')) return { name: name.slice(1), alias: alias.replace(/^.*\//, '') };
  return { name, alias: alias.replace(/^\/+/, '') };
}

/** The container that has the network which a name stands for. */
function linked(store: ContainerStore, name: string): ContainerRecord {
  const seen = new Set<string>();
  for (let next = name; ; ) {
    const child = store.tryFind(next);
    if (child === null || seen.has(child.id))
      throw new EngineError('InvalidArgument', `could not get container for ${next}: No such container: ${next}`);
    seen.add(child.id);
    const joined = joinedContainer(child.hostConfig.NetworkMode);
    if (joined === null) return child;
    next = joined;
  }
}

/** Alias and container of each link whose container is still there. */
export function childrenOf(
  store: ContainerStore,
  { links }: ContainerRecord,
): { alias: string; child: ContainerRecord }[] {
  return Object.entries(links ?? {}).flatMap(([alias, id]) =>
    store.has(id) ? [{ alias, child: store.find(id) }] : [],
  );
}

/** `HostConfig.Links` of inspect. */
export function linkTexts(store: ContainerStore, record: ContainerRecord): string[] | null {
  const texts = childrenOf(store, record).map(({ alias, child }) => `/${child.name}:/${record.name}/${alias}`);
  return texts.length === 0 ? null : texts;
}

/** All names of every container that has more than its own, in order. */
export function linkedNames(store: ContainerStore): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const parent of store.list())
    for (const { alias, child } of childrenOf(store, parent))
      names.set(child.id, [...(names.get(child.id) ?? [`/${child.name}`]), `/${parent.name}/${alias}`].sort());
  return names;
}

/** `docker rm --link PARENT/ALIAS`: the link goes, both containers stay. */
export function unlink(
  store: ContainerStore,
  name: string,
): { readonly parent: ContainerRecord; readonly alias: string } {
  const child = store.find(name);
  const [, parentName = '', alias = ''] = /^\/?([^/]+)\/(.+)$/.exec(name) ?? [];
  if (parentName === '')
    throw new EngineError('FailedPrecondition', 'Conflict, cannot remove the default link name of the container');
  const parent = store.tryFind(parentName);
  if (parent === null || parent.links?.[alias] !== child.id)
    throw new EngineError('NotFound', `Cannot get parent /${parentName} for link name /${parentName}/${alias}`);
  const { [alias]: _, ...rest } = parent.links;
  parent.links = rest;
  store.release(`${parent.name}/${alias}`, child.id);
  store.keep(parent);
  return { parent, alias };
}
