import type { Change, NamespaceId, ObserveEvent, Snapshot } from '../api/types.js';
import { EngineError } from '../kernel/errors.js';
import { Budget } from './budget.js';
import { diff } from './diff.js';
import { LabReader, type LabReaderOptions } from './lab-reader.js';

export interface ObserverOptions extends LabReaderOptions {
  /** Wakes the watcher the moment that a network changes; without it the next tick sees the change. */
  readonly reactor?: { watch(fd: number, listener: () => void): () => void };
}

export interface WatchOptions {
  /** Milliseconds between two looks while something happens in the lab; default 50. */
  readonly tickMs?: number;
}

/** Eyes on one lab host. Reads only. */
export interface Observer {
  /** The lab now: everything that may have changed is read again, counters included. Rejects when the lab's pid 1 is gone. */
  snapshot(): Promise<Snapshot>;
  /** The present snapshot at once (asynchronously, without changes), then one event for every difference. Returns the end of it. */
  watch(listener: (event: ObserveEvent) => void, options?: WatchOptions): () => void;
  /** Something was just done in the lab (a key was typed, the engine acted): look now rather than at the next tick. */
  poke(): void;
  close(): void;
}

/** Looks are this far apart when nothing has happened for a while. */
const IDLE_TICK_MS = 90;
const IDLE_AFTER_MS = 5_000;
/** Counters: cgroup usage, packets, rule counters. */
const COUNTERS_MS = 1_000;
const RULE_COUNTERS_MS = 2_000;
/** Everything is read again this often while the lab moves, whatever the cheap signs say; and so rarely when it is still. */
const VERIFY_MS = 10_000;

/** Somebody on the machine was forked, nobody in the lab ran: one that entered, acted and went would show this late. */
const STRANGERS_MS = 3_000;

/** One request of a learner's is several messages of the kernel: they are read together. */
const SETTLE_MS = 8;
/** A device on its way from one namespace to another is in neither for some milliseconds: looks that wait for it to arrive. */
const PATIENCE = 5;
/** A first look that failed is tried again. */
const RETRY_MS = 1_000;

type Part = 'core' | 'networks' | 'cgroups' | 'containers' | 'overlays' | 'names';

/** What a process that ran may have changed. */
const ALL = ['core', 'cgroups', 'containers', 'overlays', 'names'] as const;

export function createObserver(options: ObserverOptions): Observer {
  return new LabObserver(options);
}

/**
 * Decides what is read when. The cheap signs (has a process run, has one been forked, has netlink spoken) mark parts as
 * due; a due part is read at once within its budget; what was read becomes an event when it differs.
 */
