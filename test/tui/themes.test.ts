import assert from 'node:assert/strict';
import test from 'node:test';
import { StyleTable } from '../../src/tui/screen/styles.js';
import { detectTerminal } from '../../src/tui/screen/terminal.js';
import type { Role } from '../../src/tui/text/styled.js';
import { ANSI_RGB, contrast, nearest256, paletteRgb } from '../../src/tui/theme/colour.js';
import { Palette } from '../../src/tui/theme/resolve.js';
import { THEME_IDS, THEMES } from '../../src/tui/theme/themes.js';

const LEAST = { dark: 4.5, light: 4.5, 'high-contrast': 7 } as const;

for (const [id, least] of Object.entries(LEAST) as [keyof typeof LEAST, number][])
  test(`${id}: every role has a contrast of at least ${least}:1, in truecolor, 256 and sixteen colours`, () => {
    const theme = THEMES[id];
    for (const [role, look] of Object.entries(theme.roles)) {
      const fg = look.fg!;
      const bg = look.bg ?? theme.bg!;
      assert.ok(contrast(fg, bg) >= least, `${role}: ${contrast(fg, bg).toFixed(1)}`);
      const reduced = contrast(paletteRgb(nearest256(fg)), paletteRgb(nearest256(bg)));
      assert.ok(reduced >= least * 0.95, `${role} in 256 colours: ${reduced.toFixed(1)}`);
      if (id === 'high-contrast') {
        const sixteen = contrast(ANSI_RGB[look.ansi!]!, ANSI_RGB[look.ansiBg ?? theme.ansiBg]!);
        assert.ok(sixteen >= least, `${role} in 16 colours: ${sixteen.toFixed(1)}`);
      }
    }
  });

test('no role that has a meaning is told by colour alone: in mono its look differs from plain text or a glyph goes with it', () => {
  const styles = new StyleTable();
  const mono = new Palette('mono', 'mono', styles);
  const plain = mono.id({ role: 'text' });
  for (const role of [
    'selected',
    'added',
    'changed',
    'removed',
    'ghost',
    'error',
    'warn',
    'title-focus',
    'bar',
    'code',
    'heading',
    'link',
    'muted',
    'key',
  ] as Role[])
    assert.notEqual(mono.id({ role }), plain, role);
  assert.notEqual(mono.id({ role: 'title-focus' }), mono.id({ role: 'title' }), 'focus');
});

test('mono and NO_COLOR send no colour at all, whatever the theme', () => {
  for (const theme of THEME_IDS) {
    const styles = new StyleTable();
    const palette = new Palette(theme, 'mono', styles);
    for (const role of Object.keys(THEMES.dark.roles) as Role[]) {
      const { fg, bg } = styles.style(palette.id({ role }));
      assert.deepEqual([fg, bg], [-1, -1]);
    }
  }
  assert.equal(detectTerminal({ TERM: 'xterm-256color', NO_COLOR: '1' }).depth, 'mono');
  assert.equal(detectTerminal({ TERM: 'xterm-256color', NO_COLOR: '' }).depth, '256');
});

test('what a terminal is taken to be able to do', () => {
  assert.equal(detectTerminal({ TERM: 'xterm', COLORTERM: 'truecolor' }).depth, 'truecolor');
  assert.equal(detectTerminal({ TERM: 'tmux-256color' }).depth, '256');
  assert.equal(detectTerminal({ TERM: 'linux' }).depth, '16');
  assert.equal(detectTerminal({ TERM: 'vt220' }).unicode, false);
  assert.equal(detectTerminal({ TERM: 'dumb' }).addressable, false);
  assert.equal(detectTerminal({}).addressable, false);
});

test('styles: equal ones have one number, sequences are exact, the table can be emptied', () => {
  const styles = new StyleTable();
  const id = styles.intern(0x1000000 | 0x102030, 9, 1 | 2);
  assert.equal(styles.intern(0x1000000 | 0x102030, 9, 1 | 2), id);
  assert.equal(styles.sequence(id), '\x1b[0;1;4;38;2;16;32;48;101m');
  assert.equal(styles.sequence(styles.intern(-1, -1, 0)), '\x1b[m');
  assert.equal(styles.sequence(styles.intern(3, 200, 0)), '\x1b[0;33;48;5;200m');
  for (let i = 0; i < 30_000 && !styles.full; i++) styles.intern(0x1000000 | i, -1, 0);
  assert.ok(styles.full);
  styles.clear();
  assert.equal(styles.full, false);
});
