/** The wiring picture: golden drawings and the properties that hold for every drawing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Snapshot } from '../../engine/api/types.js';
import type { PanelInput } from '../../src/tui/panel.js';
import { Canvas } from '../../src/tui/picture/canvas.js';
import { drawWiring, type WiringDrawing } from '../../src/tui/picture/wiring-draw.js';
import { renderWiring } from '../../src/tui/picture/wiring-panel.js';
import { lineWidth } from '../../src/tui/text/fit.js';
import { plainText, type StyledLine } from '../../src/tui/text/styled.js';
import { goalGhostOf } from '../../src/tui/viewmodels/goal-ghost.js';
import { visible } from '../../src/tui/viewmodels/safe-text.js';
import { flatPorts, wiringModel } from '../../src/tui/viewmodels/wiring.js';
import { assertGolden, updating } from '../helpers/golden.js';
import { lab } from '../helpers/snapshot-builder.js';
import { SCENES, type Scene } from '../helpers/wiring-scenes.js';

const SIZES = [
  [38, 18],
  [60, 20],
  [100, 30],
] as const;

function input(scene: Scene, more: Partial<PanelInput> = {}): PanelInput {
  return {
    lang: 'en',
    snapshot: scene.snapshot,
    fresh: scene.fresh ?? [],
    ghosts: scene.ghosts ?? [],
    filter: '',
    focused: true,
    now: 0,
    unicode: true,
    ...more,
  };
}

function text(lines: readonly StyledLine[]): string {
  return lines.map(plainText).join('\n');
}

function drawingOf(snapshot: Snapshot, width: number): WiringDrawing {
  return drawWiring(wiringModel({ snapshot }), { width, lang: 'en', unicode: true, selected: null });
}

const STATE = { selected: null, detail: false, zoom: null };

for (const [name, scene] of Object.entries(SCENES)) {
  for (const [width, height] of SIZES) {
    for (const lang of ['en', 'zh'] as const) {
      test(`wiring of ${name} at ${width}x${height} in ${lang} is as its golden drawing`, () => {
        const view = renderWiring(width, height, input(scene, { lang }), STATE);
        for (const [i, one] of view.lines.entries()) assert.equal(lineWidth(one), width, `row ${i} of ${name}`);
        assertGolden(`picture/wiring-${name}-${width}x${height}.${lang}.txt`, text(view.lines));
      });
    }
  }
}

test('golden files are never written by CI', () => {
  assert.throws(() => updating({ GOLDEN_UPDATE: '1', CI: 'true' }), /refused while CI is set/);
  assert.equal(updating({ CI: 'true' }), false);
  if (process.env['CI'] !== undefined) assert.notEqual(process.env['GOLDEN_UPDATE'], '1');
});

/** Any lab: a handful of namespaces, veths between any two of them, some on bridges, some down. */
const anyLab = fc
  .record({
    names: fc.uniqueArray(
      fc.oneof(
        fc.string({ minLength: 1, maxLength: 18, unit: 'grapheme' }),
        fc.constantFrom('r1', 'r2', 'r10', '前端', '\u001b[31m'),
      ),
      { maxLength: 14 },
    ),
    wires: fc.array(fc.record({ a: fc.nat(), b: fc.nat(), up: fc.boolean(), bridge: fc.boolean() }), { maxLength: 30 }),
  })
  .map(({ names, wires }) => {
    const build = lab();
    const usable = names.filter((name) => !name.includes('/') && name !== 'host');
    for (const name of usable) build.ns(name);
    const all = ['host', ...usable];
    const bridged = new Map<string, string[]>();
    wires.forEach((wire, i) => {
      const a = all[wire.a % all.length]!;
      const b = all[wire.b % all.length]!;
      build.veth(`${a}/v${i}a`, `${b}/v${i}b`, { up: wire.up, a: [`10.0.${i}.1/24`] });
      if (wire.bridge) bridged.set(a, [...(bridged.get(a) ?? []), `v${i}a`]);
    });
    for (const [name, ports] of bridged) build.bridge(`${name}/br0`, ports);
    return build.build();
  });

/** The pieces of a wire as cells, without its ends on the borders. */
function* cells(drawing: WiringDrawing): Generator<{ id: string; x: number; y: number; horizontal: boolean }> {
  for (const { wire, from, to, track } of drawing.layout.wires) {
    const turn = track ?? to.x;
    for (const [end, y] of [
      [from.x, from.y],
      [to.x, to.y],
    ] as const) {
      if (track === null && y === to.y && end === to.x) continue;
      for (let x = Math.min(end, turn); x <= Math.max(end, turn); x++)
        if (x !== from.x && x !== to.x) yield { id: wire.id, x, y, horizontal: true };
    }
    if (track !== null)
      for (let y = Math.min(from.y, to.y); y <= Math.max(from.y, to.y); y++)
        yield { id: wire.id, x: track, y, horizontal: false };
  }
}

