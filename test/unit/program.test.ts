import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOut, ProgramBuilder, programSize } from '../../engine/kernel/program/builder.js';
import { elfImage, enterImage } from '../../engine/kernel/program/elf.js';
import { callText } from '../../engine/kernel/program/explain.js';
import { FLAG, HEADER, HEADER_SIZE, RECORD, RECORD_SIZE } from '../../engine/kernel/program/record.js';
import { SYSCALLS } from '../../engine/kernel/syscall-table.js';
import { initProgram } from '../../engine/labhost/init.js';
import { labHostProgram } from '../../engine/labhost/program.js';

const BASE = 0x10000n;

test('a record is laid out as its README draws it', () => {
  const b = new ProgramBuilder('t').onFailure('end', 9);
  b.call('openat', [-100, '/etc/passwd', 0, 0], {
    accept: ['ENOENT', 'EACCES'],
    storeAt: { kind: 'field', label: 'read', field: { arg: 0 } },
    hold: true,
  });
  b.call('read', [0, b.bytes(Buffer.alloc(16)), 16], { label: 'read', jumpIfZero: 'end' });
  b.goto('read', { label: 'end' });
  const program = b.build();
  const image = layOut(program, BASE, 'x64');
  assert.equal(image.length, programSize(program));
  const at = (index: number): number => HEADER_SIZE + index * RECORD_SIZE;
  const data = BASE + BigInt(at(3));
  assert.equal(image.readBigUInt64LE(HEADER.onFailure), BASE + BigInt(at(2)));
  assert.equal(image.readInt32LE(HEADER.exitCode), 9);
  assert.equal(image.readBigUInt64LE(at(0) + RECORD.number), BigInt(SYSCALLS.openat[0]));
  assert.equal(image.readBigInt64LE(at(0) + RECORD.args), -100n);
  assert.equal(image.readBigUInt64LE(at(0) + RECORD.args + 8), data);
  assert.equal(image.toString('utf8', Number(data - BASE), Number(data - BASE) + 11), '/etc/passwd');
  assert.deepEqual([image.readUInt16LE(at(0) + RECORD.accept), image.readUInt16LE(at(0) + RECORD.accept + 2)], [2, 13]);
  assert.equal(image.readUInt32LE(at(0) + RECORD.hold), 1);
  assert.equal(image.readBigUInt64LE(at(0) + RECORD.storeAt), BASE + BigInt(at(1) + RECORD.args));
  assert.equal(image.readUInt32LE(at(1) + RECORD.flags), FLAG.jumpIfZero);
  assert.equal(image.readBigUInt64LE(at(1) + RECORD.jump), BASE + BigInt(at(2)));
  assert.equal(image.readUInt32LE(at(2) + RECORD.flags), FLAG.noCall | FLAG.jump);
});

test('arm64 has its own numbers and the same layout', () => {
  const program = new ProgramBuilder('t').call('openat', [-100, '/x', 0, 0]).build();
  assert.equal(layOut(program, BASE, 'arm64').readBigUInt64LE(HEADER_SIZE + RECORD.number), 56n);
});

test('vectors and word structs point at their strings, wherever the program stands', () => {
  const b = new ProgramBuilder('t');
  const vector = b.vector(['a', 'bc']);
  b.call('execve', ['/x', vector, 0]);
  const program = b.build();
  for (const base of [0x1000n, 0x7f0000000000n]) {
    const image = layOut(program, base, 'x64');
    const dataAt = HEADER_SIZE + program.records.length * RECORD_SIZE;
    const second = image.readBigUInt64LE(dataAt + vector.offset + 8) - base;
    assert.equal(image.toString('utf8', Number(second), Number(second) + 2), 'bc');
    assert.equal(image.readBigUInt64LE(dataAt + vector.offset + 16), 0n);
  }
});

test('what cannot be a program is refused when it is built', () => {
  assert.throws(() => new ProgramBuilder('t').goto('nowhere').build(), /no record named nowhere/);
  assert.throws(() => new ProgramBuilder('t').goto(null, { label: 'a' }).goto(null, { label: 'a' }), /used twice/);
  assert.throws(() => new ProgramBuilder('t').call('getpid', [1, 2, 3, 4, 5, 6, 7]), /at most six/);
  assert.throws(() => new ProgramBuilder('t').call('chdir', ['a\0b']), /NUL/);
  assert.throws(
    () => new ProgramBuilder('t').call('getpid', [], { accept: ['EPERM', 'ENOENT', 'EIO', 'EBADF', 'EEXIST'] }),
    /at most four/,
  );
  assert.throws(
    () => new ProgramBuilder('t').goto(null, { label: 'a' }).call('getpid', [], { jump: 'a', jumpIfZero: 'b' }),
    /one jump target/,
  );
});

test('calls are decoded as section 2 of the manual writes them', () => {
  const b = new ProgramBuilder('t');
  b.call('mount', ['proc', '/proc', 'proc', 2 | 4 | 8, 0]);
  b.call('unshare', [0x02000000]);
  b.call('openat', [-100, '/dev/null', 2 | 0o2000000, 0o644]);
  b.call('prctl', [1, 9]);
  assert.deepEqual(b.build().records.slice(0, 4).map(callText), [
    'mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL)',
    'unshare(CLONE_NEWCGROUP)',
    'openat(AT_FDCWD, "/dev/null", O_RDWR|O_CLOEXEC, 0644)',
    'prctl(PR_SET_PDEATHSIG, SIGKILL)',
  ]);
});

