/** Every record of a program by itself: what its failure means, where it leads, what it reads. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Program,
  programSize,
  type RecordOptions,
  type RecordSpec,
  recordIndex,
} from '../../engine/kernel/program/builder.js';
import { callText } from '../../engine/kernel/program/explain.js';
import { type CompiledProgram, containerProgram } from '../../engine/runtime/program/container.js';
import { execProgram } from '../../engine/runtime/program/exec.js';
import { reaperProgram } from '../../engine/runtime/program/reaper.js';
import { fullContainerPlan, fullExecPlan } from '../helpers/container-plan.js';
import { dockerPlan } from './runtime-program-plans.js';

const full = fullContainerPlan();
const compiled: readonly (readonly [string, CompiledProgram])[] = [
  ["Docker's default", containerProgram(dockerPlan())],
  ['everything at once', containerProgram(full)],
  ['no shim, and born in its group', containerProgram(fullContainerPlan({ shim: false, birthGroup: 42, groups: [] }))],
  ['sources that are opened inside', containerProgram(fullContainerPlan({ sourcesInside: true }))],
  ['chroot, and a reaper', containerProgram(fullContainerPlan({ pivot: 'chroot', fds: { ...full.fds, reaper: 50 } }))],
  [
    'a shim that keeps output',
    containerProgram(
      fullContainerPlan({
        fds: { ...full.fds, output: { spool: 55, stdout: 51, stderr: 52, stdin: 53, control: 54 } },
      }),
    ),
  ],
  ['an exec', execProgram(fullExecPlan())],
];
const programs: readonly (readonly [string, Program])[] = [
  ...compiled.map(([name, { program }]) => [name, program] as const),
  ['the reaper', reaperProgram(full.process)],
];

/**
 * Records whose failure has no sentence of its own: it is told by its section and its call. Each is here because nothing but a
 * kernel that is out of order makes it fail, or because who would read the sentence is not there.
 */
