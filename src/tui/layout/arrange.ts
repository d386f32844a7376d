/** Where the panes stand, as a pure function of the screen's size and what is focused. */
import type { Rect } from '../screen/widgets.js';

export type PaneId = 'lesson' | 'shell' | 'picture' | 'ledger' | 'birth';
/** Their numbers are fixed: 1 lesson, 2 shell, 3 picture, 4 ledger. */
export const PANE_ORDER: readonly PaneId[] = ['lesson', 'shell', 'picture', 'ledger'];

/** The key that goes to a pane. */
export function paneNumber(pane: PaneId): number {
  return PANE_ORDER.indexOf(pane) + 1;
}

/** The panes while a container is being born. */
export const BIRTH_PANES: readonly PaneId[] = ['birth', 'picture'];

export const SMALLEST = { columns: 40, rows: 12 } as const;
/** From here on a second pane stands beside or above the focused one, and all four. */
const TWO_PANES = { columns: 64, rows: 20 } as const;
const FOUR_PANES = { columns: 110, rows: 30 } as const;

export interface ArrangeRequest {
  readonly columns: number;
  readonly rows: number;
  /** Panes that exist, in the order of their numbers; the shell always does. */
  readonly panes: readonly PaneId[];
  readonly focus: PaneId;
  /** The pane beside the shell where there is room for two: the one focused last. */
  readonly side: PaneId;
  readonly zoomed: boolean;
  /** An editor or a pager has the shell's whole screen: it needs the rows more than the pane above it. */
  readonly editor?: boolean;
}

export interface PlacedPane {
  readonly id: PaneId;
  /** With its frame. */
  readonly rect: Rect;
  /** A frame all round, or where columns are dear only a line above. */
  readonly frame: 'box' | 'rule';
}

export interface Arrangement {
  /** False: the screen is too small for anything but a message. */
  readonly fits: boolean;
  readonly panes: readonly PlacedPane[];
  readonly status: Rect;
  /** Panes that exist but have no room now; their titles stand in the frame of the side pane. */
  readonly hidden: readonly PaneId[];
}

/** The columns and rows within the frame. */
export function innerRect(pane: PlacedPane): Rect {
  const { x, y, width, height } = pane.rect;
  if (pane.frame === 'rule') return { x, y: y + 1, width, height: Math.max(0, height - 1) };
  return { x: x + 1, y: y + 1, width: Math.max(0, width - 2), height: Math.max(0, height - 2) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, Math.round(value)));
}

function two(request: ArrangeRequest, height: number): PlacedPane[] {
  const { columns, side } = request;
  if (columns >= FOUR_PANES.columns) {
    const left = clamp(columns * 0.42, 44, 80);
    return [
      { id: side, rect: { x: 0, y: 0, width: left, height }, frame: 'box' },
      { id: 'shell', rect: { x: left, y: 0, width: columns - left, height }, frame: 'box' },
    ];
  }
  // What is read is longer than what is typed: three fifths for it. The split never moves by itself while a step lasts.
  const top = clamp(height * (request.editor === true ? 0.3 : 0.6), 6, height - 6);
  return [
    { id: side, rect: { x: 0, y: 0, width: columns, height: top }, frame: 'rule' },
    { id: 'shell', rect: { x: 0, y: top, width: columns, height: height - top }, frame: 'rule' },
  ];
}

function all(request: ArrangeRequest, height: number): PlacedPane[] {
  const { columns, panes } = request;
  if (!panes.includes('lesson')) {
    const top = clamp(height * 0.52, 10, height - 10);
    const left = clamp(columns * 0.62, 60, columns - 40);
    return [
      { id: 'picture', rect: { x: 0, y: 0, width: columns, height: top }, frame: 'box' },
      { id: 'shell', rect: { x: 0, y: top, width: left, height: height - top }, frame: 'box' },
      { id: 'ledger', rect: { x: left, y: top, width: columns - left, height: height - top }, frame: 'box' },
    ];
  }
  const left = clamp(columns * 0.37, 42, 66);
  const lesson = clamp(height * 0.75, 16, height - 8);
  const picture = Math.floor(height / 2);
  return [
    { id: 'lesson', rect: { x: 0, y: 0, width: left, height: lesson }, frame: 'box' },
    { id: 'ledger', rect: { x: 0, y: lesson, width: left, height: height - lesson }, frame: 'box' },
    { id: 'picture', rect: { x: left, y: 0, width: columns - left, height: picture }, frame: 'box' },
    { id: 'shell', rect: { x: left, y: picture, width: columns - left, height: height - picture }, frame: 'box' },
  ];
}

/** The list of records and the picture, side by side where there is room. */
function birth({ columns }: ArrangeRequest, height: number): PlacedPane[] {
  if (columns >= FOUR_PANES.columns) {
    const left = clamp(columns * 0.45, 50, 90);
    return [
      { id: 'birth', rect: { x: 0, y: 0, width: left, height }, frame: 'box' },
      { id: 'picture', rect: { x: left, y: 0, width: columns - left, height }, frame: 'box' },
    ];
  }
  const top = clamp(height * 0.56, 8, height - 6);
  return [
    { id: 'birth', rect: { x: 0, y: 0, width: columns, height: top }, frame: 'rule' },
    { id: 'picture', rect: { x: 0, y: top, width: columns, height: height - top }, frame: 'rule' },
  ];
}

export function arrange(request: ArrangeRequest): Arrangement {
  const { columns, rows, panes, focus } = request;
  const height = Math.max(0, rows - 1);
  const status: Rect = { x: 0, y: height, width: columns, height: 1 };
  if (columns < SMALLEST.columns || rows < SMALLEST.rows) return { fits: false, panes: [], status, hidden: panes };
  let placed: PlacedPane[];
  if (request.zoomed || columns < TWO_PANES.columns || rows < TWO_PANES.rows)
    placed = [{ id: focus, rect: { x: 0, y: 0, width: columns, height }, frame: 'rule' }];
  else if (panes.includes('birth')) placed = birth(request, height);
  else if (columns < FOUR_PANES.columns || rows < FOUR_PANES.rows) placed = two(request, height);
  else placed = all(request, height);
  const shown = new Set(placed.map((pane) => pane.id));
  return { fits: true, panes: placed, status, hidden: panes.filter((id) => !shown.has(id)) };
}
