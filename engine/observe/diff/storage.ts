import type { LayerEntry, Mount, MountTable, OverlayStack, Snapshot } from '../../api/types.js';
import { compareLists, type Difference } from './compare.js';

/** Mounts, overlay stacks and what lies in their layers. */
export function diffStorage(before: Snapshot, after: Snapshot): Difference[] {
  return [...diffMounts(before.mountTables, after.mountTables), ...diffOverlays(before, after)];
}

function diffMounts(before: readonly MountTable[], after: readonly MountTable[]): Difference[] {
  const old = new Map(before.map((table) => [table.ns, table]));
  const found: Difference[] = [];
  // A new mount namespace begins as a copy of another's table: told is what it does not have from any.
  let copied: Set<string> | null = null;
  for (const table of after) {
    const was = old.get(table.ns);
    if (was?.mounts === table.mounts) continue;
    let base: readonly Mount[];
    if (was === undefined) {
      copied ??= new Set(before.flatMap(({ mounts }) => mounts.map(fingerprintOf)));
      const known = copied;
      base = table.mounts.filter((mount) => known.has(fingerprintOf(mount)));
    } else {
      base = was.mounts;
    }
    found.push(
      ...compareLists<Mount>(base, table.mounts, {
        object: 'mount',
        key: ({ id }) => `${table.ns}/mount/${id}`,
        place: () => table.label,
        name: ({ mountPoint }) => mountPoint,
        essence: ({ mountPoint, options, propagation, superOptions }) => ({
          mountPoint,
          options,
          propagation: propagation.map((tag) => tag.replace(/:\d+$/, '')),
          superOptions,
        }),
      }),
    );
  }
  return found;
}

function fingerprintOf({ device, root, mountPoint, fsType }: Mount): string {
  return `${device} ${root} ${mountPoint} ${fsType}`;
}

function diffOverlays(
  { overlays: before, containers: were }: Snapshot,
  { overlays: after, containers: are }: Snapshot,
): Difference[] {
  if (before === after) return [];
  const names = new Map([...(were ?? []), ...(are ?? [])].map(({ id, name }) => [id, name]));
  /** A container's layers are told under its name: their paths are made of ids. */
  const whose = ({ container }: OverlayStack): string | null => {
    const name = names.get(container ?? '');
    return name === undefined ? null : `container ${name}`;
  };
  const key = (stack: OverlayStack): string => `${stack.ns}/overlay/${stack.mountPoint}`;
  const old = new Map(before.map((stack) => [key(stack), stack]));
  const found = compareLists(before, after, {
    object: 'overlay',
    key,
    place: (stack) => whose(stack) ?? stack.mountPoint,
    name: ({ mountPoint }) => mountPoint,
    essence: ({ readOnly, mounted, layers }) => ({
      readOnly,
      mounted: mounted !== false,
      paths: layers.map(({ role, path }) => `${role} ${path}`),
    }),
  });
  for (const stack of after) {
    const was = old.get(key(stack));
    // The lab host's own root takes every write of the learner's anywhere: it is in the snapshot, not in the news.
    if (was === undefined || was === stack || stack.mountPoint === '/') continue;
    found.push(...diffLayers(was, stack, key(stack), whose(stack)));
  }
  return found;
}

function diffLayers(before: OverlayStack, after: OverlayStack, key: string, container: string | null): Difference[] {
  return after.layers.flatMap((layer, at) => {
    const was = before.layers[at];
    if (was === undefined || was.path !== layer.path || was.files === null || layer.files === null) return [];
    // Beyond the bound, an entry may seem to come or go because another one did.
    const complete = !was.truncated && !layer.truncated;
    return compareLists<LayerEntry>(was.entries, layer.entries, {
      object: 'layer-entry',
      key: ({ path }) => `${key}/${layer.role}${at}/${path}`,
      place: () =>
        container === null ? `${after.mountPoint} ${layer.role} ${layer.path}` : `${container} ${layer.role} layer`,
      name: ({ path }) => path,
      essence: ({ type, bytes }) => ({ type, bytes }),
    }).filter(({ kind }) => complete || kind === 'changed');
  });
}
