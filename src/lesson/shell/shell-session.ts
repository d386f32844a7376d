/**
 * A learner's shell: a raw terminal session with its marks read on the way. The view gets a plain `Session` from `view()`; the lesson gets
 * the commands with their output, and can type lines itself (replay, demo, tests).
 */
import type { Session } from '../../../engine/api/types.js';
import { OscParser, plainOutput, type ShellMark } from './osc.js';

export interface ShellCommand {
  readonly line: string;
  readonly exitCode: number | null;
  /** What it printed, without escape sequences, at most 64 KiB. */
  readonly output: string;
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface RunOutcome {
  readonly exitCode: number | null;
  readonly output: string;
  /** The prompt did not come back in time: the line was interrupted. */
  readonly timedOut: boolean;
  /** The shell itself ended. */
  readonly ended: boolean;
}

const MAX_OUTPUT = 64 * 1024;

type Waiter = { readonly resolve: (value: boolean) => void; readonly timer: NodeJS.Timeout };

export class ShellSession {
  readonly #session: Session;
  readonly #parser = new OscParser();
  readonly #decoder = new TextDecoder();
  readonly #viewers: ((bytes: Uint8Array) => void)[] = [];
  readonly #exits: ((status: { exitCode: number; signal: string | null }) => void)[] = [];
  readonly #commands: ((command: ShellCommand) => void)[] = [];
  readonly #activity: (() => void)[] = [];
  #waiters: Waiter[] = [];
  /** Bytes that came before a viewer was there, and while the view is muted. */
  #held: Uint8Array[] = [];
  #muted = false;
  #atPrompt = false;
  #prompts = 0;
  #exitCode: number | null = null;
  #nonce: string | null = null;
  #line: string | null = null;
  #output: string | null = null;
  /** Everything since the line was typed, or since its output began; `#answer` is what it was when the line was done. */
  #collected = '';
  #answer = '';
  #marked = false;
  #startedAt = 0;
  #status: { exitCode: number; signal: string | null } | null = null;
  /** Lines typed by the lesson are not the learner's. */
  #ownLines = 0;

  constructor(session: Session) {
    this.#session = session;
    session.onData((bytes) => this.#receive(bytes));
    session.onExit((status) => {
      this.#status = status;
      for (const waiter of this.#waiters.splice(0)) {
        clearTimeout(waiter.timer);
        waiter.resolve(false);
      }
      for (const listener of this.#exits) listener(status);
    });
  }

  get atPrompt(): boolean {
    return this.#atPrompt;
  }

  get ended(): boolean {
    return this.#status !== null;
  }

  /** A command of the learner has ended (known only in bash). */
  onCommand(listener: (command: ShellCommand) => void): void {
    this.#commands.push(listener);
  }

  /** A prompt has come or a command has begun: time to look at behaviour again. */
  onActivity(listener: () => void): void {
    this.#activity.push(listener);
  }

  /** While muted, what the shell prints is dropped for the viewer (the replay of a rebuilt state). */
  mute(muted: boolean): void {
    this.#muted = muted;
  }

  /** Wait for the next prompt, or for the present one; false after the time or the shell's end. */
  waitForPrompt(timeoutMs: number): Promise<boolean> {
    if (this.#atPrompt) return Promise.resolve(true);
    if (this.#status) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((waiter) => waiter.timer !== timer);
        resolve(false);
      }, timeoutMs);
      this.#waiters.push({ resolve, timer });
    });
  }

  /**
   * Type a line and wait until the prompt is back: of this shell, of one that the line started, or of the one that it went back to.
   * A line that takes longer than `timeoutMs` is interrupted with Ctrl-C.
   */
  async run(
    line: string,
    options: { readonly timeoutMs?: number; readonly asLearner?: boolean } = {},
  ): Promise<RunOutcome> {
    if (!(await this.waitForPrompt(options.timeoutMs ?? 10_000)))
      return { exitCode: null, output: '', timedOut: true, ended: this.ended };
    if (options.asLearner !== true) this.#ownLines += 1;
    this.#atPrompt = false;
    this.#collected = '';
    this.#answer = '';
    this.#marked = false;
    this.#exitCode = null;
    this.#session.write(`${line}\r`);
    const back = await this.waitForPrompt(options.timeoutMs ?? 10_000);
    if (!back && !this.ended) {
      for (const key of ['\u0003', '\u0003', '\u0004']) {
        this.#session.write(key);
        if (await this.waitForPrompt(700)) break;
      }
    }
    if (options.asLearner !== true) this.#ownLines = Math.max(0, this.#ownLines - 1);
    return {
      exitCode: this.#exitCode,
      output: this.#marked ? trimPrompt(plainOutput(this.#answer)) : cleanEcho(this.#answer, line),
      timedOut: !back && !this.ended,
      ended: this.ended,
    };
  }

