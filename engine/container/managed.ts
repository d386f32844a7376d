import type { Clock } from './clock.js';
import type { HealthMonitor } from './health.js';
import type { Live } from './live.js';
import { Mutex } from './mutex.js';
import type { OomWatch } from './oom-watch.js';
import { type ContainerRecord, isRunning } from './record.js';
import { RestartManager } from './restart.js';
import type { WaitResult } from './types.js';

/** What is there of a container in memory besides its record. */
export class Managed {
  readonly record: ContainerRecord;
  readonly mutex = new Mutex();
  readonly restarts: RestartManager;
  live: Live | null = null;
  health: HealthMonitor | null = null;
  /** Of its run now, or the last. */
  oom: OomWatch;
  /** Somebody has asked for its end; the log of events is to say `stop` after `die`. */
  removed = false;
  /** So many times `docker restart` is under way, whose end is followed by a start: `--rm` waits for another end. */
  restarting = 0;
  #waiters = new Set<(what: 'exit' | 'stopped' | 'removed', result: WaitResult) => void>();
  #starts = new Set<(live: Live | null) => void>();

  constructor(record: ContainerRecord, clock: Clock, oom: OomWatch) {
    this.record = record;
    this.oom = oom;
    this.restarts = new RestartManager(record.hostConfig.RestartPolicy, clock, record.restartCount);
  }

  /** Tell who waits: `exit` of the process, `stopped` when it will not be started again by itself, `removed`. */
  tell(what: 'exit' | 'stopped' | 'removed', error?: string): void {
    const result: WaitResult = {
      StatusCode: this.record.state.exitCode,
      ...(error === undefined ? {} : { Error: { Message: error } }),
    };
    for (const waiter of [...this.#waiters]) waiter(what, result);
  }

  wait(condition: 'not-running' | 'next-exit' | 'removed', signal?: AbortSignal): Promise<WaitResult> {
    const { record } = this;
    if (this.removed || (condition === 'not-running' && !isRunning(record) && record.state.status !== 'restarting'))
      return Promise.resolve({ StatusCode: record.state.exitCode });
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', abort);
      };
      const abort = (): void => {
        done();
        reject(signal?.reason as Error);
      };
      const waiter = (what: 'exit' | 'stopped' | 'removed', result: WaitResult): void => {
        // an end is told to all who wait for one, also where a policy starts it again: moby, container/state.go (SetRestarting)
        if (condition === 'removed' && what !== 'removed') return;
        done();
        resolve(result);
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', abort);
      if (signal?.aborted === true) abort();
    });
  }

  started(live: Live): void {
    this.live = live;
    for (const one of [...this.#starts]) one(live);
  }

  /** Nobody will start it any more. */
  over(): void {
    for (const one of [...this.#starts]) one(null);
  }

  /** Its next start; null when it is removed first, or `signal` is aborted. */
  nextStart(signal: AbortSignal): Promise<Live | null> {
    return new Promise((resolve) => {
      const done = (live: Live | null): void => {
        this.#starts.delete(done);
        signal.removeEventListener('abort', abort);
        resolve(live);
      };
      const abort = (): void => done(null);
      this.#starts.add(done);
      signal.addEventListener('abort', abort);
      if (signal.aborted || this.removed) abort();
    });
  }
}
