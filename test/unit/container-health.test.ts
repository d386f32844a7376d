import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HealthMonitor, limitedOutput, type Probe } from '../../engine/container/health.js';
import {
  afterProbe,
  type HealthCheck,
  healthCheck,
  probeDelay,
  STARTING,
} from '../../engine/container/health-state.js';
import type { Health } from '../../engine/container/types.js';
import { FakeClock } from '../helpers/fake-clock.js';

const S = 1_000_000_000;
const CHECK: HealthCheck = {
  argv: ['probe'],
  intervalMs: 1000,
  timeoutMs: 500,
  startPeriodMs: 0,
  startIntervalMs: 200,
  retries: 3,
};
const result = (ExitCode: number): Health['Log'][number] => ({ Start: '', End: '', ExitCode, Output: '' });

describe('what is to be checked', () => {
  it('a command, a line for a shell, or nothing', () => {
    assert.deepEqual(healthCheck({ Test: ['CMD', 'curl', '-f', 'x'] })?.argv, ['curl', '-f', 'x']);
    assert.deepEqual(healthCheck({ Test: ['CMD-SHELL', 'exit 1'] })?.argv, ['/bin/sh', '-c', 'exit 1']);
    assert.deepEqual(healthCheck({ Test: ['CMD-SHELL', 'x'] }, ['/bin/bash', '-ec'])?.argv, ['/bin/bash', '-ec', 'x']);
    for (const Test of [undefined, [], ['NONE'], ['CMD'], ['WHAT', 'x']])
      assert.equal(healthCheck(Test === undefined ? undefined : { Test }), null);
  });

  it("with Docker's defaults", () => {
    const { argv: _, ...times } = healthCheck({ Test: ['CMD', 'x'] }) ?? CHECK;
    assert.deepEqual(times, {
      intervalMs: 30_000,
      timeoutMs: 30_000,
      startPeriodMs: 0,
      startIntervalMs: 5000,
      retries: 3,
    });
    assert.equal(healthCheck({ Test: ['CMD', 'x'], Interval: S / 2, Retries: 1 })?.intervalMs, 500);
  });
});

describe('health after a probe', () => {
  it('is lost by `retries` failures in a row and won by one success', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 1, 2, -1), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        (codes, retries) => {
          let health = STARTING;
          let row = 0;
          for (const code of codes) {
            health = afterProbe(health, result(code), { ...CHECK, retries }, 1e9);
            row = code === 0 ? 0 : row + 1;
            assert.equal(health.FailingStreak, row);
            if (code === 0) assert.equal(health.Status, 'healthy');
            if (row >= retries) assert.equal(health.Status, 'unhealthy');
            assert.ok(health.Log.length <= 5, 'the log grows');
          }
          const never = !codes.includes(0) && codes.length < retries;
          assert.equal(health.Status === 'starting', never);
        },
      ),
    );
  });

  it('is not lost while a container starts that was never healthy', () => {
    const check = { ...CHECK, startPeriodMs: 5000, retries: 1 };
    const starting = afterProbe(STARTING, result(1), check, 4999);
    assert.deepEqual([starting.Status, starting.FailingStreak, starting.Log.length], ['starting', 0, 1]);
    assert.equal(afterProbe(starting, result(1), check, 5000).Status, 'unhealthy');
    const healthy = afterProbe(starting, result(0), check, 100);
    assert.equal(afterProbe(healthy, result(1), check, 200).Status, 'unhealthy');
  });

  it('is asked for more often while it starts', () => {
    const check = { ...CHECK, startPeriodMs: 5000 };
    assert.equal(probeDelay(check, STARTING, 0), 200);
    assert.equal(probeDelay(check, STARTING, 5000), 1000);
    assert.equal(probeDelay(check, { ...STARTING, Status: 'healthy' }, 0), 1000);
  });
});

