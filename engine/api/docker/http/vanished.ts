import type { Duplex } from 'node:stream';
import { realKernel } from '../../../kernel/kernel.js';

/** poll(2). */
const POLLERR = 8;
const POLLHUP = 16;
const EVERY_MS = 2_000;

/**
 * Clients that have ended their half of a connection: `docker attach` without stdin does so at once and goes on reading, one that
 * was killed looks the same to Node. The kernel knows: a unix socket hangs up when its other end is closed, ppoll(2).
 */
export class HalfClosed {
  readonly #gone = new Map<Duplex, () => void>();
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | null = null;

  constructor(everyMs = EVERY_MS) {
    this.#everyMs = everyMs;
  }

  /** Call `gone` once when the other end is closed. */
  watch(socket: Duplex, gone: () => void): void {
    if (socket.destroyed) {
      gone();
      return;
    }
    this.#gone.set(socket, gone);
    socket.once('close', () => this.#forget(socket));
    this.#timer ??= setInterval(() => this.check(), this.#everyMs).unref();
  }

  check(): void {
    const watched = [...this.#gone.keys()].flatMap((socket) => {
      const fd = descriptorOf(socket);
      return fd === null ? [] : [{ socket, fd }];
    });
    if (watched.length === 0) return;
    const set = Buffer.alloc(8 * watched.length);
    for (const [index, { fd }] of watched.entries()) set.writeInt32LE(fd, index * 8);
    if (realKernel.call('ppoll', set, watched.length, Buffer.alloc(16), null, 0) <= 0) return;
    for (const [index, { socket }] of watched.entries()) {
      if ((set.readInt16LE(index * 8 + 6) & (POLLHUP | POLLERR)) === 0) continue;
      const gone = this.#gone.get(socket);
      this.#forget(socket);
      gone?.();
    }
  }

  #forget(socket: Duplex): void {
    this.#gone.delete(socket);
    if (this.#gone.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** The descriptor of a plain socket; null for one without, such as TLS. */
function descriptorOf(socket: Duplex): number | null {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  return typeof fd === 'number' && fd >= 0 ? fd : null;
}
