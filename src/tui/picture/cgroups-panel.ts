/** Control groups as a panel: the tree with gauges, and running charts of the selected group. */
import type { Snapshot } from '../../../engine/api/types.js';
import type { KeyHint, Lang, Panel, PanelInput, PanelView } from '../panel.js';
import { padLine } from '../text/fit.js';
import { type Role, type Span, type StyledLine, span } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import { wrapText } from '../text/wrap.js';
import { cgroupDetail } from '../viewmodels/cgroup-detail.js';
import { CgroupHistory, METRICS, type Metric } from '../viewmodels/cgroup-history.js';
import { type CgroupNode, type CgroupsModel, cgroupsModel, flatCgroups } from '../viewmodels/cgroups.js';
import { shortIds } from '../viewmodels/containers.js';
import { bytes, microseconds, percent, shortBytes } from '../viewmodels/format.js';
import { visible } from '../viewmodels/safe-text.js';
import { chart, gauge, niceTop } from './chart.js';
import { containerSpans, spaced } from './container-spans.js';
import { detailLines } from './detail.js';
import { asciiText } from './glyphs.js';
import { LINE_CHART_ROWS, type LineChart, loadedLineChart, loadLineChart } from './line-chart.js';
import { type ListState, listKey } from './list-keys.js';
import { drawTree, type TreeDrawing, type TreeNode } from './tree.js';
import { markSpan } from './wiring-rows.js';
import { counted, more, problemText, word } from './words.js';

export interface CgroupsState extends ListState {
  /** Which charts are shown above the tree. */
  readonly charts: 'all' | 'none' | Metric;
  /** Grows with every snapshot; `version` makes a new state of it. */
  readonly history: CgroupHistory;
  readonly version: number;
  /** Draws one chart large, with a scale; null until it was wanted and is loaded. */
  readonly line: LineChart | null;
}

const CHARTS: readonly CgroupsState['charts'][] = ['all', ...METRICS, 'none'];

const KEYS: readonly KeyHint[] = [
  { key: 'j/k', text: { en: 'select a group', zh: '选择控制组' } },
  { key: 'c', text: { en: 'which charts', zh: '切换图表' } },
  { key: 'Enter', text: { en: 'every file of the group', zh: '该组的全部文件' } },
  { key: 'Esc', text: { en: 'back', zh: '返回' } },
];

const NAMES: Readonly<Record<Metric, { en: string; zh: string; role: Role }>> = {
  cpu: { en: 'cpu', zh: 'CPU', role: 'series-1' },
  memory: { en: 'memory', zh: '内存', role: 'series-2' },
  pids: { en: 'pids', zh: '进程数', role: 'series-3' },
  throttled: { en: 'throttled', zh: '被限流', role: 'series-4' },
  oom: { en: 'oom kills', zh: 'OOM 终止', role: 'error' },
};

const MODES = {
  v1: { en: 'cgroup v1: one tree per controller, shown as one', zh: 'cgroup v1：每个控制器一棵树，此处合并显示' },
  v2: { en: 'cgroup v2: one tree', zh: 'cgroup v2：单一层级' },
  hybrid: { en: 'hybrid: v1 hierarchies beside a v2 tree', zh: '混合模式：v1 层级与 v2 树并存' },
  none: { en: 'no cgroups in this lab', zh: '此实验主机中没有可用的控制组' },
} as const;

export function cgroupsPanel(): Panel<CgroupsState> {
  let lastItems: TreeDrawing['items'] = [];
  let lastOffset = 0;
  return {
    id: 'cgroups',
    title: (lang) => (lang === 'zh' ? '控制组' : 'Cgroups'),
    keys: KEYS,
    initial: () => ({
      selected: null,
      detail: false,
      charts: 'all',
      history: new CgroupHistory(),
      version: 0,
      line: null,
    }),
    render(width, height, input, state) {
      const view = renderCgroups(width, height, input, state);
      lastItems = view.items;
      lastOffset = view.offset;
      return view;
    },
    onKey(key, state, input, effects) {
      if (key.ctrl || key.alt || input.snapshot === null) return null;
      if (key.name === 'c') {
        // Until it is there, and where it cannot be loaded, the small chart is drawn.
        loadLineChart().catch((error: unknown) => effects.toast(noLargeChart(error)));
        return {
          ...state,
          charts: CHARTS[(CHARTS.indexOf(state.charts) + 1) % CHARTS.length]!,
          line: loadedLineChart(),
        };
      }
      const model = modelOf(input.snapshot, input);
      return listKey(
        key,
        state,
        flatCgroups(model.roots).map((node) => ({ id: node.path })),
      );
    },
    onClick(line, _column, state) {
      const hit = lastItems.find((item) => line - lastOffset >= item.y && line - lastOffset < item.y + item.height);
      if (hit === undefined || state.detail) return null;
      return hit.id === state.selected ? { ...state, detail: true } : { ...state, selected: hit.id };
    },
    onSnapshot(event, state) {
      state.history.add(event.snapshot);
      return { ...state, version: state.version + 1, line: loadedLineChart() };
    },
  };
}

