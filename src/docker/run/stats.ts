import { EngineError } from '../client/engine.js';
import { jsonLines } from '../client/streams.js';
import type { Context, Handler } from '../context.js';
import { CliError } from '../errors.js';
import type { ContainerSummary } from '../format/container.js';
import { formatList, type Listing } from '../format/formatter.js';
import { type Measured, measure, type StatsSample, statsRow } from '../format/stats.js';
import { write } from '../io.js';
import { filtersOf } from '../opts/filters.js';
import { container } from './each.js';

const LISTING: Listing = {
  type: '*container.statsContext',
  headers: {
    Container: 'CONTAINER',
    ID: 'CONTAINER ID',
    Name: 'NAME',
    CPUPerc: 'CPU %',
    MemUsage: 'MEM USAGE / LIMIT',
    MemPerc: 'MEM %',
    NetIO: 'NET I/O',
    BlockIO: 'BLOCK I/O',
    PIDs: 'PIDS',
  },
  table: '{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}',
};

/** docker stats: once, or a table that is drawn again twice a second. */
export const stats: Handler = async (context) => {
  const { flags, args, config } = context;
  const given = flags.string('format');
  const format = given === '' ? (config.formats['statsFormat'] ?? '') : given;
  const show = (rows: readonly Measured[]): string =>
    formatList(
      LISTING,
      format,
      false,
      rows.map((one) => statsRow(one, !flags.bool('no-trunc'))),
    );
  if (flags.bool('no-stream')) {
    const names = args.length > 0 ? args : await running(context);
    const rows = await Promise.all(names.map((name) => once(context, name)));
    await write(context.stdout, show(rows.filter((one) => one !== null)));
    return 0;
  }
  return follow(context, show);
};

async function running(context: Context): Promise<string[]> {
  const list = await context.engine.json<readonly ContainerSummary[]>('GET', '/containers/json', {
    query: { all: context.flags.bool('all') || undefined },
  });
  return list.map(({ Id }) => Id);
}

/** Null: it ended meanwhile, and nobody named it. */
async function once(context: Context, name: string): Promise<Measured | null> {
  try {
    return measure(
      name,
      await context.engine.json<StatsSample>('GET', container(name, '/stats'), { query: { stream: false } }),
    );
  } catch (error) {
    if (error instanceof EngineError && error.status === 404 && context.args.length === 0) return null;
    throw error;
  }
}

/** Between two drawings. */
const PERIOD = 500;

async function follow(context: Context, show: (rows: readonly Measured[]) => string): Promise<number> {
  const rows = new Map<string, Measured>();
  const stop = new AbortController();
  let failure: unknown = null;
  const watch = (name: string): void => {
    if (rows.has(name)) return;
    rows.set(name, measure(name, null));
    watchOne(context, name, rows, stop.signal).catch((error: unknown) => {
      rows.delete(name);
      if (context.args.length > 0) failure = error;
    });
  };
  for (const name of context.args.length > 0 ? context.args : await running(context)) watch(name);
  if (context.args.length === 0)
    newcomers(context, watch, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) failure = error;
    });
  try {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, PERIOD));
      if (failure !== null) throw failure;
      const table = show([...rows.values()]);
      const isTerminal = context.stdout.isTTY === true;
      await write(
        context.stdout,
        isTerminal
          ? `\x1b[H${table.replaceAll('\n', '\x1b[K\n')}\x1b[J`
          : `\x1b[H${table.replaceAll('\n', '\x1b[K\n')}\x1b[J`,
      );
      if (rows.size === 0 && context.args.length > 0) return 0;
    }
  } finally {
    stop.abort();
  }
}

async function watchOne(
  context: Context,
  name: string,
  rows: Map<string, Measured>,
  signal: AbortSignal,
): Promise<void> {
  const answer = await context.engine.request('GET', container(name, '/stats'), { query: { stream: true }, signal });
  for await (const line of jsonLines(answer)) {
    if (rows.has(name)) rows.set(name, measure(name, parse(line)));
  }
  rows.delete(name);
}

function parse(line: string): StatsSample {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null)
    throw new CliError('the engine sent statistics that are not an object');
  return value;
}

/** Containers that start while the table is shown, and those that are gone. */
async function newcomers(context: Context, watch: (name: string) => void, signal: AbortSignal): Promise<void> {
  const answer = await context.engine.request('GET', '/events', {
    query: { filters: filtersOf(['type=container', 'event=start']) },
    signal,
  });
  for await (const line of jsonLines(answer)) {
    const event: unknown = JSON.parse(line);
    const id =
      typeof event === 'object' && event !== null && 'id' in event && typeof event.id === 'string' ? event.id : '';
    if (id !== '') watch(id);
  }
}
