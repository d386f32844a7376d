/**
 * Live ticking. Goals are looked at again when the kernel's state changes; probes also when the shell comes back to its prompt, never more
 * often than once a second, and now and then while something is still missing (files change without a word).
 */
import type { ObserveEvent, Snapshot } from '../../engine/api/types.js';
import type { CheckMemory, ProbeExec } from './checks/context.js';
import { evaluate, holdSeconds, needsProbe } from './checks/evaluate.js';
import type { Check, CheckResult } from './types.js';

export type GoalState = 'notYet' | 'met' | 'broken' | 'couldNotMeasure';

export interface WatchedGoal {
  readonly step: string;
  readonly id: string;
  readonly check: Check;
  /** It belongs to an earlier step and must still hold. */
  readonly kept: boolean;
}

export interface GoalStatus extends WatchedGoal {
  readonly state: GoalState;
  readonly result: CheckResult | null;
}

const PROBE_GAP_MS = 1000;
const HEARTBEAT_MS = 3000;
const DEBOUNCE_MS = 25;

/** A change that a probe itself may have caused: no reason to probe again. */
function causedByProbe(event: ObserveEvent): boolean {
  return event.changes.every(
    (change) =>
      ['process', 'neighbour', 'cgroup-member'].includes(change.object) ||
      (change.object === 'namespace' && change.kind === 'changed') ||
      (change.kind === 'changed' &&
        ['firewall-rule', 'firewall-chain', 'cgroup', 'link'].includes(change.object) &&
        isCounter(change.before, change.after)),
  );
}

/** Only numbers differ between the two: counters, usage. */
function isCounter(before: unknown, after: unknown): boolean {
  const strip = (value: unknown): string =>
    JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'number' ? 0 : inner)) ?? '';
  return strip(before) === strip(after);
}

export class GoalTracker {
  readonly #exec: () => ProbeExec;
  readonly #listener: () => void;
  #snapshot: Snapshot | null = null;
  #goals: GoalStatus[] = [];
  #memory: CheckMemory = new Map();
  #wasMet = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #wantProbes = true;
  #lastProbe = Number.NEGATIVE_INFINITY;
  #generation = 0;
  #closed = false;

  /** @param listener called after every look that changed something */
  constructor(exec: () => ProbeExec, listener: () => void) {
    this.#exec = exec;
    this.#listener = listener;
  }

  get goals(): readonly GoalStatus[] {
    return this.#goals;
  }

  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  /** Watch these from now on. What was met before stays known, so that it can show as broken. */
  watch(goals: readonly WatchedGoal[], met: ReadonlySet<string> = new Set()): void {
    this.#generation += 1;
    this.#memory = new Map();
    this.#wasMet = new Set(met);
    this.#goals = goals.map((goal) => ({ ...goal, state: 'notYet', result: null }));
    this.#wantProbes = true;
    this.#schedule(0);
    this.#beat();
  }

  observed(event: ObserveEvent): void {
    this.#snapshot = event.snapshot;
    if (!causedByProbe(event)) this.#wantProbes = true;
    this.#schedule(DEBOUNCE_MS);
  }

  /** The shell did something: behaviour may have changed though no object did. */
  activity(): void {
    this.#wantProbes = true;
    this.#schedule(DEBOUNCE_MS);
  }

  /** Look at everything now, probes included, with a snapshot that is at least as new as the call. */
  async settle(snapshot: Snapshot): Promise<readonly GoalStatus[]> {
    this.#snapshot = snapshot;
    while (this.#running) await this.#running;
    this.#wantProbes = true;
    this.#lastProbe = Number.NEGATIVE_INFINITY;
    await this.#look();
    return this.#goals;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#heartbeat) clearInterval(this.#heartbeat);
  }

  #beat(): void {
    if (this.#heartbeat) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
    if (this.#goals.length === 0 || this.#closed) return;
    const holds = this.#goals.some((goal) => holdSeconds(goal.check) > 0);
    this.#heartbeat = setInterval(
      () => {
        const missing = this.#goals.some((goal) => goal.state !== 'met' && needsProbe(goal.check));
        if (missing || holds) this.activity();
      },
      holds ? PROBE_GAP_MS : HEARTBEAT_MS,
    );
    this.#heartbeat.unref();
  }

  #schedule(delay: number): void {
    if (this.#closed || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#running) this.#again = true;
      else void this.#look();
    }, delay);
  }

  #look(): Promise<void> {
    this.#running = this.#evaluate().finally(() => {
      this.#running = null;
      if (this.#again) {
        this.#again = false;
        this.#schedule(DEBOUNCE_MS);
      }
    });
    return this.#running;
  }

  async #evaluate(): Promise<void> {
    const snapshot = this.#snapshot;
    if (!snapshot || this.#closed) return;
    const generation = this.#generation;
    const due = this.#lastProbe + PROBE_GAP_MS - performance.now();
    const probing = this.#wantProbes && due <= 0;
    if (this.#wantProbes && !probing && this.#goals.some((goal) => needsProbe(goal.check)))
      setTimeout(() => this.#schedule(0), due).unref();
    if (probing) {
      this.#wantProbes = false;
      this.#lastProbe = performance.now();
    }
    let changed = false;
    for (const [index, goal] of this.#goals.entries()) {
      if (needsProbe(goal.check) && !probing && goal.result !== null) continue;
      const result = await this.#measure(goal, snapshot);
      if (generation !== this.#generation || this.#closed) return;
      const key = `${goal.step}/${goal.id}`;
      const known = goal.kept || this.#wasMet.has(key);
      if (result.result === 'passed') this.#wasMet.add(key);
      const state: GoalState =
        result.result === 'passed'
          ? 'met'
          : result.result === 'couldNotMeasure'
            ? 'couldNotMeasure'
            : known
              ? 'broken'
              : 'notYet';
      if (state !== goal.state || result.observed.en !== goal.result?.observed.en) {
        this.#goals[index] = { ...goal, state, result };
        changed = true;
      }
    }
    if (changed) this.#listener();
  }

  async #measure(goal: GoalStatus, snapshot: Snapshot): Promise<CheckResult> {
    try {
      return await evaluate(
        goal.check,
        { snapshot, exec: this.#exec(), memory: this.#memory, now: () => performance.now() },
        `${goal.step}/${goal.id}`,
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return {
        result: 'couldNotMeasure',
        expected: goal.result?.expected ?? { en: goal.id, zh: goal.id },
        observed: { en: `the probe failed: ${reason}`, zh: `探测失败：${reason}` },
        source: 'lab',
      };
    }
  }
}
