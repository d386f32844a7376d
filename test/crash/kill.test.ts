import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** An application as small as can be: makes a lab, prints that it is ready, works in it until it is ended. */
const APP = fileURLToPath(new URL('../helpers/busy-app.ts', import.meta.url));
const ROUNDS = Number(process.env['GLASSBOX_KILLS'] ?? 100);
const PER_APP = 4;

interface Victim {
  readonly pid: number;
  readonly what: string;
}

/** Processes of Glassbox in this sandbox, by what they are. */
function victims(app: ChildProcess): Victim[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const pid = Number(name);
      try {
        const comm = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        if (pid === app.pid) return [{ pid, what: 'application' }];
        if (comm === 'glassbox-guard') return [{ pid, what: 'guard' }];
        if (comm === 'glassbox-init') return [{ pid, what: 'pid 1' }];
        if (command.includes('daemon.')) return [{ pid, what: 'engine' }];
        if (command.startsWith('sleep\x003')) return [{ pid, what: 'process in the lab' }];
        return [];
      } catch {
        return []; // it ended while we looked
      }
    });
}

if (!inSandbox) {
  test(
    `${ROUNDS} kills at random moments, in a sandbox`,
    { skip: isRoot ? false : 'needs root', timeout: 1_200_000 },
    () => rerunInSandbox(import.meta.url, { timeoutMs: 1_200_000 }),
  );
} else {
  test(`kill -9 of any process at any moment, ${ROUNDS} times: the machine is as before`, {
    timeout: 1_200_000,
  }, async () => {
    const before = machineState();
    const killed = new Map<string, number>();
    let done = 0;
    let seed = 20261121;
    const random = (): number => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed / 0x7fffffff;
    };
    while (done < ROUNDS) {
      const app = spawn(process.execPath, ['--import', 'tsx', APP], {
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
        // both places for a lab's writes, whichever this kernel would choose
        env: { ...process.env, GLASSBOX_WRITES: random() < 0.5 ? 'disk' : 'memory' },
      });
      let output = '';
      const story: string[] = [];
      app.stdout?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      app.stderr?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      const ended = new Promise<void>((resolve) => app.once('exit', () => resolve()));
      // every fourth time at any moment of the start, else when the lab works
      if (random() < 0.25) await new Promise((resolve) => setTimeout(resolve, 150 + random() * 600));
      else await until(() => output.includes('ready') || app.exitCode !== null);
      for (let n = 0; n < PER_APP && done < ROUNDS && app.exitCode === null && app.signalCode === null; n++) {
        await new Promise((resolve) => setTimeout(resolve, random() * 40));
        const list = victims(app);
        const kinds = [...new Set(list.map(({ what }) => what))].filter(
          (what) => n === PER_APP - 1 || what !== 'application',
        );
        const kind = kinds[Math.floor(random() * kinds.length)];
        const victim = list.filter(({ what }) => what === kind)[0];
        if (victim === undefined) break;
        try {
          process.kill(victim.pid, 'SIGKILL');
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
          continue; // it ended by itself meanwhile
        }
        story.push(
          `${Math.round(performance.now())} ${victim.what} ${victim.pid} of ${list.map(({ what }) => what).join(',')}`,
        );
        killed.set(victim.what, (killed.get(victim.what) ?? 0) + 1);
        done++;
        // a guard's place is taken again within milliseconds; on a busy machine the engine may need longer to notice
        if (victim.what === 'guard')
          await recovered(() => victims(app).filter(({ what }) => what === 'guard').length >= 3);
      }
      if (app.exitCode === null && app.signalCode === null) app.kill('SIGKILL');
      await ended;
      assert.deepEqual(
        await leaksSince(before),
        [],
        `after ${story.join('; ')}; the application said: ${output.slice(-600)}`,
      );
    }
    for (const what of ['application', 'engine', 'guard', 'pid 1', 'process in the lab'])
      assert.ok((killed.get(what) ?? 0) > 0, `no ${what} was killed: ${[...killed].join(' ')}`);
  });
}

async function recovered(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 2));
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > deadline) assert.fail('the application did not get ready in 30 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
