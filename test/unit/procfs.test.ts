import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SyscallError } from '../../engine/kernel/errors.js';
import { parseCgroupFile } from '../../engine/kernel/procfs/cgroup-file.js';
import { parseFdInfo } from '../../engine/kernel/procfs/fdinfo.js';
import { OVERFLOW_ID, parseIdMap, relativeTo, toInside } from '../../engine/kernel/procfs/id-map.js';
import { errnoOf, hasVanished, readProc, readProcLink } from '../../engine/kernel/procfs/read.js';
import { parseStat } from '../../engine/kernel/procfs/stat.js';
import { parseStatus } from '../../engine/kernel/procfs/status.js';

const tail = 'S 1 77 77 0 -1 4194560 100 0 0 0 7 3 0 0 20 0 4 0 4242 1000 10 18446744073709551615 1 1 0 0 0 0 0';

describe('proc_pid_stat', () => {
  it('takes the name up to the last bracket, so that a process cannot forge its state', () => {
    const stat = parseStat(`12 (x) R 1 2 (y) ${tail}\n`);
    assert.equal(stat?.comm, 'x) R 1 2 (y');
    assert.equal(stat?.state, 'S');
    assert.equal(stat?.ppid, 1);
    assert.equal(stat?.startTime, 4242);
    assert.equal(stat?.threads, 4);
    assert.equal(stat?.utime, 7);
  });

  it('gives back any name', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), (name) => {
        assert.equal(parseStat(`12 (${name}) ${tail}`)?.comm, name);
      }),
    );
  });

  it('refuses what was cut short', () => {
    const whole = `12 (sh) ${tail}`;
    for (const text of ['', '12', '12 (sh', '12 (sh)', '12 (sh) ', whole.slice(0, 40), `x (sh) ${tail}`])
      assert.equal(parseStat(text), null);
  });

  it('agrees with the kernel about this very process', () => {
    const stat = parseStat(readProc('/proc/self/stat') ?? '');
    assert.equal(stat?.pid, process.pid);
    assert.equal(stat?.ppid, process.ppid);
  });
});

describe('proc_pid_status', () => {
  it('reads ids, nested pids and capabilities', () => {
    const status = parseStatus(
      'Name:\tx\\ny\nState:\tT (stopped)\nTgid:\t9\nPid:\t9\nPPid:\t3\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nNSpid:\t9\t4\t1\n' +
        'Threads:\t2\nCapInh:\t0\nCapPrm:\t1\nCapEff:\t00000000a80425fb\nCapBnd:\t3\nCapAmb:\t4\nNoNewPrivs:\t1\nSeccomp:\t2\n',
    );
    assert.deepEqual(status?.nspid, [9, 4, 1]);
    assert.deepEqual(status?.uid, [1, 2, 3, 4]);
    assert.equal(status?.state, 'T');
    assert.equal(status?.capEff, '00000000a80425fb');
    assert.equal(status?.noNewPrivs, true);
    assert.equal(status?.seccomp, 2);
  });

  it('cannot be fooled by a second line of the same name', () => {
    assert.deepEqual(
      parseStatus('Tgid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nUid:\t9\t9\t9\t9\n')?.uid,
      [0, 0, 0, 0],
    );
  });

  it('refuses half a file', () => {
    assert.equal(parseStatus('Name:\tsh\nTgid:\t1\n'), null);
  });
});

describe('id maps', () => {
  const lab = parseIdMap('         0    1000000      65536\n     65536     500000          1\n');

  it('parses and translates', () => {
    assert.deepEqual(lab, [
      { inside: 0, outside: 1000000, count: 65536 },
      { inside: 65536, outside: 500000, count: 1 },
    ]);
    assert.equal(toInside(lab, 1000033), 33);
    assert.equal(toInside(lab, 500000), 65536);
    assert.equal(toInside(lab, 0), OVERFLOW_ID);
  });

  it('shows a nested map as somebody in the parent sees it', () => {
    assert.deepEqual(relativeTo(parseIdMap('0 1001000 1\n'), lab), [{ inside: 0, outside: 1000, count: 1 }]);
  });

  it('splits a range that lies across two of the parent', () => {
    const parent = [
      { inside: 0, outside: 100, count: 10 },
      { inside: 50, outside: 110, count: 10 },
    ];
    assert.deepEqual(relativeTo([{ inside: 0, outside: 105, count: 10 }], parent), [
      { inside: 0, outside: 5, count: 5 },
      { inside: 5, outside: 50, count: 5 },
    ]);
  });

  it('leaves out what is not a map', () => {
    assert.deepEqual(parseIdMap('\nx y z\n1 2\n'), []);
  });
});

describe('proc_pid_cgroup and fdinfo', () => {
  it('keeps colons of a path', () => {
    assert.deepEqual(parseCgroupFile('4:memory:/a:b\n3:cpu,cpuacct:/\n1:name=systemd:/x\n0::/u (deleted)\nbad\n'), [
      { hierarchyId: 4, controllers: 'memory', path: '/a:b' },
      { hierarchyId: 3, controllers: 'cpu,cpuacct', path: '/' },
      { hierarchyId: 1, controllers: 'name=systemd', path: '/x' },
      { hierarchyId: 0, controllers: '', path: '/u (deleted)' },
    ]);
  });

  it('reads flags in octal and the pid behind a pidfd', () => {
    assert.deepEqual(parseFdInfo('pos:\t5\nflags:\t02000002\nmnt_id:\t15\nino:\t99\nPid:\t-1\nNSpid:\t-1\n'), {
      pos: 5,
      flags: 0o2000002,
      mountId: 15,
      inode: 99,
      pid: -1,
    });
    assert.equal(parseFdInfo('pos:\t5\n'), null);
  });
});

describe('reading while processes come and go', () => {
  it('is null for a process that is not there', () => {
    assert.equal(readProc('/proc/4194305/stat'), null);
    assert.equal(readProcLink('/proc/4194305/ns/net'), null);
  });

  it('throws what is not a disappearance', () => {
    assert.throws(() => readProc('/proc/self'), { code: 'EISDIR' });
  });

  it('reads a file larger than its buffer', () => {
    assert.ok((readProc('/proc/kallsyms')?.length ?? 0) > 100_000);
  });

  it('knows a disappearance from a system call of ours and from Node', () => {
    assert.equal(hasVanished(new SyscallError('openat2', 2)), true);
    assert.equal(hasVanished(Object.assign(new Error('x'), { code: 'ESRCH', errno: -3 })), true);
    assert.equal(hasVanished(new SyscallError('openat2', 13)), false);
    assert.equal(errnoOf(null), undefined);
  });
});
