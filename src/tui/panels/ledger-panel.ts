/** The ledger pane: what just happened in the kernel, newest at the bottom, each with the command that would do the same. */
import type { LedgerEntry } from '../../../engine/api/types.js';
import { keyId } from '../input/keys.js';
import type { Lang, Panel, PanelInput, PanelView } from '../panel.js';
import { STRINGS, text } from '../strings.js';
import { lineWidth, truncateLine, truncateStart } from '../text/fit.js';
import { sanitise } from '../text/sanitise.js';
import { line, type Role, type Span, type StyledLine, span } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import { wrapLine } from '../text/wrap.js';
import { placeText, shortIds } from '../viewmodels/containers.js';
import { actText, entryText } from '../viewmodels/ledger.js';

/** Older entries are dropped: the engine has them all. */
export const MOST_ENTRIES = 2000;

export interface LedgerPanelState {
  readonly entries: readonly LedgerEntry[];
  /** `seq` of the selected entry; null follows the newest. */
  readonly selected: number | null;
  readonly open: boolean;
}

/** The state with more entries behind those it has; the link to the lab hands on each once, in order. */
export function withEntries(state: LedgerPanelState, more: readonly LedgerEntry[]): LedgerPanelState {
  return more.length === 0 ? state : { ...state, entries: [...state.entries, ...more].slice(-MOST_ENTRIES) };
}

const ACTORS: Readonly<Record<LedgerEntry['actor'], { readonly word: keyof typeof STRINGS; readonly role: Role }>> = {
  engine: { word: 'actorEngine', role: 'muted' },
  lesson: { word: 'actorLesson', role: 'info' },
  learner: { word: 'actorLearner', role: 'accent' },
};

function clock(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}

function matches(entry: LedgerEntry, filter: string): boolean {
  return filter === '' || entryText(entry).includes(filter);
}

/** A call with a long path keeps the end of the path, which tells most: `write("…/web/memory.max", "64M")`. */
function fitAct(act: string, width: number): string {
  const over = textWidth(act) - width;
  const path = over <= 0 ? undefined : /"?(\/[^",)\s]+)/.exec(act)?.[1];
  if (path === undefined) return act;
  const room = Math.max(SHORTEST_PATH, textWidth(path) - over);
  return act.replace(path, () => truncateStart(path, room));
}

const SHORTEST_PATH = 16;

/** One row: time, who, the act; what failed says so with ✗ and the error's name. */
function entryLine(entry: LedgerEntry, width: number, selected: boolean, lang: Lang): StyledLine {
  const actor = ACTORS[entry.actor];
  const failed = !entry.result.ok;
  const parts: Span[] = [
    span(selected ? '›' : ' ', 'accent'),
    span(width >= 50 ? `${clock(entry.at)} ` : '', 'muted'),
    span(`${text(actor.word, lang)} `, actor.role),
  ];
  if (failed) parts.push(span(`✗ ${entry.result.errno ?? ''} `, 'error'));
  const act = fitAct(shortIds(sanitise(actText(entry, lang))), width - lineWidth(parts));
  parts.push(span(act, selected ? 'strong' : 'code'));
  const cut = truncateLine(parts, width);
  return selected ? cut.map((part) => ({ ...part, style: { ...part.style, role: 'selected' } })) : cut;
}

const INDENT = 3;

function indented(body: StyledLine, width: number): StyledLine[] {
  return wrapLine(body, Math.max(1, width - INDENT)).map((part) => [{ text: ' '.repeat(INDENT) }, ...part]);
}