test('in every drawing lines are exactly as wide as asked, boxes are apart and no wire passes through a box', () => {
  fc.assert(
    fc.property(
      anyLab,
      fc.integer({ min: 20, max: 140 }),
      fc.constantFrom('en' as const, 'zh' as const),
      fc.boolean(),
      fc.constantFrom(5, 1000),
      (snapshot, width, lang, unicode, height) => {
        const drawing = drawWiring(wiringModel({ snapshot }), { width, height, lang, unicode, selected: null });
        for (const one of drawing.lines) {
          assert.equal(lineWidth(one), width);
          assert.doesNotMatch(plainText(one), /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
        }
        const { boxes } = drawing.layout;
        for (const [i, a] of boxes.entries()) {
          assert.ok(a.x >= 0 && a.x + a.width <= width && a.y >= 0);
          for (const b of boxes.slice(i + 1)) {
            // Boxes above each other may share one border, no more.
            const border = height === 5 ? 1 : 0;
            const apart =
              a.x + a.width <= b.x ||
              b.x + b.width <= a.x ||
              a.y + a.height - border <= b.y ||
              b.y + b.height - border <= a.y;
            assert.ok(apart, `boxes ${a.box.label} and ${b.box.label} overlap`);
          }
        }
        const used = new Map<string, { id: string; horizontal: boolean }[]>();
        for (const cell of cells(drawing)) {
          assert.ok(cell.x >= 0 && cell.x < width);
          for (const box of boxes) {
            const inside =
              cell.x >= box.x && cell.x < box.x + box.width && cell.y >= box.y && cell.y < box.y + box.height;
            assert.ok(!inside, `wire ${cell.id} runs through box ${box.box.label}`);
          }
          const key = `${cell.x},${cell.y}`;
          used.set(key, [...(used.get(key) ?? []), cell]);
        }
        for (const [key, there] of used) {
          const ids = new Set(there.map((cell) => cell.id));
          if (ids.size < 2) continue;
          assert.equal(ids.size, 2, `three wires in cell ${key}`);
          assert.equal(there.length, 2, `a wire turns on another wire in cell ${key}`);
          assert.notEqual(there[0]!.horizontal, there[1]!.horizontal, `two wires lie on each other in cell ${key}`);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('every namespace, link and wire of a snapshot is in the drawing', () => {
  fc.assert(
    fc.property(anyLab, fc.integer({ min: 44, max: 140 }), (snapshot, width) => {
      const model = wiringModel({ snapshot });
      const drawing = drawWiring(model, { width, lang: 'en', unicode: true, selected: null });
      const whole = text(drawing.lines);
      const placed = new Set(drawing.layout.boxes.flatMap((box) => box.rows.map((row) => row.item)));
      for (const network of snapshot.networks) {
        assert.ok(drawing.layout.boxes.some((box) => box.box.id === network.id));
        for (const link of network.links) {
          if (link.kind === 'loopback') continue;
          assert.ok(placed.has(`${network.id}/${link.index}`), `${network.label}/${link.name} has no row`);
          assert.ok(whole.includes(visible(link.name)), `${link.name} is not readable`);
        }
      }
      const drawn = new Set(drawing.layout.wires.map((wire) => wire.wire.id));
      for (const wire of model.wires) {
        const told = drawing.layout.connectors.has(wire.from) && drawing.layout.connectors.has(wire.to);
        assert.ok(drawn.has(wire.id) || told, `wire ${wire.id} is neither drawn nor told`);
      }
    }),
    { numRuns: 100 },
  );
});

test('a drawing is a function of its facts: equal snapshots give equal drawings', () => {
  fc.assert(
    fc.property(anyLab, fc.integer({ min: 30, max: 120 }), (snapshot, width) => {
      assert.equal(text(drawingOf(snapshot, width).lines), text(drawingOf(structuredClone(snapshot), width).lines));
    }),
    { numRuns: 30 },
  );
});

test('adding a namespace leaves the order of boxes and of interfaces as it was', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 0, max: 10 }),
      fc.constantFrom(40, 60, 100),
      (count, added, width) => {
        const make = (extra: boolean): Snapshot => {
          const build = lab();
          const ports: string[] = [];
          const numbers = [...Array(count).keys()].map((i) => i * 2);
          if (extra) numbers.push(added * 2 + 1);
          for (const i of numbers) {
            build.ns(`r${i}`).veth(`host/v${i}`, `r${i}/eth0`);
            ports.push(`v${i}`);
          }
          return build.bridge('host/br0', ports).build();
        };
        const sequence = (snapshot: Snapshot): string[] =>
          drawingOf(snapshot, width).layout.boxes.flatMap((box) =>
            box.rows.filter((row) => row.port !== null).map((row) => `${box.box.label}/${row.port!.name}`),
          );
        const before = sequence(make(false));
        const after = sequence(make(true)).filter((one) => before.includes(one));
        assert.deepEqual(after, before);
      },
    ),
    { numRuns: 60 },
  );
});

test('wires of a bridge with its namespaces are straight lines', () => {
  const drawing = drawingOf(SCENES['twelve']!.snapshot, 100);
  assert.equal(drawing.layout.wires.length, 12);
  for (const wire of drawing.layout.wires) assert.equal(wire.from.y, wire.to.y);
});

test('twelve namespaces on a bridge fit 100x30 without scrolling, because boxes then share borders', () => {
  const view = renderWiring(100, 30, input(SCENES['twelve']!), STATE);
  assert.equal(view.lines.length, 30);
  const whole = text(view.lines);
  for (let i = 1; i <= 12; i++) assert.match(whole, new RegExp(`├─+┤ ○ veth${i}\\.2 ▲up 10\\.1\\.0\\.${10 + i}/24`));
  assert.ok(renderWiring(100, 20, input(SCENES['twelve']!), STATE).lines.length > 20, 'a lower pane scrolls');
});

test('a wire for which the channel has no room is told in words at both ends', () => {
  const drawing = drawingOf(SCENES['twelve']!.snapshot, 38);
  const told = drawing.layout.connectors.size;
  assert.ok(told > 0);
  assert.equal(told + 2 * drawing.layout.wires.length, 24);
  assert.match(text(drawing.lines), /→ r12\/veth12\.2/);
});

test('the filter keeps boxes that match and counts the others; zoom keeps a box and its neighbours', () => {
  const snapshot = SCENES['twelve']!.snapshot;
  const filtered = renderWiring(60, 20, input({ snapshot }, { filter: '10.1.0.15' }), STATE);
  assert.match(text(filtered.lines), /┌─ r5 ─/);
  assert.match(text(filtered.lines), /\+12 more/);
  assert.doesNotMatch(text(filtered.lines), /r6/);
  const r5 = snapshot.networks.find((network) => network.label === 'r5')!;
  const zoomed = wiringModel({ snapshot, zoom: r5.id });
  assert.deepEqual(
    zoomed.boxes.map((box) => box.label),
    ['host', 'r5'],
  );
  assert.equal(zoomed.hidden, 11);
  assert.match(
    text(renderWiring(60, 20, input({ snapshot }, { filter: 'nowhere' }), STATE).lines),
    /nothing matches the filter/,
  );
});

test('the goal is drawn dashed until it is met, and moves nothing when it is', () => {
  const scene = SCENES['goal']!;
  const model = wiringModel({ snapshot: scene.snapshot, goal: goalGhostOf(scene.ghosts!, scene.snapshot.networks) });
  const ghost = drawWiring(model, { width: 60, lang: 'en', unicode: true, selected: null });
  assert.match(text(ghost.lines), /╭╌ r2 ◌goal ╌/);
  assert.match(text(ghost.lines), /◌10\.1\.0\.2\/24/);
  assert.ok(model.wires.some((wire) => wire.mark === 'ghost'));
  const done = lab()
    .ns('r1')
    .veth('host/veth1.1', 'r1/veth1.2', { b: ['10.1.0.2/24'] })
    .ns('r2')
    .veth('host/veth2.1', 'r2/veth2.2')
    .build();
  const met = wiringModel({ snapshot: done, goal: goalGhostOf(scene.ghosts!, done.networks) });
  assert.equal(
    met.boxes.flatMap((box) => flatPorts(box.ports)).some((port) => port.mark === 'ghost'),
    false,
  );
  assert.deepEqual(
    met.boxes.map((box) => box.label),
    model.boxes.map((box) => box.label),
  );
});

test('what is new, changed or gone carries a word besides its colour', () => {
  const scene = SCENES['fresh']!;
  const drawn = text(renderWiring(100, 30, input(scene), STATE).lines);
  assert.match(drawn, /r1 \+new/);
  assert.match(drawn, /veth1\.2 ▲up \+new \+10\.1\.0\.2\/24/);
  assert.match(drawn, /veth1\.1 ▲up ~changed/);
  assert.match(drawn, /veth1\.2 ×gone/);
  assert.match(drawn, /r9 ×gone/);
});

test('lines that cross are drawn as crossing, wires that meet a border as joined to it', () => {
  const canvas = new Canvas(5);
  canvas.frame(0, 0, 5, 3);
  canvas.horizontal(4, 4, 1);
  canvas.vertical(2, 0, 2, { weight: 2 });
  assert.deepEqual(canvas.lines().map(plainText), ['┌─┰─┐', '│ ┃ │', '└─┸─┘']);
  const cross = new Canvas(3);
  cross.horizontal(0, 2, 1);
  cross.vertical(1, 0, 2);
  assert.deepEqual(cross.lines().map(plainText), [' ╷ ', '╶┼╴', ' ╵ ']);
});

test('text on a canvas never leaves half a wide glyph behind', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 11 }), fc.constantFrom('中文', 'ab', '字', 'x'))),
      (puts) => {
        const canvas = new Canvas(12);
        canvas.grow(1);
        for (const [x, what] of puts) canvas.text(x, 0, [{ text: what }]);
        assert.equal(lineWidth(canvas.lines()[0]!), 12);
      },
    ),
  );
});
