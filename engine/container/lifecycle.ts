import { SIG } from '../kernel/constants.js';
import { EngineError } from '../kernel/errors.js';
import { inBackground } from '../kernel/journal/journal.js';
import { causeOfExit, causeOfProbe, causeOfRestart } from './causes.js';
import type { Clock } from './clock.js';
import { attributesOf } from './create.js';
import type { ContainerDeps } from './deps.js';
import type { Execs } from './exec.js';
import { HealthMonitor } from './health.js';
import { healthCheck, STARTING } from './health-state.js';
import { untilHeard } from './heard.js';
import type { Live } from './live.js';
import { Managed } from './managed.js';
import { OomWatch } from './oom-watch.js';
import { type ContainerRecord, hasStarted, isRunning } from './record.js';
import { restartsWithEngine } from './restart.js';
import { restoreContainers } from './restore.js';
import { parseSignal } from './spec/signal.js';
import { cleanUp, startContainer, tellVolumes } from './start.js';
import { now, timeOf, timeText } from './time.js';
import type { WaitResult } from './types.js';

const DEFAULT_STOP_SECONDS = 10;
/** How long a killed container may take to end before the client is told. */
const KILL_WAIT_MS = 10_000;

/** From created to removed: one container's operations one after the other, and what follows when its process ends. */
export class Lifecycle {
  readonly #deps: ContainerDeps;
  readonly #execs: Execs;
  readonly #clock: Clock;
  #managed = new Map<string, Managed>();
  #closing = false;

  constructor(deps: ContainerDeps, execs: Execs, clock: Clock) {
    this.#deps = deps;
    this.#execs = execs;
    this.#clock = clock;
  }

