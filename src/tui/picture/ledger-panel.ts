/** The ledger as a panel: one row for each act, opened for its explanation in both languages; copy it, or type it in the shell. */
import type { LedgerEntry } from '../../../engine/api/types.js';
import type { KeyHint, Lang, Panel, PanelInput, PanelView } from '../panel.js';
import { padLine } from '../text/fit.js';
import { type Role, type Span, type StyledLine, span } from '../text/styled.js';
import { wrapText } from '../text/wrap.js';
import { copyText, type LedgerRow, ledgerModel } from '../viewmodels/ledger.js';
import { visible } from '../viewmodels/safe-text.js';
import { asciiText } from './glyphs.js';
import { more, word } from './words.js';

export interface LedgerState {
  /** `seq` of the selected entry; null follows the newest. */
  readonly selected: number | null;
  readonly open: readonly number[];
}

const KEYS: readonly KeyHint[] = [
  { key: 'j/k', text: { en: 'select', zh: '选择' } },
  { key: 'Enter', text: { en: 'explain', zh: '查看说明' } },
  { key: 'y', text: { en: 'copy the command', zh: '复制命令' } },
  { key: 't', text: { en: 'type it in the shell', zh: '输入到命令行' } },
  { key: 'Esc', text: { en: 'follow the newest', zh: '跟随最新' } },
];

const ACTOR_ROLE: Readonly<Record<LedgerEntry['actor'], Role>> = { engine: 'muted', lesson: 'info', learner: 'accent' };

/** `entries` gives the ledger so far, oldest first: the frame collects it from `Lab.watchLedger`. */
export function ledgerPanel(entries: () => readonly LedgerEntry[]): Panel<LedgerState> {
  let lastRows: readonly number[] = [];
  return {
    id: 'ledger',
    title: (lang) => (lang === 'zh' ? '刚刚发生了什么' : 'What just happened'),
    keys: KEYS,
    initial: () => ({ selected: null, open: [] }),
    render(width, _height, input, state) {
      const view = renderLedger(width, input, state, entries());
      lastRows = view.rows;
      return view;
    },
    onKey(key, state, input, effects) {
      if (key.ctrl || key.alt) return null;
      const { rows } = ledgerModel(entries(), input.lang, input.filter);
      const at = state.selected === null ? rows.length - 1 : rows.findIndex((row) => row.seq === state.selected);
      const row = rows[at];
      switch (key.name) {
        case 'up':
        case 'k':
          return rows.length === 0
            ? null
            : { ...state, selected: rows[state.selected === null ? rows.length - 1 : Math.max(0, at - 1)]!.seq };
        case 'down':
        case 'j':
          if (rows.length === 0 || state.selected === null) return null;
          return { ...state, selected: rows[Math.min(rows.length - 1, at + 1)]!.seq };
        case 'escape':
          return state.selected === null && state.open.length === 0 ? null : { selected: null, open: [] };
        case 'enter':
          if (row === undefined) return null;
          return {
            selected: row.seq,
            open: state.open.includes(row.seq) ? state.open.filter((seq) => seq !== row.seq) : [...state.open, row.seq],
          };
        case 'y':
          if (row === undefined) return null;
          effects.copy(copyText(row.entry));
          effects.toast({ en: 'copied', zh: '已复制' });
          return state;
        case 't':
          if (row?.entry.command == null) return null;
          effects.typeInShell(copyText(row.entry));
          return state;
        default:
          return null;
      }
    },
    onClick(line, _column, state) {
      const seq = lastRows[line];
      if (seq === undefined || seq < 0) return null;
      if (seq !== state.selected) return { ...state, selected: seq };
      return {
        ...state,
        open: state.open.includes(seq) ? state.open.filter((one) => one !== seq) : [...state.open, seq],
      };
    },
  };
}

