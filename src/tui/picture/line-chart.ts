/**
 * The large running chart: a line with a scale, drawn by blessed-contrib into a canvas that belongs to no screen, and
 * taken from there as styled lines. So our own draw sends only the cells that differ, in the colours of the theme.
 *
 * The chart alone is imported (the whole package takes four times as long and loads code for maps and pictures), and
 * only when somebody asks for a large chart.
 */
import type { Role, Span, StyledLine } from '../text/styled.js';

export interface LineChartOptions {
  readonly width: number;
  /** Rows, the base line included; at least `LINE_CHART_ROWS`. */
  readonly height: number;
  /** Value at the upper end of the scale, above zero; what is larger is cut. */
  readonly top: number;
  /** Parts of the scale that carry a figure. */
  readonly parts: number;
  /** How many values were ever added: tells the place of the newest. */
  readonly added: number;
  readonly role: Role;
}

/**
 * Rows of the chart from top to bottom, each at most `width` columns. It is written like the screen of an oscilloscope: a
 * value keeps its place, the newest follows its predecessor to the right and from the end back to the start, and a bar
 * stands before the oldest. So a tick costs a few hundred bytes, where a picture that moves left costs ten thousand.
 * A null is drawn as the value before it.
 */
export type LineChart = (values: readonly (number | null)[], options: LineChartOptions) => StyledLine[];

/** Fewer rows than this leave no room for a scale. */
export const LINE_CHART_ROWS = 6;

/** Colours that the canvas is given, as it writes them: SGR 30 and more. They only carry roles from one side to the other. */
const ROLES: Readonly<Record<string, Role | null>> = { 31: null, 32: 'muted', 37: 'frame' };
const STYLE = { line: 'red', text: 'green', baseline: 'white' } as const;
/** Rows below the base line that the chart keeps for labels of the x axis, which we do not use. */
const LABEL_ROWS = 2;
/** Dots that the chart leaves free below and above the line. */
const BELOW = 11;
const ABOVE = 3;

let loading: Promise<LineChart> | null = null;
let loaded: LineChart | null = null;

/** The chart when it has been loaded. */
export function loadedLineChart(): LineChart | null {
  return loaded;
}

/** Load it, once. */
export function loadLineChart(): Promise<LineChart> {
  loading ??= import('blessed-contrib/lib/widget/charts/line.js').then(({ default: Line }) => {
    loaded = (values, { width, height, top, parts, added, role }) => {
      const rows = Math.max(LINE_CHART_ROWS, height) + LABEL_ROWS;
      const dots = rows * 4 - BELOW;
      // The scale ends a little above `top`, so that the figure of `top` has a row.
      const maxY = (top * dots) / (dots - ABOVE);
      const line = new Line({
        screen: { setEffects: () => undefined },
        width,
        height: rows,
        minY: 0,
        maxY,
        numYLabels: (parts * maxY) / top,
        xPadding: 5,
        xLabelPadding: 3,
        // One label at the most, and that a blank: an empty one is drawn as the word "null".
        showNthLabel: width,
        style: STYLE,
      });
      line.calcSize = () => {
        line.canvasSize = { width: width * 2, height: rows * 4 };
      };
      line.emit('attach');
      const slots = Math.max(GAP + 2, width - String(Math.ceil(top)).length - 4);
      // A little below the base line, in the rows that are left out: from there the line comes up as the bar.
      const hidden = (-6 * maxY) / dots;
      const traces = sweep(held(values), slots, added, hidden, top);
      const x = new Array<string>(slots).fill(' ');
      if (traces.length > 0) line.setData(traces.map((y) => ({ x, y })));
      return line.ctx._canvas
        .frame()
        .split('\n')
        .slice(0, rows - LABEL_ROWS)
        .map((text) => styled(text, role));
    };
    return loaded;
  });
  return loading;
}

/** Places without a value between the newest and the oldest. */
const GAP = 2;

/** The newest values from the first place on, and those of the sweep before it that are not yet written over. */
function sweep(values: readonly number[], slots: number, added: number, hidden: number, top: number): number[][] {
  if (values.length === 0) return [];
  const inside = values.map((value) => Math.min(top, Math.max(0, value)));
  const count = Math.max(added, inside.length);
  const present = ((count - 1) % slots) + 1;
  const newest = inside.slice(-present);
  const old = inside
    .slice(0, -present)
    .slice(-(slots - present))
    .slice(GAP);
  return old.length === 0 ? [newest] : [newest, [...new Array<number>(slots - old.length).fill(hidden), ...old]];
}

/** Without gaps: the chart would compute with NaN. */
function held(values: readonly (number | null)[]): number[] {
  let last = 0;
  return values.map((value) => {
    if (value !== null && Number.isFinite(value)) last = value;
    return last;
  });
}

/** One row of the canvas: `ESC [ 3 n m`, glyphs, `ESC [ 39 m`. */
function styled(text: string, role: Role): StyledLine {
  const spans: Span[] = [];
  let present: Role | null | undefined;
  for (const [index, part] of text.split(/\u001b\[(\d+)m/).entries()) {
    if (index % 2 === 1) present = part === '49' ? present : ROLES[part];
    else if (part !== '') {
      const wanted = present === null ? role : present;
      const last = spans.at(-1);
      if (last !== undefined && last.style?.role === wanted)
        spans[spans.length - 1] = { ...last, text: last.text + part };
      else spans.push(wanted === undefined ? { text: part } : { text: part, style: { role: wanted } });
    }
  }
  return spans;
}
