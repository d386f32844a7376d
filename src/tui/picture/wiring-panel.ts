/** The wiring as a panel: select, follow a wire to its other end, look at everything about one thing, zoom, filter, copy. */

import type { Key } from '../input/keys.js';
import type { KeyHint, Lang, Panel, PanelInput, PanelView } from '../panel.js';
import { padLine } from '../text/fit.js';
import { plainText, type StyledLine, span } from '../text/styled.js';
import { wrapText } from '../text/wrap.js';
import { goalGhostOf } from '../viewmodels/goal-ghost.js';
import { type WiringModel, wiringModel } from '../viewmodels/wiring.js';
import { wiringDetail } from '../viewmodels/wiring-detail.js';
import { detailLines } from './detail.js';
import { asciiText, stateSign } from './glyphs.js';
import { type Direction, move } from './selection.js';
import { drawWiring, type PictureItem, type WiringDrawing } from './wiring-draw.js';
import { more, problemText, word } from './words.js';

export interface WiringState {
  /** Id of the selected box or interface. */
  readonly selected: string | null;
  readonly detail: boolean;
  /** Id of the box to which the picture is narrowed, with its neighbours. */
  readonly zoom: string | null;
}

const ALL_NOTES = 200;

const KEYS: readonly KeyHint[] = [
  { key: 'j/k', text: { en: 'select', zh: '选择' } },
  { key: 'Enter', text: { en: 'all facts', zh: '全部信息' } },
  { key: 'w', text: { en: 'other end of the wire', zh: '跳到连线对端' } },
  { key: 'b', text: { en: 'only this box and its neighbours', zh: '只看此方框及其相邻方框' } },
  { key: '←/→', text: { en: 'other column', zh: '切换列' } },
  { key: 'e', text: { en: 'type the command that shows it', zh: '在命令行输入查看命令' } },
  { key: 'y', text: { en: 'copy what is selected', zh: '复制所选内容' } },
  { key: 'Y', text: { en: 'copy the whole picture', zh: '复制整幅图' } },
  { key: 'Esc', text: { en: 'back', zh: '返回' } },
];

const DIRECTIONS: Readonly<Record<string, Direction>> = {
  up: 'up',
  k: 'up',
  down: 'down',
  j: 'down',
  left: 'left',
  right: 'right',
};

const HINT = {
  en: 'Only the lab host so far. Try:  ip netns add r1',
  zh: '目前只有实验主机。试试：ip netns add r1',
};

function modelOf(input: PanelInput, zoom: string | null): WiringModel {
  const snapshot = input.snapshot!;
  return wiringModel({
    snapshot,
    fresh: input.fresh,
    goal: goalGhostOf(input.ghosts, snapshot.networks),
    filter: input.filter,
    zoom,
  });
}

function draw(
  input: PanelInput,
  state: WiringState,
  width: number,
  height: number,
  model = modelOf(input, state.zoom),
): WiringDrawing {
  return drawWiring(model, {
    width,
    height,
    lang: input.lang,
    unicode: input.unicode,
    selected: state.selected,
    ...(state.zoom === null ? {} : { maxNotes: ALL_NOTES }),
  });
}

/** Make a wiring panel. It remembers the size at which it was last drawn, because keys and clicks come without one. */
export function wiringPanel(): Panel<WiringState> {
  let lastWidth = 80;
  let lastHeight = 24;
  let lastOffset = 0;
  const items = (input: PanelInput, state: WiringState): readonly PictureItem[] =>
    input.snapshot === null ? [] : draw(input, state, lastWidth, lastHeight - lastOffset).items;
  return {
    id: 'wiring',
    title: (lang) => (lang === 'zh' ? '连线' : 'Wiring'),
    keys: KEYS,
    initial: () => ({ selected: null, detail: false, zoom: null }),
    render(width, height, input, state) {
      lastWidth = width;
      lastHeight = height;
      const view = renderWiring(width, height, input, state);
      lastOffset = view.offset;
      return view;
    },
    onKey(key, state, input, effects) {
      return onKey(
        key,
        state,
        input,
        items,
        (text, what) => {
          effects.copy(text);
          effects.toast(what);
        },
        (command) => effects.typeInShell(command),
      );
    },
    onClick(line, column, state, input) {
      if (state.detail) return null;
      const y = line - lastOffset;
      const hit = items(input, state).find(
        (item) => y >= item.y && y < item.y + item.height && column >= item.x && column < item.x + item.width,
      );
      if (hit === undefined) return null;
      return hit.id === state.selected ? { ...state, detail: true } : { ...state, selected: hit.id };
    },
  };
}

type Copy = (text: string, what: { en: string; zh: string }) => void;

