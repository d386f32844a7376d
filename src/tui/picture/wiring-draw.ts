/** The wiring as lines of text: boxes, bars, wires, the selected thing and the wires that belong to it. */
import type { Lang } from '../panel.js';
import { type Role, type Span, type Style, type StyledLine, span } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import { flatPorts, type WiringBox, type WiringModel, type WiringPort } from '../viewmodels/wiring.js';
import { Canvas, type Pen } from './canvas.js';
import { markSign } from './glyphs.js';
import {
  layoutWiring,
  type PlacedBox,
  type PlacedRow,
  type PlacedWire,
  textColumn,
  type WiringLayout,
} from './wiring-layout.js';
import { loopbackInTitle, loopbackSpans, spansWidth, titleSpans } from './wiring-rows.js';
import { counted } from './words.js';

export interface DrawOptions {
  readonly width: number;
  readonly lang: Lang;
  readonly unicode: boolean;
  /** Id of a box or port. */
  readonly selected: string | null;
  readonly maxNotes?: number;
  /** Rows of the pane: a drawing that is higher lets boxes share their borders. Default: no bound. */
  readonly height?: number;
}

/** A thing that can be selected, and where it is drawn. */
export interface PictureItem {
  readonly id: string;
  readonly box: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WiringDrawing {
  readonly lines: readonly StyledLine[];
  /** In reading order: each box, then its interfaces. */
  readonly items: readonly PictureItem[];
  readonly layout: WiringLayout;
}

const RANK = { frame: 0, ghost: 0, wire: 1, fresh: 2, selected: 3 };

export function drawWiring(model: WiringModel, options: DrawOptions): WiringDrawing {
  const roomy = layoutWiring(model, options);
  const layout =
    options.height === undefined || roomy.height <= options.height
      ? roomy
      : layoutWiring(model, { ...options, dense: true });
  const canvas = new Canvas(options.width, options.unicode);
  const items: PictureItem[] = [];
  for (const placed of layout.boxes) drawBox(canvas, placed, options, items);
  const chosen = chosenPorts(model, options.selected);
  for (const wire of layout.wires) drawWire(canvas, wire, chosen.has(wire.wire.from) || chosen.has(wire.wire.to));
  for (const item of items) {
    if (item.id !== options.selected) continue;
    canvas.restyle(item.x, item.y, item.width, item.height, selectedStyle);
  }
  canvas.grow(layout.height);
  return { lines: canvas.lines(), items, layout };
}

function selectedStyle(style: Style | undefined): Style {
  return { ...style, role: 'selected' };
}

/** Ports whose wires are drawn heavily: the selected one. */
function chosenPorts(model: WiringModel, selected: string | null): ReadonlySet<string> {
  const ports = new Set<string>();
  if (selected === null) return ports;
  for (const box of model.boxes) {
    const all = flatPorts(box.ports);
    if (all.some((port) => port.id === selected)) ports.add(selected);
  }
  return ports;
}

function boxPen(box: WiringBox, selected: boolean): Pen {
  const ghostly = box.mark === 'ghost' || box.mark === 'removed';
  const role: Role = selected
    ? 'frame-focus'
    : box.mark === null
      ? box.isHost
        ? 'net'
        : 'frame'
      : markSign(box.mark, true).role;
  return {
    dashed: ghostly,
    weight: selected || box.mark === 'new' ? 2 : 1,
    style: { role },
    rank: RANK.frame,
    target: box.id,
  };
}

function drawBox(canvas: Canvas, placed: PlacedBox, options: DrawOptions, items: PictureItem[]): void {
  const { box, x, y, width, height } = placed;
  const selected = options.selected === box.id;
  const pen = boxPen(box, selected);
  canvas.frame(x, y, width, height, pen);
  const title = titleSpans(box, options);
  const state = loopbackSpans(box, options);
  const stateWidth = spansWidth(state);
  const fits = state.length > 0 && loopbackInTitle(box, width, options);
  const end = canvas.text(x + 2, y, targeted(title, box.id), fits ? x + width - 3 - stateWidth : x + width - 1);
  if (fits) canvas.text(x + width - 2 - stateWidth, y, targeted(state, box.loopback?.id ?? box.id), x + width - 1);
  items.push({ id: box.id, box: box.id, x: x + 2, y, width: end - x - 2, height: 1 });
  if (box.loopback !== null) {
    const shown = placed.rows.find((row) => row.item === box.loopback?.id);
    if (shown === undefined && fits)
      items.push({ id: box.loopback.id, box: box.id, x: x + width - 2 - stateWidth, y, width: stateWidth, height: 1 });
  }
  if (box.processes > 0 && !placed.shared) {
    const text = ` ${counted(box.processes, options.lang, ['process', 'processes'], '个进程')} `;
    if (textWidth(text) + 4 <= width) canvas.text(x + 2, y + height - 1, [span(text, 'muted')], x + width - 2);
  }
  drawBars(canvas, placed);
  for (const row of placed.rows)
    canvas.text(textColumn(placed, row), row.y, targeted(row.spans, row.item), x + width - 1);
  pushRowItems(placed, items);
}

function targeted(spans: readonly Span[], target: string): Span[] {
  return spans.map((part) => ({ ...part, target }));
}

/** A bar inside a box: from a bridge (or lower interface) down to the last of its ports, with a tooth at each. */
export interface Bar {
  readonly port: WiringPort;
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
  /** Column and row of each horizontal piece, two cells long, the first one at the bridge itself. */
  readonly teeth: readonly { readonly x: number; readonly y: number; readonly item: string }[];
}

export function barsOf(placed: PlacedBox): Bar[] {
  const rowOf = new Map<string, PlacedRow>();
  for (const row of placed.rows) if (row.port !== null) rowOf.set(row.port.id, row);
  const bars: Bar[] = [];
  for (const row of placed.rows) {
    const port = row.port;
    if (port === null || (port.kind !== 'bridge' && row.children.length === 0)) continue;
    const x = placed.x + 2 + 2 * row.depth;
    const children = row.children.map((id) => rowOf.get(id)).filter((child) => child !== undefined);
    const teeth = [
      { x: row.depth === 0 ? x : x - 1, y: row.y, item: port.id },
      ...children.map((child) => ({ x, y: child.y, item: child.item })),
    ];
    bars.push({ port, x, top: row.y, bottom: Math.max(row.y, ...children.map((child) => child.y)), teeth });
  }
  return bars;
}

/** Bridges as heavy bars with their ports attached, other lower interfaces as light ones. */
function drawBars(canvas: Canvas, placed: PlacedBox): void {
  for (const { port, x, top, bottom, teeth } of barsOf(placed)) {
    const bridge = port.kind === 'bridge';
    const ghostly = port.mark === 'ghost' || port.mark === 'removed';
    const style: Style = { role: ghostly ? port.mark! : bridge ? 'bridge' : 'wire' };
    const pen: Pen = { weight: bridge ? 2 : 1, dashed: ghostly, style };
    for (const tooth of teeth) canvas.horizontal(tooth.x, tooth.x + 1, tooth.y, { ...pen, target: tooth.item });
    if (bottom > top) canvas.vertical(x, top, bottom, { ...pen, target: port.id });
  }
}

function pushRowItems(placed: PlacedBox, items: PictureItem[]): void {
  const seen = new Map<string, number>();
  for (const row of placed.rows) {
    if (row.item === placed.box.id) continue;
    const at = seen.get(row.item);
    if (at === undefined) {
      seen.set(row.item, items.length);
      items.push({ id: row.item, box: placed.box.id, x: placed.x + 1, y: row.y, width: placed.width - 2, height: 1 });
    } else items[at] = { ...items[at]!, height: row.y - items[at]!.y + 1 };
  }
}

function drawWire(canvas: Canvas, placed: PlacedWire, chosen: boolean): void {
  const { wire, from, to, track } = placed;
  const fresh = wire.mark === 'new' || wire.mark === 'changed';
  const ghost = wire.mark === 'ghost';
  const role: Role = chosen
    ? 'selected'
    : wire.mark !== null
      ? markSign(wire.mark, true).role
      : wire.live
        ? 'wire'
        : 'muted';
  const pen: Pen = {
    weight: chosen || fresh ? 2 : 1,
    dashed: ghost || wire.kind === 'lower',
    style: { role, bold: fresh },
    rank: chosen ? RANK.selected : fresh ? RANK.fresh : ghost ? RANK.ghost : RANK.wire,
  };
  if (track === null) {
    canvas.horizontal(from.x, to.x, from.y, pen);
    return;
  }
  canvas.horizontal(from.x, track, from.y, pen);
  canvas.horizontal(track, to.x, to.y, pen);
  canvas.vertical(track, from.y, to.y, pen);
}