type CgroupsViewOf = PanelView & { readonly items: TreeDrawing['items']; readonly offset: number };

/** The panel's lines: mode, charts of the selected group (else of the root), tree. */
export function renderCgroups(width: number, height: number, input: PanelInput, state: CgroupsState): CgroupsViewOf {
  const { lang, snapshot, unicode } = input;
  const say = (text: string, role: Role = 'muted'): StyledLine[] =>
    wrapText(text, width).map((part) => padLine([span(part, role)], width));
  if (snapshot === null) return { lines: say(word('waiting', lang)), items: [], offset: 0 };
  if (state.detail && state.selected !== null) {
    const detail = cgroupDetail(snapshot, state.selected, lang);
    if (detail !== null) return { lines: detailLines(detail, width, lang), items: [], offset: 0 };
  }
  const model = modelOf(snapshot, input, state.history);
  const problems = snapshot.problems.filter((problem) => problem.part === 'cgroups');
  const head: StyledLine[] = problems.flatMap((problem) => say(problemText(problem.reason, lang), 'warn'));
  head.push(...say(modeText(model, lang), 'heading'));
  const nodes = flatCgroups(model.roots);
  const charted = nodes.find((node) => node.path === state.selected) ?? nodes[0];
  if (charted !== undefined && state.charts !== 'none' && height >= 10)
    head.push(...(largeChart(charted, state, width, height, input) ?? charts(charted, state, width, lang, unicode)));
  const drawing = drawTree(
    model.roots.map((node) => treeNode(node, lang, unicode)),
    width,
    state.selected,
    unicode,
  );
  const lines = [...head, ...drawing.lines];
  if (drawing.lines.length === 0) lines.push(...say(word(input.filter === '' ? 'nothing' : 'noMatch', lang)));
  if (model.hidden > 0) lines.push(...say(more(model.hidden, lang)));
  const item = drawing.items.find((one) => one.id === state.selected);
  const sticky = head.length <= height / 2 ? head.length : 0;
  const view = { lines, items: drawing.items, offset: head.length, sticky };
  return item === undefined ? view : { ...view, reveal: { line: head.length + item.y } };
}

function modelOf(snapshot: Snapshot, input: PanelInput, history?: CgroupHistory): CgroupsModel {
  const wanted = input.ghosts
    .filter((goal) => goal.object === 'cgroup' && !goal.met && goal.name !== undefined)
    .map((goal) => goal.name!);
  return cgroupsModel({
    snapshot,
    fresh: input.fresh,
    filter: input.filter,
    wanted,
    ...(history === undefined ? {} : { history }),
  });
}

function modeText(model: CgroupsModel, lang: Lang): string {
  const controllers = model.hierarchies.flatMap((hierarchy) => hierarchy.controllers).map(visible);
  const list =
    controllers.length === 0 ? '' : lang === 'zh' ? `（${controllers.join('、')}）` : ` (${controllers.join(', ')})`;
  return `${MODES[model.mode][lang]}${list}`;
}

/** Bars filled up to here are alarming. */
const NEAR_LIMIT = 0.9;
const GAUGE = 8;

/** `name`, mark, state, processes in one row; gauges below it, as many to a row as fit. */
function treeNode(node: CgroupNode, lang: Lang, unicode: boolean): TreeNode {
  const spans: Span[] = [
    ...(node.container === null
      ? []
      : [...spaced(containerSpans(node.container, { lang, unicode })), { text: ' ' } as Span]),
    span(node.name, node.mark === 'removed' || node.mark === 'ghost' ? node.mark : 'cgroup', {
      bold: node.container === null,
      strike: node.mark === 'removed',
    }),
  ];
  if (node.mark !== null) spans.push({ text: ' ' }, markSpan(node.mark, { lang, unicode }));
  if (node.freezer !== null && (node.freezer.frozen || node.freezer.state === 'FREEZING')) {
    spans.push(
      { text: ' ' },
      span(
        `${unicode ? '❄' : '*'} ${node.freezer.frozen ? (lang === 'zh' ? '已冻结' : 'frozen') : lang === 'zh' ? '冻结中' : 'freezing'}`,
        'info',
      ),
    );
  }
  if (node.procs.length > 0)
    spans.push({ text: ' ' }, span(counted(node.procs.length, lang, ['process', 'processes'], '个进程'), 'muted'));
  const below = (width: number): Span[][] => flowCells(cells(node, lang, unicode), width);
  return { id: node.path, spans, below, children: node.children.map((child) => treeNode(child, lang, unicode)) };
}

