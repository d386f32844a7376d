/** What the machine code of the walkers does with a record's flags: the same images on x86-64 and, through qemu's emulation, on arm64. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { AttachedRegion } from '../../engine/kernel/program/attached.js';
import { layOut, type Program, ProgramBuilder, programSize } from '../../engine/kernel/program/builder.js';
import { elfImage, enterImage } from '../../engine/kernel/program/elf.js';
import { HEADER_SIZE, RECORD, RECORD_SIZE } from '../../engine/kernel/program/record.js';
import { recordAt } from '../../engine/kernel/program/running.js';

const FUTEX_CMP_REQUEUE = 4;

for (const architecture of ['x64', 'arm64'] as const) {
  const emulator = architecture === process.arch ? [] : [`qemu-${architecture === 'arm64' ? 'aarch64' : 'x86_64'}`];
  const missing = emulator.length > 0 && spawnSync(emulator[0] as string, ['--version']).error !== undefined;

  describe(architecture, { skip: missing ? `${emulator[0]} is not installed` : false }, () => {
    const scratch = mkdtempSync(join(tmpdir(), 'gb-walker-'));
    after(() => rmSync(scratch, { recursive: true }));

    /** An executable's command line. */
    function executable(image: Buffer): { command: string; args: readonly string[] } {
      const file = join(scratch, 'image');
      writeFileSync(file, image, { mode: 0o755 });
      return { command: emulator[0] ?? file, args: emulator.length === 0 ? [] : [file] };
    }

    function run(program: Program): { status: number | null; output: Buffer } {
      const { command, args } = executable(elfImage(program, architecture));
      const done = spawnSync(command, args, { timeout: 600_000, stdio: ['ignore', 'pipe', 'pipe'] });
      return { status: done.status, output: done.stdout };
    }

    /** Run records one after the other, whatever they answer: their results. */
    function results(build: (b: ProgramBuilder) => void, count: number): number[] {
      const b = new ProgramBuilder('results');
      b.goto(null, { label: 'first' });
      build(b);
      b.call('write', [1, { kind: 'field', label: 'first', field: 'result' }, (count + 1) * RECORD_SIZE]);
      b.call('exit_group', [0]);
      const { output, status } = run(b.build());
      assert.equal(status, 0);
      return Array.from({ length: count }, (_, n) => Number(output.readBigInt64LE((n + 1) * RECORD_SIZE)));
    }

    it('each of the six arguments is loaded from a slot, and only where a slot is named', () => {
      // a futex operation that looks at all its six arguments, and answers differently to each that is wrong
      const answers = results(
        (b) => {
          const word = b.bytes(Buffer.from([7, 0, 0, 0, 0, 0, 0, 0]), 'word');
          const other = b.bytes(Buffer.alloc(8), 'other');
          const right = ['word', 'operation', 'wake', 'requeue', 'other', 'expected'].map((name) => b.slot(name));
          const wrong = [1, 99, -1, -1, 1, 8].map((value) => b.slot('wrong', value));
          const values = [word, FUTEX_CMP_REQUEUE, 0, 0, other, 7] as const;
          right.forEach((slot, n) => {
            b.set(slot, values[n] ?? 0);
          });
          b.call('futex', values, { ignore: true });
          b.call('futex', right, { ignore: true });
          wrong.forEach((slot, n) => {
            b.call(
              'futex',
              right.map((one, at) => (at === n ? slot : one)),
              { ignore: true },
            );
            b.call(
              'futex',
              values.map((one, at) => (at === n ? slot : one)),
              { ignore: true },
            );
          });
        },
        6 + 2 + 12,
      ).slice(6);
      const [EINVAL, ENOSYS, EAGAIN] = [-22, -38, -11];
      assert.deepEqual(answers, [
        0,
        0,
        ...[EINVAL, ENOSYS, EINVAL, EINVAL, EINVAL, EAGAIN].flatMap((one) => [one, one]),
      ]);
    });

    it('a slot takes the number, the address or the value of another slot that it is set to', () => {
      const program = new ProgramBuilder('set');
      const words = { text: program.bytes(Buffer.from('copied'), 'text'), length: program.slot('length', 4) };
      const to = { copy: program.slot('copy'), address: program.slot('address') };
      program.set(to.copy, words.length).set(to.address, words.text);
      program.call('write', [1, to.address, to.copy]);
      program.set(words.length, 2);
      program
        .call('write', [1, to.address, to.copy])
        .call('write', [1, to.address, words.length])
        .call('exit_group', [0]);
      const { output, status } = run(program.build());
      assert.deepEqual([output.toString(), status], ['copicopico', 0]);
    });

    /** Which way a record goes: `n` on, `j` the jump, and the exit code of a failure. */
    const ways: readonly (readonly [string, Parameters<ProgramBuilder['call']>[2], string, string])[] = [
      ['an error that is named jumps', { accept: ['ENOENT'], jumpIfError: 'there' }, '/no', 'j0'],
      [
        'the fourth that is named too',
        { accept: ['EIO', 'EPERM', 'EBUSY', 'ENOENT'], jumpIfError: 'there' },
        '/no',
        'j0',
      ],
      ['an error that is not named fails, jump or not', { accept: ['EACCES'], jumpIfError: 'there' }, '/no', '125'],
      ['where none is named any error jumps', { jumpIfError: 'there' }, '/no', 'j0'],
      ['a success does not jump on error', { accept: ['ENOENT'], jumpIfError: 'there' }, '/', 'n0'],
      ['an accepted error goes on', { accept: ['ENOENT'] }, '/no', 'n0'],
      [
        'an ignored error goes on, and does not take the jump of a success',
        { ignore: true, jump: 'there' },
        '/no',
        'n0',
      ],
      ['an ignored error is not zero', { ignore: true, jumpIfZero: 'there' }, '/no', 'n0'],
      ['zero jumps though errors are ignored', { ignore: true, jumpIfZero: 'there' }, '/', 'j0'],
      ['a success jumps', { jump: 'there' }, '/', 'j0'],
      ['an error does not take the jump of a success', { jump: 'there' }, '/no', '125'],
    ];
    for (const [name, options, path, expected] of ways)
      it(name, () => {
        const b = new ProgramBuilder('way');
        b.call('chdir', [path], options ?? {});
        b.call('write', [1, b.bytes(Buffer.from('n')), 1]).call('exit_group', [0]);
        b.call('write', [1, b.bytes(Buffer.from('j')), 1], { label: 'there' }).call('exit_group', [0]);
        const { output, status } = run(b.build());
        assert.equal(`${output.toString()}${status}`, expected);
      });

    it('an image without a program maps the region of others, walks on in it, and waits until it is let go', async () => {
      const b = new ProgramBuilder('entered').onFailure(null, 77);
      b.call('exit_group', [1], { label: 'before' });
      b.call('getppid', [], { label: 'entered' });
      b.call('write', [1, b.bytes(Buffer.from('waiting')), 7]);
      b.call('getppid', [], { label: 'held', hold: true });
      b.call('chdir', ['/no'], { label: 'fails' });
      const program = b.build();
      const base = 0x10_0000_0000n;
      const size = (programSize(program) + 4095) & ~4095;
      const path = join(scratch, 'region');
      const file = openSync(path, 'w+');
      ftruncateSync(file, size);
      writeSync(file, layOut(program, base, architecture));
      const image = enterImage({ base, size, file: 3 }, base + BigInt(recordAt(1)), architecture);
      assert.ok(image.length < 4096, `an image of ${image.length} bytes is more than a page`);
      const { command, args } = executable(image);
      const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit', file] });
      closeSync(file);
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      const region = new AttachedRegion(path);
      try {
        await new Promise((resolve) => child.stdout?.once('data', resolve));
        for (let tries = 0; region.trace(5)[3]?.state !== 'held'; tries++) {
          assert.ok(tries < 2000, 'the record is not reached');
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        assert.deepEqual(
          region.trace(5).map(({ state }) => state),
          ['pending', 'done', 'done', 'held', 'pending'],
        );
        assert.equal(child.exitCode, null);
        assert.deepEqual([region.isHeld(3), region.isHeld(2)], [true, false]);
        region.release(3);
        assert.equal(await ended, 77);
        const trace = region.trace(5);
        assert.deepEqual([trace[1]?.result, trace[4]?.result], [process.pid, -2]);
        assert.equal(trace[4]?.state, 'failed');
        assert.equal(region.isHeld(3), false);
        assert.equal(region.readWord(recordAt(4) + RECORD.result), -2);
        assert.equal(readFileSync(path).readBigUInt64LE(8), base + BigInt(HEADER_SIZE + 4 * RECORD_SIZE));
      } finally {
        region.close();
        if (child.exitCode === null) child.kill('SIGKILL');
      }
    });
  });
}
