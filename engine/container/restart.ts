import type { Clock } from './clock.js';
import type { RestartPolicy } from './types.js';

const FIRST_MS = 100;
const LONGEST_MS = 60_000;
/** Who ran as long as this has not failed at its start: the waiting begins again from the shortest. */
const STEADY_MS = 10_000;

/** What is remembered between two runs. */
export interface RestartState {
  /** How long was waited the last time; 0: not yet. */
  readonly delayMs: number;
  readonly count: number;
}

export const NEW_RESTARTS: RestartState = { delayMs: 0, count: 0 };

export interface Ended {
  readonly exitCode: number;
  /** By `stop`, `kill` or because the engine ends. */
  readonly manuallyStopped: boolean;
  readonly ranMs: number;
}

/** Whether to start again, how long to wait before, and what to remember. moby, restartmanager/restartmanager.go. */
export function decideRestart(
  policy: RestartPolicy,
  state: RestartState,
  ended: Ended,
): { readonly restart: boolean; readonly state: RestartState } {
  if (policy.Name === '' || policy.Name === 'no') return { restart: false, state };
  const last = ended.ranMs >= STEADY_MS ? 0 : state.delayMs;
  const delayMs = last === 0 ? FIRST_MS : Math.min(last * 2, LONGEST_MS);
  if (!wants(policy, state.count, ended)) return { restart: false, state: { ...state, delayMs } };
  return { restart: true, state: { delayMs, count: state.count + 1 } };
}

function wants(policy: RestartPolicy, count: number, { exitCode, manuallyStopped }: Ended): boolean {
  switch (policy.Name) {
    case 'always':
      return true;
    case 'unless-stopped':
      return !manuallyStopped;
    case 'on-failure':
      return exitCode !== 0 && (policy.MaximumRetryCount === 0 || count < policy.MaximumRetryCount);
    case '':
    case 'no':
      return false;
    default:
      return false;
  }
}

/** Whether a container that is not running is started with the engine. moby, container/container.go (ShouldRestart). */
export function restartsWithEngine(policy: RestartPolicy, ended: Ended): boolean {
  return decideRestart(policy, NEW_RESTARTS, ended).restart;
}

/**
 * The restarts of one container: asked at each end of its process. `cancel` says that somebody stopped it: a wait that is
 * under way ends without a start, also with `always`; `reset` is for a start by hand.
 */
export class RestartManager {
  policy: RestartPolicy;
  readonly #clock: Clock;
  #state = NEW_RESTARTS;
  #cancelled = false;
  #takeBack: (() => void) | null = null;

  constructor(policy: RestartPolicy, clock: Clock, count = 0) {
    this.policy = policy;
    this.#clock = clock;
    this.#state = { ...NEW_RESTARTS, count };
  }

  /** RestartCount of inspect. */
  get count(): number {
    return this.#state.count;
  }

  /**
   * The process ended. True: `start` will be called after the delay unless it is cancelled, and the container is
   * restarting until then.
   */
  ended(ended: Ended, start: () => void): boolean {
    if (this.#cancelled) return false;
    const { restart, state } = decideRestart(this.policy, this.#state, ended);
    this.#state = state;
    if (!restart) return false;
    this.#takeBack?.();
    this.#takeBack = this.#clock.after(state.delayMs, () => {
      this.#takeBack = null;
      start();
    });
    return true;
  }

  /** It will be started when its delay is over. */
  get isWaiting(): boolean {
    return this.#takeBack !== null;
  }

  /** True: a wait was under way, which now ends without a start. */
  cancel(): boolean {
    this.#cancelled = true;
    const waiting = this.#takeBack !== null;
    this.#takeBack?.();
    this.#takeBack = null;
    return waiting;
  }

  /** The user starts it: the policy holds again, from the shortest delay. */
  reset(options: { readonly count: boolean }): void {
    this.cancel();
    this.#cancelled = false;
    this.#state = options.count ? NEW_RESTARTS : { ...NEW_RESTARTS, count: this.#state.count };
  }
}
