import koffi from 'koffi';
import { ERRNO } from './errno.js';
import { EngineError, SyscallError } from './errors.js';
import { check, type Kernel, realKernel } from './kernel.js';

export const EPOLL = {
  IN: 1,
  PRI: 2,
  OUT: 4,
  ERR: 8,
  HUP: 0x10,
  RDHUP: 0x2000,
  ONESHOT: 1 << 30,
  ET: 1 << 31,
} as const;
const CTL_ADD = 1;
const CTL_DEL = 2;
const CTL_MOD = 3;
const MAX_EVENTS = 64;
/** struct epoll_event is packed on x86-64 alone: events u32, data u64. */
const EVENT_SIZE = process.arch === 'x64' ? 12 : 16;
const DATA_AT = process.arch === 'x64' ? 4 : 8;

/**
 * Waits for descriptors that libuv does not know how to wait for: pidfds, netlink sockets, inotify, cgroup event files,
 * PSI triggers, mountinfo. One `epoll_pwait` is always under way on a pool thread; its events arrive on the main thread.
 * Each watch fires once and is armed again after its listener returned, so that a listener which reads everything is
 * called once per burst. epoll(7).
 */
export class Reactor {
  #kernel: Kernel;
  #epoll: number;
  #wake: number;
  #listeners = new Map<number, { fd: number; events: number; listener: (events: number) => void }>();
  #next = 1;
  #closed = false;
  #wait: (...args: unknown[]) => void;
  #buffer = Buffer.alloc(EVENT_SIZE * MAX_EVENTS);

  constructor(kernel: Kernel = realKernel) {
    this.#kernel = kernel;
    this.#epoll = check(kernel, 'epoll_create1', [0o2000000], { while: 'making the reactor' });
    this.#wake = check(kernel, 'eventfd2', [0, 0o2000000 | 0o4000], { while: 'making the reactor' });
    const epollWait = koffi.load(null).func('int epoll_wait(int fd, void *events, int maximum, int timeout)');
    this.#wait = epollWait.async as (...args: unknown[]) => void;
    this.#control(CTL_ADD, this.#wake, EPOLL.IN, 0);
    this.#turn();
  }

  /** Call `listener` whenever `fd` has one of `events` (default: readable). Returns the function that ends the watch. */
  watch(fd: number, listener: (events: number) => void, events: number = EPOLL.IN): () => void {
    if (this.#closed) throw new EngineError('FailedPrecondition', 'the reactor is closed');
    const token = this.#next++;
    this.#control(CTL_ADD, fd, events | EPOLL.ONESHOT, token);
    this.#listeners.set(token, { fd, events, listener });
    return () => {
      if (!this.#listeners.delete(token) || this.#closed) return;
      this.#kernel.call('epoll_ctl', this.#epoll, CTL_DEL, fd, this.#event(0, 0));
    };
  }

  /** Resolves when the process behind a pidfd has ended. Does not reap it. */
  ended(pidfd: number): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.watch(pidfd, () => {
        stop();
        resolve();
      });
    });
  }

  /** End every watch and the thread. The descriptors that were watched stay open. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listeners.clear();
    const one = Buffer.alloc(8);
    one.writeBigUInt64LE(1n);
    check(this.#kernel, 'write', [this.#wake, one, 8]);
  }

  #turn(): void {
    this.#wait(this.#epoll, this.#buffer, MAX_EVENTS, -1, (error: Error | null, count: number) => {
      const errno = koffi.errno();
      if (this.#closed) {
        this.#kernel.call('close', this.#epoll);
        this.#kernel.call('close', this.#wake);
        return;
      }
      if (error !== null) throw error;
      if (count < 0 && errno !== ERRNO.EINTR) throw new SyscallError('epoll_wait', errno);
      const ready: { token: number; events: number }[] = [];
      for (let i = 0; i < count; i++) {
        const at = i * EVENT_SIZE;
        ready.push({
          events: this.#buffer.readUInt32LE(at),
          token: Number(this.#buffer.readBigUInt64LE(at + DATA_AT)),
        });
      }
      try {
        for (const { token, events } of ready) this.#fire(token, events);
      } finally {
        this.#turn();
      }
    });
  }

  #fire(token: number, events: number): void {
    const entry = this.#listeners.get(token);
    if (entry === undefined) return;
    try {
      entry.listener(events);
    } finally {
      if (this.#listeners.has(token) && !this.#closed)
        this.#control(CTL_MOD, entry.fd, entry.events | EPOLL.ONESHOT, token);
    }
  }

  #control(operation: number, fd: number, events: number, token: number): void {
    check(this.#kernel, 'epoll_ctl', [this.#epoll, operation, fd, this.#event(events, token)], {
      while: `watching descriptor ${fd}`,
    });
  }

  #event(events: number, token: number): Buffer {
    const event = Buffer.alloc(EVENT_SIZE);
    event.writeUInt32LE(events >>> 0, 0);
    event.writeBigUInt64LE(BigInt(token), DATA_AT);
    return event;
  }
}
