import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cpuMs, type Spent } from './runtime-race.js';

interface Order {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * Starts programs from a process of its own and tells what each took there. Node starts one by fork(2), after which every page
 * that the forking process writes to costs it a fault: who makes containers in the process that measures would pay for that.
 */
export class Spawner {
  readonly #child: ChildProcess = fork(fileURLToPath(import.meta.url), { env: { ...process.env, [ROLE]: '1' } });

  /** Throws when it does not exit with 0. */
  run(program: string, args: readonly string[]): Promise<Spent> {
    return new Promise((resolve, reject) => {
      const over = (code: number | null): void => reject(new Error(`the process that starts programs ended: ${code}`));
      this.#child.once('exit', over);
      this.#child.once('message', (answer: Spent | string) => {
        this.#child.off('exit', over);
        if (typeof answer === 'string') reject(new Error(answer));
        else resolve(answer);
      });
      this.#child.send({ program, args } satisfies Order);
    });
  }

  close(): void {
    this.#child.disconnect();
  }
}

const ROLE = 'GLASSBOX_BENCH_SPAWNER';

if (process.env[ROLE] === '1')
  process.on('message', ({ program, args }: Order) => {
    const before = cpuMs();
    const begun = performance.now();
    const done = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'ignore', 'pipe'] });
    const spent: Spent = { ms: performance.now() - begun, cpu: cpuMs() - before };
    process.send?.(done.status === 0 ? spent : `${program} ${args.join(' ')}: ${done.status} ${done.stderr}`);
  });