const WITHOUT_SENTENCE: readonly (readonly [RegExp, string])[] = [
  [/^birth: (fcntl|dup3|close)\(/, 'descriptors that we have just opened'],
  [/^birth: close_range\(/, 'no table of its own is needed: ENOMEM alone'],
  [/^birth: rt_sig(procmask|action)\(/, 'numbers that are right for every kernel'],
  [/^birth: execveat\(0, "", /, 'an image of our own'],
  [/: prctl\(PR_SET_(PDEATHSIG|DUMPABLE|NAME|CHILD_SUBREAPER)/, 'cannot fail with a right number'],
  [/: umask\(/, 'cannot fail'],
  [/: exit_group\(/, 'does not return'],
  [/: ppoll\({engine, /, 'ENOMEM alone'],
  [/^shim: /, 'the container is complete: nobody waits for the shim'],
  [/^stand-by: /, 'who would be told has died'],
  [/^createContainer hook: |^startContainer hook: /, 'its hook is seen not to end with 0'],
  [/Container hooks: pidfd_send_signal\(/, 'a child of ours'],
  [/^become: execve(at)?\(/, 'the records that it jumps to tell the error on standard error'],
  [/^aside: (write|futex)\(/, 'of those records'],
];

/** Errors that a record does without, and why that is no loss. A new one is added here on purpose. */
const ACCEPTED: readonly (readonly [call: RegExp, errors: string, why: string])[] = [
  [/^\w[^:]*: openat2\(<(root|parent)>, .*O_PATH/, 'ENOENT', 'what is missing is made, or needs no mask'],
  [/: (mkdirat|mknodat)\(/, 'EEXIST', 'it is looked at through a descriptor before it is used'],
  [/: symlinkat\(/, 'EEXIST', 'the image has one'],
  [/: unlinkat\(<\/dev>, "ptmx"/, 'ENOENT', 'there is none to replace'],
  [/: futex\(.*FUTEX_CMP_REQUEUE/, 'EAGAIN', 'the answer that two words differ'],
  [/^shim: waitid\(.*WNOHANG/, 'ECHILD', 'nobody is left to reap'],
  [/: waitid\(/, 'EINTR', 'asked again'],
  [/: (pidfd_send_signal)\(/, 'ESRCH', 'it has ended'],
  [/: keyctl\(KEYCTL_JOIN/, 'ENOSYS EOPNOTSUPP', 'a kernel without keys has none to reach'],
  [/: setgroups\(0/, 'EPERM', 'the maps of a user namespace may deny it'],
  [/^root: move_mount\(<root>/, 'EACCES EPERM ENOENT', "laid over the machine's root instead"],
  [/^enter: move_mount\(<root>/, 'ELOOP', 'it lies there already'],
  [/^enter: mount\(NULL, "\/proc"/, 'ENOENT EINVAL EACCES', 'it went with one above it'],
  [/^enter: umount2\("\/proc"/, 'EINVAL EPERM', 'covered instead'],
  [/^masked paths: move_mount\(/, 'EINVAL ENOTDIR', 'a directory: it is covered by a file system instead'],
  [/^terminal: fchown\(|^identity: fchown\(/, 'EINVAL EPERM EROFS', 'ids that a user namespace has no number for'],
  [/PR_CAP_AMBIENT_CLEAR_ALL/, 'EINVAL', 'kernels before 4.3 have no ambient set'],
  [/PR_CAP_AMBIENT_RAISE/, 'EPERM EINVAL', 'done without, as runc does: less than was asked for, never more'],
  [/^working directory: chdir\(/, 'EACCES EPERM', 'tried again as the user of the process'],
  [/^shim: setsid\(/, 'EPERM', 'it leads a group already'],
  [/^stand-by: faccessat\(/, 'ENOENT', 'gone'],
  [/^stand-by: unlinkat\(.*AT_REMOVEDIR/, 'ENOENT EBUSY ENOTEMPTY', 'tried again for ten seconds'],
];

/** Any error of these is done without. */
const IGNORED: readonly (readonly [RegExp, string])[] = [
  [/^shim: writev\(/, 'a full disk costs the output, not the container'],
  [/^shim: (read|close)\(/, 'a word of which only the coming counts, and a descriptor that may be closed already'],
  [/^executable: faccessat2\(AT_FDCWD, ".*\/\.", F_OK/, 'a directory is no program: an error is the good answer'],
  [
    /^(create|start)Container hook: (openat|dup3|execve)\(/,
    'a hook without output is a hook; the next record ends it with 127',
  ],
  [/^stand-by: unlinkat\(/, 'the rest is to be removed all the same'],
  [/^aside: write\(2, /, 'a closed standard error'],
];

function line(record: RecordSpec): string {
  return `${record.section}: ${callText(record)}`;
}

/** Not where any error is ignored, or is a way to go on. */
function canFail({ ignore, jumpIfError, accept }: RecordOptions): boolean {
  return ignore !== true && (jumpIfError === undefined || accept !== undefined);
}

describe('failures', () => {
  for (const [name, { program, failures }] of compiled)
    it(`${name}: every record that can fail has a sentence, or a reason to have none`, () => {
      const missing = program.records
        .filter(({ syscall, options }, index) => syscall !== 'none' && canFail(options) && !failures.has(index))
        .map(line)
        .filter((text) => !WITHOUT_SENTENCE.some(([known]) => known.test(text)));
      assert.deepEqual(missing, []);
    });

  it('every sentence belongs to a record, and no reason is left over', () => {
    const seen = new Set<RegExp>();
    for (const [name, { program, failures }] of compiled) {
      for (const index of failures.keys())
        assert.notEqual(program.records[index]?.syscall ?? 'none', 'none', `${name}, ${index}`);
      for (const record of program.records)
        for (const [known] of WITHOUT_SENTENCE)
          if (record.syscall !== 'none' && known.test(line(record))) seen.add(known);
    }
    assert.deepEqual(WITHOUT_SENTENCE.filter(([known]) => !seen.has(known)).map(String), []);
  });

  it('sentences are made of the errno, not of what the code calls it', () => {
    for (const [name, { failures }] of compiled)
      for (const [label, failure] of failures) {
        const text = typeof failure === 'string' ? failure : failure('permission denied');
        assert.match(text, /^[a-z(]/, `${name}: ${label}`);
        assert.doesNotMatch(text, /undefined|\[object/, `${name}: ${label}`);
      }
  });

  it('errors are accepted and ignored where that is declared, and nowhere else', () => {
    const seen = new Set<unknown>();
    for (const [name, { program }] of compiled)
      for (const record of program.records) {
        if (record.syscall === 'none') continue;
        const { accept, ignore } = record.options;
        const text = line(record);
        if (ignore === true) {
          const rule = IGNORED.find(([known]) => known.test(text));
          assert.ok(rule !== undefined, `${name}: the errors of ${text} are ignored without a reason`);
          seen.add(rule);
        }
        if (accept === undefined) continue;
        const rules = ACCEPTED.filter(([known]) => known.test(text));
        for (const errno of accept) {
          const rule = rules.find(([, errors]) => errors.split(' ').includes(errno));
          assert.ok(rule !== undefined, `${name}: ${text} accepts ${errno} without a reason`);
          seen.add(rule);
        }
      }
    assert.deepEqual([...ACCEPTED, ...IGNORED].filter((rule) => !seen.has(rule)).map(String), []);
  });
});

/** Indexes that a process can go to after a record. Execution of a program and an exit lead nowhere. */
function next(program: Program, index: number): number[] {
  const record = program.records[index] as RecordSpec;
  const { jump, jumpIfZero, jumpIfError, accept, ignore, label } = record.options;
  // a call on no descriptor is how a program fails on purpose
  if (record.syscall === 'exit_group' || (record.syscall === 'openat2' && record.args[0] === -1)) return [];
  if (record.syscall === 'none' && jump !== undefined) return [recordIndex(program, jump)];
  const targets = [jump, jumpIfZero, jumpIfError].flatMap((to) => (to === undefined ? [] : [recordIndex(program, to)]));
  // the image walks on where it was told to
  if (label === 'enter') return [...targets, recordIndex(program, 'entered')];
  const becomesAnother = record.syscall === 'execve' || record.syscall === 'execveat';
  const goesOn = becomesAnother ? ignore === true : jump === undefined || ignore === true || accept !== undefined;
  return goesOn ? [...targets, index + 1] : targets;
}

function reachable(program: Program): Set<number> {
  const found = new Set<number>();
  const waiting = [0];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (found.has(index)) continue;
    found.add(index);
    waiting.push(...next(program, index));
  }
  return found;
}

describe('ways through a program', () => {
  for (const [name, program] of programs)
    it(`${name}: every record can be reached, none runs past the last`, () => {
      const found = reachable(program);
      assert.ok(!found.has(program.records.length), 'the end of the list can be run past');
      const dead = program.records.flatMap((record, index) => (found.has(index) ? [] : [`${index} ${line(record)}`]));
      // the builder's last exit, and the exits behind an execve, are for what cannot happen
      assert.deepEqual(
        dead.filter((text) => !/: exit_group\(|\(nothing: a mark\)|\(go to /.test(text)),
        [],
      );
    });

  for (const [name, program] of programs)
    it(`${name}: what a record takes from a slot has been put there before, on every way to it`, () => {
      const size = program.records.length;
      const stores = program.records.map(({ options: { storeAt } }) =>
        storeAt?.kind === 'data' ? storeAt.offset : null,
      );
      const filled = slotsFilled(program, stores);
      for (const index of reachable(program)) {
        if (index >= size) continue;
        for (const word of program.records[index]?.args ?? []) {
          if (typeof word !== 'object' || word.kind !== 'slot') continue;
          const initial = Buffer.from(program.data).readBigInt64LE(word.data.offset);
          // what the kernel writes through a pointer: a clone's pidfd, a siginfo
          const written = program.records.some(({ args }) =>
            args.some((one) => typeof one === 'object' && one.kind === 'data' && overlaps(one, word.data)),
          );
          const pointed = [...program.pointers.values()].some((ref) => overlaps(ref, word.data));
          if (initial !== -1n || written || pointed) continue;
          assert.ok(
            filled[index]?.has(word.data.offset) === true,
            `record ${index}, ${line(program.records[index] as RecordSpec)}: ${word.data.text} may be empty`,
          );
        }
      }
    });
});

interface Piece {
  readonly offset: number;
  readonly length: number;
}

function overlaps(one: Piece, other: Piece): boolean {
  return one.offset < other.offset + other.length && other.offset < one.offset + one.length;
}

/** For each record the slots that have been filled on all ways to it. An error stores nothing. */
function slotsFilled(program: Program, stores: readonly (number | null)[]): (Set<number> | undefined)[] {
  const filled: (Set<number> | undefined)[] = [];
  const waiting: [number, Set<number>][] = [[0, new Set()]];
  for (let here = waiting.pop(); here !== undefined; here = waiting.pop()) {
    const [index, arriving] = here;
    if (index >= program.records.length) continue;
    const known = filled[index];
    const both = known === undefined ? arriving : new Set([...known].filter((slot) => arriving.has(slot)));
    if (known !== undefined && both.size === known.size) continue;
    filled[index] = both;
    const { jumpIfError } = (program.records[index] as RecordSpec).options;
    const store = stores[index] ?? null;
    const after = store === null ? both : new Set([...both, store]);
    for (const to of next(program, index))
      waiting.push([to, jumpIfError !== undefined && to === recordIndex(program, jumpIfError) ? both : after]);
  }
  return filled;
}

describe('names and size', () => {
  it('records and data of what Docker asks for fit into sixteen pages', () => {
    const { program } = containerProgram(dockerPlan());
    const size = programSize(program);
    assert.ok(size < 24 * 4096, `Docker's default is a program of ${size} bytes`);
    assert.ok(program.records.length < 600, `it has ${program.records.length} records`);
    const exec = programSize(execProgram(fullExecPlan()).program);
    assert.ok(exec < 10 * 4096, `an exec is a program of ${exec} bytes`);
  });

  it('the holds are those that the parent knows', () => {
    const holds = (program: Program): unknown[] =>
      program.records.filter(({ options }) => options.hold === true).map(({ options }) => options.label);
    assert.deepEqual(holds(containerProgram(dockerPlan()).program), ['created', 'start']);
    assert.deepEqual(holds(containerProgram(full).program), ['mapped', 'shim', 'hooks', 'created', 'start']);
    assert.deepEqual(holds(execProgram(fullExecPlan()).program), ['ready']);
  });

  it("no call tells an option's name by a label that two records have", () => {
    for (const [name, program] of programs) {
      const labels = program.records.flatMap(({ options }) => (options.label === undefined ? [] : [options.label]));
      assert.equal(new Set(labels).size, labels.length, name);
      for (const label of labels) assert.equal(program.records[recordIndex(program, label)]?.options.label, label);
    }
  });

  it('a word of the region is where the terminal of the shim is told, and there is none without both', () => {
    const { program, masterAt } = containerProgram(full);
    assert.ok(masterAt !== null && masterAt > 128 + program.records.length * 128, 'it must be behind the records');
    assert.ok(masterAt < programSize(program) - 3, 'it must be in the data');
    assert.equal(containerProgram(fullContainerPlan({ shim: false })).masterAt, null);
    assert.equal(containerProgram(fullContainerPlan({ fds: { ...full.fds, shimConsole: -1 } })).masterAt, null);
  });
});
