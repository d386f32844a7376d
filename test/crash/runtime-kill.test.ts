import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import { AttachedRegion } from '../../engine/kernel/program/attached.js';
import { type Program, recordIndex } from '../../engine/kernel/program/builder.js';
import { Runtime } from '../../engine/runtime/runtime.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { callerArguments, hasReached, holdAt, type Job } from '../helpers/oci-caller.js';
import {
  census,
  createOptions,
  leftSince,
  prepareRootfs,
  STATE,
  VARIANTS,
  type Variant,
} from '../helpers/oci-crash.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** `all`: at every record; otherwise at every so many-th, another one each day is not wanted: the same ones always. */
const ALL = process.env['GLASSBOX_KILLS'] === 'all';
const EVERY = ALL ? 1 : 12;
/** How a container ended of which nobody knows how. */
const UNKNOWN = 255;
const AT_ONCE = 25;
/** Records at which the runtime holds a start itself, and lets it go. */
const HOLDS = ['mapped', 'hooks', 'hooked', 'created', 'start', 'shim'] as const;
const RANDOM = ALL ? 200 : 4;

if (inSandbox) declare();
else
  test(
    'kill -9 of whoever takes part in a start, in a sandbox',
    { skip: isRoot ? false : 'needs root', timeout: ALL ? 1_800_000 : 280_000 },
    () => rerunInSandbox(import.meta.url, { timeoutMs: ALL ? 1_700_000 : 270_000 }),
  );

