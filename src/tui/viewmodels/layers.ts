/**
 * Overlay stacks and where each file of the merged view comes from. The rules are those of overlayfs: the topmost layer
 * that has a path wins; a whiteout hides the path in all layers below; an opaque directory hides all that is below it in
 * lower layers (Documentation/filesystems/overlayfs.rst).
 */
import type { LayerDir, LayerEntry, OverlayStack, Snapshot } from '../../../engine/api/types.js';
import type { FreshChange } from '../panel.js';
import { type ContainerFact, type ContainerIndex, containersOf, shortIds } from './containers.js';
import { indexMarks, type Mark, type MarkIndex } from './marks.js';
import { visible } from './safe-text.js';
import { naturalCompare } from './wiring.js';

/** What an entry of a layer does to the layers below it, or what is done to it. */
export type EntryEffect =
  /** It exists in a lower layer too, as a file: it was copied up when somebody wrote to it. */
  | 'copied-up'
  /** Deletes the path from the merged view. */
  | 'whiteout'
  /** Hides everything below this directory in lower layers. */
  | 'opaque'
  /** A higher layer has the same path, or deletes it. */
  | 'hidden'
  | null;

export interface LayerRow {
  readonly path: string;
  readonly entry: LayerEntry;
  readonly effect: EntryEffect;
  readonly mark: Mark | null;
}

/** What a directory of a container's stack is to the engine. */
export type LayerPart =
  /** What the container itself wrote. */
  | { readonly kind: 'writable' }
  /** Names that its mounts stand on, such as /etc/hosts. */
  | { readonly kind: 'init' }
  /** One of its image's layers, the first one at the bottom. */
  | { readonly kind: 'image'; readonly nth: number; readonly of: number };

export interface LayerView {
  /** `stack/0`, `stack/1` … */
  readonly id: string;
  readonly dir: LayerDir;
  /** `upper`, `lower 1` (the topmost), `lower 2` …, `work`. */
  readonly name: string;
  /** With the ids of containers and layers short. */
  readonly path: string;
  /** Null outside of containers, and for the work directory. */
  readonly part: LayerPart | null;
  /** Put together when first asked for. */
  readonly rows: readonly LayerRow[];
}

/** One path as programs see it through the mount. */
export interface MergedRow {
  readonly path: string;
  readonly type: LayerEntry['type'];
  readonly bytes: number;
  /** Layer that it comes from. */
  readonly from: string;
  readonly copiedUp: boolean;
}

export interface StackView {
  readonly id: string;
  readonly stack: OverlayStack;
  /** Container whose files these are. */
  readonly container: ContainerFact | null;
  /** With the ids of containers short. */
  readonly mountPoint: string;
  /** Where it is mounted: a name for its mount namespace. */
  readonly place: string;
  readonly mark: Mark | null;
  readonly layers: readonly LayerView[];
  /** Put together when first asked for. */
  readonly merged: readonly MergedRow[];
  /** Some layer has more entries than were read: then `merged` may lack paths. */
  readonly partial: boolean;
}

export interface LayersModel {
  readonly stacks: readonly StackView[];
  readonly hidden: number;
}

export interface LayersInput {
  readonly snapshot: Snapshot;
  readonly fresh?: readonly FreshChange[];
  /** Lower case: keeps paths that contain it. */
  readonly filter?: string;
}

export function layersModel(input: LayersInput): LayersModel {
  const { snapshot } = input;
  const marks = indexMarks(input.fresh ?? []);
  const filter = (input.filter ?? '').trim();
  const containers = containersOf(snapshot);
  // Containers first, the oldest at the top whether it runs or not; then what people mounted, and the lab host's own root.
  const rank = new Map(containers.all.map(({ id }, i) => [id, i]));
  const rankOf = ({ container }: OverlayStack): number => rank.get(container ?? '') ?? rank.size;
  const ordered = snapshot.overlays.toSorted((a, b) => rankOf(a) - rankOf(b));
  const stacks = ordered.map((stack) => stackView(stack, placeOf(snapshot, stack), containers, marks, filter));
  const shown =
    filter === ''
      ? stacks
      : stacks.filter(
          (stack) =>
            stack.stack.mountPoint.toLowerCase().includes(filter) ||
            `${stack.container?.name ?? ''}\n${stack.container?.image ?? ''}`.toLowerCase().includes(filter) ||
            stack.layers.some((layer) => layer.rows.length > 0),
        );
  return { stacks: shown, hidden: stacks.length - shown.length };
}

