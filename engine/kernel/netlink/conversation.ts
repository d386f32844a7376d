import { ERRNO } from '../errno.js';
import { EngineError } from '../errors.js';
import type { Kernel } from '../kernel.js';
import {
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
  NLMSG_OVERRUN,
} from './constants.js';
import { type Acknowledgement, decodeAcknowledgement, decodeDone, NetlinkError } from './error.js';
import { prepareSocket, Receiver, send } from './socket.js';
import { decodeMessages, encodeMessage, type Message } from './wire.js';

/** The kernel answers within the send itself; this bounds what a kernel that does not costs. */
const ANSWER_MS = 2000;
/** A dump during which the tables changed is read again this often before it counts as failed. */
const DUMP_ATTEMPTS = 10;

/** Numbers of messages, shared by all sockets: an answer that comes late is never taken for another's. */
let sequence = Math.floor(Math.random() * 0x3fffffff);
export function nextSequence(): number {
  sequence = (sequence + 1) & 0x7fffffff;
  return sequence;
}

type Event = { readonly at: 'message'; readonly message: Message } | { readonly at: 'lost' };

/**
 * Requests and their answers over one socket that is used for nothing else meanwhile: no second object on the same fd,
 * no multicast groups. All methods are synchronous; they throw NetlinkError when the kernel refuses, SyscallError when
 * the socket fails, EngineError Unavailable when there is no consistent answer.
 */
export class Conversation {
  private readonly kernel: Kernel;
  private readonly fd: number;
  private readonly receiver: Receiver;

  constructor(kernel: Kernel, fd: number) {
    this.kernel = kernel;
    this.fd = fd;
    this.receiver = new Receiver(kernel, fd);
    prepareSocket(kernel, fd);
  }

  /** Send messages that ask for an acknowledgement, with these numbers; what the kernel said of each. */
  acknowledged(bytes: Uint8Array, numbers: readonly number[]): Acknowledgement[] {
    send(this.kernel, this.fd, bytes);
    const waiting = new Set(numbers);
    const answers = new Map<number, Acknowledgement>();
    for (const event of this.receive('netlink request')) {
      if (event.at === 'lost') throw new EngineError('Unavailable', 'read netlink answer: the kernel had to drop it');
      const { message } = event;
      if (message.type !== NLMSG_ERROR || !waiting.has(message.seq)) continue;
      const acknowledgement = decodeAcknowledgement(message.payload, message.flags);
      if (acknowledgement === null) throw new EngineError('DataLoss', 'read netlink answer: it is too short');
      answers.set(message.seq, acknowledgement);
      waiting.delete(message.seq);
      if (waiting.size === 0) break;
    }
    return numbers.map((number) => answers.get(number)!);
  }

  /** Messages as they come, until the caller stops asking; throws DeadlineExceeded when the kernel does not answer. */
  private *receive(what: string): Generator<Event, never> {
    const deadline = Date.now() + ANSWER_MS;
    for (;;) {
      const received = this.receiver.receive();
      if (typeof received !== 'string') {
        for (const message of decodeMessages(received).messages) yield { at: 'message', message };
        continue;
      }
      if (received === 'overrun') {
        yield { at: 'lost' };
        continue;
      }
      // Also when others flood the socket: they cannot hold the caller for longer than this.
      const left = deadline - Date.now();
      if (left <= 0) {
        throw new EngineError('DeadlineExceeded', `wait for the answer to ${what}: none in ${ANSWER_MS} ms`);
      }
      if (received === 'empty') this.receiver.wait(left);
    }
  }

  /**
   * A whole table. Read again when it changed meanwhile (NLM_F_DUMP_INTR) or when messages were lost.
   * `decode` answers null for a message that is passed over.
   */
  dump<T>(type: number, payload: Uint8Array, what: string, decode: (message: Message) => T | null): T[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const found = this.dumpOnce(type, payload, decode, what);
      if (found !== null) return found;
    }
    throw new EngineError(
      'Unavailable',
      `read the answer to ${what}: the table changed during each of ${DUMP_ATTEMPTS} attempts`,
    );
  }

  /** Null when the table changed while it was read. */
  private dumpOnce<T>(
    type: number,
    payload: Uint8Array,
    decode: (message: Message) => T | null,
    what: string,
  ): T[] | null {
    const number = nextSequence();
    send(this.kernel, this.fd, encodeMessage(type, NLM_F_REQUEST | NLM_F_DUMP, number, payload));
    const found: T[] = [];
    let consistent = true;
    for (const event of this.receive(what)) {
      if (event.at === 'lost') return this.drain();
      const { message } = event;
      if (message.seq !== number) continue;
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) consistent = false;
      if (message.type === NLMSG_NOOP) continue;
      if (message.type === NLMSG_OVERRUN) return this.drain();
      if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
        const end =
          message.type === NLMSG_DONE
            ? decodeDone(message.payload, message.flags)
            : decodeAcknowledgement(message.payload, message.flags);
        if (end === null) throw new EngineError('DataLoss', `read the answer to ${what}: its end is too short`);
        if (end.errno === ERRNO.EBUSY) return this.drain();
        if (end.errno !== 0) throw new NetlinkError(what, end);
        return consistent ? found : null;
      }
      const value = decode(message);
      if (value !== null) found.push(value);
    }
    return null;
  }

  /** One object. `answer` is the type of message that carries it. */
  get<T>(
    type: number,
    payload: Uint8Array,
    answer: number,
    what: string,
    decode: (payload: Uint8Array) => T | null,
  ): T {
    const number = nextSequence();
    send(this.kernel, this.fd, encodeMessage(type, NLM_F_REQUEST, number, payload));
    for (const event of this.receive(what)) {
      if (event.at === 'lost')
        throw new EngineError('Unavailable', `read the answer to ${what}: the kernel had to drop it`);
      const { message } = event;
      if (message.seq !== number) continue;
      if (message.type === NLMSG_ERROR) {
        const end = decodeAcknowledgement(message.payload, message.flags);
        throw end === null
          ? new EngineError('DataLoss', `read the answer to ${what}: it is too short`)
          : new NetlinkError(what, end);
      }
      if (message.type !== answer) continue;
      const value = decode(message.payload);
      if (value === null) throw new EngineError('DataLoss', `read the answer to ${what}: it is too short`);
      return value;
    }
    throw new EngineError('Internal', `read the answer to ${what}: there is none`);
  }

  /** Read away what a dump that was given up still brings: the kernel takes no other before (EBUSY). */
  private drain(): null {
    while (this.receiver.receive() !== 'empty');
    return null;
  }
}
