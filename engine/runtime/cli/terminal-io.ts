import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReadStream } from 'node:tty';
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
import type { Console, Stdio } from '../types.js';
import { carryInput, Output } from './carry.js';
import type { ProcessIo } from './io.js';
import { nothing } from './nothing.js';
import { writeAll } from './world.js';

const ARRIVES_MS = 10_000;

/**
 * A process with a terminal of its own in front of a person: ours is made raw, so that every key reaches the other one,
 * and follows its size. Ours is given back at the end, whatever happens short of SIGKILL.
 */
export class TerminalIo implements ProcessIo {
  readonly stdio: Stdio = [0, 1, 2];
  readonly console: Console;
  readonly #kernel: Kernel;
  readonly #host: HostTerminal;
  readonly #directory: string;
  readonly #socket: DescriptorSocket;
  #master: ReadStream | null = null;
  #fd = -1;
  #output: Output | null = null;
  #stopInput = nothing;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#host = new HostTerminal(kernel);
    this.#directory = mkdtempSync(join(tmpdir(), 'glassbox-console-'));
    try {
      this.#socket = new DescriptorSocket(kernel, join(this.#directory, 'socket'));
    } catch (error) {
      this.#removeDirectory();
      throw error;
    }
    this.console = { kind: 'socket', path: join(this.#directory, 'socket') };
  }

  async connected(): Promise<void> {
    this.#fd = await this.#socket.receive(ARRIVES_MS);
    this.#removeDirectory();
    clearNewlineMapping(this.#kernel, this.#fd);
    this.resize();
    this.#master = new ReadStream(this.#fd);
    this.#output = new Output(this.#kernel, this.#fd, this.#master, (chunk) => writeAll(1, chunk));
  }

  begin(): void {
    const master = this.#master;
    if (master === null) return;
    this.#host.makeRaw();
    this.resize();
    this.#stopInput = carryInput(process.stdin, master, nothing);
  }

  get size(): { height: number; width: number } | undefined {
    const size = this.#host.size();
    return size === null ? undefined : { height: size.rows, width: size.cols };
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
    this.#host.restore();
    if (this.#directory !== '') this.#removeDirectory();
  }

  #removeDirectory(): void {
    this.#socket?.close();
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
