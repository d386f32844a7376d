/** A container being born: the list of its system calls, and the one that is next in full. */
import type { Bilingual, ExplainedRecord } from '../../../engine/api/types.js';
import type { BirthPhase, BirthRow } from '../../birth/birth.js';
import { keyId } from '../input/keys.js';
import type { Lang, Panel, PanelInput, PanelView } from '../panel.js';
import { STRINGS } from '../strings.js';
import { truncateLine } from '../text/fit.js';
import { sanitise } from '../text/sanitise.js';
import { type Role, type StyledLine, span } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import { wrapLine } from '../text/wrap.js';

/** What the panel shows; made anew whenever the birth goes on. */
export interface BirthPanelState {
  readonly phase: BirthPhase;
  readonly rows: readonly BirthRow[];
  readonly progress: { readonly done: number; readonly total: number };
  /** Why it failed. */
  readonly failure: Bilingual | null;
}

export interface BirthActions {
  next(): void;
  section(): void;
  rest(): void;
  stop(): void;
  /** It is over: back to the shell. */
  leave(): void;
}

const SAID = {
  preparing: { en: 'a bundle is being made in the lab …', zh: '正在实验室中准备 bundle……' },
  running: { en: '… running', zh: '……执行中' },
  next: { en: 'issue it', zh: '执行' },
  section: { en: 'section', zh: '本节' },
  rest: { en: 'the rest', zh: '到底' },
  undo: { en: 'undo', zh: '撤销' },
  born: {
    en: 'The container is born: it runs in this lab. Enter goes to the shell, where you can enter it.',
    zh: '容器已诞生，正在本实验室中运行。按 Enter 回到终端，可在那里进入容器。',
  },
  undone: {
    en: 'Stopped: everything is undone, as the picture shows. Enter goes to the shell.',
    zh: '已停止：一切都已撤销，如图景所示。按 Enter 回到终端。',
  },
  failed: { en: 'It failed: {reason}. Enter goes to the shell.', zh: '失败：{reason}。按 Enter 回到终端。' },
} as const satisfies Record<string, Bilingual>;

const KEYS = [
  { key: 'Enter', text: SAID.next },
  { key: 's', text: SAID.section },
  { key: 'c', text: SAID.rest },
  { key: 'q', text: SAID.undo },
] as const;

function resultOf(record: ExplainedRecord): string {
  return record.errno ?? (record.result === null ? '' : String(record.result));
}

/** `✓ setns(…) = 0`, with the section where it begins. */
function listLines(
  state: BirthPanelState,
  width: number,
  unicode: boolean,
  lang: Lang,
): { lines: StyledLine[]; at: number } {
  const lines: StyledLine[] = [];
  let section = '';
  let at = 0;
  for (const { record, state: step } of state.rows) {
    if (record.section !== section) {
      section = record.section;
      lines.push([span(sanitise(record.heading[lang]), 'heading')]);
    }
    if (step !== 'next') at = lines.length;
    lines.push(rowLine(record, step, width, unicode));
  }
  return { lines, at };
}

/** The call is cut where it is too long for its row, the answer never. */
function rowLine(record: ExplainedRecord, step: BirthRow['state'], width: number, unicode: boolean): StyledLine {
  const call = sanitise(record.call);
  if (step === 'current') return truncateLine([span(unicode ? '▶ ' : '> ', 'accent'), span(call, 'selected')], width);
  if (step === 'next') return truncateLine([span(`  ${call}`, 'muted')], width);
  const mark = record.state === 'failed' ? span(unicode ? '✗ ' : 'x ', 'error') : span(unicode ? '✓ ' : '+ ', 'ok');
  const result = resultOf(record);
  const answer = span(result === '' ? '' : ` = ${result}`, record.errno === null ? 'muted' : 'warn');
  return [...truncateLine([mark, span(call, 'code')], Math.max(1, width - textWidth(answer.text))), answer];
}

/** Rows of `height` at most for what is next: the call, why, the command, the manual page. */
function detail(record: ExplainedRecord, width: number, height: number, lang: Lang): StyledLine[] {
  const wrapped = (text: string, role: Role): StyledLine[] => wrapLine([span(sanitise(text), role)], width);
  const call = wrapped(record.call, 'code');
  const why = wrapped(record.explanation[lang], 'text');
  const man = record.man === '' ? [] : wrapped(record.man, 'link');
  const command = record.command === null ? [] : wrapped(`$ ${record.command}`, 'strong');
  const room = Math.max(1, height - why.length - command.length - man.length);
  return [...call.slice(0, room), ...why, ...command, ...man].slice(0, height);
}

function rule(state: BirthPanelState, width: number, lang: Lang): StyledLine {
  if (state.phase !== 'asking') return [span('─'.repeat(width), 'frame')];
  const keys = KEYS.flatMap(({ key, text }) => [span(` ${key}`, 'key'), span(` ${text[lang]} `, 'muted')]);
  const used = keys.reduce((sum, part) => sum + textWidth(part.text), 0);
  return truncateLine([span('─', 'frame'), ...keys, span('─'.repeat(Math.max(0, width - used - 1)), 'frame')], width);
}

function dock(state: BirthPanelState, width: number, height: number, lang: Lang): StyledLine[] {
  const current = state.rows.find((row) => row.state === 'current')?.record;
  const say = (text: string, role: Role): StyledLine[] =>
    wrapLine([span(sanitise(text), role)], width).slice(0, height);
  const body = (): StyledLine[] => {
    switch (state.phase) {
      case 'born':
        return say(SAID.born[lang], 'ok');
      case 'undone':
        return say(SAID.undone[lang], 'info');
      case 'failed':
        return say(SAID.failed[lang].replace('{reason}', state.failure?.[lang] ?? ''), 'error');
      default:
        if (state.rows.length === 0) return say(SAID.preparing[lang], 'muted');
        return current === undefined ? say(SAID.running[lang], 'muted') : detail(current, width, height, lang);
    }
  };
  const lines = body();
  const isOver = state.phase !== 'asking' && state.phase !== 'making';
  // the same number of rows for every record, so that the list does not jump
  const blank = isOver ? 0 : Math.max(0, height - lines.length);
  return [rule(state, width, lang), ...lines, ...Array.from({ length: blank }, () => [])];
}

export function birthPanel(actions: BirthActions): Panel<BirthPanelState> {
  return {
    id: 'birth',
    title: (lang) => STRINGS.birth[lang],
    keys: KEYS,
    initial: () => ({ phase: 'making', rows: [], progress: { done: 0, total: 0 }, failure: null }),
    render(width, height, input: PanelInput, state): PanelView {
      const { lines, at } = listLines(state, width, input.unicode, input.lang);
      const { done, total } = state.progress;
      return {
        lines,
        reveal: { line: Math.min(lines.length - 1, at + 1) },
        dock: dock(state, width, Math.max(2, Math.min(8, Math.floor(height / 2))), input.lang),
        caption: total === 0 ? [] : [[span(`${done}/${total}`, 'title')]],
      };
    },
    onKey(key, state) {
      const id = keyId(key);
      if (state.phase !== 'asking' && state.phase !== 'making') {
        if (id !== 'enter') return null;
        actions.leave();
        return state;
      }
      if (id === 'enter' || id === 'space') actions.next();
      else if (id === 's') actions.section();
      else if (id === 'c') actions.rest();
      else if (id === 'q') actions.stop();
      else return null;
      return state;
    },
  };
}
