/**
 * What a container costs: `runc run`, `crun run`, ours in one process and ours by its command line, with the same bundle, taking
 * turns; a hundred at once; exec; memory of what waits; what many cycles leave. Needs root and a build (`npm run build`); in a
 * sandbox of its own. Prints, judges nothing.
 *
 *     node --import tsx test/bench/runtime.ts [rounds=50] [cycles=500]
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { openRuntime } from '../../engine/runtime/open.js';
import type { Runtime } from '../../engine/runtime/runtime.js';
import { command, commandAtOnce, cpuMs, race, timed, type Way } from './runtime-race.js';
import type { Bundle } from './runtime-yard.js';
import { parentOf, pssKib, Yard } from './runtime-yard.js';
import { Spawner } from './spawner.js';

const rounds = Number(process.argv[2] ?? 50);
const cycles = Number(process.argv[3] ?? 500);
const AT_ONCE = 100;
const WARM_UP = 200;
/** After so many V8 has grown to what it needs. */
const SETTLED = 1000;
const SIGKILL = 9;
const OWN_COMMAND = fileURLToPath(new URL('../../bin/glassbox-runtime.cjs', import.meta.url));

/** What is installed is measured, not what tsx makes of the sources. */
const built = (path: string): Promise<unknown> => import(new URL(`../../dist/engine/${path}`, import.meta.url).href);

class Bench {
  readonly yard = new Yard();
  readonly #own: Runtime;
  readonly #crun: string | null;
  readonly #spawner = new Spawner();

  constructor(own: Runtime, crun: string | null) {
    this.#own = own;
    this.#crun = crun;
  }

