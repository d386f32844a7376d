import assert from 'node:assert/strict';
import { fchownSync, ftruncateSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import type { ErrnoName } from '../../engine/kernel/errno.js';
import { EngineError, SyscallError } from '../../engine/kernel/errors.js';
import { type Program, type RecordSpec, recordIndex } from '../../engine/kernel/program/builder.js';
import type { Injection } from '../../engine/kernel/program/running.js';
import { Runtime } from '../../engine/runtime/runtime.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import {
  AREA,
  CONSOLE,
  census,
  createOptions,
  leftSince,
  prepareRootfs,
  ROOTFS,
  STATE,
  VARIANTS,
  type Variant,
} from '../helpers/oci-crash.js';
import { faultsOf, goesOnAfter, isSecurityStep, NEVER_FAIL, pathOf, signature } from '../helpers/oci-faults.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** `all`: every errno at every record of every variant, instead of one errno at what no variant before had. */
const ALL = process.env['GLASSBOX_FAULTS'] === 'all';
const TELL = process.env['GLASSBOX_FAULTS_TELL'] === '1';
/** What a start that fails when nobody waits for it any more ends with. */
const FAILED = 125;
const NOT_EXECUTED = 1;
const UNKNOWN = 255;

if (inSandbox) declare();
else
  test(
    'whichever record of a container fails, in a sandbox',
    { skip: isRoot ? false : 'needs root', timeout: ALL ? 3_600_000 : 280_000 },
    () => rerunInSandbox(import.meta.url, { timeoutMs: ALL ? 3_500_000 : 270_000 }),
  );

/** How one attempt ended. */
interface Outcome {
  /** What was refused; null when all went on to the end. */
  readonly refused: { readonly by: 'create' | 'start' | 'exec'; readonly error: unknown } | null;
  readonly code: number | null;
  readonly stderr: string;
  /** The errors that the container's records show. */
  readonly failed: readonly { readonly index: number; readonly errno: string | null }[];
}