/** The panel's lines; `rows` tells for each line to which entry it belongs (-1 for none). */
export function renderLedger(
  width: number,
  input: PanelInput,
  state: LedgerState,
  entries: readonly LedgerEntry[],
): PanelView & { readonly rows: readonly number[] } {
  const { lang, unicode } = input;
  const model = ledgerModel(entries, lang, input.filter);
  const lines: StyledLine[] = [];
  const rows: number[] = [];
  const put = (spans: readonly Span[], seq: number): void => {
    const shown = unicode ? spans : spans.map((part) => ({ ...part, text: asciiText(part.text) }));
    lines.push(
      padLine(
        seq === state.selected
          ? shown.map((part) => ({ ...part, style: { ...part.style, role: 'selected' as const } }))
          : shown,
        width,
        seq === state.selected ? { role: 'selected' } : undefined,
      ),
    );
    rows.push(seq);
  };
  if (model.earlier > 0) put([span(more(model.earlier, lang), 'muted')], -1);
  let newest = 0;
  for (const row of model.rows) {
    newest = lines.length;
    if (row.seq === state.selected) newest = lines.length;
    put(headSpans(row, width, state.open.includes(row.seq)), row.seq);
    if (state.open.includes(row.seq))
      for (const spans of explained(row, width, lang)) put(spans, row.seq === state.selected ? -1 : row.seq);
  }
  if (model.rows.length === 0)
    for (const part of wrapText(word(input.filter === '' ? 'nothing' : 'noMatch', lang), width))
      put([span(part, 'muted')], -1);
  if (model.hidden > 0 && model.rows.length > 0) put([span(more(model.hidden, lang), 'muted')], -1);
  const at = state.selected === null ? newest : Math.max(0, rows.indexOf(state.selected));
  return { lines, rows, reveal: { line: at } };
}

function headSpans(row: LedgerRow, width: number, open: boolean): Span[] {
  const spans: Span[] = [span(open ? '▾ ' : '▸ ', 'muted')];
  if (width >= 56) spans.push(span(`${row.time} `, 'muted'));
  spans.push(span(`${row.actor} `, ACTOR_ROLE[row.entry.actor]));
  if (!row.ok)
    spans.push(span(`✗ ${row.entry.result.errno === undefined ? '' : `${visible(row.entry.result.errno)} `}`, 'error'));
  spans.push(row.command === null ? span(row.act, 'text') : span(row.command, 'code'));
  return spans;
}

const LABEL = {
  act: { en: 'kernel', zh: '内核操作' },
  command: { en: 'by hand', zh: '等价命令' },
  result: { en: 'result', zh: '结果' },
  for: { en: 'for', zh: '对象' },
  man: { en: 'manual', zh: '手册' },
} as const;

function explained(row: LedgerRow, width: number, lang: Lang): Span[][] {
  const indent = '    ';
  const room = Math.max(1, width - indent.length);
  const lines: Span[][] = [];
  const add = (text: string, role: Role): void => {
    for (const part of wrapText(text, room)) lines.push([{ text: indent }, span(part, role)]);
  };
  const other: Lang = lang === 'en' ? 'zh' : 'en';
  const colon = lang === 'zh' ? '：' : ': ';
  add(visible(row.entry.explanation[lang]), 'text');
  add(visible(row.entry.explanation[other]), 'muted');
  add(`${LABEL.act[lang]}${colon}${row.entry.domain} ${row.act}`, 'code');
  if (row.command !== null) add(`${LABEL.command[lang]}${colon}${row.command}`, 'code');
  add(`${LABEL.result[lang]}${colon}${row.result}`, row.ok ? 'ok' : 'error');
  add(`${LABEL.for[lang]}${colon}${visible(row.entry.subject)}`, 'muted');
  if (row.entry.man !== null) add(`${LABEL.man[lang]}${colon}man ${manArguments(row.entry.man)}`, 'link');
  return lines;
}

/** `mount(2)` as the arguments of man(1): `2 mount`. */
function manArguments(page: string): string {
  const parts = /^([^()]+)\((\w+)\)$/.exec(page);
  return parts === null ? visible(page) : `${parts[2]} ${visible(parts[1]!)}`;
}
