/** Namespaces as a panel: by owner, by kind, or as processes with the pids that each side sees. */
import type { NamespaceKind } from '../../../engine/api/types.js';
import type { KeyHint, Lang, Panel, PanelInput, PanelView } from '../panel.js';
import { padLine } from '../text/fit.js';
import { type Role, type Span, type StyledLine, span } from '../text/styled.js';
import { wrapText } from '../text/wrap.js';
import { placeText } from '../viewmodels/containers.js';
import { ISOLATES, namespaceDetail } from '../viewmodels/namespace-detail.js';
import {
  mapText,
  type NamespaceNode,
  type NamespacesModel,
  namespacesModel,
  type ProcessNode,
} from '../viewmodels/namespaces.js';
import { holderText, keptAlive } from '../viewmodels/wiring-detail.js';
import { detailLines } from './detail.js';
import { asciiText, containerGlyph, markSign } from './glyphs.js';
import { type ListState, listKey } from './list-keys.js';
import { drawTree, type TreeDrawing, type TreeNode } from './tree.js';
import { markSpan } from './wiring-rows.js';
import { counted, more, problemText, word } from './words.js';

export type NamespacesView = 'owner' | 'kind' | 'processes';

export interface NamespacesState extends ListState {
  readonly view: NamespacesView;
  readonly hideShared: boolean;
}

const VIEWS: readonly NamespacesView[] = ['owner', 'kind', 'processes'];

const KEYS: readonly KeyHint[] = [
  { key: 'v', text: { en: 'other view: by owner, by kind, processes', zh: '换个视图：按所有者、按种类、进程' } },
  { key: 's', text: { en: 'hide or show shared ones', zh: '隐藏或显示共享的命名空间' } },
  { key: 'j/k', text: { en: 'select', zh: '选择' } },
  { key: 'Enter', text: { en: 'all facts', zh: '全部信息' } },
  { key: 'Esc', text: { en: 'back', zh: '返回' } },
];

const HEAD: Readonly<Record<NamespacesView, { en: string; zh: string }>> = {
  owner: { en: 'by owner: each user namespace and what it owns', zh: '按所有者：各用户命名空间及其拥有的命名空间' },
  kind: { en: 'by kind', zh: '按种类' },
  processes: { en: 'processes: pid in the lab host → pid inside', zh: '进程：实验主机中的进程号 → 命名空间内的进程号' },
};

const SHARED = {
  lab: { en: 'lab host', zh: '实验主机' },
  machine: { en: 'shared with the machine', zh: '与整机共享' },
} as const;

const KIND_ROLE: Readonly<Record<NamespaceKind, Role>> = {
  user: 'user',
  mnt: 'mnt',
  pid: 'pid',
  net: 'net',
  uts: 'uts',
  ipc: 'ipc',
  cgroup: 'cgroup',
  time: 'time',
};

export function namespacesPanel(): Panel<NamespacesState> {
  let lastItems: TreeDrawing['items'] = [];
  let lastOffset = 0;
  return {
    id: 'namespaces',
    title: (lang) => (lang === 'zh' ? '命名空间' : 'Namespaces'),
    keys: KEYS,
    initial: () => ({ view: 'owner', hideShared: false, selected: null, detail: false }),
    render(width, _height, input, state) {
      const view = renderNamespaces(width, input, state);
      lastItems = view.items;
      lastOffset = view.offset;
      return view;
    },
    onKey(key, state, input) {
      if (key.ctrl || key.alt || input.snapshot === null) return null;
      if (key.name === 'v')
        return {
          ...state,
          view: VIEWS[(VIEWS.indexOf(state.view) + 1) % VIEWS.length]!,
          selected: null,
          detail: false,
        };
      if (key.name === 's') return { ...state, hideShared: !state.hideShared };
      return listKey(key, state, renderNamespaces(80, input, { ...state, detail: false }).items);
    },
    onClick(line, _column, state) {
      const hit = lastItems.find((item) => line - lastOffset >= item.y && line - lastOffset < item.y + item.height);
      if (hit === undefined || state.detail) return null;
      return hit.id === state.selected ? { ...state, detail: true } : { ...state, selected: hit.id };
    },
  };
}