function placeOf(snapshot: Snapshot, stack: OverlayStack): string {
  const ns = snapshot.namespaces.find((one) => one.id === stack.ns);
  if (ns?.isLabHost === true) return 'host';
  const table = snapshot.mountTables.find((one) => one.ns === stack.ns);
  if (table !== undefined) return visible(table.label);
  return ns?.members[0] === undefined ? stack.ns : `pid ${ns.members[0]}`;
}

function stackView(
  stack: OverlayStack,
  place: string,
  containers: ContainerIndex,
  marks: MarkIndex,
  filter: string,
): StackView {
  // The same as the key of its changes, so that marks are found.
  const id = `${stack.ns}/overlay/${stack.mountPoint}`;
  const stackMark = marks.of('overlay', id);
  let lower = 0;
  const layers = stack.layers.map((dir, i): LayerView => {
    const name = dir.role === 'lower' ? `lower ${++lower}` : dir.role;
    const rows = once((): readonly LayerRow[] => {
      const all = dir.role === 'work' ? [] : dir.entries.map((entry) => rowOf(stack, i, entry, marks, id));
      all.sort((a, b) => naturalCompare(a.path, b.path));
      return filter === '' ? all : all.filter((row) => matches(stack, row.path, filter));
    });
    return {
      id: `${id}#${i}`,
      dir,
      name,
      path: visible(shortIds(dir.path)),
      part: partOf(stack, i),
      get rows() {
        return rows();
      },
    };
  });
  const merged = once(() => mergedRows(stack).filter((row) => filter === '' || matches(stack, row.path, filter)));
  return {
    id,
    stack,
    container: containers.byId(stack.container),
    mountPoint: visible(shortIds(stack.mountPoint)),
    place,
    mark: stackMark,
    layers,
    get merged() {
      return merged();
    },
    partial: stack.layers.some((dir) => dir.truncated && dir.role !== 'work'),
  };
}

/** A value that is made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Between a container's own layer and its image's the engine puts one with the names that it mounts over. */
const INIT_LAYER = /-init\/diff$/;

function partOf(stack: OverlayStack, at: number): LayerPart | null {
  const dir = stack.layers[at];
  if (stack.container === undefined || dir === undefined || dir.role === 'work') return null;
  if (dir.role === 'upper') return { kind: 'writable' };
  if (INIT_LAYER.test(dir.path)) return { kind: 'init' };
  const image = stack.layers.filter(({ role, path }) => role === 'lower' && !INIT_LAYER.test(path));
  return { kind: 'image', nth: image.length - image.indexOf(dir), of: image.length };
}

/** The filter may be part of a path within the layer, or a whole path below the mount point. */
function matches(stack: OverlayStack, path: string, filter: string): boolean {
  const inside = `/${path}`.toLowerCase();
  const whole = `${stack.mountPoint.replace(/\/$/, '')}/${path}`.toLowerCase();
  return inside.includes(filter) || whole.includes(filter);
}

function rowOf(stack: OverlayStack, layer: number, entry: LayerEntry, marks: MarkIndex, id: string): LayerRow {
  const role = stack.layers[layer]!.role;
  const mark = marks.of('layer-entry', `${id}/${role}${layer}/${entry.path}`);
  return { path: visible(entry.path), entry, effect: effectOf(stack, layer, entry), mark };
}

function effectOf(stack: OverlayStack, layer: number, entry: LayerEntry): EntryEffect {
  if (entry.type === 'whiteout') return 'whiteout';
  const above = lookup({ ...stack, layers: stack.layers.slice(0, layer) }, entry.path);
  if (
    above.outcome === 'deleted' ||
    (above.outcome === 'found' && !(isDirectory(entry) && above.entry !== null && isDirectory(above.entry)))
  )
    return 'hidden';
  if (above.cut) return 'hidden';
  if (entry.type === 'opaque-directory') return 'opaque';
  if (stack.layers[layer]!.role === 'upper' && !isDirectory(entry)) {
    const below = lookup({ ...stack, layers: stack.layers.slice(layer + 1) }, entry.path);
    if (below.outcome === 'found' && below.entry !== null && !isDirectory(below.entry)) return 'copied-up';
  }
  return null;
}

