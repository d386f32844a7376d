import type {
  Bilingual,
  BirthWatcher,
  BornContainer,
  ErrorBody,
  ExecRequest,
  ExecResult,
  ExplainedProgram,
  ExplainedRecord,
  HeldRecord,
  Lab,
  LabInfo,
  LabOptions,
  LedgerEntry,
  ObserveEvent,
  Session,
  SessionRequest,
  Snapshot,
} from '../../engine/api/types.js';
import { EngineFailure, type EngineHttp } from './http.js';

const ENGINE_GONE: Bilingual = {
  en: 'the engine has ended, and the lab host with it; nothing is left of them. Start again',
  zh: '引擎已经结束，实验主机也随之消失，没有留下任何东西。请重新启动',
};

/** A lab behind the socket. */
export class RemoteLab implements Lab {
  readonly info: LabInfo;
  #http: EngineHttp;
  #options: LabOptions;
  #closed = false;

  constructor(http: EngineHttp, info: LabInfo, options: LabOptions) {
    this.#http = http;
    this.info = info;
    this.#options = options;
  }

  static async create(http: EngineHttp, options: LabOptions): Promise<RemoteLab> {
    return new RemoteLab(http, await http.json<LabInfo>('POST', '/labs', options), options);
  }

  /** Make a lab record by record: see Engine.stepLab. */
  static step(
    http: EngineHttp,
    options: LabOptions,
    onHeld: (held: HeldRecord) => Promise<'next' | 'run' | 'stop'>,
  ): Promise<RemoteLab> {
    type Line = { id: string } | { held: HeldRecord } | { lab: LabInfo } | { error: ErrorBody };
    return new Promise((resolve, reject) => {
      let id = '';
      http.lines<Line>(
        'POST',
        '/labs/step',
        (line) => {
          if ('id' in line) id = line.id;
          else if ('lab' in line) resolve(new RemoteLab(http, line.lab, options));
          else if ('error' in line) reject(new EngineFailure(line.error));
          else
            onHeld(line.held)
              .then((answer) => http.json('POST', `/steps/${id}`, { answer }))
              .catch(reject);
        },
        options,
        (error) =>
          reject(
            error ??
              new EngineFailure({ code: 'Unavailable', message: 'the engine ended while a start was stepped through' }),
          ),
      );
    });
  }

  get #path(): string {
    return `/labs/${this.info.id}`;
  }

  exec(request: ExecRequest): Promise<ExecResult> {
    return this.#http.json('POST', `${this.#path}/exec`, request);
  }

  async openSession(request: SessionRequest): Promise<Session> {
    const { socket, id } = await this.#http.upgrade(
      `${this.#path}/session?request=${encodeURIComponent(JSON.stringify(request))}`,
    );
    const http = this.#http;
    const exit = http.json<{ exitCode: number; signal: string | null }>('GET', `/sessions/${id}/exit`);
    exit.catch(() => undefined); // asked for again by whoever registers with onExit
    const drained = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => socket.destroy());
    return {
      id,
      onData: (listener) => socket.on('data', listener),
      onExit: (listener) => {
        void Promise.all([exit.catch(() => ({ exitCode: 255, signal: null })), drained]).then(([status]) =>
          listener(status),
        );
      },
      write: (bytes) => {
        if (!socket.destroyed) socket.write(bytes);
      },
      resize: (cols, rows) => {
        http.json('POST', `/sessions/${id}/size`, { cols, rows }).catch(() => undefined); // it ended meanwhile: there is nothing to resize
      },
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      close: () => socket.destroy(),
    };
  }

  snapshot(): Promise<Snapshot> {
    return this.#http.json('GET', `${this.#path}/snapshot`);
  }

  watch(listener: (event: ObserveEvent) => void): () => void {
    return this.#http.lines('GET', `${this.#path}/changes`, listener);
  }

  ledger(since = 0): Promise<readonly LedgerEntry[]> {
    return this.#http.json('GET', `${this.#path}/ledger?since=${since}`);
  }

  watchLedger(listener: (entry: LedgerEntry) => void): () => void {
    return this.#http.lines('GET', `${this.#path}/ledger?follow=1`, listener);
  }

  explain(): Promise<readonly ExplainedProgram[]> {
    return this.#http.json('GET', `${this.#path}/explain`);
  }

  birth(watcher: BirthWatcher): Promise<BornContainer> {
    type Line =
      | { id: string }
      | { program: ExplainedProgram }
      | { held: number }
      | { done: ExplainedRecord }
      | { born: BornContainer }
      | { error: ErrorBody };
    const http = this.#http;
    return new Promise((resolve, reject) => {
      let id = '';
      http.lines<Line>(
        'POST',
        `${this.#path}/birth`,
        (line) => {
          if ('id' in line) id = line.id;
          else if ('program' in line) watcher.planned(line.program);
          else if ('done' in line) watcher.answered(line.done);
          else if ('born' in line) resolve(line.born);
          else if ('error' in line) reject(new EngineFailure(line.error));
          else
            watcher
              .held(line.held)
              .then((answer) => http.json('POST', `/steps/${id}`, { answer }))
              .catch(reject);
        },
        {},
        (error) =>
          reject(
            error ?? new EngineFailure({ code: 'Unavailable', message: 'the engine ended while a container was made' }),
          ),
      );
    });
  }

  async reset(): Promise<Lab> {
    // The new one first needs the kept directory, so the old one goes before; otherwise it goes while the learner already works.
    if (this.#options.keep !== undefined) await this.close();
    const next = await RemoteLab.create(this.#http, this.#options);
    await this.close();
    return next;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#http.json('DELETE', this.#path);
    } catch (error) {
      // An engine that has ended has taken its labs with it.
      if (!(error instanceof EngineFailure && error.body.code === 'Unavailable')) throw error;
    }
  }

  onGone(listener: (reason: Bilingual, engineEnded?: boolean) => void): void {
    this.#http.lines<Bilingual | null>(
      'GET',
      `${this.#path}/gone`,
      (reason) => {
        if (reason !== null && !this.#closed) listener(reason);
        this.#closed = true;
      },
      undefined,
      () => {
        if (!this.#closed) listener(ENGINE_GONE, true);
      },
    );
  }
}
