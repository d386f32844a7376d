import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errnoName } from '../../engine/kernel/errno.js';
import { SyscallError } from '../../engine/kernel/errors.js';
import { FaultKernel } from '../../engine/kernel/fault-kernel.js';
import { addressOf, check, realKernel, syscallNumber } from '../../engine/kernel/kernel.js';
import { sealedMemfd } from '../../engine/kernel/memfd.js';
import { RecordingKernel } from '../../engine/kernel/recording-kernel.js';
import { SYSCALLS } from '../../engine/kernel/syscall-table.js';

test('the real kernel answers with a value or a negated errno, and never throws', () => {
  assert.equal(realKernel.call('getpid'), process.pid);
  assert.equal(realKernel.call('openat', -100, '/no/such/file', 0, 0), -2);
  assert.equal(realKernel.call('close', 999_999), -9);
  assert.equal(realKernel.call('chdir', 'a\0b'), -22, 'a NUL in a path never reaches the kernel');
  assert.equal(realKernel.call('chdir', 'x'.repeat(5000)), -36, 'a path longer than PATH_MAX is refused');
});

test('bytes are passed in place: the kernel writes into them', () => {
  const name = Buffer.alloc(390);
  assert.equal(realKernel.call('uname', name), 0);
  assert.match(name.toString('latin1', 0, name.indexOf(0)), /^Linux$/);
  assert.equal(addressOf(name), addressOf(name), 'an address does not move');
});

test('check names the call, the object, the man page and the class', () => {
  assert.throws(
    () => check(realKernel, 'openat', [-100, '/no', 0, 0], { while: 'reading a file' }),
    (error: unknown) => {
      assert.ok(error instanceof SyscallError, 'a SyscallError');
      assert.equal(error.message, 'reading a file: openat /no: ENOENT');
      assert.deepEqual(error.toBody(), {
        code: 'NotFound',
        message: error.message,
        syscall: 'openat',
        errno: 'ENOENT',
        man: 'openat(2)',
        path: '/no',
      });
      return true;
    },
  );
  assert.equal(errnoName(95), 'EOPNOTSUPP');
  assert.equal(errnoName(4000), 'E?4000');
});

test('numbers differ by architecture, and a call that an architecture lacks is refused', () => {
  assert.deepEqual(SYSCALLS.clone3, [435, 435]);
  assert.deepEqual([syscallNumber('openat', 'x64'), syscallNumber('openat', 'arm64')], [257, 56]);
  assert.throws(() => syscallNumber('open', 'arm64'), /ENOSYS/);
});

test('a recording kernel keeps order, arguments and bytes as they were when asked', () => {
  const kernel = new RecordingKernel((name) => (name === 'memfd_create' ? 7 : name === 'write' ? 3 : 0));
  const bytes = Uint8Array.from([1, 2, 3]);
  assert.equal(sealedMemfd(kernel, 'image', bytes), 7);
  bytes[0] = 99;
  assert.deepEqual(kernel.names, ['memfd_create', 'write', 'fcntl']);
  assert.deepEqual(kernel.calls[1]?.args, [7, Uint8Array.from([1, 2, 3]), 3]);
});

test('a fault kernel fails the k-th call, and an image that could not be sealed is closed again', () => {
  for (const [k, names] of [
    [1, []],
    [2, ['memfd_create', 'close']],
    [3, ['memfd_create', 'write', 'close']],
  ] as const) {
    const recording = new RecordingKernel((name) => (name === 'write' ? 3 : 7));
    const kernel = new FaultKernel(recording, { nth: k, errno: 'ENOSPC' });
    assert.throws(() => sealedMemfd(kernel, 'image', Buffer.from('abc')), /ENOSPC/);
    assert.deepEqual(recording.names, names);
    assert.equal(kernel.failed, 1);
  }
});

test('a lasting fault stays; a filtered one leaves other calls alone', () => {
  const kernel = new FaultKernel(new RecordingKernel(() => 0), {
    nth: 2,
    errno: 'EMFILE',
    lasting: true,
    matches: (name) => name === 'dup',
  });
  assert.deepEqual(
    [kernel.call('dup', 1), kernel.call('getpid'), kernel.call('dup', 1), kernel.call('dup', 1), kernel.call('getpid')],
    [0, 0, -24, -24, 0],
  );
});