function cells(node: CgroupNode, lang: Lang, unicode: boolean): Span[][] {
  const found: Span[][] = [];
  const measured = (name: string, share: number | null, text: string): void => {
    const cell: Span[] = [span(`${name} `, 'muted')];
    if (share !== null) {
      const bar = gauge(share, GAUGE, unicode);
      cell.push(span(bar.filled, share >= NEAR_LIMIT ? 'warn' : 'gauge'), span(bar.rest, 'gauge-rest'), { text: ' ' });
    }
    cell.push(span(text, share !== null && share >= NEAR_LIMIT ? 'warn' : 'text'));
    found.push(cell);
  };
  const { memory, cpu, pids } = node;
  if (memory !== null) {
    const limit = memory.limit;
    measured(
      NAMES.memory[lang],
      limit === null || limit === 0 ? null : memory.usage / limit,
      limit === null ? shortBytes(memory.usage) : `${shortBytes(memory.usage)}/${shortBytes(limit)}`,
    );
    if (memory.underOom) found.push([span(lang === 'zh' ? '内存耗尽' : 'out of memory', 'error', { bold: true })]);
    if (memory.oomKills > 0) found.push([span(`${NAMES.oom[lang]} ${memory.oomKills}`, 'error', { bold: true })]);
  }
  if (cpu !== null) {
    const used = node.cpuShare;
    const limit = node.cpuLimit;
    const text = `${used === null ? '-' : percent(used)}${limit === null ? '' : `/${percent(limit)}`}`;
    measured(NAMES.cpu[lang], used === null || limit === null ? null : used / limit, text);
    if (cpu.shares !== null && cpu.shares !== 1024) found.push([span('shares ', 'muted'), span(String(cpu.shares))]);
    if (cpu.weight !== null && cpu.weight !== 100) found.push([span('weight ', 'muted'), span(String(cpu.weight))]);
    if (cpu.nrThrottled > 0)
      found.push([
        span(`${NAMES.throttled[lang]} `, 'muted'),
        span(`${cpu.nrThrottled}× ${microseconds(cpu.throttledUs)}`, 'warn'),
      ]);
  }
  if (pids !== null) {
    measured(
      NAMES.pids[lang],
      pids.max === null || pids.max === 0 ? null : pids.current / pids.max,
      pids.max === null ? String(pids.current) : `${pids.current}/${pids.max}`,
    );
    if (pids.hitMax > 0)
      found.push([span(lang === 'zh' ? `拒绝 fork ${pids.hitMax} 次` : `fork refused ${pids.hitMax}×`, 'warn')]);
  }
  if (node.cpuset !== null && node.cpuset.cpus !== '')
    found.push([span('cpus ', 'muted'), span(visible(node.cpuset.cpus))]);
  return unicode ? found : found.map((cell) => cell.map((part) => ({ ...part, text: asciiText(part.text) })));
}

function flowCells(parts: readonly (readonly Span[])[], width: number): Span[][] {
  const rows: Span[][] = [];
  let used = 0;
  for (const part of parts) {
    const columns = part.reduce((sum, one) => sum + textWidth(one.text), 0);
    const row = rows.at(-1);
    if (row !== undefined && used + 2 + columns <= width) {
      row.push({ text: '  ' }, ...part);
      used += 2 + columns;
    } else {
      rows.push([...part]);
      used = columns;
    }
  }
  return rows;
}

function charts(node: CgroupNode, state: CgroupsState, width: number, lang: Lang, unicode: boolean): StyledLine[] {
  const chosen = state.charts === 'all' ? METRICS : METRICS.filter((metric) => metric === state.charts);
  const rows = state.charts === 'all' ? 1 : 5;
  const known = chosen.filter((metric) => hasMetric(node, metric));
  const labels = known.map((metric) => NAMES[metric][lang]);
  const labelWidth = labels.reduce((most, label) => Math.max(most, textWidth(label)), 0);
  const figures = known.map((metric) => figure(node, metric));
  const figureWidth = figures.reduce((most, text) => Math.max(most, textWidth(text)), 0);
  const chartWidth = Math.max(4, width - labelWidth - figureWidth - 2);
  const whose = groupText(node);
  const lines: StyledLine[] = [
    padLine([span(lang === 'zh' ? `图表：${whose}` : `charts of ${whose}`, 'muted')], width),
  ];
  known.forEach((metric, i) => {
    const values = state.history.series(node.path, metric);
    const drawn = chart(values, {
      width: chartWidth,
      height: rows,
      top: topOf(node, metric, values),
      added: state.history.added(node.path),
      unicode,
    });
    drawn.forEach((text, row) => {
      const label = row === 0 ? labels[i]! : '';
      const value = row === 0 ? figures[i]! : '';
      const lead = label + ' '.repeat(labelWidth + 1 - textWidth(label));
      lines.push(
        padLine([span(lead, 'muted'), span(text, NAMES[metric].role), { text: ' ' }, span(value, 'text')], width),
      );
    });
  });
  return lines;
}