function isDirectory(entry: LayerEntry): boolean {
  return entry.type === 'directory' || entry.type === 'opaque-directory';
}

export interface LookupStep {
  readonly layer: string;
  readonly path: string;
  /** `blocked`: a file, a whiteout or an opaque directory at a path above hides what this layer and those below have. */
  readonly outcome: 'found' | 'whiteout' | 'opaque' | 'absent' | 'blocked' | 'not-read';
}

export interface Lookup {
  readonly outcome: 'found' | 'deleted' | 'absent';
  readonly entry: LayerEntry | null;
  readonly from: string | null;
  readonly steps: readonly LookupStep[];
  /** Layers below the last step are hidden for this path. */
  readonly cut: boolean;
}

const byPath = new WeakMap<LayerDir, ReadonlyMap<string, LayerEntry>>();

function entriesOf(dir: LayerDir): ReadonlyMap<string, LayerEntry> {
  const entries = byPath.get(dir) ?? new Map(dir.entries.map((entry) => [entry.path, entry]));
  byPath.set(dir, entries);
  return entries;
}

/** Follow overlayfs through the layers for one path, relative to the mount point, without a leading slash. */
export function lookup(stack: Pick<OverlayStack, 'layers'>, path: string): Lookup {
  const steps: LookupStep[] = [];
  let lower = 0;
  let blocked = false;
  let found: { entry: LayerEntry; from: string } | null = null;
  for (const dir of stack.layers) {
    if (dir.role === 'work') continue;
    const layer = dir.role === 'lower' ? `lower ${++lower}` : dir.role;
    const step = (outcome: LookupStep['outcome']): void => {
      steps.push({ layer, path: visible(dir.path), outcome });
    };
    if (blocked) {
      step('blocked');
      continue;
    }
    const at = entriesOf(dir);
    const ancestors = path
      .split('/')
      .slice(0, -1)
      .map((_, i, parts) => parts.slice(0, i + 1).join('/'));
    const above = ancestors.map((one) => at.get(one)).filter((entry) => entry !== undefined);
    const own = at.get(path);
    if (own?.type === 'whiteout' || above.some((entry) => entry.type === 'whiteout')) {
      step('whiteout');
      blocked = true;
      if (found === null) return { outcome: 'deleted', entry: null, from: null, steps, cut: true };
      continue;
    }
    const opaque =
      above.some((entry) => entry.type === 'opaque-directory' || !isDirectory(entry)) ||
      own?.type === 'opaque-directory';
    if (own !== undefined && found === null) {
      found = { entry: own, from: layer };
      step('found');
      // A directory goes on: its lower namesakes are merged into it, unless it is opaque.
      if (!isDirectory(own) || opaque) blocked = true;
      continue;
    }
    if (own !== undefined) {
      step('found');
      if (!isDirectory(own) || opaque) blocked = true;
      continue;
    }
    step(opaque ? 'opaque' : dir.truncated ? 'not-read' : 'absent');
    if (opaque) blocked = true;
  }
  if (found === null) return { outcome: 'absent', entry: null, from: null, steps, cut: blocked };
  return { outcome: 'found', entry: found.entry, from: found.from, steps, cut: blocked };
}

function mergedRows(stack: OverlayStack): MergedRow[] {
  const paths = new Set(
    stack.layers.filter((dir) => dir.role !== 'work').flatMap((dir) => dir.entries.map((entry) => entry.path)),
  );
  const rows: MergedRow[] = [];
  for (const path of paths) {
    const found = lookup(stack, path);
    if (found.outcome !== 'found' || found.entry === null || found.from === null) continue;
    const copiedUp =
      found.from === 'upper' &&
      stack.layers.some((dir, i) => dir.role === 'upper' && effectOf(stack, i, found.entry!) === 'copied-up');
    rows.push({ path: visible(path), type: found.entry.type, bytes: found.entry.bytes, from: found.from, copiedUp });
  }
  return rows.sort((a, b) => naturalCompare(a.path, b.path));
}