  async #inProcess({ id, bundle, spec }: Bundle): Promise<number> {
    const stdio = [this.yard.null, this.yard.null, this.yard.null] as const;
    const process = await this.#own.create({ id, bundle, spec, stdio });
    await this.#own.start(id);
    const code = await process.wait();
    await this.#own.delete(id);
    process.dispose();
    return code;
  }

  async #measured(one: Bundle): Promise<undefined> {
    const code = await this.#inProcess(one);
    if (code !== 0) throw new Error(`ended with ${code}`);
  }

  close(): void {
    this.#spawner.close();
  }

  #runs(state: string, { id, bundle }: Bundle): string[] {
    return ['--root', `${this.yard.root}/${state}`, 'run', '--bundle', bundle, id];
  }

  async run(): Promise<void> {
    const one = this.yard.bundle('one', ['/bin/true']);
    const by = (program: string, state: string) => () => this.#spawner.run(program, this.#runs(state, one));
    if (this.#crun !== null) console.log(`crun run: left out, ${this.#crun}`);
    await race('busybox true with the default config of Docker', rounds, [
      { name: 'runc run', once: by('runc', 'runc') },
      ...(this.#crun === null ? [{ name: 'crun run', once: by('crun', 'crun') }] : []),
      { name: 'ours, in process', once: () => this.#measured(one), budget: 1 / 5 },
      { name: 'ours, by command line', once: by(OWN_COMMAND, 'ours-cli'), budget: 1.5 },
      { name: 'nothing: node -e 0', once: () => this.#spawner.run(process.execPath, ['-e', '0']) },
    ]);
  }

  /** As an engine that has been at work for a while does it: nothing else in between, and the code compiled. */
  async inRow(): Promise<void> {
    const one = this.yard.bundle('row', ['/bin/true']);
    for (let n = 0; n < WARM_UP; n++) await this.#measured(one);
    const ways: readonly Way[] = [
      { name: 'runc run', once: () => this.#spawner.run('runc', this.#runs('runc', one)) },
      { name: 'ours, in process', once: () => this.#measured(one), budget: 1 / 5 },
    ];
    await race(`the same, each ${rounds} times in a row, after ${WARM_UP} of ours`, rounds, ways, 'in a row');
  }

  async atOnce(): Promise<void> {
    const bundles = Array.from({ length: AT_ONCE }, (_, index) => this.yard.bundle(`many-${index}`, ['/bin/true']));
    const count = (results: readonly PromiseSettledResult<boolean>[]): string => {
      const failed = results.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
      const good = results.filter((one) => one.status === 'fulfilled' && one.value).length;
      return `${good} of ${AT_ONCE} succeeded${failed.length === 0 ? '' : `; first failure: ${failed[0]}`}`;
    };
    const show = async (name: string, each: (bundle: Bundle) => Promise<boolean>): Promise<void> => {
      let results: PromiseSettledResult<boolean>[] = [];
      const before = cpuMs();
      const ms = await timed(async () => {
        results = await Promise.allSettled(bundles.map(each));
      });
      console.log(
        `  ${name.padEnd(28)} ${ms.toFixed(0).padStart(7)} ms   CPU ${(cpuMs() - before).toFixed(0)}   ${count(results)}`,
      );
    };
    console.log(`${AT_ONCE} at once`);
    await show('runc run', (bundle) => commandAtOnce('runc', this.#runs('runc', bundle)));
    await show('ours, in process', async (bundle) => (await this.#inProcess(bundle)) === 0);
  }

  async exec(): Promise<void> {
    const { id, bundle, spec } = this.yard.bundle('long', ['/bin/sleep', '1000000']);
    const stdio = [this.yard.null, this.yard.null, this.yard.null] as const;
    const runc = ['--root', `${this.yard.root}/runc`];
    command('runc', [
      ...runc,
      'run',
      '--detach',
      '--bundle',
      this.yard.bundle('other', spec.process?.args ?? []).bundle,
      'other',
    ]);
    const init = await this.#own.create({ id, bundle, spec, stdio });
    await this.#own.start(id);
    const words = { ...spec.process, args: ['/bin/true'] } as NonNullable<typeof spec.process>;
    await race('exec of busybox true', rounds, [
      { name: 'runc exec', once: () => this.#spawner.run('runc', [...runc, 'exec', 'other', '/bin/true']) },
      {
        name: 'ours, in process',
        once: async () => {
          const made = await this.#own.exec({ id, process: words, stdio });
          await made.wait();
          made.dispose();
          return undefined;
        },
      },
      {
        name: 'ours, by command line',
        once: () => this.#spawner.run(OWN_COMMAND, ['--root', this.#own.root, 'exec', id, '/bin/true']),
      },
    ]);
    init.kill(SIGKILL);
    await init.wait();
    await this.#own.delete(id);
    init.dispose();
    command('runc', [...runc, 'delete', '--force', 'other']);
  }

  async memory(): Promise<void> {
    const stdio = [this.yard.null, this.yard.null, this.yard.null] as const;
    const made = this.yard.bundle('waiting', ['/bin/sleep', '1000000']);
    const process = await this.#own.create({ ...made, stdio, shim: true });
    const created = pssKib(process.pid);
    await this.#own.start(made.id);
    const shim = parentOf(process.pid);
    console.log('memory of what waits (PSS of smaps_rollup)');
    console.log(`  ours, created, not started   ${created} KiB`);
    console.log(
      `  ours, idle shim              ${pssKib(shim)} KiB (${readFileSync(`/proc/${shim}/comm`, 'utf8').trim()})`,
    );
    process.kill(SIGKILL);
    await process.wait();
    await this.#own.delete(made.id);
    process.dispose();
    const runc = ['--root', `${this.yard.root}/runc`];
    spawnSync('runc', [...runc, 'create', '--bundle', made.bundle, made.id], { stdio: 'ignore' });
    const state = spawnSync('runc', [...runc, 'state', made.id], { encoding: 'utf8' });
    if (state.status !== 0) throw new Error(`runc state: ${state.stderr}`);
    console.log(`  runc, created, not started   ${pssKib((JSON.parse(state.stdout) as { pid: number }).pid)} KiB`);
    command('runc', [...runc, 'delete', '--force', made.id]);
  }

  async cycles(): Promise<void> {
    const one = this.yard.bundle('cycle', ['/bin/true']);
    for (let n = 0; n < SETTLED; n++) await this.#inProcess(one);
    const before = this.#held();
    let failed = 0;
    const ms = await timed(async () => {
      for (let n = 0; n < cycles; n++) if ((await this.#inProcess(one)) !== 0) failed++;
    });
    const after = this.#held();
    console.log(`${cycles} cycles in process: ${(ms / cycles).toFixed(2)} ms each, ${failed} failed; before -> after`);
    for (const [name, value] of Object.entries(before))
      console.log(`  ${name.padEnd(28)} ${value} -> ${after[name as keyof typeof after]}`);
  }

  /** What this process and its surroundings hold, with JavaScript's garbage away. */
  #held(): Record<'descriptors' | 'threads' | 'children' | 'mounts' | 'groups' | 'states' | 'RSS KiB', number> {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    return {
      descriptors: readdirSync('/proc/self/fd').length,
      threads: readdirSync('/proc/self/task').length,
      children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean).length,
      mounts: readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n').length,
      groups: this.yard.groups().length,
      states: readdirSync(this.#own.root).length,
      'RSS KiB': Math.round(process.memoryUsage.rss() / 1024),
    };
  }
}

async function main(): Promise<void> {
  const { Runtime: Own } = (await built('runtime/runtime.js')) as { Runtime: typeof Runtime };
  const { openRuntime: open } = (await built('runtime/open.js')) as { openRuntime: typeof openRuntime };
  let crun: string | null = null;
  try {
    open({ runtime: 'crun', root: '/run/bench-crun' }).close();
  } catch (error) {
    crun = (error as Error).message;
  }
  const own = new Own({ root: '/run/bench/ours' });
  const bench = new Bench(own, crun);
  try {
    const version = spawnSync('runc', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0];
    console.log(
      `${version}; Node ${process.version}; load of the machine ${loadavg()
        .map((n) => n.toFixed(1))
        .join(' ')}`,
    );
    await bench.run();
    await bench.inRow();
    await bench.atOnce();
    await bench.exec();
    await bench.memory();
    await bench.cycles();
    console.log(`load of the machine at the end ${loadavg()[0]?.toFixed(1)}`);
  } finally {
    own.close();
    bench.close();
    bench.yard.clear();
  }
}

if (process.env['GLASSBOX_BENCH_SANDBOX'] === '1') await main();
else {
  const flags = ['--mount', '--pid', '--net', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc'];
  const script = 'mount -t tmpfs tmpfs /run && "$@"; exit $?';
  const self = [process.execPath, '--import', 'tsx', fileURLToPath(import.meta.url), String(rounds), String(cycles)];
  const inner = spawnSync('unshare', [...flags, 'sh', '-c', script, 'bench', ...self], {
    stdio: 'inherit',
    env: { ...process.env, GLASSBOX_BENCH_SANDBOX: '1' },
  });
  process.exitCode = inner.status ?? 1;
}
