import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { AttachedRegion } from '../../engine/kernel/program/attached.js';
import { recordIndex } from '../../engine/kernel/program/builder.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { callerArguments, type Job } from '../helpers/oci-caller.js';
import { census, leftSince, STATE, VARIANTS } from '../helpers/oci-crash.js';
import { HOLDS, Holder, hasReached, isShims, until } from '../helpers/oci-holds.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** `all`: at every record; otherwise at every so many-th. */
const ALL = process.env['GLASSBOX_FAULTS'] === 'all';
const EVERY = ALL ? 1 : 12;
/** Containers of one caller: they all stand at their records when it is killed. */
const AT_ONCE = 25;
const RANDOM = ALL ? 200 : 4;

if (inSandbox) declare();
else
  test(
    'kill -9 of whoever makes a container, in a sandbox',
    { skip: isRoot ? false : 'needs root', timeout: ALL ? 1_800_000 : 280_000 },
    () => rerunInSandbox(import.meta.url, { timeoutMs: ALL ? 1_700_000 : 270_000 }),
  );

function declare(): void {
  let holder: Holder;
  before(() => {
    holder = new Holder();
  });
  after(() => holder.runtime.close());

  for (const name of ['docker', 'shim'] as const)
    test(`${name}: the caller is killed at a record: in two seconds nothing is left`, {
      timeout: 1_200_000,
    }, async () => {
      const machine = machineState();
      const { program, issued } = await holder.plain(VARIANTS[name]);
      const entered = recordIndex(program, 'entered');
      const created = recordIndex(program, 'created');
      const ours = new Set(HOLDS.map((label) => program.labels.get(label)));
      // while `create` waits for the shim itself it waits for nothing else: one caller for each of those records, too
      const alone = issued.filter((index) => index < entered || isShims(program, index));
      const together = issued.filter(
        (index) =>
          index >= entered && index < created && !ours.has(index) && program.records[index]?.section !== 'shim',
      );
      for (const index of alone.filter((_, n) => ALL || n % 10 === 0))
        await killCaller({ kind: 'hold', variant: name, at: [['alone', index]] }, isShims(program, index));
      const some = together.filter((_, n) => n % EVERY === 0);
      for (let from = 0; from < some.length; from += AT_ONCE) {
        const at = some.slice(from, from + AT_ONCE).map((index) => [`h${index}`, index] as const);
        await killCaller({ kind: 'hold', variant: name, at }, false);
      }
      assert.deepEqual(await leaksSince(machine), []);
    });

  /** A caller whose containers have all come to their records is killed. `complete`: they are all that `create` makes by then. */
  async function killCaller(job: Job & { kind: 'hold' }, complete: boolean): Promise<void> {
    const start = census();
    const caller = spawn(process.execPath, callerArguments(job), { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = outputOf(caller);
    const ended = new Promise<void>((resolve) => caller.once('exit', () => resolve()));
    // its streams are also those of what it made
    const closed = new Promise<void>((resolve) => caller.once('close', () => resolve()));
    const regions: (readonly [AttachedRegion, number])[] = [];
    try {
      await until(
        () => job.at.every(([id, index]) => hasReached(id, index)),
        () => `${JSON.stringify(job.at.filter(([id, index]) => !hasReached(id, index)))} ${output()}`,
        () => caller.exitCode === null && caller.signalCode === null,
      );
      for (const [id, index] of job.at) regions.push([new AttachedRegion(`${STATE}/${id}/program`), index]);
    } finally {
      caller.kill('SIGKILL');
      await ended;
    }
    // what is only held here to be looked at goes on, if it still lives, and is to see that it is alone
    for (const [region, index] of regions) {
      region.release(index);
      region.close();
    }
    if (complete) for (const { id } of holder.runtime.list()) await holder.runtime.delete(id, { force: true });
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 20_000).unref())]);
    assert.deepEqual(await leftSince(start), [], `some time after the caller was killed at ${JSON.stringify(job)}`);
  }

  test(`the caller is killed at any time, ${RANDOM} times: what was complete can be deleted, and nothing else is left`, {
    timeout: 1_200_000,
  }, async () => {
    const machine = machineState();
    let seed = 20261121;
    const random = (): number => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed / 0x7fffffff;
    };
    for (let n = 0; n < RANDOM; n++) {
      const start = census();
      const job: Job = { kind: 'cycle', variant: n % 2 === 0 ? 'docker' : 'shim' };
      const caller = spawn(process.execPath, callerArguments(job), { stdio: ['ignore', 'pipe', 'pipe'] });
      const output = outputOf(caller);
      const ended = new Promise<void>((resolve) => caller.once('exit', () => resolve()));
      try {
        await until(
          () => output().includes('ready'),
          output,
          () => caller.exitCode === null,
        );
        await new Promise((resolve) => setTimeout(resolve, random() * 120));
      } finally {
        caller.kill('SIGKILL');
        await ended;
      }
      const left = await leftSince(start);
      for (const { id } of holder.runtime.list()) await holder.runtime.delete(id, { force: true });
      const why = `kill ${n}; before the delete there was ${left.join(', ')}; ${output()}`;
      assert.deepEqual(await leftSince(start), [], why);
    }
    assert.deepEqual(await leaksSince(machine), []);
  });
}

function outputOf(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  return () => text;
}
