/** Overlay stacks as a panel: what programs see on top, below it each layer with what it adds, hides and deletes. */
import type { Bilingual } from '../../../engine/api/types.js';
import type { KeyHint, Lang, Panel, PanelInput, PanelView } from '../panel.js';
import { padLine } from '../text/fit.js';
import { type Role, type Span, type StyledLine, span } from '../text/styled.js';
import { wrapText } from '../text/wrap.js';
import { inPlace, placeOfStack } from '../viewmodels/containers.js';
import { bytes } from '../viewmodels/format.js';
import {
  type EntryEffect,
  type LayerPart,
  type LayerRow,
  type LookupStep,
  layersModel,
  lookup,
  type StackView,
} from '../viewmodels/layers.js';
import { visible } from '../viewmodels/safe-text.js';
import { containerText, type Detail, shellWord } from '../viewmodels/wiring-detail.js';
import { containerSpans, spaced } from './container-spans.js';
import { detailLines } from './detail.js';
import { asciiText } from './glyphs.js';
import { type ListState, listKey } from './list-keys.js';
import { drawTree, type TreeDrawing, type TreeNode } from './tree.js';
import { markSpan } from './wiring-rows.js';
import { counted, more, problemText, word } from './words.js';

export interface LayersState extends ListState {
  /** Layers (or merged views) of which all entries are shown. */
  readonly expanded: readonly string[];
}

const SHOWN = 8;

const KEYS: readonly KeyHint[] = [
  { key: 'j/k', text: { en: 'select', zh: '选择' } },
  { key: 'x', text: { en: 'all entries of a layer', zh: '展开层中的全部条目' } },
  { key: 'Enter', text: { en: 'which layer it comes from', zh: '查看来自哪一层' } },
  { key: '/', text: { en: 'look up a path', zh: '查找路径' } },
  { key: 'Esc', text: { en: 'back', zh: '返回' } },
];

export const EFFECTS: Readonly<Record<NonNullable<EntryEffect>, Bilingual>> = {
  'copied-up': { en: 'copied up', zh: '写时复制' },
  whiteout: { en: 'whiteout: deleted', zh: 'whiteout：已删除' },
  opaque: { en: 'opaque: hides below', zh: 'opaque：遮住下层目录' },
  hidden: { en: 'hidden by a layer above', zh: '被上层遮住' },
};

export const STEPS: Readonly<Record<LookupStep['outcome'], Bilingual>> = {
  found: { en: 'has it', zh: '有此路径' },
  whiteout: {
    en: 'whiteout: the path is deleted here, layers below are not asked',
    zh: 'whiteout：在此层被删除，不再查看下层',
  },
  opaque: { en: 'opaque directory above it: layers below are not asked', zh: '上级目录为 opaque：不再查看下层' },
  absent: { en: 'does not have it', zh: '没有此路径' },
  blocked: { en: 'not asked', zh: '未查看' },
  'not-read': { en: 'not among the entries that were read', zh: '不在已读取的条目之中' },
};

/** What a directory of a container's stack is. */
export function partText(part: LayerPart, stack: StackView, lang: Lang): string {
  const zh = lang === 'zh';
  if (part.kind === 'writable') return zh ? '可写层' : 'writable layer';
  if (part.kind === 'init') return zh ? '引擎为挂载准备的名称' : 'names that the engine mounts over';
  const image = stack.container?.image ?? '';
  return zh ? `镜像 ${image} 的第 ${part.nth} 层，共 ${part.of} 层` : `image ${image}, layer ${part.nth} of ${part.of}`;
}

const MERGED = { en: 'merged: what programs see', zh: '合并视图：程序看到的内容' };

export function layersPanel(): Panel<LayersState> {
  let lastItems: TreeDrawing['items'] = [];
  let lastOffset = 0;
  return {
    id: 'layers',
    title: (lang) => (lang === 'zh' ? '层' : 'Layers'),
    keys: KEYS,
    initial: () => ({ selected: null, detail: false, expanded: [] }),
    render(width, _height, input, state) {
      const view = renderLayers(width, input, state);
      lastItems = view.items;
      lastOffset = view.offset;
      return view;
    },
    onKey(key, state, input) {
      if (key.ctrl || key.alt || input.snapshot === null) return null;
      if (key.name === 'x' && state.selected !== null) {
        const layer = state.selected.split('|')[0]!;
        const open = state.expanded.includes(layer);
        return {
          ...state,
          expanded: open ? state.expanded.filter((one) => one !== layer) : [...state.expanded, layer],
        };
      }
      return listKey(key, state, renderLayers(80, input, { ...state, detail: false }).items);
    },
    onClick(line, _column, state) {
      const hit = lastItems.find((item) => line - lastOffset >= item.y && line - lastOffset < item.y + item.height);
      if (hit === undefined || state.detail) return null;
      return hit.id === state.selected ? { ...state, detail: true } : { ...state, selected: hit.id };
    },
  };
}

