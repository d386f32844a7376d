/** Moving a selection over things that are placed freely, by the arrow keys. */
import type { PictureItem } from './wiring-draw.js';

export type Direction = 'up' | 'down' | 'left' | 'right';

/**
 * The next thing in a direction: up and down within a column in the order of rows, left and right to the nearest row of the
 * neighbouring column. Without a selection the first thing is taken. At an edge the selection stays. Null when a sideways
 * move has no column to go to: then the key may scroll.
 */
export function move(items: readonly PictureItem[], selected: string | null, direction: Direction): string | null {
  if (items.length === 0) return null;
  const here = items.find((item) => item.id === selected);
  if (here === undefined) return direction === 'up' || direction === 'down' ? items[0]!.id : null;
  const columnOf = columns(items);
  const own = columnOf.get(here.box)!;
  if (direction === 'up' || direction === 'down') {
    const column = items.filter((item) => columnOf.get(item.box) === own).sort((a, b) => a.y - b.y || a.x - b.x);
    const at = column.findIndex((item) => item.id === here.id);
    return (column[direction === 'up' ? at - 1 : at + 1] ?? here).id;
  }
  const wanted = direction === 'left' ? own - 1 : own + 1;
  const others = items.filter((item) => columnOf.get(item.box) === wanted);
  if (others.length === 0) return null;
  return others.reduce((best, item) => (Math.abs(item.y - here.y) < Math.abs(best.y - here.y) ? item : best)).id;
}

/** Number of the column of each box, from left to right. */
function columns(items: readonly PictureItem[]): Map<string, number> {
  const left = new Map<string, number>();
  for (const item of items) left.set(item.box, Math.min(left.get(item.box) ?? item.x, item.x));
  const starts = [...new Set(left.values())]
    .sort((a, b) => a - b)
    .filter((x, i, all) => i === 0 || x - all[i - 1]! > 3);
  return new Map([...left].map(([box, x]) => [box, starts.filter((start) => start <= x).length - 1]));
}
