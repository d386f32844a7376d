/** The large chart of the cgroups tab: its scale, its bounds, and what it costs on the wire. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cgroupsPanel } from '../../src/tui/picture/cgroups-panel.js';
import { loadLineChart } from '../../src/tui/picture/line-chart.js';
import { lineWidth, padLine } from '../../src/tui/text/fit.js';
import { plainText, type StyledLine } from '../../src/tui/text/styled.js';
import { cgroupLab } from '../helpers/panel-scenes.js';
import { bareScreen, wrongCells } from './oracle.js';

const draw = await loadLineChart();
const text = (lines: readonly StyledLine[]): string => lines.map(plainText).join('\n');

test('the scale names its top, its parts and zero; the line is where the values are', () => {
  const options = { width: 60, height: 12, top: 100, parts: 4, added: 4, role: 'series-1' } as const;
  const shown = text(draw([0, 0, 100, 100], options)).split('\n');
  assert.equal(shown.length, 12);
  assert.deepEqual(
    shown.flatMap((row) => /^ *(\d+)/.exec(row)?.[1] ?? []),
    ['100', '75', '50', '25', '0'],
  );
  const line = draw([100, 100, 100, 100], options).findIndex((row) =>
    row.some((part) => part.style?.role === 'series-1'),
  );
  assert.equal(line, 0, 'the top of the scale is the first row');
  assert.doesNotMatch(text(draw([1], options)) + text(draw([], options)), /null|NaN|undefined/);
});

test('any values, sizes and gaps stay within the bounds and hold no control characters', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.double({ min: -1e9, max: 1e12, noNaN: true })), { maxLength: 300 }),
      fc.integer({ min: 36, max: 160 }),
      fc.integer({ min: 6, max: 16 }),
      fc.constantFrom(0.5, 1, 7, 100, 512, 1e6),
      (values, width, height, top) => {
        const rows = draw(values, { width, height, top, parts: 4, added: values.length, role: 'series-2' });
        assert.equal(rows.length, height);
        for (const row of rows) assert.ok(lineWidth(row) <= width, `${lineWidth(row)} of ${width}`);
        assert.doesNotMatch(text(rows), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]|null|NaN/);
      },
    ),
    { numRuns: 60 },
  );
});

test('a tick writes at most 3 KB on a pane of 200x60, the same values nothing; every cell is as meant', async (t) => {
  const { screen, out, paint } = bareScreen(200, 60);
  let noise = 1;
  const values = Array.from({ length: 400 }, (_, i) => {
    noise = (noise * 48271) % 2147483647;
    return 50 + 35 * Math.sin(i / 6) + 10 * (noise / 2147483647);
  });
  const show = (count: number): Promise<void> =>
    paint(() => {
      const rows = draw(values.slice(0, count), {
        width: 200,
        height: 16,
        top: 100,
        parts: 4,
        added: count,
        role: 'series-1',
      });
      for (const [y, row] of rows.entries()) screen.canvas.line(0, y, 200, padLine(row, 200));
    });
  await show(300);
  out.takeBytes();
  await show(300);
  assert.equal(out.takeBytes(), 0);
  const costs: number[] = [];
  for (let count = 301; count < 331; count++) {
    await show(count);
    costs.push(out.takeBytes());
    assert.deepEqual(wrongCells(screen, out), []);
  }
  t.diagnostic(`${Math.max(...costs)} bytes at the most`);
  assert.ok(Math.max(...costs) <= 3072, `bytes of 30 ticks: ${costs.join(' ')}`);
  screen.destroy();
});

test('the cgroups tab draws it for one metric where there is room, and the small chart elsewhere', () => {
  const panel = cgroupsPanel();
  const sizes = { large: [100, 30], low: [100, 14], narrow: [30, 30] } as const;
  let state = panel.initial();
  for (let tick = 0; tick <= 12; tick++)
    state = panel.onSnapshot!({ snapshot: cgroupLab('v1', tick), changes: [] }, state);
  const render = (
    size: keyof typeof sizes,
    charts: typeof state.charts,
    unicode = true,
    lang: 'en' | 'zh' = 'en',
  ): string => {
    const input = {
      lang,
      snapshot: cgroupLab('v1', 12),
      fresh: [],
      ghosts: [],
      filter: '',
      focused: true,
      now: 0,
      unicode,
    };
    const { lines } = panel.render(sizes[size][0], sizes[size][1], input, { ...state, charts, selected: '/web' });
    for (const one of lines) assert.equal(lineWidth(one), sizes[size][0]);
    return text(lines);
  };
  assert.match(render('large', 'memory'), /memory \(MiB\) .*\/web\s+64[⡇⢸][\s\S]*\n *32[⡇⢸][\s\S]*\n *0 *[⡇⢸]/);
  assert.match(render('large', 'memory', true, 'zh'), /内存 \(MiB\)/);
  assert.match(render('large', 'cpu'), /cpu \(%\) [\s\S]*\n *50 *[⡇⢸]/);
  assert.doesNotMatch(render('large', 'all'), /MiB\)/);
  for (const small of [render('low', 'memory'), render('narrow', 'memory'), render('large', 'memory', false)])
    assert.doesNotMatch(small, /\(MiB\)/);
});