  /** Keys as they are: what the demo shows while it types. */
  write(keys: string | Uint8Array): void {
    if (typeof keys === 'string' ? keys.includes('\r') : keys.includes(13)) this.#atPrompt = false;
    this.#session.write(keys);
  }

  close(): void {
    this.#session.close();
  }

  /** The session as a view sees it. What was printed before it subscribes is handed over first. */
  view(): Session {
    const session = this.#session;
    return {
      id: session.id,
      onData: (listener) => {
        this.#viewers.push(listener);
        for (const bytes of this.#held.splice(0)) listener(bytes);
      },
      onExit: (listener) => {
        if (this.#status) listener(this.#status);
        this.#exits.push(listener);
      },
      write: (bytes) => this.write(bytes),
      resize: (cols, rows) => session.resize(cols, rows),
      pause: () => session.pause(),
      resume: () => session.resume(),
      close: () => session.close(),
    };
  }

  #receive(bytes: Uint8Array): void {
    if (!this.#muted) {
      if (this.#viewers.length === 0) this.#hold(bytes);
      for (const viewer of this.#viewers) viewer(bytes);
    }
    for (const part of this.#parser.feed(this.#decoder.decode(bytes, { stream: true }))) {
      if ('mark' in part) this.#mark(part.mark);
      else {
        if (this.#output !== null && this.#output.length < MAX_OUTPUT) this.#output += part.text;
        if (this.#collected.length < MAX_OUTPUT) this.#collected += part.text;
      }
    }
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes);
    while (this.#held.length > 256) this.#held.shift();
  }

  #mark(mark: ShellMark): void {
    switch (mark.kind) {
      case 'command':
        // The first command line comes from the start-up file's own hook, before any program could have printed one.
        this.#nonce ??= mark.nonce;
        if (mark.nonce === this.#nonce) this.#line = mark.line;
        return;
      case 'output-start':
        this.#collected = '';
        this.#marked = true;
        if (this.#line !== null) {
          this.#output = '';
          this.#startedAt = Date.now();
        }
        for (const listener of this.#activity) listener();
        return;
      case 'done':
        this.#exitCode = mark.exitCode;
        this.#answer = this.#collected;
        this.#finish(mark.exitCode);
        return;
      case 'prompt-start':
        return;
      case 'prompt-end':
        this.#atPrompt = true;
        this.#prompts += 1;
        for (const waiter of this.#waiters.splice(0)) {
          clearTimeout(waiter.timer);
          waiter.resolve(true);
        }
        for (const listener of this.#activity) listener();
    }
  }

  #finish(exitCode: number | null): void {
    if (this.#line === null || this.#output === null) return;
    const command: ShellCommand = {
      line: this.#line,
      exitCode,
      output: trimPrompt(plainOutput(this.#output)),
      startedAt: this.#startedAt,
      endedAt: Date.now(),
    };
    this.#line = null;
    this.#output = null;
    if (this.#ownLines > 0) return;
    for (const listener of this.#commands) listener(command);
  }
}

function trimPrompt(text: string): string {
  return text.replace(/^\n+|\s+$/g, '');
}

/** Output of a line in a shell that does not mark where output begins: the echo of the line itself is taken off. */
function cleanEcho(raw: string, line: string): string {
  const rows = plainOutput(raw).split('\n');
  if (rows[0]?.trimEnd().endsWith(line.trimEnd())) rows.shift();
  return rows.join('\n').replace(/\s+$/, '');
}