function detailLines(entry: LedgerEntry, width: number, lang: Lang): StyledLine[] {
  const detail = (label: keyof typeof STRINGS, body: Span): StyledLine[] =>
    indented(line(span(`${text(label, lang)}${lang === 'zh' ? '：' : ': '}`, 'muted'), body), width);
  const { ok, value, errno } = entry.result;
  const outcome = ok ? `= ${value ?? 0}` : `-1 ${errno ?? ''}`;
  const took = entry.durationNs === undefined ? '' : `  ${(entry.durationNs / 1000).toFixed(1)} µs`;
  return [
    ...indented(line(sanitise(entry.explanation[lang])), width),
    ...indented(line(span(sanitise(entry.act), 'code')), width),
    ...(entry.command === null ? [] : detail('ledgerCommand', span(sanitise(entry.command), 'code'))),
    ...(entry.man === null ? [] : detail('ledgerManual', span(sanitise(entry.man), 'link'))),
    ...detail('ledgerResult', span(outcome + took, ok ? 'ok' : 'error')),
    ...detail('ledgerFor', span(placeText(sanitise(entry.subject), lang))),
  ];
}

function visible(state: LedgerPanelState, input: Pick<PanelInput, 'filter'>): readonly LedgerEntry[] {
  return state.entries.filter((entry) => matches(entry, input.filter));
}

function current(entries: readonly LedgerEntry[], state: LedgerPanelState): LedgerEntry | undefined {
  return (
    (state.selected === null ? undefined : entries.find((entry) => entry.seq === state.selected)) ?? entries.at(-1)
  );
}

function select(entries: readonly LedgerEntry[], state: LedgerPanelState, index: number): LedgerPanelState {
  const at = Math.max(0, Math.min(entries.length - 1, index));
  const entry = entries[at];
  return { ...state, selected: entry === undefined || at === entries.length - 1 ? null : entry.seq };
}

const PAGE = 10;

export function ledgerPanel(): Panel<LedgerPanelState> {
  return {
    id: 'ledger',
    title: (lang) => STRINGS.ledger[lang],
    keys: [
      { key: 'j/k', text: STRINGS.keyMove },
      { key: 'Enter', text: STRINGS.keyDetails },
      { key: 'y', text: STRINGS.keyCopy },
      { key: 'e', text: STRINGS.keyType },
    ],
    initial: () => ({ entries: [], selected: null, open: false }),
    render(width, _height, input, state): PanelView {
      const entries = visible(state, input);
      if (entries.length === 0)
        return {
          lines: [[span(text(state.entries.length === 0 ? 'ledgerEmpty' : 'nothingFound', input.lang), 'muted')]],
        };
      const chosen = current(entries, state);
      const lines: StyledLine[] = [];
      let reveal = 0;
      for (const entry of entries) {
        const selected = entry === chosen && (input.focused || state.open);
        if (entry === chosen) reveal = lines.length;
        lines.push(entryLine(entry, width, selected, input.lang));
        if (selected && state.open) {
          lines.push(...detailLines(entry, width, input.lang));
          reveal = state.selected === null ? lines.length - 1 : reveal;
        }
      }
      return { lines, reveal: { line: reveal } };
    },
    onKey(key, state, input, effects) {
      const entries = visible(state, input);
      const chosen = current(entries, state);
      const at = chosen === undefined ? -1 : entries.indexOf(chosen);
      switch (keyId(key)) {
        case 'up':
        case 'k':
          return select(entries, state, at - 1);
        case 'down':
        case 'j':
          return select(entries, state, at + 1);
        case 'pageup':
          return select(entries, state, at - PAGE);
        case 'pagedown':
          return select(entries, state, at + PAGE);
        case 'home':
        case 'g':
          return select(entries, state, 0);
        case 'end':
        case 'G':
          return select(entries, state, entries.length - 1);
        case 'enter':
          return { ...state, open: !state.open };
        case 'y':
          if (chosen !== undefined) effects.copy(chosen.command ?? chosen.act);
          return state;
        case 'e':
          if (chosen?.command != null) effects.typeInShell(chosen.command);
          return state;
        default:
          return null;
      }
    },
    onClick(clicked, _column, state, input) {
      const entries = visible(state, input);
      if (state.open) return null;
      return select(entries, state, clicked);
    },
  };
}
