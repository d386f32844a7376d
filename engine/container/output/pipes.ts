import { Socket } from 'node:net';
import { ReadStream } from 'node:tty';
import { O } from '../../kernel/constants.js';
import { check, type Kernel } from '../../kernel/kernel.js';

/** Both ends of a pipe: [reader, writer], close-on-exec. pipe2(2) */
export function makePipe(kernel: Kernel): [number, number] {
  const ends = Buffer.alloc(8);
  check(kernel, 'pipe2', [ends, O.CLOEXEC], { while: 'making a pipe' });
  return [ends.readInt32LE(0), ends.readInt32LE(4)];
}

/**
 * A stream that writes to a pipe or to a terminal's master without ever blocking us; it owns the descriptor. A master's is never
 * read here: tty.WriteStream would do, but it writes blocking.
 */
export function openWriter(fd: number, isTerminal: boolean): Socket {
  return isTerminal ? new ReadStream(fd) : new Socket({ fd, readable: false, writable: true });
}