export function renderLayers(
  width: number,
  input: PanelInput,
  state: LayersState,
): PanelView & { readonly items: TreeDrawing['items']; readonly offset: number } {
  const { lang, snapshot, unicode } = input;
  const say = (text: string, role: Role = 'muted'): StyledLine[] =>
    wrapText(text, width).map((part) => padLine([span(part, role)], width));
  if (snapshot === null) return { lines: say(word('waiting', lang)), items: [], offset: 0 };
  const model = layersModel({ snapshot, fresh: input.fresh, filter: input.filter });
  if (state.detail && state.selected !== null) {
    const detail = layerDetail(model.stacks, state.selected, lang);
    if (detail !== null) return { lines: detailLines(detail, width, lang), items: [], offset: 0 };
  }
  const problems = snapshot.problems.filter((problem) => problem.part === 'overlays' || problem.part === 'mounts');
  const head = problems.flatMap((problem) => say(problemText(problem.reason, lang), 'warn'));
  const roots = model.stacks.map((stack) => stackNode(stack, state, lang, unicode));
  const drawing = drawTree(roots, width, state.selected, unicode);
  const lines = [...head, ...drawing.lines];
  if (model.stacks.length === 0)
    lines.push(...say(input.filter === '' ? word('nothing', lang) : word('noMatch', lang)));
  if (model.hidden > 0) lines.push(...say(more(model.hidden, lang)));
  const item = drawing.items.find((one) => one.id === state.selected);
  const view = { lines, items: drawing.items, offset: head.length };
  return item === undefined ? view : { ...view, reveal: { line: head.length + item.y } };
}

function stackNode(stack: StackView, state: LayersState, lang: Lang, unicode: boolean): TreeNode {
  const spans: Span[] =
    stack.container === null
      ? [span(stack.mountPoint, 'mnt', { bold: true }), { text: ' ' }, span(overlayText(stack, lang), 'muted')]
      : spaced([
          ...containerSpans(stack.container, { lang, unicode, id: true }),
          ...(stack.stack.mounted === false ? [span(notMounted(lang), 'muted')] : []),
        ]);
  if (stack.mark !== null) spans.push({ text: ' ' }, markSpan(stack.mark, { lang, unicode }));
  const mergedId = `${stack.id}#merged`;
  // Of a container only what it wrote itself is unfolded: what its image holds is the same in all of them.
  const folded = (id: string): boolean => stack.container !== null && !state.expanded.includes(id);
  const mergedRows = (): TreeNode[] =>
    stack.merged.map((row) => ({
      id: `${mergedId}|${row.path}`,
      spans: entrySpans(row.path, row.type, row.bytes, [
        span(unicode ? `← ${row.from}` : `< ${row.from}`, row.from === 'upper' ? 'changed' : 'info'),
        ...(row.copiedUp ? [span(EFFECTS['copied-up'][lang], 'changed')] : []),
      ]),
      children: [],
    }));
  const mergedNode: TreeNode = {
    id: mergedId,
    spans: [
      span(MERGED[lang], 'heading'),
      ...(folded(mergedId) ? [span(' (x)', 'muted')] : []),
      ...(stack.partial ? [span(lang === 'zh' ? '（部分）' : ' (partly read)', 'warn')] : []),
    ],
    children: folded(mergedId) ? [] : limited(mergedId, mergedRows(), state, lang),
  };
  // A container's work directory is overlayfs's own affair.
  const shown = stack.layers.filter(({ dir }) => stack.container === null || dir.role !== 'work');
  const layers = shown.map((layer): TreeNode => {
    const size =
      layer.dir.files === null
        ? word('couldNotRead', lang)
        : `${counted(layer.dir.files, lang, ['file', 'files'], '个文件')} ${bytes(layer.dir.bytes ?? 0)}`;
    const isFolded = layer.dir.role !== 'upper' && folded(layer.id);
    const rows = (): TreeNode[] =>
      layer.rows.map((row) => ({
        id: `${layer.id}|${row.path}`,
        spans: rowSpans(row, lang, unicode),
        children: [],
      }));
    return {
      id: layer.id,
      spans: [
        span(layer.name, layer.dir.role === 'upper' ? 'changed' : layer.dir.role === 'work' ? 'muted' : 'info', {
          bold: true,
        }),
        { text: ' ' },
        span(layer.part === null ? layer.path : partText(layer.part, stack, lang), 'text'),
        { text: '  ' },
        span(size, 'muted'),
        ...(isFolded && layer.dir.entries.length > 0 ? [span(' (x)', 'muted')] : []),
      ],
      children: isFolded ? [] : limited(layer.id, rows(), state, lang, layer.dir.truncated),
    };
  });
  return { id: stack.id, spans, children: [mergedNode, ...layers] };
}

