/**
 * Where boxes stand and wires run. Two forms: from 56 columns on the first box (the lab host) stands left, all others in
 * one column right, and wires run in the channel between; below that all boxes stand in one column with the channel at
 * their right. Widths depend on the pane only and rows on order only, so adding one thing moves others down at most.
 *
 * Where the drawing is higher than the pane, boxes above each other share a border (`dense`).
 *
 * Level wires: between rows of the left box and between boxes of the right column blank rows are put in, so that the two
 * ends of a wire come to the same height wherever their orders agree; such a wire is a straight line.
 */

import type { Lang } from '../panel.js';
import { visible } from '../viewmodels/safe-text.js';
import { flatPorts, type WiringBox, type WiringModel, type WiringPort, type WiringWire } from '../viewmodels/wiring.js';
import { routeChannel, type Terminal, type Track, type WireRequest } from './wiring-route.js';
import { BAR_COLUMNS, type BoxRow, boxRows } from './wiring-rows.js';

export interface PlacedRow extends BoxRow {
  readonly y: number;
}

export interface PlacedBox {
  readonly box: WiringBox;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** The border on which wires end. */
  readonly side: 'left' | 'right';
  readonly rows: readonly PlacedRow[];
  /** Its lower border is the upper border of the box below it. */
  readonly shared: boolean;
}

export interface PlacedWire {
  readonly wire: WiringWire;
  readonly from: { readonly x: number; readonly y: number };
  readonly to: { readonly x: number; readonly y: number };
  /** Column of the vertical piece; null for a straight wire. */
  readonly track: number | null;
}

export interface WiringLayout {
  readonly boxes: readonly PlacedBox[];
  readonly wires: readonly PlacedWire[];
  /** Ports whose wire is told in words instead, and those words. */
  readonly connectors: ReadonlyMap<string, string>;
  readonly width: number;
  readonly height: number;
  readonly channel: { readonly from: number; readonly to: number };
}

export interface LayoutOptions {
  readonly width: number;
  readonly lang: Lang;
  readonly unicode: boolean;
  /** Boxes above each other share a border: one row less for each. */
  readonly dense?: boolean;
  /** Rows of notes in a box; default 8. */
  readonly maxNotes?: number;
}

export const WIDE = 56;
const MIN_GUTTER_WIDTH = 26;
const MAX_NOTES = 8;

interface Columns {
  readonly left: { readonly x: number; readonly width: number };
  readonly right: { readonly x: number; readonly width: number } | null;
  readonly channel: { readonly from: number; readonly to: number };
}

/** Columns of a pane: they depend on its width alone. */
export function columnsOf(width: number): Columns {
  if (width >= WIDE) {
    const channel = Math.min(18, Math.max(6, Math.round(width * 0.14)));
    const side = Math.min(60, Math.floor((width - channel) / 2));
    const right = side + (width - 2 * side);
    return { left: { x: 0, width: side }, right: { x: right, width: side }, channel: { from: side, to: right - 1 } };
  }
  const gutter = width < MIN_GUTTER_WIDTH ? 0 : Math.min(10, Math.max(4, Math.round(width * 0.17)));
  return { left: { x: 0, width: width - gutter }, right: null, channel: { from: width - gutter, to: width - 1 } };
}

export function layoutWiring(model: WiringModel, options: LayoutOptions): WiringLayout {
  const columns = columnsOf(options.width);
  const places = portPlaces(model);
  const connectors = new Map<string, string>();
  for (const [id, { port }] of places) if (port.farEnd === 'unseen') connectors.set(id, '?');
  const drawable = model.wires.filter((wire) => {
    if (places.has(wire.from) && places.has(wire.to)) return true;
    connect(wire, places, connectors);
    return false;
  });
  // A wire for which the channel has no room becomes words at both of its ends; that may need rows, so place again.
  for (let left = drawable; ; ) {
    const placed = place(model, left, columns, connectors, options);
    const tracks = routeChannel(requestsOf(left, placed), columns.channel.to - columns.channel.from + 1);
    const missing = left.filter((wire) => (tracks.get(wire.id) ?? null) === null);
    if (missing.length === 0) return finish(placed, left, tracks, columns, connectors, options);
    for (const wire of missing) connect(wire, places, connectors);
    left = left.filter((wire) => !missing.includes(wire));
  }
}