/** A monitor whose probes end when the test says so. */
function monitored(check: Partial<HealthCheck> = {}): {
  clock: FakeClock;
  monitor: HealthMonitor;
  events: (string | null)[];
  probes: { end: (probe: Probe | Error) => void; signal: AbortSignal }[];
} {
  const clock = new FakeClock();
  const events: (string | null)[] = [];
  const probes: { end: (probe: Probe | Error) => void; signal: AbortSignal }[] = [];
  const monitor = new HealthMonitor(
    { ...CHECK, ...check },
    {
      clock,
      changed: (_, event) => events.push(event),
      probe: (_, signal) =>
        new Promise((resolve, reject) => {
          const end = (probe: Probe | Error): void => (probe instanceof Error ? reject(probe) : resolve(probe));
          probes.push({ end, signal });
        }),
    },
  );
  return { clock, monitor, events, probes };
}
const said = (exitCode: number, text = ''): Probe => ({ exitCode, output: Buffer.from(text) });

describe('the monitor of a container', () => {
  it('probes an interval after the end of the probe before, and tells of changes', async () => {
    const { clock, monitor, events, probes } = monitored();
    monitor.start();
    await clock.pass(999);
    assert.equal(probes.length, 0);
    await clock.pass(1);
    assert.equal(probes.length, 1);
    await clock.pass(400);
    probes[0]?.end(said(0, 'fine'));
    await clock.pass(0);
    assert.deepEqual(events, ['health_status: healthy']);
    assert.deepEqual([monitor.health.Log[0]?.ExitCode, monitor.health.Log[0]?.Output], [0, 'fine']);
    await clock.pass(999);
    assert.equal(probes.length, 1);
    await clock.pass(1);
    probes[1]?.end(said(0));
    await clock.pass(0);
    assert.deepEqual(events, ['health_status: healthy', null]);
  });

  it('ends a probe that takes too long, and says so with what it had written', async () => {
    const { clock, monitor, probes } = monitored({ retries: 1, timeoutMs: 1500 });
    monitor.start();
    await clock.pass(1000);
    await clock.pass(1500);
    assert.equal(probes[0]?.signal.aborted, true);
    probes[0]?.end(said(137, 'half'));
    await clock.pass(0);
    const [log] = monitor.health.Log;
    assert.deepEqual([log?.ExitCode, log?.Output], [-1, 'Health check exceeded timeout (1.5s): half']);
    assert.equal(monitor.health.Status, 'unhealthy');
  });

  it('takes a probe that cannot be run for one that failed', async () => {
    const { clock, monitor, probes } = monitored();
    monitor.start();
    await clock.pass(1000);
    probes[0]?.end(new Error('no such file'));
    await clock.pass(0);
    assert.deepEqual([monitor.health.Log[0]?.ExitCode, monitor.health.Log[0]?.Output], [-1, 'no such file']);
  });

  it('stops at once: the probe is ended, its result dropped, and no other comes', async () => {
    const { clock, monitor, events, probes } = monitored();
    monitor.start();
    await clock.pass(1000);
    const stopped = monitor.stop();
    assert.equal(probes[0]?.signal.aborted, true);
    probes[0]?.end(said(0));
    await stopped;
    await clock.pass(10_000);
    assert.deepEqual([events.length, probes.length, clock.waiting], [0, 1, 0]);
  });

  it('goes on after a pause with the health it had', async () => {
    const { clock, monitor, probes } = monitored({ startPeriodMs: 60_000 });
    const unhealthy: Health = { Status: 'unhealthy', FailingStreak: 4, Log: [] };
    monitor.start(unhealthy, 59_500);
    await clock.pass(1000);
    probes[0]?.end(said(1));
    await clock.pass(0);
    assert.equal(monitor.health.FailingStreak, 5);
    await monitor.stop();
  });

  it('keeps 4096 bytes of output', () => {
    assert.equal(limitedOutput(Buffer.alloc(4096, 'a')), 'a'.repeat(4096));
    assert.equal(limitedOutput(Buffer.alloc(5000, 'a')), `${'a'.repeat(4096)}...`);
  });
});