function onKey(
  key: Key,
  state: WiringState,
  input: PanelInput,
  items: (input: PanelInput, state: WiringState) => readonly PictureItem[],
  copy: Copy,
  type: (command: string) => void,
): WiringState | null {
  const snapshot = input.snapshot;
  if (snapshot === null || key.ctrl || key.alt) return null;
  if (key.name === 'escape') {
    if (state.detail) return { ...state, detail: false };
    if (state.zoom !== null) return { ...state, zoom: null };
    return state.selected === null ? null : { ...state, selected: null };
  }
  if (key.name === 'Y') {
    copy(
      draw(input, { ...state, selected: null }, 80, Number.POSITIVE_INFINITY)
        .lines.map((one) => plainText(one).trimEnd())
        .join('\n'),
      { en: 'the picture was copied', zh: '已复制整幅图' },
    );
    return state;
  }
  if (key.name === 'enter') return state.selected === null ? null : { ...state, detail: !state.detail };
  if (key.name === 'y' && state.selected !== null) {
    const detail = wiringDetail(modelOf(input, state.zoom), snapshot, state.selected, input.lang);
    if (detail === null) return state;
    copy([detail.title, ...detail.facts.map((fact) => `${fact.label}\t${fact.value}`)].join('\n'), {
      en: `copied: ${detail.title}`,
      zh: `已复制：${detail.title}`,
    });
    return state;
  }
  if (key.name === 'e' && state.selected !== null) {
    const command = wiringDetail(modelOf(input, state.zoom), snapshot, state.selected, input.lang)?.commands[0];
    if (command !== undefined) type(command);
    return state;
  }
  if (key.name === 'w' && state.selected !== null) {
    const wire = modelOf(input, null).wires.find((one) => one.from === state.selected || one.to === state.selected);
    return wire === undefined ? state : { ...state, selected: wire.from === state.selected ? wire.to : wire.from };
  }
  if (key.name === 'b') {
    const box = items(input, state).find((item) => item.id === state.selected)?.box;
    if (box === undefined) return state.zoom === null ? null : { ...state, zoom: null };
    return { ...state, zoom: state.zoom === box ? null : box };
  }
  const direction = DIRECTIONS[key.name];
  if (direction === undefined || state.detail) return null;
  const next = move(items(input, state), state.selected, direction);
  return next === null ? null : { ...state, selected: next };
}

/** The panel's lines; `offset` is the number of lines above the drawing. */
export function renderWiring(
  width: number,
  height: number,
  input: PanelInput,
  state: WiringState,
): PanelView & { readonly offset: number } {
  const { lang, snapshot } = input;
  const say = (text: string): StyledLine[] =>
    wrapText(text, width).map((part) => padLine([span(part, 'muted')], width));
  if (snapshot === null) return { lines: say(word('waiting', lang)), offset: 0 };
  if (state.detail && state.selected !== null) {
    const detail = wiringDetail(modelOf(input, state.zoom), snapshot, state.selected, lang);
    if (detail !== null) return { lines: detailLines(detail, width, lang), offset: 0 };
  }
  const top: StyledLine[] = [];
  for (const problem of snapshot.problems) {
    if (problem.part !== 'network' && problem.part !== 'firewall' && problem.part !== 'namespaces') continue;
    for (const part of wrapText(problemText(problem.reason, lang), width))
      top.push(padLine([span(part, 'warn')], width));
  }
  const model = modelOf(input, state.zoom);
  const drawing = draw(input, state, width, height - top.length, model);
  const lines: StyledLine[] = [...top, ...drawing.lines];
  if (model.boxes.length === 0) lines.push(...say(word('noMatch', lang)));
  else if (model.boxes.length === 1 && model.boxes[0]!.ports.length === 0 && model.hidden === 0)
    lines.push(...say(''), ...say(HINT[lang]));
  if (model.hidden > 0) lines.push(...say(more(model.hidden, lang)));
  const legend = legendOf(lang, input.unicode);
  if (model.boxes.length > 1 && lines.length + 2 <= height) {
    const short = wrapText(legend, width);
    if (short.length === 1) {
      while (lines.length < height - 1) lines.push(padLine([], width));
      lines.push(padLine([span(legend, 'muted')], width));
    }
  }
  const item = drawing.items.find((one) => one.id === state.selected);
  const view = { lines, offset: top.length };
  return item === undefined
    ? view
    : { ...view, reveal: { line: top.length + item.y, from: item.x, to: item.x + item.width } };
}

function legendOf(lang: Lang, unicode: boolean): string {
  const states = (['up', 'no-carrier', 'down'] as const).map((state) => {
    const sign = stateSign(state, unicode);
    return `${sign.glyph}${word(sign.word, lang)}`;
  });
  const rest = lang === 'zh' ? '┃网桥  ─veth  ╌目标' : '┃bridge  ─veth  ╌goal';
  return `${states.join('  ')}  ${unicode ? rest : asciiText(rest.replace('┃', 'H').replace('╌', '.'))}`;
}