type Places = ReadonlyMap<string, { readonly box: WiringBox; readonly port: WiringPort }>;

function portPlaces(model: WiringModel): Places {
  return new Map(model.boxes.flatMap((box) => flatPorts(box.ports).map((port) => [port.id, { box, port }] as const)));
}

function connect(wire: WiringWire, places: Places, connectors: Map<string, string>): void {
  for (const [here, there] of [
    [wire.from, wire.to],
    [wire.to, wire.from],
  ] as const) {
    const own = places.get(here);
    if (own === undefined) continue;
    const far = places.get(there);
    const text =
      far === undefined
        ? visible(own.port.link?.peer?.name ?? '…')
        : `${far.box.containers[0]?.fact.name ?? far.box.label}/${far.port.name}`;
    const before = connectors.get(here);
    connectors.set(here, before === undefined ? text : `${before}, ${text}`);
  }
}

interface Placement {
  readonly boxes: readonly PlacedBox[];
  readonly ends: ReadonlyMap<string, { readonly side: 'left' | 'right'; readonly x: number; readonly y: number }>;
}

function place(
  model: WiringModel,
  wires: readonly WiringWire[],
  columns: Columns,
  connectors: ReadonlyMap<string, string>,
  options: LayoutOptions,
): Placement {
  const shared = { lang: options.lang, unicode: options.unicode, connectors, maxNotes: options.maxNotes ?? MAX_NOTES };
  const [first, ...others] = model.boxes;
  if (first === undefined) return { boxes: [], ends: new Map() };
  const right = columns.right;
  if (right === null) {
    let y = 0;
    const overlap = options.dense === true ? 1 : 0;
    const boxes = model.boxes.map((box) => {
      const rows = boxRows(box, { ...shared, inner: columns.left.width - 4 }).map((row, i) => ({
        ...row,
        y: y + 1 + i,
      }));
      const placed: PlacedBox = {
        box,
        x: columns.left.x,
        y,
        width: columns.left.width,
        height: rows.length + 2,
        side: 'right',
        rows,
        shared: false,
      };
      y += placed.height - overlap;
      return placed;
    });
    return { boxes: withShared(boxes), ends: endsOf(boxes) };
  }
  const rightRows = others.map((box) => boxRows(box, { ...shared, inner: right.width - 4 }));
  const level = partnerLevels(first, others, rightRows, wires);
  const order = (a: WiringPort, b: WiringPort): number =>
    levelOf(a, level) - levelOf(b, level) || (a.link?.index ?? 0) - (b.link?.index ?? 0);
  const leftRows = boxRows(first, { ...shared, inner: columns.left.width - 4, order });
  const boxes = levelled(first, leftRows, others, rightRows, wires, columns, options.dense === true ? 1 : 0);
  return { boxes: withShared(boxes), ends: endsOf(boxes) };
}

function withShared(boxes: readonly PlacedBox[]): PlacedBox[] {
  return boxes.map((box) => ({
    ...box,
    shared: boxes.some((other) => other !== box && other.x === box.x && other.y === box.y + box.height - 1),
  }));
}

/** For each port of the left box: the place of its other end in the right column, counted in rows; ports without one are missing. */
function partnerLevels(
  first: WiringBox,
  others: readonly WiringBox[],
  rows: readonly (readonly BoxRow[])[],
  wires: readonly WiringWire[],
): Map<string, number> {
  const position = new Map<string, number>();
  let count = 0;
  others.forEach((_, i) => {
    for (const row of rows[i]!) {
      count++;
      if (row.port !== null) position.set(row.port.id, count);
    }
  });
  const own = new Set(flatPorts(first.ports).map((port) => port.id));
  const level = new Map<string, number>();
  for (const wire of wires) {
    for (const [here, there] of [
      [wire.from, wire.to],
      [wire.to, wire.from],
    ] as const) {
      const at = position.get(there);
      if (own.has(here) && at !== undefined) level.set(here, Math.min(level.get(here) ?? at, at));
    }
  }
  return level;
}

function levelOf(port: WiringPort, level: ReadonlyMap<string, number>): number {
  const all = flatPorts([port])
    .map((one) => level.get(one.id))
    .filter((one) => one !== undefined);
  return all.length === 0 ? -1 : Math.min(...all);
}

