import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_STATS, type Stats } from '../../engine/cgroup/stats.js';
import { dockerStats, parseNetDev, parseSystemCpu, type Sample, statsStream } from '../../engine/container/stats.js';
import { parsePs, verifyPsArgs } from '../../engine/container/top.js';

const STATS: Stats = {
  ...NO_STATS,
  cpu: {
    usage: { ...NO_STATS.cpu.usage, total: 300n, percpu: [100n, 200n], kernel: 50n, user: 250n },
    throttling: { periods: 4n, throttledPeriods: 2n, throttledTime: 9n },
  },
  memory: {
    ...NO_STATS.memory,
    usage: { limit: (1n << 63n) - 4096n, usage: 4096n, max: 8192n, failcnt: 1n },
    raw: { cache: 10n, huge: (1n << 64n) - 1n },
  },
  pids: { current: 3n, limit: 0n },
  blkio: { ...NO_STATS.blkio, ioServicedRecursive: [{ major: 8n, minor: 0n, op: 'Read', value: 7n }] },
};
const sample = (more: Partial<Sample> = {}): Sample => ({
  read: Date.parse('2026-01-02T03:04:05.678Z'),
  cgroup: 'v1',
  stats: STATS,
  system: { usage: 1000, online: 2 },
  networks: null,
  machineMemory: 1 << 30,
  ...more,
});
const CONTAINER = { id: 'abc', name: '/web' };

describe('statistics', () => {
  it('have the shape of dockerd, on v1 and v2', () => {
    const v1 = dockerStats(CONTAINER, sample(), null) as Record<string, Record<string, unknown>>;
    assert.deepEqual(v1['cpu_stats'], {
      cpu_usage: { total_usage: 300, percpu_usage: [100, 200], usage_in_kernelmode: 50, usage_in_usermode: 250 },
      system_cpu_usage: 1000,
      online_cpus: 2,
      throttling_data: { periods: 4, throttled_periods: 2, throttled_time: 9 },
    });
    // without a limit: the machine's memory; numbers that a client still reads as 64 bits
    assert.deepEqual(v1['memory_stats'], {
      usage: 4096,
      max_usage: 8192,
      stats: { cache: 10, huge: 2 ** 63 },
      failcnt: 1,
      limit: 1 << 30,
    });
    assert.deepEqual(v1['pids_stats'], { current: 3 });
    assert.deepEqual(v1['blkio_stats']?.['io_serviced_recursive'], [{ major: 8, minor: 0, op: 'Read', value: 7 }]);
    assert.equal(v1['blkio_stats']?.['io_time_recursive'], null);
    assert.equal(v1['preread'], '0001-01-01T00:00:00Z');
    assert.ok(!('networks' in v1), 'the machine has no networks of its own here');
    const v2 = dockerStats(CONTAINER, sample({ cgroup: 'v2', networks: {} }), sample()) as typeof v1;
    assert.deepEqual(Object.keys(v2['memory_stats'] ?? {}), ['usage', 'stats', 'limit']);
    assert.equal(v2['preread'], '2026-01-02T03:04:05.678Z');
    assert.ok(!('networks' in v2), 'no interface, no networks');
    JSON.stringify(v2);
  });

  it('of what does not run are its name', () => {
    const empty = dockerStats(CONTAINER, null, null) as Record<string, unknown>;
    assert.deepEqual(
      [empty['id'], empty['name'], empty['read'], empty['pids_stats']],
      ['abc', '/web', '0001-01-01T00:00:00Z', {}],
    );
  });

  it('read the machine and its interfaces', () => {
    assert.deepEqual(parseSystemCpu('cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2\ncpu1 1 2\nintr 5\n'), {
      usage: 28e7,
      online: 2,
    });
    const dev =
      'Inter-|   Receive  |  Transmit\n face |bytes packets\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 10 2 3 4 0 0 0 0 50 6 7 8 0 0 0 0\nbr:1 2 3 4 5 6 7 8 9 10 11 12 0 0 0 0\n';
    assert.deepEqual(parseNetDev(dev)['eth0'], {
      rx_bytes: 10,
      rx_packets: 2,
      rx_errors: 3,
      rx_dropped: 4,
      tx_bytes: 50,
      tx_packets: 6,
      tx_errors: 7,
      tx_dropped: 8,
    });
    assert.deepEqual(Object.keys(parseNetDev(dev)), ['eth0', 'br']);
  });

  it('come once, twice or until the client goes', async () => {
    const taken = async (stream: boolean, oneShot: boolean, stopAfter = 3): Promise<[number, number, string[]]> => {
      const abort = new AbortController();
      let samples = 0;
      let pauses = 0;
      const prereads: string[] = [];
      const stats = statsStream({
        stream,
        oneShot,
        signal: abort.signal,
        container: CONTAINER,
        sample: () => sample({ read: Date.parse('2026-01-01T00:00:00Z') + 1000 * samples++ }),
        pause: () => {
          if (++pauses === stopAfter) abort.abort();
          return Promise.resolve();
        },
      });
      for await (const one of stats) prereads.push((one as { preread: string }).preread.slice(0, 19));
      return [samples, pauses, prereads];
    };
    assert.deepEqual(await taken(false, true), [1, 0, ['0001-01-01T00:00:00']]);
    assert.deepEqual(await taken(false, false), [2, 1, ['2026-01-01T00:00:00']]);
    assert.deepEqual(await taken(true, false), [
      3,
      3,
      ['0001-01-01T00:00:00', '2026-01-01T00:00:00', '2026-01-01T00:00:01'],
    ]);
  });
});

describe('top', () => {
  it('shows the lines of the container, with what exceeds the titles in the last column', () => {
    const output = 'UID   PID CMD\nroot    1 init\napp    12 sleep  10 x\napp   120 sleep\n';
    assert.deepEqual(parsePs(output, new Set([12])), {
      Titles: ['UID', 'PID', 'CMD'],
      Processes: [['app', '12', 'sleep 10 x']],
    });
  });

  it('shows threads with their process', () => {
    const output = 'PID TID CMD\n1 - a\n- 1 -\n2 - b\n- 2 -\n- 3 -\n';
    assert.deepEqual(parsePs(output, new Set([2])).Processes, [
      ['2', '-', 'b'],
      ['-', '2', '-'],
      ['-', '3', '-'],
    ]);
  });

  it('needs the column of pids', () => {
    assert.throws(() => parsePs('CMD\nx\n', new Set()), { message: "Couldn't find PID field in ps output" });
    assert.throws(() => parsePs('PID\nx1\n', new Set()), {
      message: `Unexpected pid 'x1': strconv.Atoi: parsing "x1": invalid syntax`,
    });
    verifyPsArgs('-o pid=PID,comm');
    verifyPsArgs('-eo pid,ppid');
    assert.throws(() => verifyPsArgs('-o ppid=PID'), { message: 'specifying "ppid=PID" is not allowed' });
  });
});
