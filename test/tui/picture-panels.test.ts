/** The panels of the picture beside the drawing of the wiring: golden texts, keys, charts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Change } from '../../engine/api/types.js';
import type { Key } from '../../src/tui/input/keys.js';
import type { Panel, PanelEffects, PanelInput } from '../../src/tui/panel.js';
import { type CgroupsState, cgroupsPanel } from '../../src/tui/picture/cgroups-panel.js';
import { chart, gauge, niceTop } from '../../src/tui/picture/chart.js';
import { picturePanels } from '../../src/tui/picture/index.js';
import { layersPanel } from '../../src/tui/picture/layers-panel.js';
import { namespacesPanel } from '../../src/tui/picture/namespaces-panel.js';
import { wiringPanel } from '../../src/tui/picture/wiring-panel.js';
import { lineWidth } from '../../src/tui/text/fit.js';
import { plainText } from '../../src/tui/text/styled.js';
import { assertGolden } from '../helpers/golden.js';
import { cgroupLab, containerLab, layersLab } from '../helpers/panel-scenes.js';
import { lab } from '../helpers/snapshot-builder.js';
import { SCENES } from '../helpers/wiring-scenes.js';

const SIZES = [
  [38, 18],
  [60, 20],
  [100, 30],
] as const;

function input(more: Partial<PanelInput> = {}): PanelInput {
  return {
    lang: 'en',
    snapshot: null,
    fresh: [],
    ghosts: [],
    filter: '',
    focused: true,
    now: 0,
    unicode: true,
    ...more,
  };
}

function key(name: string): Key {
  return { name, ctrl: false, alt: false, shift: false, raw: name };
}

interface Told {
  copied: string[];
  typed: string[];
  effects: PanelEffects;
}

function effects(): Told {
  const copied: string[] = [];
  const typed: string[] = [];
  return {
    copied,
    typed,
    effects: { copy: (text) => copied.push(text), toast: () => undefined, typeInShell: (text) => typed.push(text) },
  };
}

function press<S>(panel: Panel<S>, state: S, names: readonly string[], given: PanelInput, told: Told = effects()): S {
  let at = state;
  for (const name of names) at = panel.onKey?.(key(name), at, given, told.effects) ?? at;
  return at;
}

function rendered<S>(panel: Panel<S>, state: S, given: PanelInput, width: number, height: number): string {
  const view = panel.render(width, height, given, state);
  for (const [i, one] of view.lines.entries()) {
    assert.equal(lineWidth(one), width, `row ${i} of ${panel.id}: ${plainText(one)}`);
    assert.doesNotMatch(plainText(one), /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
  }
  return view.lines.map(plainText).join('\n');
}

function goldens<S>(name: string, panel: Panel<S>, state: S, more: Partial<PanelInput>): void {
  for (const [width, height] of SIZES) {
    for (const lang of ['en', 'zh'] as const) {
      assertGolden(
        `picture/${name}-${width}x${height}.${lang}.txt`,
        rendered(panel, state, input({ lang, ...more }), width, height),
      );
    }
  }
}

function withHistory(panel: Panel<CgroupsState>, mode: 'v1' | 'v2', ticks: number): CgroupsState {
  let state = panel.initial();
  for (let tick = 0; tick <= ticks; tick++)
    state = panel.onSnapshot!({ snapshot: cgroupLab(mode, tick), changes: [] }, state);
  return state;
}

test('namespaces by owner, by kind and as processes are as their golden texts', () => {
  const panel = namespacesPanel();
  const snapshot = containerLab().build();
  for (const view of ['owner', 'kind', 'processes'] as const)
    goldens(`namespaces-${view}`, panel, { ...panel.initial(), view }, { snapshot });
});

test('cgroups of both dialects, with charts, are as their golden texts', () => {
  for (const mode of ['v1', 'v2'] as const) {
    const panel = cgroupsPanel();
    goldens(
      `cgroups-${mode}`,
      panel,
      { ...withHistory(panel, mode, 12), selected: '/web' },
      { snapshot: cgroupLab(mode, 12) },
    );
  }
});

test('overlay stacks are as their golden texts', () => {
  const panel = layersPanel();
  goldens('layers', panel, panel.initial(), { snapshot: layersLab() });
});

test('every panel draws within its width in both languages, with and without Unicode, also before the first snapshot', () => {
  const snapshots = [
    null,
    containerLab().build(),
    cgroupLab('v1', 3),
    layersLab(),
    ...Object.values(SCENES).map((scene) => scene.snapshot),
  ];
  for (const panel of picturePanels()) {
    for (const snapshot of snapshots) {
      for (const width of [1, 2, 7, 20, 38, 120]) {
        for (const unicode of [true, false]) {
          for (const lang of ['en', 'zh'] as const)
            rendered(panel, panel.initial(), input({ snapshot, unicode, lang }), width, 12);
        }
      }
    }
  }
});

test('without Unicode no panel draws a character outside ASCII, except names and Chinese text', () => {
  for (const panel of picturePanels()) {
    for (const snapshot of [
      containerLab().build(),
      cgroupLab('v1', 3),
      SCENES['nat']!.snapshot,
      SCENES['tunnels']!.snapshot,
    ]) {
      assert.match(rendered(panel, panel.initial(), input({ snapshot, unicode: false }), 80, 40), /^[ -~\n]*$/);
    }
  }
});

test('wiring: select, follow the wire, open the facts, zoom, copy', () => {
  const panel = wiringPanel();
  const given = input({ snapshot: SCENES['bridge-of-three']!.snapshot });
  panel.render(60, 20, given, panel.initial());
  const told = effects();
  const bridge = press(panel, panel.initial(), ['j', 'j', 'j'], given);
  const port = press(panel, bridge, ['j'], given);
  const far = press(panel, port, ['w'], given);
  const r1 = given.snapshot!.networks.find((network) => network.label === 'r1')!;
  assert.equal(far.selected, `${r1.id}/2`);
  const detail = press(panel, far, ['enter', 'y'], given, told);
  const text = rendered(panel, detail, given, 60, 20);
  assert.match(text, /other end +host\/veth1\.1/);
  assert.match(text, /ip netns exec r1 ip -d -s link show dev veth1\.2/);
  assert.match(told.copied[0] ?? '', /^r1\/veth1\.2\n/);
  press(panel, far, ['e'], given, told);
  assert.deepEqual(told.typed, ['ip netns exec r1 ip -d -s link show dev veth1.2']);
  const zoomed = press(panel, far, ['b'], given);
  assert.equal(zoomed.zoom, r1.id);
  assert.doesNotMatch(rendered(panel, zoomed, given, 60, 20), /r2/);
  assert.equal(press(panel, zoomed, ['escape', 'escape'], given).selected, null);
  assert.equal(panel.onKey!(key('pagedown'), far, given, told.effects), null, 'scrolling is left to the frame');
});

test('wiring: left and right change columns, a click selects, a second click opens', () => {
  const panel = wiringPanel();
  const given = input({ snapshot: SCENES['veth-pair']!.snapshot });
  const view = panel.render(60, 20, given, panel.initial());
  const row = view.lines.findIndex((one) => plainText(one).includes('veth1.1'));
  const host = given.snapshot!.networks.find((network) => network.label === 'host')!;
  const clicked = panel.onClick!(row, 5, panel.initial(), given, effects().effects);
  assert.equal(clicked?.selected, `${host.id}/2`);
  assert.equal(panel.onClick!(row, 5, clicked!, given, effects().effects)?.detail, true);
  const right = press(panel, clicked!, ['right'], given);
  assert.notEqual(right.selected, clicked!.selected);
  assert.equal(press(panel, right, ['left'], given).selected, clicked!.selected);
  assert.equal(
    panel.onKey!(key('right'), right, given, effects().effects),
    null,
    'no third column: the frame may scroll',
  );
});

test('namespaces: shared ones can be hidden, and are counted then', () => {
  const panel = namespacesPanel();
  const given = input({ snapshot: containerLab().build() });
  const all = rendered(panel, panel.initial(), given, 60, 30);
  assert.match(all, /time shared with the machine/);
  const hidden = rendered(panel, press(panel, panel.initial(), ['s'], given), given, 60, 30);
  assert.doesNotMatch(hidden, /shared with the machine/);
  assert.match(hidden, /\+\d+ more/);
  assert.match(hidden, /kept alive by bind mount \/run\/uts\/kept/);
  assert.match(hidden, /file descriptor 7 of process 1/);
});

test('namespaces: processes show the pid on both sides, a removed namespace is shown for a moment', () => {
  const panel = namespacesPanel();
  const gone: Change = { seq: 1, at: 0, kind: 'removed', object: 'namespace', key: 'uts:[99]', place: '', name: 'old' };
  const given = input({ snapshot: containerLab().build(), fresh: [{ ...gone, age: 10 }] });
  assert.match(
    rendered(panel, { ...panel.initial(), view: 'processes' }, given, 80, 30),
    /43 → 2 \[user mnt pid net\] sleep 1000/,
  );
  assert.match(rendered(panel, panel.initial(), given, 80, 30), /uts old ×gone/);
});

test('cgroups: a gauge, a frozen group, oom kills, throttling and the chart are there in words', () => {
  const panel = cgroupsPanel();
  const given = input({ snapshot: cgroupLab('v1', 12) });
  const text = rendered(panel, { ...withHistory(panel, 'v1', 12), selected: '/web' }, given, 80, 40);
  assert.match(text, /cgroup v1: one tree per controller/);
  assert.match(text, /memory [█░]{8} 22M\/64M/);
  assert.match(text, /cpu █{8} 50 %\/50 %/);
  assert.match(text, /❄ frozen/);
  assert.match(text, /oom kills 1/);
  assert.match(text, /throttled 96× 3\.6 s/);
  assert.match(text, /[⠁-⣿]/);
  const one = press(panel, { ...withHistory(panel, 'v1', 12), selected: '/web' }, ['c'], given);
  assert.equal(one.charts, 'cpu');
  const files = rendered(
    panel,
    press(panel, { ...panel.initial(), selected: '/web' }, ['enter'], given),
    given,
    80,
    40,
  );
  assert.match(files, /memory\.limit_in_bytes +64 MiB \(67108864\)/);
  assert.match(files, /cpu\.cfs_quota_us +50000/);
});

test('a tick of the chart changes only its newest cell every other time', () => {
  const values = [...Array(40).keys()].map((i) => (i * 7) % 10);
  let small = 0;
  for (let n = 20; n < 39; n++) {
    const at = (count: number): string =>
      chart(values.slice(0, count), { width: 12, height: 1, top: 10, added: count, unicode: true })[0]!;
    const before = at(n);
    const after = at(n + 1);
    const changed = [...before].filter((cell, i) => cell !== after[i]).length;
    if (changed <= 1) small++;
  }
  assert.ok(small >= 9, `${small} of 19 ticks were small`);
});

test('charts and gauges stay within their bounds and show the newest value at the right', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.double({ min: -10, max: 1e6, noNaN: true })), { maxLength: 100 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      (values, width, height, unicode) => {
        const rows = chart(values, { width, height, top: 100, added: values.length, unicode });
        assert.equal(rows.length, height);
        for (const row of rows) assert.equal([...row].length, width);
      },
    ),
  );
  fc.assert(
    fc.property(fc.double({ min: -1, max: 3, noNaN: true }), fc.integer({ min: 1, max: 30 }), (share, width) => {
      const bar = gauge(share, width, true);
      assert.equal(bar.filled.length + bar.rest.length, width);
      assert.equal(bar.filled.length > 0, share > 0);
    }),
  );
  assert.equal(chart([0, 0, 4], { width: 2, height: 1, top: 4, added: 4, unicode: true })[0], '\u2800⢸');
  assert.deepEqual([0, 1, 1.2, 3, 7, 1000, 1001].map(niceTop), [1, 1, 2, 5, 10, 1000, 2000]);
});

test('layers: copy-up, whiteout and opaque are named, and a path tells where it comes from', () => {
  const panel = layersPanel();
  const given = input({ snapshot: layersLab() });
  const text = rendered(panel, panel.initial(), given, 80, 60);
  assert.match(text, /changed\.txt 2 KiB copied up/);
  assert.match(text, /deleted\.txt whiteout: deleted/);
  assert.match(text, /fresh\/ opaque: hides below/);
  assert.match(text, /base\.txt 100 B ← lower 2/);
  const looked = input({ snapshot: layersLab(), filter: '/mnt/merged/fresh/old' });
  const found = rendered(panel, panel.initial(), looked, 80, 60);
  assert.match(found, /fresh\/old\.txt 100 B hidden by a layer above/);
  const detail = rendered(
    panel,
    press(panel, panel.initial(), ['j', 'j', 'j', 'j', 'j', 'enter'], looked),
    looked,
    80,
    30,
  );
  assert.match(detail, /upper +\/mnt\/up: opaque directory above it/);
});

test('what could not be measured is said where it would stand', () => {
  const snapshot = lab()
    .problem('network', 'netlink dump: permission denied')
    .problem('cgroups', 'no cgroup is mounted')
    .problem('overlays', 'mountinfo: no such process')
    .problem('processes', 'proc is hidden')
    .build();
  const texts = picturePanels().map((panel) => rendered(panel, panel.initial(), input({ snapshot }), 80, 20));
  assert.match(texts[0]!, /! could not be read: netlink dump: permission denied/);
  assert.match(texts[1]!, /! could not be read: proc is hidden/);
  assert.match(texts[2]!, /! could not be read: no cgroup is mounted/);
  assert.match(texts[3]!, /! could not be read: mountinfo: no such process/);
});