/** A group in a heading: the container's name, else the path. */
function groupText(node: CgroupNode): string {
  return node.container?.name ?? visible(shortIds(node.path));
}

/** The large chart is drawn where it has at least this many columns. */
const LARGE_COLUMNS = 36;
const LARGE_ROWS = { least: LINE_CHART_ROWS, most: 16 };

/** One chart with a scale in the upper half of the pane; null where there is no room, or no chart was chosen. */
function largeChart(
  node: CgroupNode,
  state: CgroupsState,
  width: number,
  height: number,
  { lang, unicode }: PanelInput,
): StyledLine[] | null {
  const metric = state.charts;
  if (metric === 'all' || metric === 'none' || state.line === null || !unicode || !hasMetric(node, metric)) return null;
  // The mode of the cgroups and the heading stand above it; half of the pane stays for the tree.
  const rows = Math.min(LARGE_ROWS.most, Math.floor(height / 2) - 3);
  if (rows < LARGE_ROWS.least || width < LARGE_COLUMNS) return null;
  const values = state.history.series(node.path, metric);
  const { factor, unit, parts, top } = scaleOf(metric, topOf(node, metric, values));
  const drawn = state.line(
    values.map((value) => (value === null ? null : value * factor)),
    {
      width,
      height: rows,
      top,
      parts,
      added: Math.max(0, state.history.added(node.path) - 1),
      role: NAMES[metric].role,
    },
  );
  const title = `${NAMES[metric][lang]}${unit === '' ? '' : ` (${unit})`} `;
  const heading = [span(title, 'text'), span(figure(node, metric), 'strong'), span(`  ${groupText(node)}`, 'muted')];
  return [heading, ...drawn].map((one) => padLine(one, width));
}

interface Scale {
  readonly factor: number;
  readonly unit: string;
  readonly top: number;
  readonly parts: number;
}

/** In which unit the figures of a scale are short, and into how many parts it falls. */
function scaleOf(metric: Metric, top: number): Scale {
  const of = (factor: number, unit: string): Scale => {
    const scaled = Math.max(top * factor, Number.MIN_VALUE);
    const parts = [4, 5, 3, 2].find((count) => Number.isInteger(scaled / count)) ?? (metric === 'pids' ? 1 : 4);
    return { factor, unit, top: scaled, parts };
  };
  if (metric === 'cpu' || metric === 'throttled') return of(100, '%');
  if (metric !== 'memory') return top > 0 ? of(1, '') : { factor: 1, unit: '', top: 1, parts: 1 };
  const [step, unit] = MEMORY_UNITS.find(([size]) => top >= 4 * size) ?? [1, 'B'];
  return of(1 / step, unit);
}

const MEMORY_UNITS: readonly (readonly [number, string])[] = [
  [1 << 30, 'GiB'],
  [1 << 20, 'MiB'],
  [1 << 10, 'KiB'],
];

function noLargeChart(error: unknown): { en: string; zh: string } {
  const why = visible(error instanceof Error ? error.message : String(error));
  return { en: `the large chart cannot be loaded: ${why}`, zh: `无法加载大图表：${why}` };
}

function hasMetric(node: CgroupNode, metric: Metric): boolean {
  if (metric === 'memory' || metric === 'oom') return node.memory !== null;
  return metric === 'pids' ? node.pids !== null : node.cpu !== null;
}

function figure(node: CgroupNode, metric: Metric): string {
  switch (metric) {
    case 'cpu':
      return node.cpuShare === null ? '-' : percent(node.cpuShare);
    case 'memory':
      return bytes(node.memory?.usage ?? 0);
    case 'pids':
      return String(node.pids?.current ?? 0);
    case 'throttled':
      return microseconds(node.cpu?.throttledUs ?? 0);
    case 'oom':
      return String(node.memory?.oomKills ?? 0);
  }
}

/** What fills the height: the limit where there is one, else a round number above the largest value seen. */
function topOf(node: CgroupNode, metric: Metric, values: readonly (number | null)[]): number {
  const largest = values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  if (metric === 'cpu') return node.cpuLimit ?? Math.max(1, niceTop(largest));
  if (metric === 'memory') return node.memory?.limit ?? niceTop(largest);
  if (metric === 'pids') return node.pids?.max ?? niceTop(largest);
  return metric === 'throttled' ? 1 : Math.max(1, niceTop(largest));
}
