import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import { AttachedRegion } from '../../engine/kernel/program/attached.js';
import { type Program, recordIndex } from '../../engine/kernel/program/builder.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { census, createOptions, leftSince, STATE, VARIANTS } from '../helpers/oci-crash.js';
import { HOLDS, Holder, hasReached, isShims, isShimsEnd, until } from '../helpers/oci-holds.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** `all`: at every record; otherwise at every so many-th. */
const ALL = process.env['GLASSBOX_FAULTS'] === 'all';
const EVERY = ALL ? 1 : 12;
/** How a container ended of which nobody knows how. */
const UNKNOWN = 255;

if (inSandbox) declare();
else
  test(
    'kill -9 of the processes of a start, in a sandbox',
    { skip: isRoot ? false : 'needs root', timeout: ALL ? 1_800_000 : 280_000 },
    () => rerunInSandbox(import.meta.url, { timeoutMs: ALL ? 1_700_000 : 270_000 }),
  );

function declare(): void {
  let holder: Holder;
  before(() => {
    holder = new Holder();
  });
  after(() => holder.runtime.close());

  for (const [name, who] of [
    ['docker', 'first'],
    ['shim', 'first'],
    ['docker', 'init'],
    ['user', 'init'],
  ] as const)
    test(`${name}: ${who === 'init' ? 'the container' : name === 'shim' ? 'the shim' : 'the go-between'} is killed at a record: it is told, and nothing is left`, {
      timeout: 1_200_000,
    }, async () => {
      const machine = machineState();
      const { program: whole, issued } = await holder.plain(VARIANTS[name]);
      const problems: string[] = [];
      const killable = issued.filter((index) => isKillable(whole, index, name, who));
      const startAt = recordIndex(whole, 'start');
      let kills = 0;
      for (const [n, index] of killable.entries()) {
        if (n % EVERY !== 0 && index !== startAt && killable.length > 40) continue;
        const start = census();
        const problem = await killAt(name, whole, index, who);
        holder.hold = null;
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
    holder.hold = index;
    const startAt = recordIndex(whole, 'start');
    // a shim's last records come when its container has ended
    const isLate = index > startAt || isShimsEnd(whole, index);
    const creating = holder.runtime
      .create({ ...createOptions('one', VARIANTS[name]), stdio: holder.stdio })
      .then((made) => ({ made }))
      .catch((error: unknown) => ({ error }));
    const kill = async (): Promise<void> => {
      await until(
        () => hasReached('one', index),
        () => `record ${index} was not reached`,
      );
      const pid = childOfOurs(who);
      assert.ok(pid !== null, `no ${who} process at record ${index}`);
      const region = new AttachedRegion(`${STATE}/one/program`);
      process.kill(pid, 'SIGKILL');
      // what else is only held here to be looked at goes on
      region.release(index);
      region.close();
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
          () => holder.runtime.state('one').status === 'stopped',
          () => 'it did not stop',
        );
        const refused: unknown = await holder.runtime.start('one').catch((error: unknown) => error);
        if (!(refused instanceof EngineError)) return `start of a dead container: ${String(refused)}`;
      } else {
        await holder.runtime.start('one');
        if (isLate) await kill();
        // a container lives on without its shim
        if (who === 'first') await holder.runtime.kill('one', 9).catch(mustBeStopped);
      }
      const code = await made.wait();
      const expected = who === 'init' ? [137] : [UNKNOWN, 0, 137];
      return expected.includes(code) ? null : `it ended with ${code}`;
    } finally {
      await holder.runtime.delete('one', { force: true });
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