class LabObserver implements Observer {
  readonly #reader: LabReader;
  readonly #listeners = new Set<(event: ObserveEvent) => void>();
  readonly #budgets: Record<Part, Budget> = {
    core: new Budget(0.02, 150),
    networks: new Budget(0.02, 150),
    cgroups: new Budget(0.01, 60),
    containers: new Budget(0.005, 30),
    overlays: new Budget(0.005, 60),
    names: new Budget(0.005, 30),
  };
  readonly #due = new Set<Part>(['networks', ...ALL]);
  /** Network namespaces whose links, and whose firewall rules, are due. */
  readonly #networks = new Set<NamespaceId>();
  readonly #rules = new Set<NamespaceId>();
  readonly #passed = new Set<NamespaceId>();
  readonly #stopReactor: (() => void)[] = [];
  #tickMs = 50;
  #timer: NodeJS.Timeout | null = null;
  #soon: NodeJS.Timeout | null = null;
  #last: Snapshot | null = null;
  #seq = 1;
  #activeAt = performance.now();
  #countersAt = 0;
  #rulesAt = 0;
  #verifiedAt = 0;
  #ranSinceCounters = true;
  /** Something was read since the last snapshot was assembled. */
  #stale = false;
  /** The last snapshot has counters that no listener was told. */
  #untold = false;
  #failure: string | null = null;
  #poked = false;
  /** A reactor tells when netlink speaks: it need not be asked. */
  #told = false;
  #heard = true;
  #patience = 0;
  #forked = false;
  #strangersAt = 0;
  #closed = false;

  constructor(options: ObserverOptions) {
    this.#reader = new LabReader(options);
    const watch = this.#reader.network.watch;
    if (options.reactor !== undefined && watch !== null) {
      this.#told = true;
      for (const fd of watch.descriptors) this.#stopReactor.push(options.reactor.watch(fd, () => this.#hear()));
    }
  }

  async snapshot(): Promise<Snapshot> {
    this.#mustBeOpen();
    this.#look(true);
    for (const part of ['networks', ...ALL] as const) this.#due.add(part);
    if (this.#reader.initGone()) throw new EngineError('NotFound', 'the lab host is gone: its pid 1 has ended');
    for (const id of this.#readCounters()) this.#rules.add(id);
    const verify = performance.now() - this.#verifiedAt > 2_000;
    if (verify) this.#verifiedAt = performance.now();
    this.#retryRules();
    this.#read(true, verify);
    await this.#readFirewalls();
    await this.#reader.network.firewall.settled();
    this.#mustBeOpen();
    return this.#publish(false);
  }

  watch(listener: (event: ObserveEvent) => void, options: WatchOptions = {}): () => void {
    this.#mustBeOpen();
    if (options.tickMs !== undefined) this.#tickMs = Math.max(10, options.tickMs);
    let ended = false;
    const begin = async (): Promise<void> => {
      const snapshot = await this.snapshot();
      if (ended || this.#closed) return;
      listener({ snapshot, changes: [] });
      this.#listeners.add(listener);
      this.#schedule();
    };
    const retry = (error: unknown): void => {
      // A lab that is gone is told by whoever waits for its pid 1; anything else is tried again and shown as a problem.
      if (ended || this.#closed || (error instanceof EngineError && error.code === 'NotFound')) return;
      this.#fail(error);
      setTimeout(() => {
        begin().catch(retry);
      }, RETRY_MS).unref();
    };
    begin().catch(retry);
    return () => {
      ended = true;
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#unschedule();
    };
  }

  poke(): void {
    this.#poked = true;
    this.#tickSoon(SETTLE_MS);
  }

  #tickSoon(milliseconds: number): void {
    if (this.#closed || this.#listeners.size === 0 || this.#soon !== null) return;
    this.#soon = setTimeout(() => {
      this.#soon = null;
      this.#tick();
    }, milliseconds);
    this.#soon.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unschedule();
    for (const stop of this.#stopReactor) stop();
    this.#listeners.clear();
    this.#reader.close();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new EngineError('FailedPrecondition', 'the observer of this lab is closed');
  }

  #schedule(): void {
    if (this.#timer !== null || this.#closed || this.#listeners.size === 0) return;
    const idle = performance.now() - this.#activeAt > IDLE_AFTER_MS;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#tick();
        this.#schedule();
      },
      idle ? Math.max(this.#tickMs, IDLE_TICK_MS) : this.#tickMs,
    );
    this.#timer.unref();
  }

  #unschedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#soon !== null) clearTimeout(this.#soon);
    this.#timer = null;
    this.#soon = null;
  }

  /** The reactor says that netlink has spoken. */
  #hear(): void {
    this.#heard = true;
    if (this.#listeners.size > 0) this.#tickSoon(SETTLE_MS);
    else this.#takeNews();
  }

  /** One look. Nothing that goes wrong here may end the engine: it becomes a problem of the next snapshot. */
  #tick(): void {
    if (this.#closed) return;
    try {
      const now = performance.now();
      this.#look(false);
      const counters = now - this.#countersAt >= COUNTERS_MS;
      if (counters) this.#lookAtCounters(now);
      const verify = now - this.#verifiedAt >= (this.#activeAt > this.#verifiedAt ? VERIFY_MS : 3 * VERIFY_MS);
      if (verify) {
        this.#verifiedAt = now;
        for (const part of ALL) this.#due.add(part);
        this.#retryRules();
      }
      this.#read(false, verify);
      this.#readFirewalls().catch((error: unknown) => this.#fail(error));
      this.#publish(!counters);
    } catch (error) {
      this.#fail(error);
    }
    if (this.#reader.initGone()) this.#unschedule();
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.#failure = error instanceof Error ? error.message : String(error);
  }

  /** The cheap signs. */
  #look(all: boolean): void {
    const pulse = this.#reader.pulse(all || this.#poked);
    this.#forked ||= pulse.forked;
    const watch = this.#reader.network.watch;
    if (this.#reader.pending) this.#due.add('core').add('names');
    if (pulse.active || this.#poked) {
      this.#poked = false;
      this.#activeAt = performance.now();
      this.#moved();
    }
    if (watch !== null && (!this.#told || this.#heard || all)) this.#takeNews();
  }

  /** What netlink has said, noted as due. */
  #takeNews(): void {
    this.#heard = false;
    const news = this.#reader.network.watch?.drain();
    if (news === undefined) return;
    if (news.overrun) this.#allNetworks();
    for (const id of news.links) this.#networks.add(id);
    for (const id of news.firewall) this.#rules.add(id);
  }

  /** Something ran in the lab: all that a process can change is due. */
  #moved(): void {
    this.#forked = false;
    this.#ranSinceCounters = true;
    for (const part of ALL) this.#due.add(part);
    if (this.#reader.network.watch === null) this.#allNetworks();
  }

  #allNetworks(): void {
    for (const { id, kind } of this.#reader.namespaces) {
      if (kind !== 'net') continue;
      this.#networks.add(id);
      this.#rules.add(id);
    }
  }

  #retryRules(): void {
    for (const id of this.#reader.network.firewall.failed) this.#rules.add(id);
  }

  #lookAtCounters(now: number): void {
    this.#countersAt = now;
    if (this.#forked && now - this.#strangersAt >= STRANGERS_MS) {
      this.#strangersAt = now;
      this.#moved();
    }
    if (this.#ranSinceCounters) this.#due.add('cgroups');
    this.#ranSinceCounters = false;
    const moved = this.#readCounters();
    if (now - this.#rulesAt < RULE_COUNTERS_MS) return;
    this.#rulesAt = now;
    for (const id of moved) this.#rules.add(id);
  }

  /** Packet counters of every link. Namespaces with rules that packets may have passed since the rules' counters were read. */
  #readCounters(): NamespaceId[] {
    const { network, namespaces } = this.#reader;
    const { moved, dump } = network.readCounters(namespaces);
    for (const id of dump) this.#networks.add(id);
    if (moved.size > 0) this.#stale = true;
    for (const id of [...moved, ...dump]) if (network.firewall.hasRules(id)) this.#passed.add(id);
    return [...this.#passed];
  }

  /** Read the rules that are due in the background; an event follows when they are there. */
  async #readFirewalls(): Promise<void> {
    const ids = new Set([...this.#rules, ...this.#reader.network.withoutRules(this.#reader.namespaces)]);
    this.#rules.clear();
    for (const id of ids) this.#passed.delete(id);
    if (ids.size === 0) return;
    await this.#reader.readFirewalls(ids);
    if (this.#closed) return;
    this.#stale = true;
    if (this.#listeners.size > 0 && this.#last !== null) this.#publish(true);
  }

  /** Read what is due. @param now whatever the budgets say @param all every process, not only those that ran */
  #read(now: boolean, all: boolean): void {
    const reader = this.#reader;
    this.#part('core', now, () => {
      reader.readCore(all);
      for (const id of reader.network.takeMissed()) this.#networks.add(id);
    });
    if (this.#networks.size > 0 || reader.network.missing(reader.namespaces).size > 0) this.#due.add('networks');
    this.#part('networks', now, () => {
      const which = new Set(this.#networks);
      this.#networks.clear();
      reader.readNetworks(which);
    });
    this.#part('cgroups', now, () => reader.readCgroups());
    const newContainer = reader.hasNewContainer();
    if (newContainer) this.#due.add('containers');
    this.#part('containers', now, () => reader.readContainers(), newContainer);
    const newLayers = reader.hasNewLayers();
    if (newLayers) this.#due.add('overlays');
    this.#part('overlays', now, () => reader.readOverlays(all), newLayers);
    this.#part('names', now, () => {
      reader.readHostnames();
      reader.readListening();
    });
  }

  /** A look that somebody asked for is on nobody's budget: else who asks often would make the watchers blind. */
  #part(part: Part, now: boolean, read: () => void, urgent = false): void {
    if (!this.#due.has(part) || (!now && !this.#budgets[part].allows(performance.now(), urgent))) return;
    this.#due.delete(part);
    this.#stale = true;
    if (now) read();
    else this.#budgets[part].charge(read);
  }

  /**
   * Assemble, compare, tell.
   *
   * @param quiet say nothing when only counters differ: they are told once a second
   */
  #publish(quiet: boolean): Snapshot {
    const before = this.#last;
    const failure = this.#failure;
    let snapshot = before;
    let changes: Change[] = [];
    if (snapshot === null || this.#stale || failure !== null) {
      const assembled = this.#reader.assemble();
      if (quiet && before !== null && this.#patience < PATIENCE && isUnderWay(before, assembled)) {
        this.#patience += 1;
        for (const { id } of assembled.networks) this.#networks.add(id);
        this.#tickSoon(2 * SETTLE_MS);
        return before;
      }
      this.#patience = 0;
      snapshot =
        failure === null
          ? assembled
          : { ...assembled, problems: [...assembled.problems, { part: 'processes', reason: failure }] };
      changes = before === null ? [] : diff(before, snapshot, this.#seq);
      this.#seq += changes.length;
      this.#last = snapshot;
      this.#stale = false;
      this.#failure = null;
      this.#untold = true;
    }
    if (!this.#untold || (quiet && changes.length === 0)) return snapshot;
    this.#untold = false;
    for (const listener of this.#listeners) listener({ snapshot, changes });
    return snapshot;
  }
}

/** Did an end of a veth pair vanish alone? They always go together, so it is being moved to another namespace. */
function isUnderWay(before: Snapshot, after: Snapshot): boolean {
  const known = new Map(before.networks.map((net) => [net.id, net.links]));
  return after.networks.some((net) =>
    net.links.some(
      (link) =>
        link.kind === 'veth' &&
        link.peer !== null &&
        link.peer.name === null &&
        known.get(net.id)?.some((was) => was.index === link.index && was.peer !== null && was.peer.name !== null) ===
          true,
    ),
  );
}
