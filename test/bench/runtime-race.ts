import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const WARM_UP = 2;

/** Milliseconds, of the clock and of processors. */
export interface Spent {
  readonly ms: number;
  readonly cpu: number;
}

/** A way to do something, and what it may cost as a share of the first one's median. */
export interface Way {
  readonly name: string;
  /** What it tells is taken for what it took; else it is measured here. */
  readonly once: () => Promise<Spent | undefined> | Spent | undefined;
  /** Puts back what `once` changed; not measured. */
  readonly after?: () => unknown;
  readonly budget?: number;
}

export async function timed(run: () => unknown): Promise<number> {
  const begun = performance.now();
  await run();
  return performance.now() - begun;
}

const TICK_MS = 10; // sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on

/** CPU of this process, exact, and of its children that ended, in ticks: fields 16 and 17 of proc_pid_stat(5). Sound on a busy machine. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (user + system) / 1000 + (Number(fields[13]) + Number(fields[14])) * TICK_MS;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

async function spentBy(once: Way['once']): Promise<Spent> {
  const before = cpuMs();
  const begun = performance.now();
  const told = await once();
  return told ?? { ms: performance.now() - begun, cpu: cpuMs() - before };
}

/**
 * Every way once in each round, each time another one first, so that what else the machine does hits all alike; or each way's
 * rounds in a row.
 */
export async function race(
  title: string,
  rounds: number,
  ways: readonly Way[],
  order: 'in turns' | 'in a row' = 'in turns',
): Promise<void> {
  const times = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  const cpu = new Map<string, number>();
  const runs = WARM_UP + rounds;
  for (let at = 0; at < runs * ways.length; at++) {
    const round = order === 'in turns' ? Math.floor(at / ways.length) : at % runs;
    const way = ways[order === 'in turns' ? (round + at) % ways.length : Math.floor(at / runs)] as Way;
    const spent = await spentBy(way.once);
    await way.after?.();
    if (round < WARM_UP) continue;
    times.get(way.name)?.push(spent.ms);
    cpu.set(way.name, (cpu.get(way.name) ?? 0) + spent.cpu);
  }
  console.log(`${title}, ${rounds} rounds`);
  const measure = quantile(times.get((ways[0] as Way).name) ?? [], 0.5);
  for (const { name, budget } of ways) {
    const all = times.get(name) ?? [];
    const share = quantile(all, 0.5) / measure;
    const verdict =
      budget === undefined ? '' : `   budget ${budget.toFixed(2)}: ${share <= budget ? 'kept' : 'NOT kept'}`;
    const figure = (ms: number): string => ms.toFixed(1).padStart(7);
    console.log(
      `  ${name.padEnd(28)} median ${figure(quantile(all, 0.5))} ms   minimum ${figure(quantile(all, 0))}   p90 ${figure(quantile(all, 0.9))}   CPU ${figure((cpu.get(name) ?? 0) / rounds)}   of ${(ways[0] as Way).name} ${share.toFixed(2)}${verdict}`,
    );
  }
}

export function command(program: string, args: readonly string[]): undefined {
  const done = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'ignore', 'pipe'] });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.status} ${done.stderr}`);
}

export function commandAtOnce(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'ignore' });
    child.once('error', reject);
    child.once('close', (code) => resolve(code === 0));
  });
}
