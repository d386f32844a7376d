/**
 * What the engine costs beside dockerd: the same official docker command drives both, taking turns, each engine in namespaces and a
 * cgroup of its own. Needs root, a build (`npm run build`) and dockerd. Prints, judges nothing.
 *
 *     npm run bench:engine [-- ROUNDS=20]
 *
 * GLASSBOX_TOUR_SUBJECT=dockerd measures a second dockerd instead, which shows how much the machine's noise is.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { removeGroups } from '../helpers/docker/fences.js';
import { whyNot } from '../helpers/docker/programs.js';
import { dockerCommands } from '../helpers/tour/commands.js';
import { dockerd, subject } from '../helpers/tour/engines.js';
import { Yard } from '../helpers/tour/yard.js';
import { benchArchives, docker, randomFile, weigh } from './engine-yard.js';
import { command, commandAtOnce, race, timed } from './runtime-race.js';

const rounds = Number(process.argv[2] ?? 20);
const [IMAGE_MB, COPY_MB, AT_ONCE, RUNNING, IDLE_S, TICKS_PER_S] = [200, 100, 100, 200, 20, 100];
const group = `glassbox-bench-engine-${process.env['GLASSBOX_BENCH_SANDBOX'] ?? process.pid}`;

class Bench {
  readonly #yards: readonly Yard[];
  readonly #program: string;
  readonly #place: string;

  constructor(yards: readonly Yard[], program: string, place: string) {
    this.#yards = yards;
    this.#program = program;
    this.#place = place;
  }

  /** The same command line in both yards; `after` is not measured. */
  async #race(title: string, budget: number, args: readonly string[], after?: readonly string[]): Promise<void> {
    await race(
      title,
      rounds,
      this.#yards.map((yard, index) => ({
        name: yard.name,
        once: () => command(...yard.inside(this.#program, args)),
        ...(after === undefined ? {} : { after: () => command(...yard.inside(this.#program, after)) }),
        ...(index === 0 ? {} : { budget }),
      })),
    );
  }

  async times(big: string): Promise<void> {
    await this.#race('run --rm --network none busybox true', 1 / 4, 'run --rm --network none busybox true'.split(' '));
    await this.#race('run --rm busybox true, on the bridge', 1 / 3, 'run --rm busybox true'.split(' '));
    this.#each('run -d --name held --network none busybox sleep 1000000');
    await this.#race('exec held true', 1 / 3, 'exec held true'.split(' '));
    await this.#race(`load of ${IMAGE_MB} MB`, 1, ['load', '-q', '-i', big], ['rmi', 'big:1']);
    const file = randomFile(join(this.#place, 'copied'), COPY_MB);
    await this.#race(`cp of ${COPY_MB} MB into a container`, 1, ['cp', file, 'held:/copied']);
    await this.#race(`cp of ${COPY_MB} MB out of it`, 1, ['cp', 'held:/copied', '/run/copied-out']);
    this.#each('rm -f held');
  }

  #each(line: string): void {
    for (const yard of this.#yards) docker(yard, this.#program, ...line.split(' '));
  }

  async atOnce(): Promise<void> {
    console.log(`${AT_ONCE} times run --rm --network none busybox true at once`);
    for (const yard of this.#yards) {
      let good = 0;
      const ms = await timed(async () => {
        const line = yard.inside(this.#program, 'run --rm --network none busybox true'.split(' '));
        const results = await Promise.all(Array.from({ length: AT_ONCE }, () => commandAtOnce(...line)));
        good = results.filter(Boolean).length;
      });
      console.log(
        `  ${yard.name.padEnd(18)} ${(ms / 1000).toFixed(1).padStart(6)} s   ${good} of ${AT_ONCE} succeeded`,
      );
    }
  }

  async idle(): Promise<void> {
    await sleep(3000);
    const before = this.#yards.map(weigh);
    await sleep(IDLE_S * 1000);
    const after = this.#yards.map(weigh);
    console.log(`idle, for ${IDLE_S} s after all of that`);
    this.#yards.forEach((yard, index) => {
      const [one, other] = [before[index], after[index]];
      if (one === undefined || other === undefined) return;
      const percent = ((other.cpuTicks - one.cpuTicks) / TICKS_PER_S / IDLE_S) * 100;
      const budget = index === 0 ? '' : `   budgets: RSS below ${this.#yards[0]?.name}, CPU below 0.20 %`;
      console.log(`  ${yard.name.padEnd(18)} ${describeWeight(other)}   CPU ${percent.toFixed(2)} %${budget}`);
    });
  }

  async running(): Promise<void> {
    console.log(`${RUNNING} running containers (sleep, --network none)`);
    for (const [index, yard] of this.#yards.entries()) {
      const line = yard.inside(this.#program, 'run -d --network none busybox sleep 1000000'.split(' '));
      let started = 0;
      const ms = await timed(async () => {
        for (let begun = 0; begun < RUNNING; begun += 10) {
          const results = await Promise.all(Array.from({ length: 10 }, () => commandAtOnce(...line)));
          started += results.filter(Boolean).length;
        }
      });
      await sleep(2000);
      const budget = index === 0 ? '' : '   budget: 300 MiB';
      console.log(
        `  ${yard.name.padEnd(18)} ${describeWeight(weigh(yard))}   ${started} started in ${(ms / 1000).toFixed(1)} s${budget}`,
      );
      const ids = docker(yard, this.#program, 'ps', '-q').trim().split('\n');
      for (let at = 0; at < ids.length; at += 20) docker(yard, this.#program, 'rm', '-f', ...ids.slice(at, at + 20));
    }
  }
}

function describeWeight({ daemons, shims, rssMiB, pssMiB }: ReturnType<typeof weigh>): string {
  return `RSS ${rssMiB.toFixed(0).padStart(5)} MiB   PSS ${pssMiB.toFixed(0).padStart(5)} MiB   (${daemons} daemon, ${shims} below it)`;
}

async function main(): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), 'glassbox-bench-engine-'));
  const other = subject();
  const yards: Yard[] = [];
  try {
    const archives = benchArchives(place, IMAGE_MB);
    const [newest] = dockerCommands(place).slice(-1);
    if (newest === undefined) throw new Error('there is no docker command');
    yards.push(await Yard.open('dockerd', group, dockerd()));
    yards.push(await Yard.open(other.name, group, other.command));
    const { program } = newest;
    for (const yard of yards) {
      docker(yard, program, 'load', '-q', '-i', archives.small);
      docker(yard, program, 'tag', 'box:1', 'busybox');
    }
    const load = loadavg().map((n) => n.toFixed(1));
    console.log(`docker ${newest.version}; Node ${process.version}; load of the machine ${load.join(' ')}`);
    const bench = new Bench(yards, program, place);
    await bench.times(archives.big);
    await bench.atOnce();
    await bench.running();
    await bench.idle();
    console.log(`load of the machine at the end ${loadavg()[0]?.toFixed(1)}`);
  } finally {
    for (const yard of yards) await yard.close();
    rmSync(place, { recursive: true });
  }
}

if (process.env['GLASSBOX_BENCH_SANDBOX'] !== undefined) await main();
else {
  const why = whyNot(['dockerd', 'docker', 'containerd', 'runc', 'iptables', 'busybox', 'nsenter']);
  if (why !== null) throw new Error(why);
  if (!existsSync(new URL('../../dist/engine', import.meta.url))) throw new Error('needs a build: npm run build');
  const flags = ['--mount', '--pid', '--net', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc'];
  const script = 'mount -t tmpfs tmpfs /run && "$@"; exit $?';
  const self = [process.execPath, '--import', 'tsx', fileURLToPath(import.meta.url), String(rounds)];
  try {
    const inner = spawnSync('unshare', [...flags, 'sh', '-c', script, 'bench', ...self], {
      stdio: 'inherit',
      env: { ...process.env, GLASSBOX_BENCH_SANDBOX: String(process.pid) },
    });
    process.exitCode = inner.status ?? 1;
  } finally {
    removeGroups(group);
  }
}