function declare(): void {
  let stdio: [number, number, number];
  let hold: number | null = null;
  let program: Program | undefined;
  const runtime = new Runtime({
    root: STATE,
    inject: (compiled) => {
      program = compiled;
      if (hold !== null) holdAt(compiled, hold);
      return undefined;
    },
  });

  before(() => {
    prepareRootfs();
    stdio = [openSync('/dev/null', 'r'), 1, 2];
  });

  after(() => runtime.close());

  /** The program of a start, and the records that a start that goes well issues. */
  async function plain(variant: Variant): Promise<{ program: Program; issued: number[] }> {
    hold = null;
    const made = await runtime.create({ ...createOptions('one', variant), stdio });
    await runtime.start('one');
    assert.equal(await made.wait(), 0, `${variant.name} must end well`);
    const { records } = runtime.explain('one');
    await runtime.delete('one');
    made.dispose();
    assert.ok(program !== undefined, 'the program was not seen');
    const ended = new Set(['skipped', 'pending']);
    return { program, issued: records.filter(({ state }) => !ended.has(state)).map(({ index }) => index) };
  }

  for (const name of ['docker', 'shim'] as const)
    test(`${name}: the caller is killed at a record: in two seconds nothing is left`, {
      timeout: 900_000,
    }, async () => {
      const machine = machineState();
      const { program: whole, issued } = await plain(VARIANTS[name]);
      const entered = recordIndex(whole, 'entered');
      const created = recordIndex(whole, 'created');
      const ours = new Set(HOLDS.map((label) => whole.labels.get(label)));
      // while `create` waits for the shim itself it waits for nothing else: one caller for each of those records, too
      const alone = issued.filter((index) => index < entered || isShims(whole, index));
      const together = issued.filter(
        (index) => index >= entered && index < created && !ours.has(index) && whole.records[index]?.section !== 'shim',
      );
      for (const index of alone.filter((_, n) => ALL || n % 10 === 0))
        await killCaller({ kind: 'hold', variant: name, at: [['alone', index]] });
      const some = together.filter((_, n) => n % EVERY === 0);
      for (let from = 0; from < some.length; from += AT_ONCE)
        await killCaller({
          kind: 'hold',
          variant: name,
          at: some.slice(from, from + AT_ONCE).map((index) => [`h${index}`, index]),
        });
      assert.deepEqual(await leaksSince(machine), []);
    });

  /** A caller whose containers have all come to their records is killed. */
  async function killCaller(job: Job & { kind: 'hold' }): Promise<void> {
    const start = census();
    const caller = spawn(process.execPath, callerArguments(job), { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = outputOf(caller);
    const ended = new Promise<void>((resolve) => caller.once('exit', () => resolve()));
    // its streams are also those of what it made
    const closed = new Promise<void>((resolve) => caller.once('close', () => resolve()));
    try {
      await until(
        () => job.at.every(([id, index]) => hasReached(id, index)),
        () => caller.exitCode === null && caller.signalCode === null,
        () => `${JSON.stringify(job.at.filter(([id, index]) => !hasReached(id, index)))} ${output()}`,
      );
    } finally {
      caller.kill('SIGKILL');
      await ended;
    }
    // what is only held here to be looked at goes on, if it still lives, and is to see that it is alone
    for (const [id, index] of job.at) letGo(id, index);
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 2_000))]);
    assert.deepEqual(await leftSince(start), [], `two seconds after the caller was killed at ${JSON.stringify(job)}`);
  }

  test(`the caller is killed at any time, ${RANDOM} times: what was complete can be deleted, and nothing else is left`, {
    timeout: 900_000,
  }, async () => {
    const machine = machineState();
    let seed = 20261121;
    const random = (): number => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed / 0x7fffffff;
    };
    for (let n = 0; n < RANDOM; n++) {
      const start = census();
      const caller = spawn(
        process.execPath,
        callerArguments({ kind: 'cycle', variant: n % 2 === 0 ? 'docker' : 'shim' }),
        {
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      const output = outputOf(caller);
      const ended = new Promise<void>((resolve) => caller.once('exit', () => resolve()));
      try {
        await until(
          () => output().includes('ready'),
          () => caller.exitCode === null,
          output,
        );
        await new Promise((resolve) => setTimeout(resolve, random() * 120));
      } finally {
        caller.kill('SIGKILL');
        await ended;
      }
      const left = await leftSince(start);
      for (const { id } of runtime.list()) await runtime.delete(id, { force: true });
      assert.deepEqual(
        await leftSince(start),
        [],
        `kill ${n}; before the delete there was ${left.join(', ')}; ${output()}`,
      );
    }
    assert.deepEqual(await leaksSince(machine), []);
  });

  for (const [name, who] of [
    ['docker', 'first'],
    ['shim', 'first'],
    ['docker', 'init'],
    ['user', 'init'],
  ] as const)
    test(`${name}: ${who === 'init' ? 'the container' : name === 'shim' ? 'the shim' : 'the go-between'} is killed at a record: it is told, and nothing is left`, {
      timeout: 900_000,
    }, async () => {
      const machine = machineState();
      const { program: whole, issued } = await plain(VARIANTS[name]);
      const problems: string[] = [];
      const killable = issued.filter((index) => isKillable(whole, index, name, who));
      const startAt = recordIndex(whole, 'start');
      let kills = 0;
      for (const [n, index] of killable.entries()) {
        if (n % EVERY !== 0 && index !== startAt && killable.length > 40) continue;
        const start = census();
        const problem = await killAt(name, whole, index, who);
        hold = null;
        kills++;
        const left = await leftSince(start);
        const where = `${index} (${whole.records[index]?.section}: ${whole.records[index]?.syscall})`;
        if (problem !== null) problems.push(`${where}: ${problem}`);
        if (left.length > 0) problems.push(`${where}: left ${left.join(', ')}`);
      }
      assert.deepEqual(problems, []);
      assert.ok(kills > 3, `only ${kills} kills`);
      assert.deepEqual(await leaksSince(machine), []);
    });

  /** One start in which a process is killed when the program has come to a record. Null, or what was not as it is to be. */
  async function killAt(
    name: keyof typeof VARIANTS,
    whole: Program,
    index: number,
    who: 'first' | 'init',
  ): Promise<string | null> {
    hold = index;
    const startAt = recordIndex(whole, 'start');
    // a shim's last records come when its container has ended
    const isLate = index > startAt || isShimsEnd(whole, index);
    const creating = runtime
      .create({ ...createOptions('one', VARIANTS[name]), stdio })
      .then((made) => ({ made }))
      .catch((error: unknown) => ({ error }));
    const kill = async (): Promise<void> => {
      await until(
        () => hasReached('one', index),
        () => true,
        () => `record ${index} was not reached`,
      );
      const pid = childOfOurs(who);
      assert.ok(pid !== null, `no ${who} process at record ${index}`);
      process.kill(pid, 'SIGKILL');
    };
    if (index < startAt && !isLate) await kill();
    const outcome = await creating;
    if ('error' in outcome)
      return outcome.error instanceof EngineError ? null : `create failed with ${String(outcome.error)}`;
    const { made } = outcome;
    try {
      if (index === startAt) {
        await kill();
        await until(
          () => runtime.state('one').status === 'stopped',
          () => true,
          () => 'it did not stop',
        );
        const refused: unknown = await runtime.start('one').catch((error: unknown) => error);
        if (!(refused instanceof EngineError)) return `start of a dead container: ${String(refused)}`;
      } else {
        await runtime.start('one');
        if (isLate) await kill();
        // nobody lets a container go that is held here, and it lives on without its shim
        if (who === 'first') await runtime.kill('one', 9).catch(mustBeStopped);
      }
      const code = await made.wait();
      const expected = who === 'init' ? [137] : [UNKNOWN, 0];
      return expected.includes(code) ? null : `it ended with ${code}`;
    } finally {
      await runtime.delete('one', { force: true });
      made.dispose();
    }
  }
}

