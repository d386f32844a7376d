/**
 * Channel routing: lead wires through the free columns beside (or between) the boxes. A wire is one horizontal piece from
 * each end to a column of the channel and one vertical piece in that column, so it can pass through no box. Two wires never
 * share a piece; where they cross, a horizontal meets a vertical piece. Deterministic: first the short wires, then three
 * rounds in which each wire may move to the column with the fewest crossings.
 */

export interface Terminal {
  readonly side: 'left' | 'right';
  readonly y: number;
}

export interface WireRequest {
  readonly id: string;
  readonly a: Terminal;
  readonly b: Terminal;
}

/** Column of the channel counted from 0, `straight` for a wire that needs none, null where there is no room. */
export type Track = number | 'straight' | null;

interface Routed {
  readonly request: WireRequest;
  readonly low: number;
  readonly high: number;
  column: number | null;
}

const ROUNDS = 3;
const CROSSING = 10;

export function routeChannel(requests: readonly WireRequest[], columns: number): Map<string, Track> {
  const tracks = new Map<string, Track>();
  const wires: Routed[] = [];
  const straight: number[] = [];
  for (const request of requests) {
    if (request.a.side !== request.b.side && request.a.y === request.b.y) {
      tracks.set(request.id, 'straight');
      straight.push(request.a.y);
    } else
      wires.push({
        request,
        low: Math.min(request.a.y, request.b.y),
        high: Math.max(request.a.y, request.b.y),
        column: null,
      });
  }
  wires.sort((p, q) => p.high - p.low - (q.high - q.low) || p.low - q.low || (p.request.id < q.request.id ? -1 : 1));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const wire of wires) wire.column = bestColumn(wire, wires, straight, columns);
  }
  for (const wire of wires) tracks.set(wire.request.id, wire.column);
  return tracks;
}

function bestColumn(
  wire: Routed,
  wires: readonly Routed[],
  straight: readonly number[],
  columns: number,
): number | null {
  let best: number | null = null;
  let bestCost = Number.POSITIVE_INFINITY;
  const base = CROSSING * straight.filter((y) => y > wire.low && y < wire.high).length;
  for (let column = 0; column < columns; column++) {
    let cost = base + preference(wire.request, column, columns);
    for (const other of wires) {
      if (other === wire || other.column === null) continue;
      cost += conflict(wire, column, other, other.column);
      if (cost === Number.POSITIVE_INFINITY) break;
    }
    if (cost < bestCost) {
      bestCost = cost;
      best = column;
    }
  }
  return best;
}

/** Wires between ports of one side stay near it; wires across take the middle. */
function preference(request: WireRequest, column: number, columns: number): number {
  if (request.a.side === 'left' && request.b.side === 'left') return Math.abs(column - Math.min(1, columns - 1)) * 0.1;
  if (request.a.side === 'right' && request.b.side === 'right')
    return Math.abs(column - Math.max(0, columns - 2)) * 0.1;
  return Math.abs(column - (columns - 1) / 2) * 0.1;
}

/** Infinite when the two would lie on each other, else the cost of their crossings and of standing close together. */
function conflict(a: Routed, columnA: number, b: Routed, columnB: number): number {
  const together = a.low <= b.high && b.low <= a.high;
  if (columnA === columnB && together) return Number.POSITIVE_INFINITY;
  for (const p of [a.request.a, a.request.b]) {
    for (const q of [b.request.a, b.request.b]) {
      if (p.y !== q.y || p.side === q.side) continue;
      const leftColumn = p.side === 'left' ? columnA : columnB;
      const rightColumn = p.side === 'left' ? columnB : columnA;
      if (leftColumn >= rightColumn) return Number.POSITIVE_INFINITY;
    }
  }
  const crossings = crossed(a, columnA, b, columnB) + crossed(b, columnB, a, columnA);
  return crossings * CROSSING + (together && Math.abs(columnA - columnB) === 1 ? 0.35 : 0);
}

/** How many horizontal pieces of `b` the vertical piece of `a` crosses. */
function crossed(a: Routed, columnA: number, b: Routed, columnB: number): number {
  let count = 0;
  for (const end of [b.request.a, b.request.b]) {
    if (end.y <= a.low || end.y >= a.high) continue;
    if (end.side === 'left' ? columnA < columnB : columnA > columnB) count++;
  }
  return count;
}
