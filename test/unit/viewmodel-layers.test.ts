/** Which layer a path comes from, against a model of overlayfs that merges directory by directory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LayerDir, LayerEntry } from '../../engine/api/types.js';
import { layersModel, lookup } from '../../src/tui/viewmodels/layers.js';
import { layersLab } from '../helpers/panel-scenes.js';
import { lab, layer } from '../helpers/snapshot-builder.js';

/** A directory of a layer as a tree. */
type Node = { type: LayerEntry['type']; children: Map<string, Node> };

function treeOf(dir: LayerDir): Node {
  const root: Node = { type: 'directory', children: new Map() };
  for (const entry of dir.entries) {
    let at = root;
    const parts = entry.path.split('/');
    for (const [i, part] of parts.entries()) {
      const last = i === parts.length - 1;
      const next: Node = at.children.get(part) ?? { type: last ? entry.type : 'directory', children: new Map() };
      if (last) next.type = entry.type;
      at.children.set(part, next);
      at = next;
    }
  }
  return root;
}

/** The independent model: merge trees from the top, as the kernel merges directories. */
function merged(layers: readonly Node[]): Map<string, Node['type']> {
  const out = new Map<string, Node['type']>();
  const visit = (dirs: readonly Node[], prefix: string): void => {
    const names = new Set(dirs.flatMap((dir) => [...dir.children.keys()]));
    for (const name of names) {
      const stack: Node[] = [];
      let type: Node['type'] | null = null;
      for (const dir of dirs) {
        const child = dir.children.get(name);
        if (child === undefined) continue;
        if (child.type === 'whiteout') break;
        if (type === null) type = child.type;
        const isDirectory = child.type === 'directory' || child.type === 'opaque-directory';
        if (!isDirectory) break;
        stack.push(child);
        if (child.type === 'opaque-directory') break;
      }
      if (type === null) continue;
      out.set(prefix + name, type);
      if (stack.length > 0) visit(stack, `${prefix}${name}/`);
    }
  };
  visit(layers, '');
  return out;
}

/** Layers whose entries are consistent trees: every path has its parents as directories. */
const anyLayer = fc
  .array(
    fc.tuple(
      fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }),
      fc.constantFrom('file' as const, 'directory' as const, 'whiteout' as const, 'opaque-directory' as const),
    ),
    { maxLength: 8 },
  )
  .map((wanted) => {
    const entries = new Map<string, LayerEntry>();
    for (const [parts, type] of wanted) {
      const parents = parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('/'));
      if (parents.some((parent) => entries.has(parent) && !entries.get(parent)!.type.includes('directory'))) continue;
      const path = parts.join('/');
      const holds = [...entries.keys()].some((other) => other.startsWith(`${path}/`));
      if (holds && !type.includes('directory')) continue;
      for (const parent of parents)
        if (!entries.has(parent)) entries.set(parent, { path: parent, type: 'directory', bytes: 0 });
      entries.set(path, { path, type, bytes: 1 });
    }
    return [...entries.values()];
  });

test('the merged view is what overlayfs makes of the layers', () => {
  fc.assert(
    fc.property(fc.array(anyLayer, { minLength: 1, maxLength: 4 }), (contents) => {
      const layers = contents.map((entries, i) => layer(i === 0 ? 'upper' : 'lower', `/l${i}`, entries));
      const want = merged(layers.map(treeOf));
      const stack = layersModel({ snapshot: lab().overlay('/m', layers).build() }).stacks[0]!;
      const got = new Map(stack.merged.map((row) => [row.path, row.type]));
      assert.deepEqual([...got].sort(), [...want].sort());
    }),
    { numRuns: 500 },
  );
});

test('an entry that the merged view does not take from its layer is hidden, and only such', () => {
  fc.assert(
    fc.property(fc.array(anyLayer, { minLength: 2, maxLength: 4 }), (contents) => {
      const layers = contents.map((entries, i) => layer(i === 0 ? 'upper' : 'lower', `/l${i}`, entries));
      const stack = layersModel({ snapshot: lab().overlay('/m', layers).build() }).stacks[0]!;
      for (const view of stack.layers) {
        for (const row of view.rows) {
          if (row.entry.type !== 'file') continue;
          const from = stack.merged.find((one) => one.path === row.path)?.from;
          assert.equal(row.effect === 'hidden', from !== view.name, `${view.name} ${row.path}`);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('the lookup of a path says what each layer answered', () => {
  const stack = layersLab().overlays[0]!;
  const outcomes = (path: string): string[] => lookup(stack, path).steps.map((step) => `${step.layer} ${step.outcome}`);
  assert.deepEqual(outcomes('changed.txt'), ['upper found', 'lower 1 blocked', 'lower 2 blocked']);
  assert.deepEqual(outcomes('deleted.txt'), ['upper whiteout']);
  assert.deepEqual(outcomes('fresh/old.txt'), ['upper opaque', 'lower 1 blocked', 'lower 2 blocked']);
  assert.deepEqual(outcomes('base.txt'), ['upper absent', 'lower 1 absent', 'lower 2 found']);
  assert.deepEqual(outcomes('other'), ['upper absent', 'lower 1 absent', 'lower 2 not-read']);
  assert.equal(lookup(stack, 'deleted.txt').outcome, 'deleted');
});

test('a file of the upper layer that lies below too was copied up; marks come from the change of that layer', () => {
  const snapshot = layersLab();
  const id = `${snapshot.overlays[0]!.ns}/overlay/mnt/merged`;
  const key = `${snapshot.overlays[0]!.ns}/overlay//mnt/merged/upper0/new.txt`;
  const model = layersModel({
    snapshot,
    fresh: [{ seq: 1, at: 0, age: 0, kind: 'added', object: 'layer-entry', key, place: '', name: 'new.txt' }],
  });
  const upper = model.stacks[0]!.layers[0]!;
  assert.equal(upper.rows.find((row) => row.path === 'changed.txt')?.effect, 'copied-up');
  assert.equal(upper.rows.find((row) => row.path === 'new.txt')?.mark, 'new');
  assert.notEqual(model.stacks[0]!.id, id);
});
