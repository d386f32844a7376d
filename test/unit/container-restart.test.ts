import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decideRestart, NEW_RESTARTS, RestartManager, restartsWithEngine } from '../../engine/container/restart.js';
import type { RestartPolicy } from '../../engine/container/types.js';
import { FakeClock } from '../helpers/fake-clock.js';

const policy = (Name: RestartPolicy['Name'], MaximumRetryCount = 0): RestartPolicy => ({ Name, MaximumRetryCount });
const failed = { exitCode: 1, manuallyStopped: false, ranMs: 5 };

describe('whether a container is started again', () => {
  it('by its policy, its exit code and who ended it', () => {
    const rows: readonly [RestartPolicy, number, boolean, boolean][] = [
      [policy(''), 1, false, false],
      [policy('no'), 1, false, false],
      [policy('always'), 0, false, true],
      [policy('always'), 0, true, true],
      [policy('unless-stopped'), 0, false, true],
      [policy('unless-stopped'), 1, true, false],
      [policy('on-failure'), 0, false, false],
      [policy('on-failure'), 1, false, true],
      [policy('on-failure'), 137, true, true],
    ];
    for (const [given, exitCode, manuallyStopped, expected] of rows) {
      const { restart } = decideRestart(given, NEW_RESTARTS, { exitCode, manuallyStopped, ranMs: 0 });
      assert.equal(restart, expected, `${given.Name} ${exitCode} ${manuallyStopped}`);
    }
  });

  it('at most as often as on-failure allows', () => {
    let state = NEW_RESTARTS;
    const starts = Array.from({ length: 5 }, () => {
      const decided = decideRestart(policy('on-failure', 3), state, failed);
      ({ state } = decided);
      return decided.restart;
    });
    assert.deepEqual(starts, [true, true, true, false, false]);
    assert.equal(state.count, 3);
  });

  it('with the engine, unless somebody stopped it', () => {
    assert.equal(restartsWithEngine(policy('unless-stopped'), { ...failed, manuallyStopped: true }), false);
    assert.equal(restartsWithEngine(policy('always'), { ...failed, manuallyStopped: true }), true);
    assert.equal(restartsWithEngine(policy('on-failure'), { ...failed, exitCode: 0 }), false);
  });
});

describe('how long is waited', () => {
  it('100 ms, doubled to a minute', () => {
    let state = NEW_RESTARTS;
    const delays = Array.from({ length: 13 }, () => {
      ({ state } = decideRestart(policy('always'), state, failed));
      return state.delayMs;
    });
    assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000, 60000]);
  });

  it('from the beginning for who ran ten seconds; always between 100 ms and a minute, and never less than before otherwise', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ exitCode: fc.nat(255), ranMs: fc.nat(20_000) }), { maxLength: 40 }), (runs) => {
        let state = NEW_RESTARTS;
        for (const run of runs) {
          const before = state.delayMs;
          ({ state } = decideRestart(policy('always'), state, { ...run, manuallyStopped: false }));
          assert.ok(state.delayMs >= 100 && state.delayMs <= 60_000, `${state.delayMs} ms`);
          if (run.ranMs >= 10_000) assert.equal(state.delayMs, 100);
          else assert.ok(state.delayMs >= before, 'it waits less than before');
        }
        assert.equal(state.count, runs.length);
      }),
    );
  });
});

describe('the restarts of one container', () => {
  it('happen after the wait', async () => {
    const clock = new FakeClock();
    const restarts = new RestartManager(policy('always'), clock);
    let starts = 0;
    assert.equal(
      restarts.ended(failed, () => starts++),
      true,
    );
    await clock.pass(99);
    assert.equal(starts, 0);
    clock.setWall(0);
    await clock.pass(1);
    assert.equal(starts, 1);
    assert.equal(restarts.count, 1);
  });

  it('do not happen once somebody stopped it, until somebody starts it', async () => {
    const clock = new FakeClock();
    const restarts = new RestartManager(policy('always'), clock);
    let starts = 0;
    restarts.ended(failed, () => starts++);
    assert.equal(restarts.cancel(), true);
    await clock.pass(120_000);
    assert.deepEqual([starts, clock.waiting], [0, 0]);
    assert.equal(
      restarts.ended(failed, () => starts++),
      false,
    );
    restarts.reset({ count: true });
    assert.equal(restarts.count, 0);
    assert.equal(
      restarts.ended(failed, () => starts++),
      true,
    );
    await clock.pass(100);
    assert.equal(starts, 1);
  });
});