function declare(): void {
  const output = (): string => readFileSync(`${AREA}/stderr`, 'utf8');
  let server: Server;
  let stdio: [number, number, number];
  let program: Program | undefined;
  let injection: Injection | undefined;
  const runtime = new Runtime({
    root: STATE,
    inject: (compiled) => {
      program = compiled;
      return injection;
    },
  });
  /** Records that have been made to fail: the same one in another variant tells nothing new. */
  const tried = new Set<string>();

  before(async () => {
    prepareRootfs();
    const errors = openSync(`${AREA}/stderr`, 'a+');
    stdio = [openSync('/dev/null', 'r'), errors, errors];
    server = createServer((connection) => connection.resume().on('error', ignoreReset)).listen(CONSOLE);
    await new Promise((resolve) => server.once('listening', resolve));
  });
  after(() => {
    server.close();
    runtime.close();
  });

  /** The place of --init's program, which the start before has made in the image: the next one is to make it, too. */
  const forgetInit = (): void => rmSync(`${ROOTFS}/sbin`, { recursive: true, force: true });

  async function attempt(variant: Variant, fault?: Injection): Promise<Outcome> {
    forgetInit();
    injection = fault;
    ftruncateSync(stdio[2], 0);
    fchownSync(stdio[2], 0, 0); // a container's user is given its streams; the next start is to find them as this one did
    const made = await runtime
      .create({ ...createOptions('one', variant), stdio })
      .catch((error: unknown) => ({ refusal: error }));
    injection = undefined;
    if ('refusal' in made)
      return { refused: { by: 'create', error: made.refusal }, code: null, stderr: output(), failed: [] };
    let refused: Outcome['refused'] = null;
    await runtime.start('one').catch((error: unknown) => {
      refused = { by: 'start', error };
      return runtime.kill('one', 9).catch(mustBeStopped);
    });
    const code = await made.wait();
    const failed = runtime.explain('one').records.filter(({ state }) => state === 'failed');
    await runtime.delete('one');
    made.dispose();
    return { refused, code, stderr: output(), failed };
  }

  /** The records of a start that goes well which a process issues, by their indexes. */
  async function issued(variant: Variant): Promise<{ program: Program; indexes: number[] }> {
    forgetInit();
    const made = await runtime.create({ ...createOptions('one', variant), stdio });
    await runtime.start('one');
    assert.equal(await made.wait(), 0, `${variant.name}: without a fault it must end well: ${output()}`);
    const { records } = runtime.explain('one');
    await runtime.delete('one');
    made.dispose();
    assert.ok(program !== undefined, 'the program was not seen');
    return {
      program,
      indexes: records.filter(({ state }) => state !== 'skipped' && state !== 'pending').map(({ index }) => index),
    };
  }

  /** Faults one after the other; what went wrong with each is told together at the end. */
  async function each(
    name: string,
    { program: whole, indexes }: { program: Program; indexes: readonly number[] },
    one: (fault: Injection) => Promise<Outcome>,
    judge: (record: RecordSpec, fault: Injection, outcome: Outcome) => void,
  ): Promise<void> {
    const problems: string[] = [];
    let start = census();
    let faults = 0;
    for (const index of indexes) {
      const record = whole.records[index] as RecordSpec;
      if (record.syscall === 'none' || NEVER_FAIL.has(record.syscall)) continue;
      if (!ALL && tried.has(signature(record))) continue;
      tried.add(signature(record));
      for (const errno of faultsOf(record, index, ALL)) {
        const where: string = `${name}, record ${index} (${record.section}: ${record.syscall}) with ${errno}`;
        const outcome = await one({ index, errno });
        faults++;
        if (TELL) console.log(where, '->', outcome.refused === null ? outcome : String(outcome.refused.error));
        assert.equal(program?.records[index]?.syscall, record.syscall, `${where}: another program was run`);
        const left = await leftSince(start);
        if (left.length > 0) {
          problems.push(`${where}: left ${left.join(', ')}`);
          start = census();
        }
        try {
          judge(record, { index, errno }, outcome);
        } catch (error) {
          problems.push(`${where}: ${(error as Error).message}`);
        }
      }
    }
    assert.deepEqual(problems, []);
    assert.ok(faults > 0, `no record of ${name} was made to fail`);
  }

  for (const variant of Object.values<Variant>(VARIANTS)) {
    test(`${variant.name}: a fault at any record of a start is told, and nothing is left`, {
      timeout: ALL ? 1_800_000 : 200_000,
    }, async () => {
      const whole = await issued(variant);
      const machine = machineState();
      await each(
        variant.name,
        whole,
        (fault) => attempt(variant, fault),
        (record, { index, errno }, outcome) => judgeStart(whole.program, record, index, errno, outcome),
      );
      assert.deepEqual(await leaksSince(machine), [], `left after the faults of ${variant.name}`);
    });
  }

  test('a fault at any record of an exec is told, and the container knows nothing of it', {
    timeout: ALL ? 1_800_000 : 200_000,
  }, async () => {
    const machine = machineState();
    const made = await runtime.create({
      ...createOptions('one', VARIANTS.docker, ['/bin/sleep', '1000']),
      stdio,
    });
    await runtime.start('one');
    const process = { ...runtime.spec('one').process, args: ['/bin/true'] } as NonNullable<
      ReturnType<Runtime['spec']>['process']
    >;
    const one = async (fault?: Injection): Promise<Outcome> => {
      injection = fault;
      const done = await runtime.exec({ id: 'one', process, stdio }).catch((error: unknown) => ({ refusal: error }));
      injection = undefined;
      if ('refusal' in done)
        return { refused: { by: 'exec', error: done.refusal }, code: null, stderr: output(), failed: [] };
      const code = await done.wait();
      done.dispose();
      return { refused: null, code, stderr: output(), failed: [] };
    };
    assert.equal((await one()).code, 0, 'without a fault the exec must end well');
    const records = (program as unknown as Program).records;
    const road = records.findIndex(({ section }) => section === 'aside');
    // what an exec that goes well does not come by: a call on no descriptor, which ends one that goes wrong, and the second attempt
    // to enter the working directory
    const entry = records.findIndex(({ syscall }) => syscall === 'chdir');
    const isBeside = ({ syscall, args }: RecordSpec, index: number): boolean =>
      (syscall === 'openat2' && args[0] === -1) || (syscall === 'chdir' && index > entry);
    const indexes = [...records.keys()]
      .slice(0, road)
      .filter((index) => !isBeside(records[index] as RecordSpec, index));
    await each('exec', { program: program as unknown as Program, indexes }, one, (record, { errno }, outcome) => {
      if (outcome.refused === null) {
        assert.equal(outcome.code, 0, 'its exit code');
        assert.ok(goesOnAfter(record, errno) || isAlternative(record), 'the fault was not told');
      } else isTyped(record, errno, outcome.refused);
      assert.ok(!isSecurityStep(record) || outcome.refused !== null, 'a step of security was done without');
      assert.equal(runtime.state('one').status, 'running', 'the container');
    });
    await runtime.kill('one', 9);
    assert.equal(await made.wait(), 137);
    await runtime.delete('one');
    made.dispose();
    assert.deepEqual(await leaksSince(machine), [], 'left after the faults of an exec');
  });
}

