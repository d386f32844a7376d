import { Socket } from 'node:net';
import { O } from '../../kernel/constants.js';
import { check, type Kernel } from '../../kernel/kernel.js';
import type { Stdio } from '../types.js';
import { carryInput, Output } from './carry.js';
import type { ProcessIo } from './io.js';
import { nothing } from './nothing.js';
import { isTerminal, writeAll } from './world.js';

/**
 * A process without a terminal in front of a person who has one: each of our descriptors that is a terminal is replaced by
 * a pipe, for the process could put characters into its input as if they had been typed (TIOCSTI, CVE-2017-5226). The
 * others are its own as they are: nothing is copied.
 */
export class PipedIo implements ProcessIo {
  readonly stdio: Stdio;
  readonly #kernel: Kernel;
  readonly #theirs: number[] = [];
  readonly #outputs: Output[] = [];
  #input: Socket | null = null;
  #stopInput = nothing;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.stdio = [this.#replace(0), this.#replace(1), this.#replace(2)];
  }

  async connected(): Promise<void> {
    for (const fd of this.#theirs.splice(0)) this.#kernel.call('close', fd);
  }

  begin(): void {
    const input = this.#input;
    if (input !== null) this.#stopInput = carryInput(process.stdin, input, () => input.end());
  }

  readonly resize = nothing;

  async finish(): Promise<void> {
    this.#stopInput();
    await Promise.all(this.#outputs.map((output) => output.drained()));
  }

  close(): void {
    for (const fd of this.#theirs.splice(0)) this.#kernel.call('close', fd);
    for (const output of this.#outputs) output.close();
    this.#stopInput();
    this.#input?.destroy();
  }

  #replace(fd: 0 | 1 | 2): number {
    if (!isTerminal(fd)) return fd;
    const ends = Buffer.alloc(8);
    check(this.#kernel, 'pipe2', [ends, O.CLOEXEC], { while: 'making a pipe' });
    const [reader, writer] = [ends.readInt32LE(0), ends.readInt32LE(4)];
    const theirs = fd === 0 ? reader : writer;
    this.#theirs.push(theirs);
    if (fd === 0) {
      this.#input = new Socket({ fd: writer, readable: false, writable: true });
    } else {
      const from = new Socket({ fd: reader, readable: true, writable: false });
      this.#outputs.push(new Output(this.#kernel, reader, from, (chunk) => writeAll(fd, chunk)));
    }
    return theirs;
  }
}
