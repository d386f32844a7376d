import { openSync } from 'node:fs';
import { F, O } from '../../kernel/constants.js';
import { SyscallError } from '../../kernel/errors.js';
import { check, type Kernel } from '../../kernel/kernel.js';

/** Descriptors that live for one start. All are close-on-exec and numbered above those that the container keeps. */
export class Descriptors {
  readonly kernel: Kernel;
  readonly #lowest: number;
  #open: number[] = [];

  constructor(kernel: Kernel, preserveFds: number) {
    this.kernel = kernel;
    this.#lowest = 3 + preserveFds;
  }

  /** Take over a descriptor; what is returned may have another number. */
  own(fd: number): number {
    if (fd >= this.#lowest) {
      this.#open.push(fd);
      return fd;
    }
    try {
      const high = check(this.kernel, 'fcntl', [fd, F.DUPFD_CLOEXEC, this.#lowest], { while: 'moving a descriptor' });
      this.#open.push(high);
      return high;
    } finally {
      this.kernel.call('close', fd);
    }
  }

  open(path: string, flags: number, mode = 0): number {
    try {
      return this.own(openSync(path, flags | O.CLOEXEC, mode));
    } catch (error) {
      const { errno } = error as NodeJS.ErrnoException;
      throw errno === undefined ? error : new SyscallError('openat', -errno, { path, cause: error });
    }
  }

  /** Both ends of a pipe: [reader, writer]. */
  pipe(): [number, number] {
    return this.#pair((ends) => check(this.kernel, 'pipe2', [ends, O.CLOEXEC], { while: 'making a pipe' }));
  }

  /** A connected pair of unix stream sockets. */
  socketPair(): [number, number] {
    return this.#pair((ends) =>
      check(this.kernel, 'socketpair', [1, 1 | O.CLOEXEC, 0, ends], { while: 'making a pair of sockets' }),
    );
  }

  close(fd: number): void {
    const at = this.#open.indexOf(fd);
    if (at < 0) return;
    this.#open.splice(at, 1);
    this.kernel.call('close', fd);
  }

  closeAll(): void {
    for (const fd of this.#open.splice(0)) this.kernel.call('close', fd);
  }

  #pair(make: (ends: Buffer) => void): [number, number] {
    const ends = Buffer.alloc(8);
    make(ends);
    return [this.own(ends.readInt32LE(0)), this.own(ends.readInt32LE(4))];
  }
}