function notMounted(lang: Lang): string {
  return lang === 'zh' ? '未挂载' : 'not mounted';
}

function overlayText(stack: StackView, lang: Lang): string {
  const at = inPlace(placeOfStack(stack.place), lang);
  if (lang === 'zh') return `overlay（${stack.stack.readOnly ? '只读' : '可写'}）${at}`;
  return `overlay (${stack.stack.readOnly ? 'read-only' : 'writable'}) ${at}`;
}

function limited(
  id: string,
  nodes: readonly TreeNode[],
  state: LayersState,
  lang: Lang,
  truncated = false,
): TreeNode[] {
  const end: TreeNode[] = truncated
    ? [
        {
          id: `${id}|…`,
          spans: [span(lang === 'zh' ? '……其余条目未读取' : '… more entries were not read', 'warn')],
          children: [],
        },
      ]
    : [];
  if (nodes.length <= SHOWN || state.expanded.includes(id)) return [...nodes, ...end];
  const shown = nodes.slice(0, SHOWN - 1);
  return [
    ...shown,
    { id: `${id}|+`, spans: [span(`${more(nodes.length - shown.length, lang)} (x)`, 'muted')], children: [] },
    ...end,
  ];
}

function entrySpans(path: string, type: string, size: number, extra: readonly Span[]): Span[] {
  const directory = type === 'directory' || type === 'opaque-directory';
  const gone = type === 'whiteout';
  const spans: Span[] = [span(`${path}${directory ? '/' : ''}`, gone ? 'removed' : 'text', { strike: gone })];
  if (!directory && !gone) spans.push({ text: ' ' }, span(bytes(size), 'muted'));
  for (const part of extra) spans.push({ text: ' ' }, part);
  return spans;
}

const EFFECT_ROLE: Readonly<Record<NonNullable<EntryEffect>, Role>> = {
  'copied-up': 'changed',
  whiteout: 'removed',
  opaque: 'warn',
  hidden: 'muted',
};

function rowSpans(row: LayerRow, lang: Lang, unicode: boolean): Span[] {
  const extra: Span[] = [];
  if (row.effect !== null) extra.push(span(EFFECTS[row.effect][lang], EFFECT_ROLE[row.effect]));
  if (row.mark !== null) extra.push(markSpan(row.mark, { lang, unicode }));
  return entrySpans(unicode ? row.path : asciiText(row.path), row.entry.type, row.entry.bytes, extra);
}

/** Where a path comes from, layer by layer; for a layer, what it is made of. */
function layerDetail(stacks: readonly StackView[], id: string, lang: Lang): Detail | null {
  const [node, path] = id.split('|') as [string, string | undefined];
  const stack = stacks.find((one) => node === one.id || node.startsWith(`${one.id}#`));
  if (stack === undefined) return null;
  const mount = stack.stack.mountPoint;
  if (path === undefined || path === '+' || path === '…') {
    const facts = stack.layers.map((layer) => ({ label: layer.name, value: visible(layer.dir.path) }));
    const { container } = stack;
    if (container === null)
      return { title: stack.mountPoint, commands: [`findmnt -o TARGET,FSTYPE,OPTIONS ${shellWord(mount)}`], facts };
    const name = shellWord(container.container.name);
    return {
      title: container.name,
      commands: [`docker diff ${name}`, `docker history ${shellWord(container.container.image)}`],
      facts: [{ label: word('container', lang), value: containerText(container, lang) }, ...facts],
    };
  }
  const entry = stack.stack.layers.flatMap((dir) => dir.entries).find((one) => visible(one.path) === path);
  if (entry === undefined) return null;
  const found = lookup(stack.stack, entry.path);
  const facts = found.steps.map((step) => ({
    label: step.layer,
    value: `${step.path}${lang === 'zh' ? '：' : ': '}${STEPS[step.outcome][lang]}`,
  }));
  const commands = stack.stack.layers
    .filter((dir) => dir.role !== 'work')
    .map((dir) => `ls -ld ${shellWord(`${dir.path}/${entry.path}`)}`);
  const top = stack.container?.name ?? stack.mountPoint.replace(/\/$/, '');
  return { title: `${top}/${path}`, commands, facts };
}
