import type { ContainerState } from '../types.js';
import { CliError } from './failure.js';
import { goJson } from './log.js';
import type { Invocation } from './main.js';
import { checkId } from './start-container.js';

export async function show(invocation: Invocation): Promise<void> {
  const runtime = await invocation.runtime();
  const [id = ''] = invocation.args;
  switch (invocation.command.name) {
    case 'list':
      return list(invocation, runtime.list());
    case 'state':
      checkId(id);
      return invocation.world.out(goJson(ordered(runtime.state(id)), 2));
    default:
      checkId(id);
      return (await import('./ps.js')).ps(invocation, runtime.pids(id));
  }
}

/** The keys in runc's order. */
function ordered(state: ContainerState): object {
  const { ociVersion, id, pid, status, bundle, rootfs, created, annotations, owner } = state;
  const some = annotations !== undefined && Object.keys(annotations).length > 0;
  return { ociVersion, id, pid, status, bundle, rootfs, created, ...(some ? { annotations } : {}), owner };
}

function list({ flags, world }: Invocation, states: readonly ContainerState[]): void {
  if (flags.bool('quiet')) world.out(states.map(({ id }) => `${id}\n`).join(''));
  else if (flags.string('format') === 'json') {
    world.out(`${states.length === 0 ? 'null' : goJson(states.map(ordered))}\n`);
  } else if (flags.string('format') === 'table') {
    const rows = states.map(({ id, pid, status, bundle, created, owner }) => [
      id,
      String(pid),
      status,
      bundle,
      created,
      owner,
    ]);
    world.out(table([['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'], ...rows]));
  } else throw new CliError('invalid format option');
}

/** Columns at least 12 wide and 3 apart, the last one as long as it is: text/tabwriter as runc sets it. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(12, ...rows.map((row) => row[column]!.length + 3)));
  return rows
    .map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join(''))
    .map((line) => `${line}\n`)
    .join('');
}
