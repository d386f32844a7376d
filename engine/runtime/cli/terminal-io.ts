import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kernel } from '../../kernel/kernel.js';
import {
  clearNewlineMapping,
  DescriptorSocket,
  rawModes,
  setTerminalModes,
  setTerminalSize,
  terminalModes,
  terminalSize,
} from '../../kernel/pty.js';
import { TerminalStream } from '../../kernel/terminal-stream.js';
import type { Console, Stdio } from '../types.js';
import { carryInput, Output } from './carry.js';
import type { ProcessIo } from './io.js';
import { nothing } from './nothing.js';
import { isTerminal, writeAll } from './world.js';

const ARRIVES_MS = 10_000;

/**
 * A process with a terminal of its own in front of a person: ours is made raw, so that every key reaches the other one,
 * and follows its size. Ours is given back at the end, whatever happens short of SIGKILL.
 */
export class TerminalIo implements ProcessIo {
  readonly stdio: Stdio = [0, 1, 2];
  readonly console: Console;
  readonly size?: { height: number; width: number };
  readonly #kernel: Kernel;
  readonly #host: HostTerminal;
  readonly #directory: string;
  #socket: DescriptorSocket | null = null;
  #master: TerminalStream | null = null;
  #fd = -1;
  #output: Output | null = null;
  #stopInput = nothing;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#host = new HostTerminal(kernel);
    const size = this.#host.size();
    if (size !== null) this.size = { height: size.rows, width: size.cols };
    this.#directory = mkdtempSync(join(tmpdir(), 'glassbox-console-'));
    try {
      this.#socket = new DescriptorSocket(kernel, join(this.#directory, 'socket'));
    } catch (error) {
      this.#stopListening();
      throw error;
    }
    this.console = { kind: 'socket', path: join(this.#directory, 'socket') };
  }

  async connected(): Promise<void> {
    this.#fd = (await this.#socket?.receive(ARRIVES_MS)) ?? -1;
    this.#stopListening();
    if (!isTerminal(1)) clearNewlineMapping(this.#kernel, this.#fd);
    this.resize();
  }

  begin(): void {
    // raw before anything is shown: the other terminal has made CR LF of a newline already
    this.#host.makeRaw();
    this.resize();
    const master = new TerminalStream(this.#kernel, this.#fd);
    this.#master = master;
    this.#output = new Output(this.#kernel, this.#fd, master, (chunk) => writeAll(1, chunk));
    this.#stopInput = carryInput(process.stdin, master, nothing);
  }

  resize(): void {
    const size = this.#host.size();
    if (size === null || this.#fd < 0 || this.#master?.destroyed === true) return;
    setTerminalSize(this.#kernel, this.#fd, size.cols, size.rows);
  }

  async finish(): Promise<void> {
    this.#stopInput();
    await this.#output?.drained();
  }

  close(): void {
    this.#stopInput();
    this.#output?.close();
    if (this.#master === null && this.#fd >= 0) this.#kernel.call('close', this.#fd);
    this.#fd = -1;
    this.#host.restore();
    this.#stopListening();
  }

  #stopListening(): void {
    this.#socket?.close();
    this.#socket = null;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/**
 * The person's terminal: where errors go, else where output goes, else the input, else the controlling terminal of the
 * process (all three may be redirected), as runc looks for it (initHostConsole of tty.go).
 */
class HostTerminal {
  readonly #kernel: Kernel;
  readonly #fd: number;
  readonly #modes: Buffer;
  readonly #opened: boolean;
  #raw = false;
  readonly #atExit = (): void => this.restore();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    const own = [2, 1, 0].find((fd) => terminalModes(kernel, fd) !== null);
    this.#opened = own === undefined;
    this.#fd = own ?? openSync('/dev/tty', 'r');
    this.#modes = terminalModes(kernel, this.#fd) ?? Buffer.alloc(0);
  }

  size(): { cols: number; rows: number } | null {
    return terminalSize(this.#kernel, this.#fd);
  }

  makeRaw(): void {
    if (this.#raw) return;
    setTerminalModes(this.#kernel, this.#fd, rawModes(this.#modes));
    this.#raw = true;
    process.once('exit', this.#atExit);
  }

  restore(): void {
    if (!this.#raw) return;
    this.#raw = false;
    process.removeListener('exit', this.#atExit);
    setTerminalModes(this.#kernel, this.#fd, this.#modes);
    if (this.#opened) closeSync(this.#fd);
  }
}
