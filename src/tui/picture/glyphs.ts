/** Signs that stand beside every colour, so that nothing is told by colour alone; each with an ASCII form of the same width. */
import type { LinkKind } from '../../../engine/api/types.js';
import type { Role } from '../text/styled.js';
import type { Mark } from '../viewmodels/marks.js';
import type { LinkState } from '../viewmodels/wiring.js';
import type { NoteKind } from '../viewmodels/wiring-notes.js';
import type { Word } from './words.js';

type Glyph = readonly [unicode: string, ascii: string];

const LINK_KIND: Readonly<Record<LinkKind, Glyph>> = {
  loopback: ['↺', 'o'],
  veth: ['○', 'o'],
  bridge: ['━', '='],
  vxlan: ['≈', '~'],
  macvlan: ['◇', 'v'],
  ipvlan: ['◆', 'i'],
  dummy: ['◌', '.'],
  tun: ['⊙', '@'],
  vlan: ['◈', '#'],
  ether: ['▣', '$'],
  other: ['·', '?'],
};

const STATE: Readonly<Record<LinkState, { glyph: Glyph; role: Role; word: Word }>> = {
  up: { glyph: ['▲', '^'], role: 'ok', word: 'up' },
  'no-carrier': { glyph: ['△', '!'], role: 'warn', word: 'noCarrier' },
  down: { glyph: ['▽', 'v'], role: 'muted', word: 'down' },
};

const MARK: Readonly<Record<Mark, { glyph: Glyph; role: Role; word: Word }>> = {
  new: { glyph: ['+', '+'], role: 'added', word: 'new' },
  changed: { glyph: ['~', '~'], role: 'changed', word: 'changed' },
  removed: { glyph: ['×', 'x'], role: 'removed', word: 'removed' },
  ghost: { glyph: ['◌', '.'], role: 'ghost', word: 'ghost' },
};

const NOTE: Readonly<Record<NoteKind, Glyph>> = {
  forward: ['⇉', '>'],
  route: ['→', '>'],
  dnat: ['↦', '>'],
  nat: ['⇄', '%'],
  filter: ['✗', 'X'],
  listen: ['◉', '*'],
  other: ['+', '+'],
};

const CONTAINER: Glyph = ['■', '#'];

function pick(glyph: Glyph, unicode: boolean): string {
  return unicode ? glyph[0] : glyph[1];
}

export function kindGlyph(kind: LinkKind, unicode: boolean): string {
  return pick(LINK_KIND[kind], unicode);
}

export function stateSign(state: LinkState, unicode: boolean): { glyph: string; role: Role; word: Word } {
  return { ...STATE[state], glyph: pick(STATE[state].glyph, unicode) };
}

export function markSign(mark: Mark, unicode: boolean): { glyph: string; role: Role; word: Word } {
  return { ...MARK[mark], glyph: pick(MARK[mark].glyph, unicode) };
}

export function containerGlyph(unicode: boolean): string {
  return pick(CONTAINER, unicode);
}

export function noteGlyph(kind: NoteKind, unicode: boolean): string {
  return pick(NOTE[kind], unicode);
}

const ASCII: readonly (readonly [string, string])[] = [
  ['→', '>'],
  ['…', '~'],
  ['▸', '>'],
  ['▾', 'v'],
  ['█', '#'],
  ['░', '.'],
  ['❄', '*'],
  ['●', '*'],
  ['├', '|'],
  ['└', '`'],
  ['─', '-'],
  ['│', '|'],
  ['×', 'x'],
  ['↦', '>'],
  ['↑', '^'],
  ['↓', 'v'],
  ['·', '.'],
  ['✓', 'v'],
  ['✗', 'x'],
  ['µ', 'u'],
];

/** The same text for terminals without Unicode, one column for one column; Chinese stays Chinese. */
export function asciiText(text: string): string {
  let plain = text;
  for (const [from, to] of ASCII) plain = plain.replaceAll(from, to);
  return plain;
}
