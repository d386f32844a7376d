import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { buildCommands, type CommandTarget } from '../../src/tui/app/commands.js';
import { arrange, innerRect, PANE_ORDER, type PaneId } from '../../src/tui/layout/arrange.js';
import { PanelPane } from '../../src/tui/layout/panel-pane.js';
import { anyPanel, type Panel, type PanelInput } from '../../src/tui/panel.js';
import { STRINGS } from '../../src/tui/strings.js';
import { line } from '../../src/tui/text/styled.js';
import { FakeLab } from '../helpers/fake-lab.js';
import { bareScreen, startApp } from './oracle.js';

const request = (columns: number, rows: number, focus: PaneId = 'shell', zoomed = false) => ({
  columns,
  rows,
  panes: PANE_ORDER,
  focus,
  side: focus === 'shell' ? ('lesson' as const) : focus,
  zoomed,
});

test('every size: panes lie within the screen, do not overlap, and the focused one is always there', () => {
  fc.assert(
    fc.property(
      fc.nat(320),
      fc.nat(120),
      fc.constantFrom(...PANE_ORDER),
      fc.boolean(),
      fc.boolean(),
      (columns, rows, focus, zoomed, lesson) => {
        const panes = PANE_ORDER.filter((id) => lesson || id !== 'lesson');
        const at = panes.includes(focus) ? focus : 'shell';
        const placed = arrange({ ...request(columns, rows, at, zoomed), panes, side: at === 'shell' ? 'picture' : at });
        assert.equal(placed.fits, columns >= 40 && rows >= 12);
        if (!placed.fits) return;
        assert.ok(
          placed.panes.some((pane) => pane.id === at),
          'the focused pane is shown',
        );
        assert.equal(placed.panes.length + placed.hidden.length, panes.length);
        let area = 0;
        for (const pane of placed.panes) {
          const { x, y, width, height } = pane.rect;
          assert.ok(x >= 0 && y >= 0 && x + width <= columns && y + height <= rows - 1);
          const inner = innerRect(pane);
          assert.ok(inner.width >= 20 && inner.height >= 4, `${pane.id} has room: ${inner.width}x${inner.height}`);
          area += width * height;
          for (const other of placed.panes)
            if (other !== pane)
              assert.ok(
                other.rect.x >= x + width ||
                  other.rect.x + other.rect.width <= x ||
                  other.rect.y >= y + height ||
                  other.rect.y + other.rect.height <= y,
                'no overlap',
              );
        }
        assert.equal(area, columns * (rows - 1), 'no gap');
      },
    ),
  );
});

test('80x24: lesson above, shell of 80 columns below; 120x36 and 200x60 show all four', () => {
  const small = arrange(request(80, 24));
  assert.deepEqual(
    small.panes.map((pane) => [pane.id, innerRect(pane).width, innerRect(pane).height]),
    [
      ['lesson', 80, 13],
      ['shell', 80, 8],
    ],
  );
  assert.deepEqual(small.hidden, ['picture', 'ledger']);
  for (const [columns, rows] of [
    [120, 36],
    [200, 60],
  ] as const)
    assert.equal(arrange(request(columns, rows)).panes.length, 4);
});

test('no key is bound twice, every command has both languages', () => {
  const target = new Proxy(
    {
      panes: PANE_ORDER,
      tabs: [{ id: 'wiring', title: STRINGS.picture }],
      hasLesson: true,
    } as unknown as CommandTarget,
    {},
  );
  const seen = new Map<string, string>();
  for (const command of buildCommands(target, [])) {
    assert.ok(command.title.en !== '' && command.title.zh !== '');
    for (const key of command.keys) {
      assert.equal(seen.get(key), undefined, `${key}: ${seen.get(key)} and ${command.id}`);
      seen.set(key, command.id);
    }
  }
});

test('every sentence exists in both languages with the same blanks to fill', () => {
  for (const [id, { en, zh }] of Object.entries(STRINGS)) {
    assert.ok(en.length > 0 && zh.length > 0, id);
    const blanks = (sentence: string): string[] => [...sentence.matchAll(/\{(\w+)\}/g)].map((m) => m[1]!).sort();
    assert.deepEqual(blanks(en), blanks(zh), id);
  }
});

const INPUT: PanelInput = {
  lang: 'en',
  snapshot: null,
  fresh: [],
  ghosts: [],
  filter: '',
  focused: true,
  now: 0,
  unicode: true,
};
const EFFECTS = { copy: () => undefined, toast: () => undefined, typeInShell: () => undefined };
const key = (name: string) => ({ name, ctrl: false, alt: false, shift: false, raw: name });

test('a panel scrolls, keeps what is selected in sight, and its sticky lines in place', () => {
  const panel: Panel<number> = {
    id: 'rows',
    title: () => 'rows',
    keys: [],
    initial: () => 0,
    render: (_w, _h, _input, selected) => ({
      lines: [line('head'), ...Array.from({ length: 100 }, (_, i) => line(`row ${i}${i === selected ? ' <' : ''}`))],
      reveal: { line: selected + 1 },
      sticky: 1,
    }),
    onKey: (pressed, selected) => (pressed.name === 'n' ? selected + 30 : null),
  };
  const { screen } = bareScreen(20, 10);
  const pane = new PanelPane(anyPanel(panel));
  const rows = (): string[] => {
    pane.paint(screen.canvas, { x: 0, y: 0, width: 20, height: 10 }, INPUT);
    return screen.cells.map((row) =>
      row
        .map((cell) => cell[1])
        .join('')
        .trimEnd(),
    );
  };
  assert.deepEqual(rows().slice(0, 3), ['head', 'row 0 <', 'row 1']);
  pane.key(key('n'), INPUT, EFFECTS);
  assert.ok(rows().includes('row 30 <'));
  assert.equal(rows()[0], 'head');
  pane.key(key('g'), INPUT, EFFECTS);
  assert.equal(rows()[1], 'row 0');
  pane.key(key('G'), INPUT, EFFECTS);
  assert.equal(rows()[9], 'row 99');
  screen.destroy();
});

test('a panel that throws fails alone: its pane says so, the shell works on, and it recovers', async (t) => {
  let broken = true;
  const panel: Panel<number> = {
    id: 'fragile',
    title: () => 'fragile',
    keys: [],
    initial: () => 0,
    render: () => {
      if (broken) throw new Error('planted failure');
      return { lines: [line('all is well')] };
    },
  };
  const app = await startApp(100, 30, { lab: new FakeLab(), lang: 'en', panels: [anyPanel(panel)], prompt: 'lab$ ' });
  t.after(() => app.close());
  await app.until(
    (shown) => shown.includes('planted failure') && shown.includes('this pane has failed: fragile'),
    'the failure',
  );
  await app.type("echo wor''ks\r");
  await app.until((shown) => shown.includes('works'), 'the shell');
  broken = false;
  await app.type('\x073');
  await app.type('j');
  await app.until((shown) => shown.includes('all is well'), 'recovery');
});
