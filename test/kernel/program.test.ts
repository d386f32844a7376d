import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { SyscallError } from '../../engine/kernel/errors.js';
import { check, type Kernel, realKernel } from '../../engine/kernel/kernel.js';
import { ProgramBuilder } from '../../engine/kernel/program/builder.js';
import { elfImage } from '../../engine/kernel/program/elf.js';
import { explainProgram } from '../../engine/kernel/program/explain.js';
import { CLONE, RunningProgram, waitPidfd } from '../../engine/kernel/program/running.js';

/** Run a program to its end: its exit code and the results of its records. */
function run(
  build: (b: ProgramBuilder) => void,
  options: Parameters<typeof RunningProgram.start>[1] = {},
): { exitCode: number; results: (number | null)[] } {
  const b = new ProgramBuilder('test');
  build(b);
  const running = RunningProgram.start(b.build(), options);
  try {
    const { exitCode } = running.wait();
    return { exitCode, results: running.trace().map(({ result }) => result) };
  } finally {
    running.dispose();
  }
}

test('records run in order and their results come back', () => {
  const { exitCode, results } = run((b) => b.call('getppid', []).call('exit_group', [7]));
  assert.equal(exitCode, 7);
  assert.equal(results[0], process.pid);
});

test('an explained call shows the number that an earlier record or the parent put in its place', () => {
  const b = new ProgramBuilder('filled');
  b.call('getpid', [], { storeAt: { kind: 'field', label: 'signal', field: { arg: 0 } } });
  b.call('kill', [0, 0], { label: 'signal' });
  b.call('exit_group', [1], { label: 'end', hold: true });
  const running = RunningProgram.start(b.build());
  try {
    running.setArgument('end', 0, 9);
    running.release('end');
    assert.equal(running.wait().exitCode, 9);
    const calls = explainProgram(running).records.map(({ call }) => call);
    assert.match(calls[1]!, /^kill\([1-9][0-9]*, /);
    assert.equal(calls[2], 'exit_group(9)');
  } finally {
    running.dispose();
  }
});

test('accepted and ignored errors go on, an unexpected one stops at once', () => {
  const accepted = run((b) => b.call('chdir', ['/no'], { accept: ['EACCES', 'ENOENT'] }).call('exit_group', [1]));
  assert.deepEqual([accepted.exitCode, accepted.results[0]], [1, -2]);
  assert.equal(run((b) => b.call('chdir', ['/no'], { ignore: true }).call('exit_group', [1])).exitCode, 1);
  const b = new ProgramBuilder('doomed');
  b.call('chdir', ['/no'], { accept: ['EACCES'] }).call('exit_group', [1]);
  const running = RunningProgram.start(b.build());
  assert.equal(running.wait().exitCode, 125);
  assert.throws(
    () => running.throwFailure(),
    (error: unknown) => {
      assert.ok(error instanceof SyscallError);
      assert.deepEqual(
        [error.syscall, error.errno, error.path, error.man, error.code],
        ['chdir', 'ENOENT', '/no', 'chdir(2)', 'NotFound'],
      );
      return true;
    },
  );
  assert.deepEqual(running.failure(), { index: 0, errno: 2 });
  running.dispose();
});

test('jumps: on zero, on error, always; the failure record runs once', () => {
  assert.equal(
    run((b) =>
      b
        .call('umask', [0])
        .call('umask', [0], { jumpIfZero: 'zero' })
        .call('exit_group', [1])
        .call('exit_group', [2], { label: 'zero' }),
    ).exitCode,
    2,
  );
  assert.equal(
    run((b) =>
      b.call('chdir', ['/no'], { jumpIfError: 'e' }).call('exit_group', [1]).call('exit_group', [3], { label: 'e' }),
    ).exitCode,
    3,
  );
  assert.equal(run((b) => b.goto('on').call('exit_group', [1]).call('exit_group', [4], { label: 'on' })).exitCode, 4);
  const failing = run((b) =>
    b.onFailure('f', 5).call('chdir', ['/no']).call('exit_group', [1]).call('chdir', ['/no'], { label: 'f' }),
  );
  assert.equal(failing.exitCode, 5, 'a failure within the failure records ends the program');
});

test('a result is stored into another record, and into 32 bits where asked', () => {
  const { results } = run((b) => {
    b.call('openat', [-100, '/dev/null', 2, 0], { storeAt: { kind: 'field', label: 'write', field: { arg: 0 } } });
    b.call('write', [-1, b.bytes(Buffer.from('abc')), 3], { label: 'write' });
    const pollfd = Buffer.alloc(8);
    pollfd.writeInt16LE(4, 4); // POLLOUT, which a 64-bit store would wipe out
    const at = b.bytes(pollfd);
    b.call('openat', [-100, '/dev/null', 2, 0], { storeAt: at, store32: true });
    b.call('ppoll', [at, 1, b.words([0, 0], '0'), 0, 0]);
  });
  assert.equal(results[1], 3);
  assert.equal(results[3], 1);
});

test('an injected errno is the result of a call that was never issued', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'gb-'));
  try {
    const program = (b: ProgramBuilder): unknown =>
      b.call('mkdirat', [-100, join(scratch, 'made'), 0o755], { ignore: true }).call('exit_group', [0]);
    const { results } = run(program, { inject: { index: 0, errno: 'ENOSPC' } });
    assert.equal(results[0], -28);
    assert.deepEqual(readdirSync(scratch), []);
    run(program);
    assert.deepEqual(readdirSync(scratch), ['made']);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

test('a hold waits for the parent, which may change an argument meanwhile', () => {
  const b = new ProgramBuilder('held');
  b.call('getpid', []).call('exit_group', [1], { label: 'exit', hold: true });
  const running = RunningProgram.start(b.build());
  running.waitHeld('exit');
  assert.equal(running.tryWait(), null);
  assert.equal(running.trace()[1]?.state, 'held');
  running.setArgument('exit', 0, 42);
  running.release('exit');
  assert.equal(running.wait().exitCode, 42);
  running.dispose();
});

test('single steps: every record waits, none is issued before its release', () => {
  const b = new ProgramBuilder('steps');
  b.call('getpid', [], { label: 'a' }).call('getppid', [], { label: 'b' }).call('exit_group', [3], { label: 'c' });
  const running = RunningProgram.start(b.build(), { step: true });
  for (const [n, label] of ['a', 'b', 'c'].entries()) {
    running.waitHeld(label);
    const states = explainProgram(running, false).records.map(({ state }) => state);
    assert.deepEqual(
      states,
      ['a', 'b', 'c'].map((_, i) => (i < n ? 'done' : i === n ? 'held' : 'pending')),
    );
    running.release(label);
  }
  assert.equal(running.wait().exitCode, 3);
  running.dispose();
});

test("a nested clone: the child goes where it is sent and stores nothing over the parent's result", () => {
  const b = new ProgramBuilder('nested');
  b.call('clone3', [b.words([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], '{}'), 88], { label: 'clone', jumpIfZero: 'child' });
  b.call('wait4', [-1, 0, 0x40000000, 0], { label: 'wait' });
  b.call('exit_group', [1]);
  b.call('exit_group', [2], { label: 'child' });
  const running = RunningProgram.start(b.build());
  assert.equal(running.wait().exitCode, 1);
  assert.ok((running.result('clone') ?? 0) > 0);
  assert.equal(running.result('wait'), running.result('clone'));
  running.dispose();
});

test('times are those of a clock', () => {
  const b = new ProgramBuilder('nap');
  b.call('nanosleep', [b.words([0, 20_000_000], '20 ms'), 0]).call('exit_group', [0]);
  const running = RunningProgram.start(b.build());
  running.wait();
  const ns = running.trace()[0]?.durationNs ?? 0;
  assert.ok(ns >= 19_000_000 && ns < 2_000_000_000, `20 ms were measured as ${ns} ns`);
  running.dispose();
});

test('a kernel that refuses clone3 leaves no region behind', () => {
  const before = readFileSync('/proc/self/maps', 'utf8').split('\n').length;
  let unmapped = 0;
  const counting: Kernel = {
    call: (name, ...args) => {
      if (name === 'munmap') unmapped++;
      return realKernel.call(name, ...args);
    },
  };
  const program = new ProgramBuilder('refused').call('exit_group', [0]).build();
  assert.throws(() => RunningProgram.start(program, { flags: CLONE.NEWUSER | CLONE.FS }, counting), /clone3: EINVAL/);
  assert.equal(unmapped, 1);
  assert.ok(Math.abs(readFileSync('/proc/self/maps', 'utf8').split('\n').length - before) < 8);
});

test('2,000 starts in five new namespaces: no failure, no descriptor, thread or mapping left', {
  timeout: 600_000,
}, () => {
  const program = new ProgramBuilder('many').call('getpid', [], { label: 'pid' }).call('exit_group', [3]).build();
  const flags = CLONE.NEWUSER | CLONE.NEWPID | CLONE.NEWNS | CLONE.NEWUTS | CLONE.NEWIPC;
  const once = (): void => {
    const running = RunningProgram.start(program, { flags });
    assert.equal(running.wait().exitCode, 3);
    assert.equal(running.result('pid'), 1);
    running.dispose();
  };
  for (let i = 0; i < 50; i++) once();
  const count = (): { fds: number; threads: number; shared: number } => ({
    fds: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    shared: readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((line) => line.includes('/dev/zero')).length,
  });
  const before = count();
  for (let i = 0; i < 2000; i++) once();
  assert.deepEqual(count(), before);
});

test('a descriptor opened by a child that shares our table is ours', () => {
  const b = new ProgramBuilder('open')
    .call('openat', [-100, '/etc/passwd', 0o2000000, 0], { label: 'open' })
    .call('exit_group', [0]);
  const running = RunningProgram.start(b.build(), { flags: CLONE.FILES });
  running.wait();
  const fd = running.result('open') ?? -1;
  assert.match(readFileSync(fd, 'utf8'), /^root:/);
  closeSync(fd);
  running.dispose();
});

test('waiting for a child that somebody else reaped is an end, not a hang', () => {
  const running = RunningProgram.start(new ProgramBuilder('gone').call('exit_group', [0]).build());
  const copy = check(realKernel, 'pidfd_open', [running.pid, 0]);
  running.wait();
  assert.deepEqual(waitPidfd(realKernel, copy, 0), { exitCode: 255, signal: 0 });
  closeSync(copy);
  running.dispose();
});

for (const architecture of ['x64', 'arm64'] as const) {
  const emulator = architecture === process.arch ? [] : [`qemu-${architecture === 'arm64' ? 'aarch64' : 'x86_64'}`];
  const missing = emulator.length > 0 && spawnSync(emulator[0] as string, ['--version']).error !== undefined;
  test(`an ELF image of ${architecture} walks its records`, {
    skip: missing ? `${emulator[0]} is not installed` : false,
  }, () => {
    const scratch = mkdtempSync(join(tmpdir(), 'gb-'));
    try {
      const b = new ProgramBuilder('image');
      const counter = b.bytes(Buffer.from('0'), 'digit');
      b.call('write', [1, b.bytes(Buffer.from('one ')), 4]);
      b.call('chdir', ['/no'], { accept: ['ENOENT'] });
      b.call('openat', [-100, '/no', 0, 0], { jumpIfError: 'failed' });
      b.call('exit_group', [1]);
      b.call('dup', [1], { label: 'failed', storeAt: { kind: 'field', label: 'write', field: { arg: 0 } } });
      b.call('write', [0, b.bytes(Buffer.from('two ')), 4], { label: 'write' });
      b.call('umask', [0]);
      b.call('umask', [0], { jumpIfZero: 'zero' });
      b.call('exit_group', [2]);
      b.call('write', [1, counter, 1], { label: 'zero' });
      b.call('chdir', ['/no']);
      const file = join(scratch, 'image');
      writeFileSync(file, elfImage(b.build(), architecture), { mode: 0o755 });
      const done = spawnSync(emulator[0] ?? file, emulator.length === 0 ? [] : [file], {
        encoding: 'utf8',
        timeout: 600_000,
      });
      assert.deepEqual([done.stdout, done.status], ['one two 0', 125]);
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
}

test('the walkers in the tree are what their sources assemble to', {
  skip:
    spawnSync('aarch64-linux-gnu-as', ['--version']).error === undefined
      ? false
      : 'binutils-aarch64-linux-gnu is not installed',
}, () => {
  execFileSync(process.execPath, ['scripts/assemble-walker.mjs', '--check'], { stdio: 'pipe' });
});

test('the child has no descriptor but those that it was given', () => {
  const open = openSync('/etc/passwd', 'r');
  const b = new ProgramBuilder('closed');
  b.call('close_range', [3, 0xffffffff, 2])
    .call('fcntl', [open, 1], { accept: ['EBADF'] })
    .call('exit_group', [0]);
  const running = RunningProgram.start(b.build());
  running.wait();
  assert.equal(running.result(1), -9);
  running.dispose();
  closeSync(open);
});

/** Start a program that becomes a sealed image, with its region in a file. */
function startImage(
  build: (b: ProgramBuilder) => void,
  options: { sealed?: boolean; step?: boolean } = {},
): { running: RunningProgram; path: string } {
  const directory = mkdtempSync(join(tmpdir(), 'gb-'));
  const path = join(directory, 'region');
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL);
  const b = new ProgramBuilder('image');
  b.call('fcntl', [file, 2, 0]);
  b.call('execveat', [0, '', b.vector(['walker']), b.vector([]), 0x1000], { label: 'enter' });
  b.call('getpid', [], { label: 'entered' });
  build(b);
  try {
    const { step, ...rest } = options;
    return {
      running: RunningProgram.start(b.build(), {
        image: { file, name: 'walker', ...rest },
        ...(step === undefined ? {} : { step }),
      }),
      path,
    };
  } finally {
    closeSync(file);
  }
}

test('a child that becomes an image holds nothing of ours, and another process can see its records and let it go', () => {
  const { running, path } = startImage((b) => b.call('exit_group', [6], { label: 'exit', hold: true }));
  try {
    running.waitHeld('exit');
    const maps = readFileSync(`/proc/${running.pid}/maps`, 'utf8');
    assert.equal(readlinkSync(`/proc/${running.pid}/exe`), '/memfd:walker (deleted)');
    assert.match(maps, new RegExp(`rw-s .* ${path}$`, 'm'));
    assert.doesNotMatch(maps, /node|libc|\[heap\]/);
    assert.equal(running.result('entered'), running.pid);
    const script = `
      import { AttachedRegion } from './engine/kernel/program/attached.ts';
      const region = new AttachedRegion(${JSON.stringify(path)});
      console.log(region.isHeld(3), region.trace(4).map(({ state }) => state).join(' '), region.trace(4)[2].result);
      region.release(3);
      region.close();`;
    const seen = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 600_000,
    });
    // the call that executed the image never came back to say so
    assert.equal(seen.trim(), `true done held done held ${running.pid}`);
    assert.equal(running.wait().exitCode, 6);
  } finally {
    running.destroy();
    rmSync(dirname(path), { recursive: true });
  }
});

for (const sealed of [true, false])
  test(`the image of a child ${sealed ? 'cannot' : 'could, were it not sealed,'} be overwritten by who finds it in /proc`, () => {
    const { running, path } = startImage((b) => b.call('exit_group', [0], { label: 'exit', hold: true }), { sealed });
    let image: number | undefined;
    try {
      running.waitHeld('exit');
      image = openSync(`/proc/${running.pid}/exe`, 'r');
      assert.throws(() => openSync(`/proc/self/fd/${image}`, 'r+'), { code: 'ETXTBSY' });
      running.release('exit');
      running.wait();
      const writable = openSync(`/proc/self/fd/${image}`, 'r+');
      try {
        const before = readFileSync(writable);
        const write = (): number => writeSync(writable, '#!/bin/evil', 0);
        if (sealed) assert.throws(write, { code: 'EPERM' });
        else assert.equal(write(), 11);
        const after = Buffer.alloc(before.length);
        readSync(writable, after, 0, after.length, 0);
        assert.equal(after.equals(before), sealed);
        if (sealed) assert.throws(() => ftruncateSync(writable, 0), { code: 'EPERM' });
      } finally {
        closeSync(writable);
      }
    } finally {
      if (image !== undefined) closeSync(image);
      running.destroy();
      rmSync(dirname(path), { recursive: true });
    }
  });

test('a child that is stepped is a copy of ours until it is the image: we go on while it waits', () => {
  const { running, path } = startImage((b) => b.call('exit_group', [4], { label: 'exit' }), { step: true });
  try {
    for (let index = 0; index < running.program.records.length; index++) {
      for (let tries = 0; running.waiting().length === 0; tries++) {
        assert.ok(tries < 2000, `record ${index} is not reached`);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      }
      assert.deepEqual(running.waiting(), [index]);
      const exe = readlinkSync(`/proc/${running.pid}/exe`);
      if (index < 2) assert.equal(exe, readlinkSync('/proc/self/exe'));
      else assert.match(exe, /memfd:walker/);
      assert.equal(running.result(index), null);
      running.release(index);
    }
    assert.equal(running.wait().exitCode, 4);
  } finally {
    running.destroy();
    rmSync(dirname(path), { recursive: true });
  }
});

test('a result that is written down late is waited for, one that never comes is an error, and so is a failure meanwhile', () => {
  const b = new ProgramBuilder('late');
  b.call('nanosleep', [b.words([0, 30_000_000], '30 ms'), 0], { label: 'nap' });
  b.call('getppid', [], { label: 'answer' });
  b.call('chdir', ['/no'], { hold: true, label: 'fails' });
  b.call('getpid', [], { label: 'never' });
  const running = RunningProgram.start(b.build());
  try {
    assert.equal(running.result('answer'), null);
    assert.equal(running.resultSoon('answer'), process.pid);
    const begun = performance.now();
    assert.throws(() => running.resultSoon('never'), { code: 'DeadlineExceeded' });
    assert.ok(performance.now() - begun > 900, 'it was waited for');
    running.release('fails');
    running.wait();
    assert.throws(() => running.resultSoon('never'), /chdir.*ENOENT|ENOENT.*chdir/);
  } finally {
    running.dispose();
  }
});

test('records that were given back cannot be read: their memory is gone', () => {
  const b = new ProgramBuilder('over').call('getpid', [], { label: 'pid' }).call('exit_group', [0]);
  const running = RunningProgram.start(b.build());
  running.wait();
  running.dispose();
  running.dispose();
  const readings: readonly (() => unknown)[] = [
    () => running.result('pid'),
    () => running.resultSoon('pid'),
    () => running.trace(),
    () => running.failure(),
    () => running.throwFailure(),
    () => running.waiting(),
    () => running.readData(0, 1),
    () => running.writeData(0, Buffer.alloc(1)),
    () => running.release('pid'),
    () => running.setArgument('pid', 0, 1),
    () => running.waitHeld('pid'),
  ];
  for (const reading of readings) assert.throws(reading, { code: 'FailedPrecondition' }, String(reading));
  assert.deepEqual(running.tryWait(), { exitCode: 0, signal: 0 });
});