/** A record at which a process is found waiting: not where the runtime lets it go at once, or waits for nothing else. */
function isKillable(program: Program, index: number, name: keyof typeof VARIANTS, who: 'first' | 'init'): boolean {
  const at = (label: string): number => recordIndex(program, label);
  if (index !== at('start') && HOLDS.some((label) => program.labels.get(label) === index)) return false;
  if (isShims(program, index) || (index > at('created') && index < at('start'))) return false;
  const isInits = index > at('init') && index <= at('execve');
  if (who === 'init') return isInits;
  if (name !== 'shim') return index >= at('entered') && index <= at('process');
  return (
    (index >= at('entered') && index <= at('process')) ||
    isShimsEnd(program, index) ||
    (isInits && index !== at('start'))
  );
}

/** Let a record go without whoever made the container, if there still is one. */
function letGo(id: string, index: number): void {
  let region: AttachedRegion;
  try {
    region = new AttachedRegion(`${STATE}/${id}/program`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  region.release(index);
  region.close();
}

/** A record that only a shim issues once its container is complete. */
function isShims(program: Program, index: number): boolean {
  const { labels, records } = program;
  const shim = labels.get('shim');
  return (
    shim !== undefined && index > shim && index < recordIndex(program, 'wait') && records[index]?.section === 'shim'
  );
}

/** A record that a shim only issues when its container has ended. */
function isShimsEnd(program: Program, index: number): boolean {
  const wait = program.labels.get('wait');
  return wait !== undefined && index > wait && program.records[index]?.section === 'shim';
}

function mustBeStopped(error: unknown): void {
  if (!(error instanceof EngineError) || error.code !== 'FailedPrecondition') throw error;
}

/** A living child of ours: the first process of a start, or the container's, which is in a pid namespace of its own. */
function childOfOurs(who: 'first' | 'init'): number | null {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let status: string;
    try {
      status = readFileSync(`/proc/${pid}/status`, 'utf8');
    } catch (error) {
      if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) continue;
      throw error;
    }
    const field = (name: string): string => new RegExp(`^${name}:\\s+(.*)`, 'm').exec(status)?.[1] ?? '';
    if (field('PPid') !== String(process.pid) || field('State').startsWith('Z')) continue;
    if (!isOfStart(pid)) continue;
    const isInside = field('NSpid').split(/\s+/).length > ownDepth();
    if (isInside === (who === 'init')) return Number(pid);
  }
  return null;
}

/** Whether a process still walks the list of a start. */
function isOfStart(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('glassbox-runtime\0');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

function ownDepth(): number {
  return (/^NSpid:\s+(.*)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '').split(/\s+/).length;
}

function outputOf(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  return () => text;
}

async function until(holds: () => boolean, goesOn: () => boolean, why: () => string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds()) {
    assert.ok(goesOn() && performance.now() < deadline, `waited in vain: ${why()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
