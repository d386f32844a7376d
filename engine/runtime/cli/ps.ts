import { spawnSync } from 'node:child_process';
import { CliError } from './failure.js';
import { goJson } from './log.js';
import type { Invocation } from './main.js';

/** `ps ID [ps options]`: what ps(1) prints of the container's processes. */
export function ps({ flags, args, world }: Invocation, pids: readonly number[]): void {
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