/** The panel's lines. */
export function renderNamespaces(
  width: number,
  input: PanelInput,
  state: NamespacesState,
): PanelView & { readonly items: TreeDrawing['items']; readonly offset: number } {
  const { lang, snapshot, unicode } = input;
  const say = (text: string, role: Role = 'muted'): StyledLine[] =>
    wrapText(text, width).map((part) => padLine([span(part, role)], width));
  if (snapshot === null) return { lines: say(word('waiting', lang)), items: [], offset: 0 };
  if (state.detail && state.selected !== null) {
    const detail = namespaceDetail(snapshot, state.selected, lang);
    if (detail !== null) return { lines: detailLines(detail, width, lang), items: [], offset: 0 };
  }
  const model = namespacesModel({ snapshot, fresh: input.fresh, filter: input.filter, hideShared: state.hideShared });
  const problems = snapshot.problems.filter((problem) => problem.part === 'namespaces' || problem.part === 'processes');
  const head = [
    ...problems.flatMap((problem) => say(problemText(problem.reason, lang), 'warn')),
    ...say(HEAD[state.view][lang], 'heading'),
  ];
  const drawing = drawTree(nodesOf(model, state.view, lang, unicode), width, state.selected, unicode);
  const lines = [...head, ...drawing.lines];
  if (drawing.lines.length === 0) lines.push(...say(word(input.filter === '' ? 'nothing' : 'noMatch', lang)));
  if (model.hidden > 0 && state.view !== 'processes') lines.push(...say(more(model.hidden, lang)));
  const item = drawing.items.find((one) => one.id === state.selected);
  const view = { lines, items: drawing.items, offset: head.length };
  return item === undefined ? view : { ...view, reveal: { line: head.length + item.y } };
}

function nodesOf(model: NamespacesModel, view: NamespacesView, lang: Lang, unicode: boolean): TreeNode[] {
  if (view === 'processes') return model.processes.map((node) => processNode(node, lang, unicode));
  if (view === 'owner') return model.byOwner.map((node) => namespaceNode(node, lang, unicode));
  return model.byKind.map(({ kind, nodes }) => ({
    id: `kind:${kind}`,
    spans: [span(kind, KIND_ROLE[kind], { bold: true }), { text: '  ' }, span(ISOLATES[kind][lang], 'muted')],
    children: nodes.map((node) => namespaceNode(node, lang, unicode)),
  }));
}

const MEMBERS_SHOWN = 3;

function namespaceNode(node: NamespaceNode, lang: Lang, unicode: boolean): TreeNode {
  const dim = node.shared !== null;
  const spans: Span[] = [span(node.kind, KIND_ROLE[node.kind], { bold: !dim, dim })];
  if (node.shared !== null) spans.push({ text: ' ' }, span(SHARED[node.shared][lang], 'muted'));
  if (node.name !== '')
    spans.push(
      { text: ' ' },
      span(placeText(node.name, lang), node.mark === 'removed' ? 'removed' : 'accent', {
        strike: node.mark === 'removed',
      }),
    );
  if (node.containers.length > 0)
    spans.push(
      { text: ' ' },
      span(`${containerGlyph(unicode)} ${node.containers.join(lang === 'zh' ? '、' : ', ')}`, 'accent', { bold: true }),
    );
  if (node.mark !== null) spans.push({ text: ' ' }, markSpan(node.mark, { lang, unicode }));
  spans.push({ text: ' ' }, span(`[${node.ns?.inode ?? ''}]`, 'muted'));
  const below = (width: number): Span[][] => {
    const rows: string[] = [];
    if (node.mark === 'removed') return [];
    if (node.shared === null) {
      const names = node.members.slice(0, MEMBERS_SHOWN).map((member) => `${member.pid} ${member.comm}`);
      if (node.members.length > MEMBERS_SHOWN) names.push(more(node.members.length - MEMBERS_SHOWN, lang));
      if (names.length > 0)
        rows.push(
          `${counted(node.members.length, lang, ['process', 'processes'], '个进程')}${lang === 'zh' ? '：' : ': '}${names.join(lang === 'zh' ? '、' : ', ')}`,
        );
      for (const holder of node.holders) rows.push(keptAlive(holderText(holder, lang), lang));
    }
    if (node.uidMap.length > 0) rows.push(`uid ${mapText(node.uidMap)}`);
    return rows.flatMap((row) => wrapText(unicode ? row : asciiText(row), width).map((part) => [span(part, 'muted')]));
  };
  return { id: node.id, spans, below, children: node.children.map((child) => namespaceNode(child, lang, unicode)) };
}

function processNode(node: ProcessNode, lang: Lang, unicode: boolean): TreeNode {
  const pids = node.pids.join(unicode ? ' → ' : ' > ');
  const spans: Span[] = [span(pids, 'pid', { bold: node.pids.length > 1 }), { text: ' ' }];
  if (node.container !== null)
    spans.push(span(`${containerGlyph(unicode)} ${node.container.name} `, 'accent', { bold: true }));
  if (node.differs.length > 0) spans.push(span(`[${node.differs.join(' ')}] `, 'info'));
  if (node.mark !== null) spans.push(span(`${markSign(node.mark, unicode).glyph} `, markSign(node.mark, unicode).role));
  spans.push(span(node.command, node.process.state === 'Z' ? 'removed' : 'text'));
  if (node.process.state === 'Z') spans.push(span(lang === 'zh' ? ' （僵尸进程）' : ' (zombie)', 'warn'));
  return {
    id: `process:${node.process.pid}`,
    spans,
    children: node.children.map((child) => processNode(child, lang, unicode)),
  };
}
