/** The frame of a pane: its title, its tabs, and by its weight whether it has the focus. */
import type { Canvas } from '../screen/canvas.js';
import type { Rect } from '../screen/widgets.js';
import { lineWidth, takeColumns, truncate } from '../text/fit.js';
import type { Span, StyledLine } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import type { PlacedPane } from './arrange.js';

export interface FrameTab {
  readonly label: string;
  readonly active: boolean;
  /** What a click on it does. */
  readonly onClick: () => void;
}

export interface FrameContent {
  readonly title: string;
  readonly focused: boolean;
  readonly tabs: readonly FrameTab[];
  /** Behind the title, each part as a whole or not at all. */
  readonly caption?: readonly StyledLine[];
  /** At the right end: scroll position, filter. */
  readonly note: string;
}

/** Where a tab was drawn, for clicks. */
export interface TabSpot {
  readonly y: number;
  readonly from: number;
  readonly to: number;
  readonly onClick: () => void;
}

interface Strokes {
  readonly h: string;
  readonly v: string;
  readonly tl: string;
  readonly tr: string;
  readonly bl: string;
  readonly br: string;
}
const LIGHT: Strokes = { h: '─', v: '│', tl: '┌', tr: '┐', bl: '└', br: '┘' };
const HEAVY: Strokes = { h: '━', v: '┃', tl: '┏', tr: '┓', bl: '┗', br: '┛' };
const ASCII: Strokes = { h: '-', v: '|', tl: '+', tr: '+', bl: '+', br: '+' };
const ASCII_HEAVY: Strokes = { h: '=', v: '#', tl: '#', tr: '#', bl: '#', br: '#' };

function strokes(focused: boolean, unicode: boolean): Strokes {
  if (unicode) return focused ? HEAVY : LIGHT;
  return focused ? ASCII_HEAVY : ASCII;
}

/** Paint the frame; returns where its tabs are. */
export function paintFrame(canvas: Canvas, pane: PlacedPane, content: FrameContent, unicode: boolean): TabSpot[] {
  const { rect } = pane;
  const stroke = strokes(content.focused, unicode);
  const role = content.focused ? ('frame-focus' as const) : ('frame' as const);
  const style = { role };
  const box = pane.frame === 'box';
  if (box) {
    const sides: Span = { text: stroke.v, style };
    for (let y = rect.y + 1; y < rect.y + rect.height - 1; y++) {
      canvas.line(rect.x, y, 1, [sides]);
      canvas.line(rect.x + rect.width - 1, y, 1, [sides]);
    }
    if (rect.height > 1)
      canvas.line(rect.x, rect.y + rect.height - 1, rect.width, [
        { text: stroke.bl + stroke.h.repeat(Math.max(0, rect.width - 2)) + stroke.br, style },
      ]);
  }
  return paintTop(canvas, rect, box, stroke, role, content, unicode);
}

function paintTop(
  canvas: Canvas,
  rect: Rect,
  box: boolean,
  stroke: Strokes,
  role: 'frame' | 'frame-focus',
  content: FrameContent,
  unicode: boolean,
): TabSpot[] {
  const { x, y, width } = rect;
  const spots: TabSpot[] = [];
  const spans: Span[] = [{ text: (box ? stroke.tl : stroke.h) + stroke.h, style: { role } }];
  let used = 2;
  const room = width - (box ? 1 : 0);
  const push = (text: string, style: NonNullable<Span['style']>): void => {
    const cut = takeColumns(text, Math.max(0, room - used));
    if (cut.text === '') return;
    spans.push({ text: cut.text, style });
    used += cut.width;
  };
  const mark = content.focused ? (unicode ? '▶ ' : '> ') : '';
  push(` ${mark}${content.title} `, { role: content.focused ? 'title-focus' : 'title' });
  for (const tab of content.tabs) {
    const label = tab.active ? ` [${tab.label}]` : `  ${tab.label} `;
    if (used + textWidth(label) > room) break;
    spots.push({ y, from: x + used + 1, to: x + used + textWidth(label), onClick: tab.onClick });
    push(label, tab.active ? { role: 'title-focus' } : { role: 'title' });
  }
  if (content.tabs.length > 0) push(' ', { role: 'title' });
  const noteRoom = content.note === '' ? 0 : textWidth(content.note) + 4;
  for (const part of content.caption ?? []) {
    if (used + lineWidth(part) + 1 + noteRoom > room) break;
    for (const { text, style } of part) push(text, style ?? { role: 'title' });
    push(' ', { role: 'title' });
  }
  const note = content.note === '' ? '' : ` ${truncate(content.note, Math.max(0, room - used - 4))} `;
  const fill = Math.max(0, room - used - textWidth(note) - (note === '' ? 0 : 1));
  push(stroke.h.repeat(fill), { role });
  if (note !== '') push(note + stroke.h, { role: 'title' });
  if (box) spans.push({ text: stroke.tr, style: { role } });
  canvas.line(x, y, width, spans, { role });
  return spots;
}