  adopt(record: ContainerRecord): Managed {
    const managed = new Managed(record, this.#clock, new OomWatch(this.#deps, record.id));
    this.#managed.set(record.id, managed);
    return managed;
  }

  live(id: string): Live | null {
    return this.#get(id).live;
  }

  nextStart(id: string, signal: AbortSignal): Promise<Live | null> {
    const managed = this.#managed.get(id);
    if (managed === undefined || this.#isOver(managed)) return Promise.resolve(null);
    return managed.nextStart(signal);
  }

  async liveOrNext(id: string, signal: AbortSignal): Promise<{ live: Live; fromStart: boolean } | null> {
    const managed = this.#get(id);
    if (managed.live !== null) return { live: managed.live, fromStart: false };
    const live = await managed.nextStart(signal);
    return live === null ? null : { live, fromStart: true };
  }

  wait(id: string, condition: 'not-running' | 'next-exit' | 'removed', signal?: AbortSignal): Promise<WaitResult> {
    return this.#get(id).wait(condition, signal);
  }

  /** False when it is running already. */
  start(id: string, how: { readonly byHand: boolean }): Promise<boolean> {
    const managed = this.#get(id);
    const { record } = managed;
    return managed.mutex.run(async () => {
      if (record.state.status === 'paused')
        throw new EngineError('FailedPrecondition', 'cannot start a paused container, try unpause instead');
      if (isRunning(record)) return false;
      if (managed.removed || record.phase === 'removing' || record.state.status === 'dead')
        throw new EngineError('FailedPrecondition', 'container is marked for removal and cannot be started');
      if (how.byHand) {
        managed.restarts.reset({ count: true });
        record.restartCount = 0;
        record.stoppedByHand = false;
      }
      try {
        await this.#start(managed);
      } catch (error) {
        await this.#startFailed(managed, error as Error);
        throw error;
      }
      return true;
    });
  }

  async stop(
    id: string,
    options: { readonly timeout: number | null; readonly signal: string | null },
  ): Promise<boolean> {
    const managed = this.#get(id);
    const { record } = managed;
    record.stoppedByHand = true;
    managed.restarts.cancel();
    if (record.state.status === 'restarting') {
      await this.#takeBack(managed);
      if (!isRunning(record)) return true;
    }
    if (!isRunning(record)) return false;
    const signal = parseSignal(options.signal ?? record.config.StopSignal ?? 'SIGTERM');
    const seconds = options.timeout ?? record.config.StopTimeout ?? DEFAULT_STOP_SECONDS;
    const ended = managed.wait('next-exit');
    if (record.state.status === 'paused' && signal !== SIG.KILL) await this.unpause(id).catch(ignoreState);
    await this.#signal(managed, signal);
    if (!(await within(ended, seconds < 0 ? null : seconds * 1000))) {
      await this.#signal(managed, SIG.KILL);
      if (!(await within(ended, KILL_WAIT_MS)))
        throw new EngineError(
          'Internal',
          `cannot stop container: ${record.id}: tried to kill container, but did not receive an exit event`,
        );
    }
    this.#emit(record, 'stop');
    return true;
  }

  async restart(
    id: string,
    options: { readonly timeout: number | null; readonly signal: string | null },
  ): Promise<void> {
    const managed = this.#get(id);
    managed.restarting++;
    try {
      await this.stop(id, options);
      await this.start(id, { byHand: true });
    } finally {
      managed.restarting--;
    }
    this.#emit(managed.record, 'restart');
  }

  async kill(id: string, signal: number): Promise<void> {
    const managed = this.#get(id);
    const { record } = managed;
    const isRestarting = record.state.status === 'restarting';
    if (!isRunning(record) && !isRestarting)
      throw new EngineError(
        'FailedPrecondition',
        `cannot kill container: ${record.name}: container ${record.id} is not running`,
      );
    const stopSignal = record.config.StopSignal === undefined ? null : parseSignal(record.config.StopSignal);
    const isEnd = stopSignal === null || signal === SIG.KILL || signal === stopSignal;
    if (isEnd) managed.restarts.cancel();
    record.stoppedByHand = true;
    if (isRestarting) {
      // where there is no process to be told, that it is not started again is enough
      if (managed.restarts.isWaiting) return;
      await (isEnd ? this.#takeBack(managed) : managed.mutex.run(() => Promise.resolve()));
      if (!isRunning(record)) return;
    }
    const ended = managed.wait('next-exit');
    await this.#signal(managed, signal);
    if (signal === SIG.KILL) await within(ended, KILL_WAIT_MS);
  }

  pause(id: string): Promise<void> {
    const managed = this.#get(id);
    const { record } = managed;
    return managed.mutex.run(async () => {
      if (record.state.status === 'paused')
        throw new EngineError('FailedPrecondition', `container ${record.id} is already paused`);
      if (!isRunning(record)) throw new EngineError('FailedPrecondition', `container ${record.id} is not running`);
      await this.#deps.runtime.pause(id);
      await managed.health?.stop();
      record.state.status = 'paused';
      this.#deps.store.save(record);
      this.#emit(record, 'pause');
    });
  }

  unpause(id: string): Promise<void> {
    const managed = this.#get(id);
    const { record } = managed;
    return managed.mutex.run(async () => {
      if (record.state.status !== 'paused')
        throw new EngineError('FailedPrecondition', `container ${record.id} is not paused`);
      await this.#deps.runtime.resume(id);
      record.state.status = 'running';
      this.#deps.store.save(record);
      managed.health?.start(record.health ?? STARTING, this.#ranMs(record));
      this.#emit(record, 'unpause');
    });
  }

  async remove(id: string, options: { readonly force: boolean; readonly volumes: boolean }): Promise<void> {
    const managed = this.#get(id);
    const { record } = managed;
    if (isRunning(record) || record.state.status === 'restarting') {
      if (!options.force) {
        const { status } = record.state;
        const why =
          status === 'paused'
            ? 'container is paused and must be unpaused first'
            : `container is ${status}: stop the container before removing or force remove`;
        throw new EngineError('FailedPrecondition', `cannot remove container "/${record.name}": ${why}`);
      }
      managed.restarts.cancel();
      record.stoppedByHand = true;
      if (record.state.status === 'restarting') await this.#takeBack(managed);
      const ended = managed.wait('not-running');
      if (isRunning(record)) {
        await this.#signal(managed, SIG.KILL);
        if (!(await within(ended, KILL_WAIT_MS)))
          throw new EngineError(
            'Internal',
            `cannot remove container "/${record.name}": could not kill: it did not end`,
          );
      }
    }
    await managed.mutex.run(() => this.#remove(managed, options.volumes));
  }

  policyChanged(id: string): void {
    const managed = this.#get(id);
    managed.restarts.policy = managed.record.hostConfig.RestartPolicy;
  }

  /** After a start of the engine: see what is there, then start what is to run. */
  async restore(): Promise<void> {
    const { store } = this.#deps;
    const found = await restoreContainers(this.#deps);
    for (const { record, live } of found) {
      const managed = this.adopt(record);
      if (live === null) continue;
      managed.live = live;
      this.#watch(managed, live);
      this.#checkHealth(managed, this.#ranMs(record));
      if (record.state.status === 'paused') await managed.health?.stop();
    }
    for (const record of store.list().reverse()) {
      const managed = this.#get(record.id);
      if (managed.live !== null || !hasStarted(record)) continue;
      if (record.hostConfig.AutoRemove) {
        await this.#remove(managed, true).catch((error: unknown) => this.#deps.warn(String(error)));
        continue;
      }
      const ended = { exitCode: record.state.exitCode, manuallyStopped: record.stoppedByHand, ranMs: 0 };
      if (restartsWithEngine(record.hostConfig.RestartPolicy, ended))
        await this.start(record.id, { byHand: false }).catch((error: unknown) => this.#deps.warn(String(error)));
    }
  }

  async close(options: { readonly stop: boolean }): Promise<void> {
    if (options.stop)
      await Promise.all(
        [...this.#managed.values()]
          .filter(({ record }) => isRunning(record))
          .map(async (managed) => {
            const { stoppedByHand } = managed.record;
            await this.stop(managed.record.id, { timeout: null, signal: null }).catch((error: unknown) =>
              this.#deps.warn(String(error)),
            );
            await managed.mutex.run(async () => {
              managed.record.stoppedByHand = stoppedByHand;
              if (this.#deps.store.has(managed.record.id)) this.#deps.store.save(managed.record);
            });
          }),
      );
    this.#closing = true;
    for (const managed of this.#managed.values()) {
      managed.restarts.cancel();
      await managed.health?.stop();
      managed.live?.close();
      managed.oom.end();
    }
  }

  #get(id: string): Managed {
    const managed = this.#managed.get(id);
    if (managed === undefined) throw new EngineError('NotFound', `No such container: ${id}`);
    return managed;
  }

  #isOver({ record, removed }: Managed): boolean {
    return removed || (!isRunning(record) && record.state.status !== 'restarting' && hasStarted(record));
  }

  async #start(managed: Managed): Promise<void> {
    const { record } = managed;
    const live = await startContainer(this.#deps, record);
    managed.started(live);
    this.#watch(managed, live);
    this.#checkHealth(managed, 0);
    this.#emit(record, 'start');
  }

  async #startFailed(managed: Managed, error: Error): Promise<void> {
    const { record } = managed;
    record.state.error = error.message;
    // who waits for its next end goes on waiting, as with dockerd: it never began
    if (record.hostConfig.AutoRemove) await this.#remove(managed, true);
  }

  #watch(managed: Managed, live: Live): void {
    const { record } = managed;
    this.#watchMemory(managed);
    void live.ended
      .then((exitCode) =>
        inBackground(this.#deps.journal, causeOfExit(record, exitCode), () =>
          managed.mutex.run(() => this.#ended(managed, live, exitCode)),
        ),
      )
      .catch((error: unknown) => this.#deps.warn(`container ${record.id}: ${String(error)}`));
  }

  #watchMemory(managed: Managed): void {
    const { record } = managed;
    managed.oom = new OomWatch(this.#deps, record.id);
    if (record.hostConfig.Memory <= 0) return;
    try {
      managed.oom.begin(() => {
        if (!record.state.oomKilled) {
          record.state.oomKilled = true;
          this.#deps.store.save(record);
        }
        this.#emit(record, 'oom');
      });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      // it is still told when the container ends
      this.#deps.warn(`container ${record.id}: ${String(error)}`);
    }
  }

  /** Its process has ended: take back what it had, tell, and see what its policy says. */
  async #ended(managed: Managed, live: Live, exitCode: number): Promise<void> {
    if (this.#closing) return;
    const { record } = managed;
    const ranMs = this.#ranMs(record);
    await managed.health?.stop();
    managed.health = null;
    await live.complete();
    const oom = managed.oom.over();
    if (oom.untold) this.#emit(record, 'oom');
    await cleanUp(this.#deps, record);
    tellVolumes(this.#deps, record, 'unmount');
    this.#execs.forget(record.id);
    Object.assign(record.state, {
      status: 'exited',
      pid: 0,
      exitCode,
      oomKilled: oom.happened,
      finishedAt: timeText(now()),
    });
    const again = managed.restarts.ended(
      { exitCode, manuallyStopped: record.stoppedByHand, ranMs },
      () => void this.#startAgain(managed),
    );
    if (again) record.state.status = 'restarting';
    record.restartCount = managed.restarts.count;
    this.#deps.store.save(record);
    managed.live = null;
    live.close();
    this.#emit(record, 'die', { exitCode: String(exitCode), execDuration: String(Math.round(ranMs / 1000)) });
    managed.tell('exit');
    if (again) return;
    managed.tell('stopped');
    managed.over();
    if (record.hostConfig.AutoRemove && managed.restarting === 0) await this.#remove(managed, true);
  }

  async #startAgain(managed: Managed): Promise<void> {
    await inBackground(this.#deps.journal, causeOfRestart(managed.record), () => this.#restarted(managed));
  }

  async #restarted(managed: Managed): Promise<void> {
    const { record } = managed;
    await managed.mutex.run(async () => {
      if (record.state.status !== 'restarting' || managed.removed || this.#closing) return;
      try {
        await this.#start(managed);
      } catch (error) {
        this.#deps.warn(`restarting container ${record.id}: ${String(error)}`);
        await this.#startFailed(managed, error as Error);
      }
    });
  }

  /** It is to be restarted no more: a start that its policy has begun is waited for, and then it runs; one that has not is none. */
  #takeBack(managed: Managed): Promise<void> {
    const { record } = managed;
    return managed.mutex.run(async () => {
      if (record.state.status !== 'restarting') return;
      record.state.status = 'exited';
      this.#deps.store.save(record);
      managed.tell('stopped');
      managed.over();
    });
  }

  async #remove(managed: Managed, volumes: boolean): Promise<void> {
    const { record } = managed;
    const { store } = this.#deps;
    if (managed.removed) return;
    this.#deps.at?.('remove.record');
    record.phase = 'removing';
    record.removesVolumes = volumes;
    record.state.status = 'removing';
    store.keep(record);
    await removeParts(this.#deps, record, volumes);
    managed.removed = true;
    this.#managed.delete(record.id);
    this.#deps.at?.('remove.done');
    store.remove(record);
    this.#emit(record, 'destroy');
    managed.tell('removed');
    managed.over();
  }

  async #signal({ record, live }: Managed, signal: number): Promise<void> {
    if (signal !== SIG.KILL && record.hostConfig.PidMode === '') await untilHeard(record.state, signal, this.#clock);
    live?.process.kill(signal);
    if (signal === SIG.KILL && record.state.status === 'paused')
      void this.#deps.runtime.resume(record.id).catch(ignoreState);
    this.#emit(record, 'kill', { signal: String(signal) });
  }

  #checkHealth(managed: Managed, ranMs: number): void {
    const { record } = managed;
    const check = healthCheck(record.config.Healthcheck, record.config.Shell);
    if (check === null) return;
    if (ranMs === 0 || record.health === null) record.health = STARTING;
    managed.health = new HealthMonitor(check, {
      clock: this.#clock,
      probe: (argv, signal) =>
        inBackground(this.#deps.journal, causeOfProbe(record), () =>
          this.#execs.run(record, argv, MAX_PROBE_OUTPUT, signal),
        ),
      changed: (health, event) => {
        record.health = health;
        if (this.#deps.store.has(record.id)) this.#deps.store.save(record);
        if (event !== null) this.#emit(record, event);
      },
    });
    managed.health.start(record.health, ranMs);
  }

  #ranMs({ state }: ContainerRecord): number {
    return Math.max(0, Number((now() - timeOf(state.startedAt)) / 1_000_000n));
  }

  #emit(record: ContainerRecord, action: string, more: Readonly<Record<string, string>> = {}): void {
    this.#deps.events.emit('container', action, record.id, attributesOf(record, more));
  }
}

const MAX_PROBE_OUTPUT = 4097;

/** Everything of a container but its record. Idempotent: also what a kill left of a removal. */
export async function removeParts(deps: ContainerDeps, record: ContainerRecord, volumes: boolean): Promise<void> {
  await cleanUp(deps, record);
  deps.at?.('remove.volumes');
  for (const { volume, from } of record.mounts) {
    if (volume === undefined || volume.name === '') continue;
    await deps.volumes.release(volume.name, record.id);
    const anonymous = 'com.docker.volume.anonymous' in volume.labels || from === 'image';
    if (volumes && anonymous) await deps.volumes.remove(volume.name).catch(ignoreState);
  }
  deps.at?.('remove.snapshot');
  await deps.images.removeSnapshot(record.id).catch((error: unknown) => {
    if (!(error instanceof EngineError && error.code === 'NotFound')) throw error;
  });
}

/** It is in another state by now, which is as good. */
function ignoreState(error: unknown): void {
  if (!(error instanceof EngineError)) throw error;
}

/** Whether it comes in time; null: however long it takes. */
async function within(promise: Promise<unknown>, ms: number | null): Promise<boolean> {
  if (ms === null) return promise.then(() => true);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
