/** Containers by name in every panel and in the plain text: golden texts, whose network it is, hostile names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Snapshot } from '../../engine/api/types.js';
import { exportWiring } from '../../src/plain/export-wiring.js';
import { plainSnapshot } from '../../src/plain/snapshot.js';
import type { Panel, PanelInput } from '../../src/tui/panel.js';
import { cgroupsPanel } from '../../src/tui/picture/cgroups-panel.js';
import { picturePanels } from '../../src/tui/picture/index.js';
import { layersPanel } from '../../src/tui/picture/layers-panel.js';
import { namespacesPanel } from '../../src/tui/picture/namespaces-panel.js';
import { wiringPanel } from '../../src/tui/picture/wiring-panel.js';
import { lineWidth } from '../../src/tui/text/fit.js';
import { plainText } from '../../src/tui/text/styled.js';
import { dockerLab, IDS } from '../helpers/docker-scene.js';
import { assertGolden } from '../helpers/golden.js';

function input(snapshot: Snapshot, more: Partial<PanelInput> = {}): PanelInput {
  return { lang: 'en', snapshot, fresh: [], ghosts: [], filter: '', focused: true, now: 0, unicode: true, ...more };
}

/** No character that a terminal would act on, no bidirectional override. */
const TAME = /^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$/;

function rendered<S>(panel: Panel<S>, state: S, given: PanelInput, width: number, height = 40): string {
  const { lines } = panel.render(width, height, given, state);
  for (const one of lines) assert.equal(lineWidth(one), width, `${panel.id}: ${plainText(one)}`);
  const text = lines.map(plainText).join('\n');
  assert.match(text, TAME);
  return text;
}

function goldens<S>(name: string, panel: Panel<S>, state: S): void {
  for (const width of [38, 78, 118])
    for (const lang of ['en', 'zh'] as const)
      assertGolden(
        `picture/containers-${name}-${width}.${lang}.txt`,
        rendered(panel, state, input(dockerLab(), { lang }), width),
      );
}

test('containers in the wiring, the namespaces, the control groups and the layers are as their golden texts', () => {
  goldens('wiring', wiringPanel(), wiringPanel().initial());
  const namespaces = namespacesPanel();
  goldens('namespaces', namespaces, { ...namespaces.initial(), view: 'kind' });
  goldens('processes', namespaces, { ...namespaces.initial(), view: 'processes' });
  goldens('cgroups', cgroupsPanel(), { ...cgroupsPanel().initial(), charts: 'none' });
  goldens('layers', layersPanel(), layersPanel().initial());
});

test('the plain text and the exports of the wiring say the same', () => {
  for (const lang of ['en', 'zh'] as const)
    assertGolden(`picture/containers-plain.${lang}.txt`, plainSnapshot(dockerLab(), { lang }).join('\n'));
  const json = JSON.parse(exportWiring(dockerLab(), 'json')) as {
    namespaces: { label: string; containers?: unknown }[];
  };
  assert.deepEqual(json.namespaces.find(({ label }) => label === 'container web')?.containers, [
    { id: IDS.web, name: 'web', image: 'nginx:1.27', state: 'running' },
    { id: IDS.db, name: 'db', image: 'busybox', state: 'running' },
  ]);
  assert.match(exportWiring(dockerLab(), 'mermaid'), /web \(111111111111\), nginx:1\.27, running/);
  assert.match(exportWiring(dockerLab(), 'svg'), />■ web</);
});

test('the facts of a container are one key away, with the command that shows them', () => {
  const given = input(dockerLab());
  const net = given.snapshot?.networks.find(({ label }) => label === 'container web')?.id ?? '';
  const wiring = rendered(wiringPanel(), { selected: net, detail: true, zoom: null }, given, 100);
  assert.match(wiring, /web \(111111111111\), nginx:1\.27, running/);
  assert.match(wiring, /db \(222222222222\), busybox, running, in the network of web/);
  assert.match(wiring, /nsenter -t 41 -n ip addr/, 'no `ip netns exec` for a namespace that is not in /run/netns');
  const group = { ...cgroupsPanel().initial(), selected: `/docker/${IDS.app}`, detail: true };
  assert.match(rendered(cgroupsPanel(), group, given, 100), /app \(333333333333\), busybox, paused/);
  const process = { ...namespacesPanel().initial(), selected: 'process:61', detail: true };
  assert.match(rendered(namespacesPanel(), process, given, 100), /docker inspect app/);
});

test('a filter finds a container by its name, its image and its id', () => {
  const shown = (filter: string): string =>
    rendered(wiringPanel(), wiringPanel().initial(), input(dockerLab(), { filter }), 100);
  for (const filter of ['app', '333333333333']) assert.match(shown(filter), /container app/);
  assert.doesNotMatch(shown('nginx'), /container app/);
  const layers = rendered(layersPanel(), layersPanel().initial(), input(dockerLab(), { filter: 'nginx' }), 100);
  assert.match(layers, /■ web/);
  assert.doesNotMatch(layers, /■ app/);
});

test('a layer of the image is unfolded by x, and what the container wrote stands there unasked', () => {
  const panel = layersPanel();
  const given = input(dockerLab());
  const folded = rendered(panel, panel.initial(), given, 100, 200);
  assert.match(folded, /newfile 6 B/);
  assert.match(folded, /etc\/issue 20 B copied up/);
  assert.doesNotMatch(folded, /bin\/busybox/);
  const id = `${given.snapshot?.overlays[0]?.ns}/overlay/${given.snapshot?.overlays[0]?.mountPoint}#2`;
  assert.match(rendered(panel, { ...panel.initial(), expanded: [id] }, given, 100, 200), /bin\/busybox/);
});

test('names and images that people chose cannot act on a terminal', () => {
  const evil = [
    '\u001b]0;owned\u0007',
    'a\u202eb',
    '\u009b31m',
    'x\ny',
    '{bold}{/}',
    '\\'.repeat(9),
    '容器🚀'.repeat(30),
  ];
  for (const word of evil) {
    const snapshot = dockerLab({ name: word, image: word });
    for (const lang of ['en', 'zh'] as const) {
      for (const panel of picturePanels())
        for (const unicode of [true, false]) rendered(panel, panel.initial(), input(snapshot, { lang, unicode }), 60);
      for (const line of plainSnapshot(snapshot, { lang })) assert.match(line, TAME);
      for (const format of ['text', 'svg', 'mermaid'] as const)
        assert.match(exportWiring(snapshot, format, { lang }), TAME);
    }
  }
});

test('without Unicode a container is drawn in ASCII', () => {
  for (const panel of picturePanels())
    assert.match(rendered(panel, panel.initial(), input(dockerLab(), { unicode: false }), 80), /^[ -~\n]*$/);
});