/** Where a record stands decides who can tell of its fault: `create` before `start`, the exit code after. */
function judgeStart(program: Program, record: RecordSpec, index: number, errno: ErrnoName, outcome: Outcome): void {
  const { refused, code, stderr, failed } = outcome;
  const { section, syscall } = record;
  const aside = program.records.findIndex((one) => one.section === 'stand-by' || one.section === 'aside');
  const isLate = index > recordIndex(program, 'start') && (aside < 0 || index < aside);
  const goesOn = goesOnAfter(record, errno);
  assert.ok(!goesOn || !isSecurityStep(record) || syscall === 'execve', 'a step of security is done without');
  if (section === 'become') {
    assert.equal(refused, null);
    assert.equal(code, NOT_EXECUTED);
  } else if (/^(create|start)Container hooks?$/.test(section) && refused !== null) {
    // what the hook's own process could not do shows in how it ended
    assert.equal(refused.by, section.startsWith('start') ? 'start' : 'create');
    assert.match(String(refused.error), /^SyscallError: error running hook #0: /);
    if (section.endsWith('hooks')) isTyped(record, errno, refused);
  } else if (goesOn || section === 'stand-by') {
    // whoever stands by may fail before or after the container is complete
    if (refused === null) assert.equal(code, 0);
    else isTyped(record, errno, refused);
  } else if (section === 'shim' && index >= recordIndex(program, 'wait')) {
    // it may fail before `create` has looked, or later: then nobody knows how the container ended
    if (refused === null) assert.equal(code, UNKNOWN);
    else isTyped(record, errno, refused);
  } else if (isLate) {
    assert.equal(refused, null);
    assert.equal(code, FAILED);
    assert.ok(
      failed.some((one) => one.index === index && one.errno === errno),
      `the records do not show it: ${JSON.stringify(failed)} ${stderr}`,
    );
  } else {
    assert.ok(refused !== null, `the fault was not told: it ended with ${code}`);
    assert.equal(refused.by, 'create');
    isTyped(record, errno, refused);
  }
}

/** A call whose result only chooses between two ways. */
function isAlternative({ syscall }: RecordSpec): boolean {
  return syscall === 'faccessat2';
}

function isTyped(record: RecordSpec, errno: ErrnoName, { error }: { error: unknown }): void {
  assert.ok(error instanceof SyscallError, `not a typed error: ${String(error)}`);
  assert.deepEqual(
    { syscall: error.syscall, errno: error.errno, man: error.man, path: error.path },
    { syscall: record.syscall, errno, man: `${record.syscall}(2)`, path: pathOf(record) },
  );
}

function mustBeStopped(error: unknown): void {
  if (!(error instanceof EngineError) || error.code !== 'FailedPrecondition') throw error;
}

function ignoreReset(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ECONNRESET') throw error;
}
