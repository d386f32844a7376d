import type { Clock } from './clock.js';
import { afterProbe, type HealthCheck, probeDelay, STARTING } from './health-state.js';
import { goDuration } from './human-duration.js';
import type { Health, HealthResult } from './types.js';

/** Bytes of a probe's output that are kept. */
export const MAX_OUTPUT = 4096;

export interface Probe {
  readonly exitCode: number;
  readonly output: Uint8Array;
}

export interface HealthHost {
  readonly clock: Clock;
  /**
   * Run the command in the container. When `signal` aborts, the process is to be killed, and the promise still resolves, with
   * what was written until then. `output` may be cut at MAX_OUTPUT + 1 bytes.
   */
  readonly probe: (argv: readonly string[], signal: AbortSignal) => Promise<Probe>;
  /** After each probe, to be stored. `event`: `health_status: healthy`, when the status changed. */
  readonly changed: (health: Health, event: string | null) => void;
}

/** At most 4096 bytes, with dots where there was more. moby, daemon/health.go (limitedBuffer). */
export function limitedOutput(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, MAX_OUTPUT)).toString('utf8');
  return bytes.length > MAX_OUTPUT ? `${text}...` : text;
}

/**
 * The health check of one running container, from `start` to `stop`: one probe at a time, the next one an interval after the
 * end of the one before. Stop it when the container ends or is paused; `start` with its health so far to go on after a pause.
 */
export class HealthMonitor {
  readonly #check: HealthCheck;
  readonly #host: HealthHost;
  #health: Health = STARTING;
  #startedAt = 0;
  #takeBack: (() => void) | null = null;
  #running: { readonly abort: AbortController; readonly done: Promise<void> } | null = null;
  #stopped = true;

  constructor(check: HealthCheck, host: HealthHost) {
    this.#check = check;
    this.#host = host;
  }

  get health(): Health {
    return this.#health;
  }

  /** @param ranMs how long the container has been running already: after a pause, or a new start of the engine */
  start(health: Health = STARTING, ranMs = 0): void {
    this.#stopped = false;
    this.#health = health;
    this.#startedAt = this.#host.clock.monotonic() - ranMs;
    this.#wait();
  }

  /** No probe is under way when it resolves, and none will be; the result of one that was is dropped. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#takeBack?.();
    this.#takeBack = null;
    this.#running?.abort.abort();
    await this.#running?.done;
  }

  #sinceStart(): number {
    return this.#host.clock.monotonic() - this.#startedAt;
  }

  #wait(): void {
    const delay = probeDelay(this.#check, this.#health, this.#sinceStart());
    this.#takeBack = this.#host.clock.after(delay, () => {
      this.#takeBack = null;
      const abort = new AbortController();
      this.#running = { abort, done: this.#probe(abort) };
    });
  }

  async #probe(abort: AbortController): Promise<void> {
    const sinceStart = this.#sinceStart();
    const result = await this.#run(abort);
    this.#running = null;
    if (this.#stopped) return;
    const before = this.#health.Status;
    this.#health = afterProbe(this.#health, result, this.#check, sinceStart);
    const { Status } = this.#health;
    this.#host.changed(this.#health, Status === before ? null : `health_status: ${Status}`);
    // whoever was told may have stopped it
    if (!this.#stopped) this.#wait();
  }

  async #run(abort: AbortController): Promise<HealthResult> {
    const { clock } = this.#host;
    const time = (): string => new Date(clock.now()).toISOString();
    const Start = time();
    let timedOut = false;
    const takeBack = clock.after(this.#check.timeoutMs, () => {
      timedOut = true;
      abort.abort();
    });
    try {
      const { exitCode, output } = await this.#host.probe(this.#check.argv, abort.signal);
      const text = limitedOutput(output);
      if (!timedOut) return { Start, End: time(), ExitCode: exitCode, Output: text };
      const late = `Health check exceeded timeout (${goDuration(this.#check.timeoutMs * 1_000_000)})`;
      return { Start, End: time(), ExitCode: -1, Output: text === '' ? late : `${late}: ${text}` };
    } catch (error) {
      return { Start, End: time(), ExitCode: -1, Output: error instanceof Error ? error.message : String(error) };
    } finally {
      takeBack();
    }
  }
}
