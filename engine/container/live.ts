import { closeSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { EngineError } from '../kernel/errors.js';
import { setTerminalSize } from '../kernel/pty.js';
import type { ContainerProcess } from '../runtime/types.js';
import type { ContainerDeps } from './deps.js';
import { JsonFileWriter } from './logs/json-file.js';
import { logSettings } from './logs/settings.js';
import { openWriter } from './output/pipes.js';
import { Spool } from './output/spool.js';
import type { ContainerRecord } from './record.js';

/** A container that has a process: its streams, its log, its end. Taken up again by another engine when this one is killed. */
export class Live {
  readonly record: ContainerRecord;
  readonly process: ContainerProcess;
  readonly spool: Spool;
  readonly ended: Promise<number>;
  readonly #deps: ContainerDeps;
  readonly #log: JsonFileWriter | null;
  readonly #written: Promise<void>;
  #input: Socket | null = null;
  #terminal = -1;
  #inputOver = false;
  #closed = false;

  constructor(deps: ContainerDeps, record: ContainerRecord, process: ContainerProcess, spool: Spool) {
    this.#deps = deps;
    this.record = record;
    this.process = process;
    this.spool = spool;
    const log = logSettings(record, deps.store);
    this.#log = log === null ? null : new JsonFileWriter(spool, log);
    this.#written = this.#log === null ? this.#discard() : this.#log.run(spool);
    this.#written.catch((error: unknown) => deps.warn(`log of ${record.id}: ${String(error)}`));
    this.ended = process.wait();
  }

  /** What is written so far is in the log when this returns. */
  flushLog(): void {
    this.#log?.flush();
  }

  /** The process has ended and the shim with it: nothing more is written. Resolves when the log is complete. */
  async complete(): Promise<void> {
    this.spool.complete();
    await this.#written.catch(() => undefined); // said already
  }

  /** Write to the container's input. Resolves when it is on its way. */
  write(bytes: Uint8Array): Promise<void> {
    const target = this.#writer();
    return new Promise((resolve, reject) => {
      target.write(bytes, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(new EngineError('FailedPrecondition', 'the container takes no more input', { cause: error }));
      });
    });
  }

  /** The container reads the end of its input; a terminal has none. */
  closeInput(): void {
    if (this.record.config.Tty || this.#inputOver || !this.record.config.OpenStdin) return;
    this.#inputOver = true;
    const close = (): void => {
      try {
        this.#deps.runtime.closeInput(this.record.id);
      } catch (error) {
        // it has ended meanwhile, and its shim with it: no state, no pipe, nobody who reads it
        if (!['NotFound', 'ENOENT', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      }
    };
    if (this.#input === null) close();
    else this.#input.end(close);
  }

  resize(rows: number, cols: number): void {
    if (!this.record.config.Tty) return;
    setTerminalSize(this.#deps.kernel, this.#master(), cols, rows);
  }

  /** Let go of everything here; the container lives on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#input?.destroy();
    if (this.#terminal >= 0) closeSync(this.#terminal);
    this.#terminal = -1;
    this.#log?.close();
    this.spool.retire();
    this.process.dispose();
  }

  static spoolPath(deps: ContainerDeps, id: string): string {
    return deps.store.file(id, 'output/spool');
  }

  /** A new start writes to a new spool. */
  static freshSpool(deps: ContainerDeps, record: ContainerRecord): Spool {
    const path = Live.spoolPath(deps, record.id);
    rmSync(path, { force: true });
    const log = logSettings(record, deps.store);
    if (log !== null) JsonFileWriter.begin(log.path);
    return new Spool(path, deps.kernel);
  }

  #writer(): Socket {
    if (this.#closed || this.#inputOver)
      throw new EngineError('FailedPrecondition', 'the input of the container is closed');
    if (this.#input !== null) return this.#input;
    const fd = this.record.config.Tty
      ? this.#deps.runtime.terminal(this.record.id)
      : this.#deps.runtime.input(this.record.id);
    this.#input = openWriter(fd, this.record.config.Tty);
    this.#input.on('error', () => undefined); // each write hears of its own
    return this.#input;
  }

  #master(): number {
    if (this.#closed) throw new EngineError('FailedPrecondition', 'the container is not running');
    if (this.#terminal < 0) this.#terminal = this.#deps.runtime.terminal(this.record.id);
    return this.#terminal;
  }

  async #discard(): Promise<void> {
    for await (const _ of this.spool.reader(0).frames());
  }
}
