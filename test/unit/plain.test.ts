/** The plain text: the same facts as the picture, one a line, nothing that a screen reader stumbles over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, Snapshot } from '../../engine/api/types.js';
import { plainChange } from '../../src/plain/changes.js';
import { exportWiring, WIRING_FORMATS } from '../../src/plain/export-wiring.js';
import { plainLookup } from '../../src/plain/layers.js';
import { plainLedger } from '../../src/plain/ledger.js';
import { PLAIN_PARTS, plainSnapshot } from '../../src/plain/snapshot.js';
import { visible } from '../../src/tui/viewmodels/safe-text.js';
import { assertGolden } from '../helpers/golden.js';
import { cgroupLab, containerLab, LEDGER, layersLab } from '../helpers/panel-scenes.js';
import { SCENES } from '../helpers/wiring-scenes.js';

const LANGS = ['en', 'zh'] as const;

function all(): [string, Snapshot][] {
  return [
    ...Object.entries(SCENES).map(([name, scene]): [string, Snapshot] => [name, scene.snapshot]),
    ['container', containerLab().build()],
    ['cgroups', cgroupLab('v1', 4)],
    ['layers', layersLab()],
  ];
}

test('plain text of every part is as its golden text', () => {
  for (const lang of LANGS) {
    assertGolden(
      `picture/plain-nat.${lang}.txt`,
      plainSnapshot(SCENES['nat']!.snapshot, { lang, parts: ['wiring'] }).join('\n'),
    );
    assertGolden(
      `picture/plain-tunnels.${lang}.txt`,
      plainSnapshot(SCENES['tunnels']!.snapshot, { lang, parts: ['wiring'] }).join('\n'),
    );
    assertGolden(`picture/plain-container.${lang}.txt`, plainSnapshot(containerLab().build(), { lang }).join('\n'));
    assertGolden(
      `picture/plain-cgroups.${lang}.txt`,
      plainSnapshot(cgroupLab('v1', 4), { lang, parts: ['cgroups'] }).join('\n'),
    );
    assertGolden(
      `picture/plain-layers.${lang}.txt`,
      plainSnapshot(layersLab(), { lang, parts: ['layers'] }).join('\n'),
    );
  }
});

test('no box drawing, no block graphics, no braille, no control character in any language', () => {
  for (const [name, snapshot] of all()) {
    for (const lang of LANGS) {
      for (const one of plainSnapshot(snapshot, { lang })) {
        assert.doesNotMatch(
          one,
          /[\u2500-\u25ff\u2800-\u28ff\u0000-\u001f\u007f-\u009f\u202a-\u202e]/,
          `${name}: ${one}`,
        );
        assert.equal(one, one.trimEnd());
      }
    }
  }
});

test('the wiring in words has every namespace, link, address and both ends of every wire', () => {
  for (const [name, snapshot] of all()) {
    for (const lang of LANGS) {
      const text = plainSnapshot(snapshot, { lang, parts: ['wiring'] }).join('\n');
      for (const network of snapshot.networks) {
        assert.ok(text.includes(network.id), `${name}: ${network.id}`);
        for (const link of network.links) {
          assert.ok(text.includes(visible(link.name)), `${name}: ${link.name}`);
          for (const address of link.addresses)
            assert.ok(text.includes(`${address.address}/${address.prefix}`), `${name}: ${address.address}`);
          if (link.peer?.name != null)
            assert.ok(
              text.includes(lang === 'zh' ? `的 ${visible(link.peer.name)}` : `wired to ${visible(link.peer.name)}`),
              `${name}: ${link.peer.name}`,
            );
        }
      }
    }
  }
});

test('English text has no Chinese in it, Chinese text no English sentence', () => {
  for (const snapshot of [SCENES['nat']!.snapshot, cgroupLab('v2', 4), layersLab()]) {
    const ours = plainSnapshot(snapshot, { lang: 'en' }).join('\n').replaceAll('中文', '');
    assert.doesNotMatch(ours, /[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]/);
    const theirs = plainSnapshot(snapshot, { lang: 'zh' }).join('\n');
    assert.doesNotMatch(theirs, /\b(wired|port of|kept alive|processes|interface|limit|from)\b/);
  }
});

test('one part has no heading, several parts have one each; the filter narrows and counts', () => {
  const { snapshot } = SCENES['nat']!;
  assert.equal(plainSnapshot(snapshot, { lang: 'en', parts: ['wiring'] })[0], 'network namespaces: 4');
  const headings = plainSnapshot(snapshot, { lang: 'en' }).filter((one) =>
    ['Wiring', 'Namespaces', 'Processes', 'Cgroups', 'Layers'].includes(one),
  );
  assert.equal(headings.length, PLAIN_PARTS.length - 1, 'a lab without containers has no heading for them');
  const narrowed = plainSnapshot(snapshot, { lang: 'en', parts: ['wiring'], filter: 'VETH1.2' });
  assert.ok(narrowed.includes('+3 more'));
});

test('a change is one sentence in each language', () => {
  const change: Change = {
    seq: 1,
    at: Date.UTC(2026, 0, 1),
    kind: 'changed',
    object: 'sysctl',
    key: 'k',
    place: 'host',
    name: 'net.ipv4.ip_forward',
    before: '0',
    after: '1',
  };
  assert.match(plainChange(change, 'en'), /^\d\d:\d\d:\d\d changed sysctl net\.ipv4\.ip_forward in host: 0 → 1$/);
  assert.match(plainChange(change, 'zh'), /变更内核参数 net\.ipv4\.ip_forward（位于 host）: 0 → 1$/);
  assert.match(
    plainChange({ ...change, kind: 'added', object: 'link', name: '\u001b[2J', before: undefined, after: {} }, 'en'),
    /added interface \\x1b\[2J in host$/,
  );
});

test('the ledger in words: one line each, or with its explanation', () => {
  const short = plainLedger(LEDGER, 'en');
  assert.equal(short.length, 3);
  assert.match(short[0]!, /engine: mount -t proc .* proc \/proc = 0 \(12\.3 µs\)$/);
  assert.match(short[2]!, /lesson: write\(.*failed EROFS$/);
  const long = plainLedger(LEDGER, 'zh', { explain: true, filter: 'proc file' });
  assert.ok(long.some((one) => one.includes('挂载一个 proc 文件系统')));
  assert.ok(long.includes('+2 项未显示'));
});

test('the lookup of a path in words', () => {
  const lines = plainLookup(layersLab().overlays[0]!, '/deleted.txt', 'en');
  assert.deepEqual(lines, ['upper /mnt/up: whiteout: the path is deleted here, layers below are not asked']);
});

test('the wiring as text, SVG, Mermaid and JSON is as its golden file', () => {
  for (const format of WIRING_FORMATS)
    assertGolden(`picture/export-nat.${format}.txt`, exportWiring(SCENES['nat']!.snapshot, format));
  assertGolden('picture/export-hostile.mermaid.txt', exportWiring(SCENES['hostile']!.snapshot, 'mermaid'));
});

test('SVG is well-formed whatever the names are, and has every box and wire', () => {
  for (const [name, snapshot] of all()) {
    const svg = exportWiring(snapshot, 'svg');
    assert.doesNotMatch(svg, /[\u0000-\u0009\u000b-\u001f]/, name);
    const open: string[] = [];
    for (const tag of svg.matchAll(/<(\/?)([a-z]+)((?:\s+[a-zA-Z0-9:-]+="[^"<&]*")*)\s*(\/?)>|<|&(?!#\d+;)/g)) {
      assert.ok(tag[2] !== undefined, `${name}: stray ${tag[0]} at ${tag.index}`);
      if (tag[1] === '/') assert.equal(open.pop(), tag[2]);
      else if (tag[4] !== '/') open.push(tag[2]);
    }
    assert.deepEqual(open, []);
    assert.equal(svg.match(/<rect class="box/g)?.length, snapshot.networks.length);
  }
  assert.equal(exportWiring(SCENES['twelve']!.snapshot, 'svg').match(/<path class="wire/g)?.length, 12);
});

test('Mermaid labels cannot break out of their quotes; JSON names both ends of a wire by namespace and link', () => {
  const mermaid = exportWiring(SCENES['hostile']!.snapshot, 'mermaid');
  for (const one of mermaid.split('\n')) assert.ok((one.match(/"/g)?.length ?? 0) % 2 === 0, one);
  const parsed = JSON.parse(exportWiring(SCENES['veth-pair']!.snapshot, 'json')) as {
    wires: unknown;
    namespaces: { label: string }[];
  };
  assert.deepEqual(parsed.wires, [
    {
      kind: 'veth',
      from: { namespace: 'host', link: 'veth1.1' },
      to: { namespace: 'r1', link: 'veth1.2' },
      live: true,
    },
  ]);
  assert.deepEqual(
    parsed.namespaces.map((one) => one.label),
    ['host', 'r1'],
  );
});