test('an ELF image never maps a page both writable and executable', () => {
  for (const architecture of ['x64', 'arm64'] as const) {
    const image = elfImage(initProgram(), architecture);
    assert.equal(image.toString('latin1', 0, 4), '\x7fELF');
    assert.equal(image.readUInt16LE(18), architecture === 'x64' ? 62 : 183);
    for (let n = 0; n < image.readUInt16LE(56); n++) {
      const flags = image.readUInt32LE(64 + n * 56 + 4);
      assert.notEqual(flags & 3, 3, `segment ${n} of ${architecture} is writable and executable`);
    }
  }
});

test("every record of the lab host's program has a call, a man page and a sentence in both languages", () => {
  const program = labHostProgram({
    hostname: 'glassbox',
    tmpfsBytes: 1 << 20,
    lower: 'whole',
    layers: [
      { mountPoint: '/', source: { kind: 'tree' } },
      { mountPoint: '/home', source: { kind: 'tree' } },
    ],
    links: [],
    directories: [],
    devices: ['null'],
    ttyGroup: true,
    manyIds: true,
    kept: { from: 'parent' },
    scratch: { from: 'path', path: '/var/tmp/scratch' },
    hidden: '/var/tmp',
    parentPidfd: 1,
    imageFd: 2,
    statusFd: 3,
    cgroups: [
      { name: 'memory', version: 1, mountPoint: '/m', root: '/', base: '/m' },
      { name: '', version: 2, mountPoint: '/u', root: '/', base: '/u' },
    ],
  });
  return import('../../engine/kernel/program/explain.js').then(({ explainRecord }) => {
    assert.ok(program.records.length > 60);
    program.records.forEach((record, index) => {
      const explained = explainRecord(record, index, undefined);
      assert.match(explained.call, /^[a-z0-9_]+\(.*\)$|^\(/);
      if (record.syscall !== 'none') assert.equal(explained.man, `${record.syscall}(2)`);
      assert.ok(
        explained.explanation.en.length > 8 && /\p{Script=Han}/u.test(explained.explanation.zh),
        explained.call,
      );
      assert.doesNotMatch(explained.explanation.en, /ask the kernel for/, explained.call);
    });
  });
});

test('a slot is a word of the data that one record fills and others take by its address', () => {
  const b = new ProgramBuilder('t');
  const slot = b.slot('file');
  const full = b.slot('full', 77);
  b.call('openat', [-100, '/x', 0, 0], { storeAt: slot.data });
  b.call('dup3', [slot, 5, slot]);
  b.set(full, slot);
  b.set(full, '/x');
  const program = b.build();
  const image = layOut(program, BASE, 'x64');
  const at = (index: number): number => HEADER_SIZE + index * RECORD_SIZE;
  const dataAt = at(program.records.length);
  const place = BASE + BigInt(dataAt + slot.data.offset);
  assert.equal(image.readBigInt64LE(dataAt + slot.data.offset), -1n, 'an empty slot is no descriptor');
  assert.equal(image.readBigInt64LE(dataAt + full.data.offset), 77n);
  assert.equal(image.readBigUInt64LE(at(0) + RECORD.storeAt), place);
  assert.equal(image.readUInt32LE(at(0) + RECORD.flags), 0);
  assert.equal(image.readBigUInt64LE(at(1) + RECORD.args), place);
  assert.equal(image.readBigInt64LE(at(1) + RECORD.args + 8), 5n);
  assert.equal(image.readUInt32LE(at(1) + RECORD.flags), FLAG.load | (FLAG.load << 2));
  assert.equal(image.readUInt32LE(at(2) + RECORD.flags), FLAG.noCall | FLAG.load);
  assert.equal(image.readUInt32LE(at(3) + RECORD.flags), FLAG.noCall, 'the address of a string is a plain value');
  assert.equal(image.readBigUInt64LE(at(2) + RECORD.storeAt), BASE + BigInt(dataAt + full.data.offset));
});

test('an image that enters the region of others is one segment that nobody can write', () => {
  for (const architecture of ['x64', 'arm64'] as const) {
    const image = enterImage({ base: 0x7f1234560000n, size: 0x5000, file: 9 }, 0x7f1234560080n, architecture);
    const segments = Array.from({ length: image.readUInt16LE(56) }, (_, n) => ({
      type: image.readUInt32LE(64 + n * 56),
      flags: image.readUInt32LE(64 + n * 56 + 4),
      size: Number(image.readBigUInt64LE(64 + n * 56 + 32)),
    }));
    const loaded = segments.filter(({ type }) => type === 1);
    assert.deepEqual(loaded, [{ type: 1, flags: 5, size: image.length }], architecture);
    assert.ok(
      segments.some(({ type, flags }) => type === 0x6474e551 && flags === 6),
      'its stack must not be executable',
    );
    assert.ok(image.includes(Buffer.from([0x00, 0x00, 0x56, 0x34, 0x12, 0x7f])), 'it must know where the region is');
  }
});

test('nothing of one program is found in the data of the next', () => {
  const filled = (text: string, length: number): ProgramBuilder => {
    const b = new ProgramBuilder(text);
    b.call('write', [1, b.bytes(Buffer.alloc(length, text)), length]);
    return b;
  };
  const one = filled('x', 120 << 10).build();
  const second = filled('y', 100 << 10);
  const space = second.space(64, 'room');
  const other = Buffer.from(second.build().data);
  assert.ok(!other.includes('x'), 'the second program must not hold what the first one does');
  assert.deepEqual(other.subarray(space.offset, space.offset + 64), Buffer.alloc(64));
  assert.ok(Buffer.from(one.data).equals(Buffer.alloc(120 << 10, 'x')), 'the first program must stay as it was');
});