/** Give rows of the left box and boxes of the right column their heights; see the head of this file. */
function levelled(
  first: WiringBox,
  leftRows: readonly BoxRow[],
  others: readonly WiringBox[],
  rightRows: readonly (readonly BoxRow[])[],
  wires: readonly WiringWire[],
  columns: Columns,
  overlap: 0 | 1,
): PlacedBox[] {
  const { left } = columns;
  const right = columns.right ?? left;
  const leftIndex = new Map<string, number>();
  leftRows.forEach((row, i) => {
    if (row.port !== null) leftIndex.set(row.port.id, i);
  });
  const far = new Map<string, string>();
  for (const wire of wires) {
    far.set(wire.from, wire.to);
    far.set(wire.to, wire.from);
  }
  const leftY: number[] = [];
  let next = 1;
  let placedRows = 0;
  const putUntil = (index: number): void => {
    for (; placedRows < index; placedRows++) leftY[placedRows] = next++;
  };
  let top = 0;
  const boxes: PlacedBox[] = [];
  others.forEach((box, i) => {
    const rows = rightRows[i]!;
    for (let offset = 0; offset < rows.length; offset++) {
      const port = rows[offset]!.port;
      const index = port === null ? undefined : leftIndex.get(far.get(port.id) ?? '');
      // Only a row still to be placed can be brought level; and only blank rows before a first row do not tear anything apart.
      if (index === undefined || index < placedRows || leftRows[index]?.loose !== true) continue;
      putUntil(index);
      const y = Math.max(next, top + 1 + offset);
      top = y - 1 - offset;
      leftY[index] = y;
      placedRows = index + 1;
      next = y + 1;
      break;
    }
    const height = rows.length + 2;
    boxes.push({
      box,
      x: right.x,
      y: top,
      width: right.width,
      height,
      side: 'left',
      rows: rows.map((row, k) => ({ ...row, y: top + 1 + k })),
      shared: false,
    });
    top += height - overlap;
  });
  putUntil(leftRows.length);
  const host: PlacedBox = {
    box: first,
    x: left.x,
    y: 0,
    width: left.width,
    height: next + 1,
    side: 'right',
    rows: leftRows.map((row, i) => ({ ...row, y: leftY[i]! })),
    shared: false,
  };
  return [host, ...boxes];
}

function endsOf(boxes: readonly PlacedBox[]): Placement['ends'] {
  const ends = new Map<string, { side: 'left' | 'right'; x: number; y: number }>();
  for (const placed of boxes) {
    // `side` of a terminal is the side of the channel: a box whose right border carries wires stands at its left.
    const side = placed.side === 'right' ? 'left' : 'right';
    const x = placed.side === 'right' ? placed.x + placed.width - 1 : placed.x;
    for (const row of placed.rows) if (row.port !== null) ends.set(row.port.id, { side, x, y: row.y });
  }
  return ends;
}

function requestsOf(wires: readonly WiringWire[], placement: Placement): WireRequest[] {
  const end = (id: string): Terminal => placement.ends.get(id)!;
  return wires.map((wire) => ({ id: wire.id, a: end(wire.from), b: end(wire.to) }));
}

function finish(
  placement: Placement,
  wires: readonly WiringWire[],
  tracks: ReadonlyMap<string, Track>,
  columns: Columns,
  connectors: ReadonlyMap<string, string>,
  options: LayoutOptions,
): WiringLayout {
  const placed = wires.map((wire): PlacedWire => {
    const track = tracks.get(wire.id)!;
    const from = placement.ends.get(wire.from)!;
    const to = placement.ends.get(wire.to)!;
    return { wire, from, to, track: typeof track === 'number' ? columns.channel.from + track : null };
  });
  const height = placement.boxes.reduce((bottom, box) => Math.max(bottom, box.y + box.height), 0);
  return { boxes: placement.boxes, wires: placed, connectors, width: options.width, height, channel: columns.channel };
}

/** Column where the text of a row begins. */
export function textColumn(placed: PlacedBox, row: BoxRow): number {
  const base = placed.x + 2;
  return row.barred ? base + BAR_COLUMNS + Math.max(0, row.depth - 1) * 2 : base;
}
