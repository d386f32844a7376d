import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { CgroupChange } from '../../engine/cgroup/changes.js';
import { ioWeightOfBlkio, swapMax, weightOfShares } from '../../engine/cgroup/convert.js';
import type { Resources } from '../../engine/cgroup/resources.js';
import { writeV1 } from '../../engine/cgroup/v1-write.js';
import { writeV2 } from '../../engine/cgroup/v2-write.js';

const NONE: Resources = { devices: [], hugepageLimits: [], rdma: {}, unified: {} };
const NO_IO = {
  weightDevice: [],
  throttleReadBpsDevice: [],
  throttleWriteBpsDevice: [],
  throttleReadIOPSDevice: [],
  throttleWriteIOPSDevice: [],
};

/** A directory with the files of a group, and what is written to them by `write`, as `file=value`. */
function written(files: Readonly<Record<string, string>>, write: (dir: string, record: Recorder) => void): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'cgroup2-'));
  const changes: CgroupChange[] = [];
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    write(directory, (change) => changes.push(change));
    assert.ok(
      changes.every(({ what, command }) => what === 'cgroup write' && command?.startsWith('echo ')),
      'every change names its command',
    );
    return changes.map(({ path, value }) => `${path.slice(directory.length + 1)}=${value}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
type Recorder = (change: CgroupChange) => void;

const v2 = (files: Readonly<Record<string, string>> | string[], resources: Partial<Resources>): string[] =>
  written(Array.isArray(files) ? Object.fromEntries(files.map((name) => [name, ''])) : files, (directory, record) =>
    writeV2(directory, { ...NONE, ...resources }, record),
  );

describe('numbers of v1 in v2', () => {
  it('are converted as runc does', () => {
    const shares: [bigint, bigint][] = [
      [0n, 0n],
      [2n, 1n],
      [1024n, 39n],
      [262_144n, 10_000n],
    ];
    for (const [from, to] of shares) assert.equal(weightOfShares(from), to, `shares ${from}`);
    assert.throws(() => weightOfShares(1n), /the minimum allowed cpu-shares is 2/);
    assert.equal(weightOfShares(262_145n), 10_000n);
    assert.equal(weightOfShares(300_000n), 11_443n, 'the kernel refuses it');
    const weights: [number, number][] = [
      [0, 0],
      [10, 1],
      [100, 910],
      [500, 4950],
      [1000, 10_000],
    ];
    for (const [from, to] of weights) assert.equal(ioWeightOfBlkio(from), to, `weight ${from}`);
  });

  it('give swap alone from memory and swap together', () => {
    assert.equal(swapMax(0n, 100n), null);
    assert.equal(swapMax(0n, -1n), 'max');
    assert.equal(swapMax(-1n, 100n), 'max');
    assert.equal(swapMax(300n, 100n), '200');
    assert.equal(swapMax(100n, 100n), '0', 'no swap');
    assert.equal(swapMax(300n, -1n), '300');
    assert.throws(() => swapMax(300n, 0n), /unable to set swap limit without memory limit/);
    assert.throws(() => swapMax(50n, 100n), /memory\+swap limit should be >= memory limit/);
    assert.throws(() => swapMax(50n, -2n), /invalid memory value: -2/);
  });
});

describe('limits of a v2 group', () => {
  it('need no write when nothing is asked for', () => {
    const zeros = {
      memory: { limit: 0n, swap: 0n, disableOOMKiller: false, swappiness: 60 },
      cpu: { shares: 0n, quota: 0n, period: 0n, cpus: '', mems: '' },
      blockIO: { ...NO_IO, weight: 0 },
      pids: { limit: 0n },
    };
    assert.deepEqual(v2([], zeros), []);
  });

  it('are written in order, swap before memory', () => {
    const files = ['pids.max', 'memory.swap.max', 'memory.max', 'memory.low', 'cpu.idle', 'cpu.weight', 'cpu.max'];
    assert.deepEqual(
      v2([...files, 'cpu.max.burst', 'cpuset.cpus', 'cpuset.mems', 'hugetlb.2MB.max', 'rdma.max'], {
        pids: { limit: -1n },
        memory: { limit: 100n, swap: 300n, reservation: 50n },
        cpu: { shares: 1024n, quota: 50_000n, burst: 1000n, cpus: '0-1', mems: '0', idle: 0 },
        hugepageLimits: [{ pageSize: '2MB', limit: 18446744073709551615n }],
        rdma: { mlx: { hcaHandles: 2, hcaObjects: 2000 }, mlx2: { hcaObjects: 1 } },
      }),
      [
        'pids.max=max',
        'memory.swap.max=200',
        'memory.max=100',
        'memory.low=50',
        'cpu.idle=0',
        'cpu.weight=39',
        'cpu.max.burst=1000',
        'cpu.max=50000 100000',
        'cpuset.cpus=0-1',
        'cpuset.mems=0',
        'hugetlb.2MB.max=18446744073709551615',
        'rdma.max=mlx hca_handle=2 hca_object=2000',
        'rdma.max=mlx2 hca_object=1',
      ],
    );
    assert.deepEqual(v2(['cpu.max'], { cpu: { quota: -1n } }), ['cpu.max=max 100000']);
    assert.deepEqual(v2(['cpu.max'], { cpu: { period: 20_000n } }), ['cpu.max=max 20000']);
    assert.deepEqual(
      v2(
        { 'hugetlb.2MB.max': '', 'hugetlb.2MB.rsvd.max': '' },
        {
          hugepageLimits: [{ pageSize: '2MB', limit: 0n }],
        },
      ),
      ['hugetlb.2MB.max=0', 'hugetlb.2MB.rsvd.max=0'],
    );
  });

  it('give weights to BFQ where it is there, else converted ones', () => {
    const io = { ...NO_IO, weight: 100, weightDevice: [{ major: 8, minor: 0, weight: 300 }] };
    assert.deepEqual(v2(['io.weight'], { blockIO: io }), ['io.weight=910']);
    assert.deepEqual(v2({ 'io.bfq.weight': 'default 100\n' }, { blockIO: io }), [
      'io.bfq.weight=100',
      'io.bfq.weight=8:0 300',
    ]);
    assert.deepEqual(v2({ 'io.bfq.weight': '100\n' }, { blockIO: io }), ['io.bfq.weight=100'], 'before Linux 5.4');
  });

  it('throttle by lines of io.max', () => {
    const at = (rate: bigint): { major: number; minor: number; rate: bigint }[] => [{ major: 8, minor: 16, rate }];
    assert.deepEqual(
      v2(['io.max'], {
        blockIO: {
          ...NO_IO,
          throttleReadBpsDevice: at(1n),
          throttleWriteBpsDevice: at(2n),
          throttleReadIOPSDevice: at(3n),
          throttleWriteIOPSDevice: at(0n),
        },
      }),
      ['io.max=8:16 rbps=1', 'io.max=8:16 wbps=2', 'io.max=8:16 riops=3', 'io.max=8:16 wiops=max'],
    );
  });

  it('are refused when their controller is not there, but for what cannot be without swap', () => {
    assert.throws(() => v2([], { pids: { limit: 5n } }), /openat .*\/pids\.max: ENOENT/);
    assert.deepEqual(v2(['memory.max'], { memory: { limit: 100n, swap: 100n } }), ['memory.max=100']);
    assert.throws(() => v2(['memory.max'], { memory: { limit: 100n, swap: 200n } }), /memory\.swap\.max: ENOENT/);
  });

  it('are refused below the usage when that is asked for', () => {
    const files = { 'memory.current': '500\n', 'memory.max': '', 'memory.swap.max': '' };
    const memory = { limit: 400n, checkBeforeUpdate: true };
    assert.throws(() => v2(files, { memory }), /rejecting memory limit 400 <= usage 500/);
    assert.throws(() => v2(files, { memory: { ...memory, limit: 300n, swap: 450n } }), /memory\+swap limit 450 <= /);
    assert.deepEqual(v2(files, { memory: { limit: 400n } }), ['memory.max=400']);
  });

  it('by their own names are written as they are, line by line', () => {
    assert.deepEqual(
      v2(['memory.high', 'io.max'], { unified: { 'memory.high': '1G', 'io.max': '8:0 rbps=1\n8:1 rbps=2' } }),
      ['memory.high=1G', 'io.max=8:0 rbps=1', 'io.max=8:1 rbps=2'],
    );
    const set = (file: string) => () => v2({ 'cgroup.controllers': 'cpu memory\n' }, { unified: { [file]: '1' } });
    assert.throws(set('../memory.high'), /must be a file name \(no slashes\)/);
    assert.throws(set('memoryhigh'), /must be in the form CONTROLLER\.PARAMETER/);
    assert.throws(set('io.weight'), /"io.weight" can't be set: controller "io" not available/);
    assert.throws(
      set('memory.nothing'),
      /unable to set unified resource "memory.nothing": openat .*: no such file or directory/,
    );
  });
});

describe('limits of v1 groups', () => {
  it('refuse files of v2, and controllers that are not there', () => {
    const one = (resources: Partial<Resources>) => () => writeV1(() => undefined, { ...NONE, ...resources });
    assert.throws(one({ unified: { 'memory.high': '1' } }), /cannot use unified on cgroup v1/);
    assert.throws(one({ network: { classID: 7, priorities: [] } }), /cannot set net_cls limit: container could not/);
    assert.throws(one({ network: { priorities: [{ name: 'lo', priority: 1 }] } }), /cannot set net_prio limit/);
    assert.throws(one({ hugepageLimits: [{ pageSize: '2MB', limit: 0n }] }), /cannot set hugetlb limit/);
    assert.doesNotThrow(one({ network: { classID: 0, priorities: [] }, cpu: { shares: 0n }, pids: { limit: 0n } }));
  });

  it('leave room for each other: the larger of memory and memory+swap goes first when they grow', () => {
    const files = { 'memory.limit_in_bytes': '100\n', 'memory.memsw.limit_in_bytes': '' };
    const order = (limit: bigint, swap?: bigint): string[] =>
      written(files, (directory, record) =>
        writeV1(() => directory, { ...NONE, memory: { limit, ...(swap === undefined ? {} : { swap }) } }, record),
      ).map((line) => line.replace(/_?in_bytes|memory\./g, ''));
    assert.deepEqual(order(200n, 300n), ['memsw.limit=300', 'limit=200']);
    assert.deepEqual(order(50n, 60n), ['limit=50', 'memsw.limit=60']);
    assert.deepEqual(order(50n, -1n), ['memsw.limit=-1', 'limit=50']);
    assert.deepEqual(order(-1n), ['memsw.limit=-1', 'limit=-1']);
    assert.deepEqual(order(50n), ['limit=50']);
  });

  it('take the weight files of the scheduler that is there', () => {
    const weights = (files: string[]): string[] =>
      written(Object.fromEntries(files.map((name) => [name, ''])), (directory, record) =>
        writeV1(
          () => directory,
          { ...NONE, blockIO: { ...NO_IO, weight: 200, weightDevice: [{ major: 8, minor: 0, weight: 300 }] } },
          record,
        ),
      );
    assert.deepEqual(weights(['blkio.weight', 'blkio.weight_device']), [
      'blkio.weight=200',
      'blkio.weight_device=8:0 300',
    ]);
    assert.deepEqual(weights(['blkio.bfq.weight', 'blkio.bfq.weight_device']), [
      'blkio.bfq.weight=200',
      'blkio.bfq.weight_device=8:0 300',
    ]);
    assert.throws(() => weights([]), /blkio\.bfq\.weight: ENOENT/);
  });

  it('name the value that was refused, and never make a file', () => {
    const directory = mkdtempSync(join(tmpdir(), 'cgroup1-'));
    try {
      mkdirSync(join(directory, 'pids.max'));
      assert.throws(() => writeV1(() => directory, { ...NONE, pids: { limit: 5n } }), /openat .*pids\.max: EISDIR/);
      assert.throws(() => writeV1(() => directory, { ...NONE, cpu: { idle: 1 } }), /cpu\.idle: ENOENT/);
      assert.throws(() => readFileSync(join(directory, 'cpu.idle')), /ENOENT/);
      assert.throws(() => writeV1(() => '/dev', { ...NONE, network: { classID: 1, priorities: [] } }), /net_cls/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
