import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { NO_STATS, type Stats } from '../../engine/cgroup/stats.js';
import { hugePageNames, StatFiles } from '../../engine/cgroup/stats-files.js';
import { statsJson } from '../../engine/cgroup/stats-json.js';
import { statsV1 } from '../../engine/cgroup/stats-v1.js';
import { statsV2 } from '../../engine/cgroup/stats-v2.js';

function inGroup<T>(files: Readonly<Record<string, string>>, use: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'cgroup-stats-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('statistics of v1', () => {
  const files = {
    'cpu.stat': 'nr_periods 7\nnr_throttled 2\nthrottled_time 5000\n',
    'cpuacct.usage': '123456789\n',
    'cpuacct.stat': 'user 3\nsystem 4\n',
    'cpuacct.usage_percpu': '100 200 \n',
    'cpuacct.usage_all': 'cpu user system\n0 10 20\n1 30 40\n',
    'cpuset.cpus': '0-2,5\n',
    'cpuset.mems': '0\n',
    'cpuset.sched_relax_domain_level': '-1\n',
    'memory.stat': 'cache 4096\nrss 0\n',
    'memory.usage_in_bytes': '8192\n',
    'memory.limit_in_bytes': '9223372036854771712\n',
    'memory.max_usage_in_bytes': '9000\n',
    'memory.failcnt': '0\n',
    'pids.current': '3\n',
    'pids.max': 'max\n',
    'blkio.throttle.io_serviced_recursive': '8:0 Read 5\n8:0 Total 5\nTotal 5\n',
    'blkio.throttle.io_service_bytes_recursive': '8:0 Read 4096\nTotal 4096\n',
    'blkio.bfq.io_serviced_recursive': 'Total 0\n',
  };

  it("are runc's words for the files of the controllers", () => {
    const stats = inGroup(files, (directory) => statsV1(() => directory, []));
    assert.deepEqual(stats.cpu, {
      usage: {
        total: 123456789n,
        percpu: [100n, 200n],
        percpu_kernel: [20n, 40n],
        percpu_user: [10n, 30n],
        kernel: 40_000_000n,
        user: 30_000_000n,
      },
      throttling: { periods: 7n, throttledPeriods: 2n, throttledTime: 5000n },
    });
    assert.deepEqual(stats.cpuset.cpus, [0n, 1n, 2n, 5n]);
    assert.equal(stats.cpuset.sched_relax_domain_level, -1n);
    assert.equal(stats.memory.usage.limit, 9223372036854771712n);
    assert.deepEqual(stats.memory.swap, { limit: 0n, usage: 0n, max: 0n, failcnt: 0n }, 'without swap accounting');
    assert.deepEqual(stats.pids, { current: 3n, limit: 0n });
    assert.deepEqual(stats.blkio.ioServicedRecursive, [
      { major: 8n, minor: 0n, op: 'Read', value: 5n },
      { major: 8n, minor: 0n, op: 'Total', value: 5n },
    ]);
  });

  it('are nothing for hierarchies that are not there', () => {
    assert.deepEqual(
      statsV1(() => undefined, ['2MB']),
      NO_STATS,
    );
  });

  it('name a file whose content is no number', () => {
    inGroup({ 'pids.current': 'many\n' }, (directory) =>
      assert.throws(() => new StatFiles(directory).number('pids.current'), /pids\.current holds "many"/),
    );
  });
});

describe('statistics of v2', () => {
  it('are told in the words of v1', () => {
    const stats = inGroup(
      {
        'cpu.stat': 'usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 1\nnr_throttled 1\nthrottled_usec 9\n',
        'memory.stat': 'anon 1\nfile 4096\n',
        'memory.current': '100\n',
        'memory.max': '1000\n',
        'memory.swap.current': '7\n',
        'memory.swap.max': 'max\n',
        'io.stat': '8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n',
        'hugetlb.2MB.current': '2097152\n',
        'hugetlb.2MB.events': 'max 6\n',
        'cgroup.procs': '1\n2\n',
      },
      (directory) => statsV2(directory, ['2MB', '1GB']),
    );
    assert.deepEqual(stats.cpu.usage, { ...NO_STATS.cpu.usage, total: 5000n, user: 3000n, kernel: 2000n });
    assert.equal(stats.cpu.throttling.throttledTime, 9000n);
    assert.equal(stats.memory.cache, 4096n);
    assert.deepEqual(stats.memory.swap, { limit: 18446744073709551615n, usage: 107n, max: 0n, failcnt: 0n });
    assert.deepEqual(stats.pids, { current: 2n, limit: 0n }, 'counted where the controller is off');
    assert.deepEqual(stats.hugetlb, { '2MB': { usage: 2097152n, max: 0n, failcnt: 6n } });
    assert.deepEqual(
      stats.blkio.ioServicedRecursive.map(({ op, value }) => `${op} ${value}`),
      ['Read 3', 'Write 4'],
    );
  });
});

describe('the JSON of statistics', () => {
  it('has all digits, and leaves out what runc leaves out', () => {
    assert.equal(
      statsJson(NO_STATS),
      '{"cpu":{"usage":{"kernel":0,"user":0},"throttling":{}},"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0},"memory":{"usage":{"limit":0,"failcnt":0},"swap":{"limit":0,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0}},"pids":{},"blkio":{},"hugetlb":{},"intel_rdt":{},"network_interfaces":null}',
    );
    const some: Stats = {
      ...NO_STATS,
      memory: { ...NO_STATS.memory, raw: { b: 0n, a: 18446744073709551615n } },
      pids: { current: 1n, limit: 0n },
      blkio: { ...NO_STATS.blkio, ioTimeRecursive: [{ major: 8n, minor: 0n, op: '', value: 3n }] },
      hugetlb: { '2MB': { usage: 0n, max: 0n, failcnt: 0n } },
    };
    const text = statsJson(some);
    for (const part of [
      '"raw":{"a":18446744073709551615,"b":0}',
      '"pids":{"current":1}',
      '"blkio":{"ioTimeRecursive":[{"major":8,"value":3}]}',
      '"hugetlb":{"2MB":{"failcnt":0}}',
    ])
      assert.ok(text.includes(part), `${part} in ${text}`);
  });

  it('names huge pages as the controller does', () => {
    assert.deepEqual(hugePageNames(['hugepages-2048kB', 'hugepages-1048576kB', 'hugepages-64kB', 'other']), [
      '2MB',
      '1GB',
      '64KB',
    ]);
  });
});
