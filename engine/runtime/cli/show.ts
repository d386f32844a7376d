import { spawnSync } from 'node:child_process';
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
      return ps(invocation, runtime.pids(id));
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

/** `ps ID [ps options]`: what ps(1) prints of the container's processes. */
function ps({ flags, args, world }: Invocation, pids: readonly number[]): void {
  const format = flags.string('format');
  if (format === 'json') {
    world.out(`${pids.length === 0 ? 'null' : goJson(pids)}\n`);
    return;
  }
  if (format !== 'table') throw new CliError('invalid format option');
  const options = args.length > 1 ? args.slice(1) : ['-ef'];
  const { status, error, stdout, stderr } = spawnSync('ps', options, { encoding: 'utf8', maxBuffer: 256 << 20 });
  if (error !== undefined) throw error;
  if (status !== 0) throw new CliError(`exit status ${status}: ${stdout}${stderr}`);
  world.out(ofContainer(stdout, pids));
}

/** The title and the lines whose PID is one of `pids`. */
export function ofContainer(output: string, pids: readonly number[]): string {
  const [title = '', ...lines] = output.split('\n');
  const column = title.trim().split(/\s+/).indexOf('PID');
  if (column < 0) throw new CliError("couldn't find PID field in ps output");
  const ours = new Set(pids.map(String));
  const kept = lines.filter((line) => ours.has(line.trim().split(/\s+/)[column] ?? ''));
  return [title, ...kept].map((line) => `${line}\n`).join('');
}
