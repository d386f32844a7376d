import type { Duplex } from 'node:stream';
import type { Attached, OutputChunk } from '../../../container/types.js';
import { EngineError } from '../../../kernel/errors.js';
import { ClientGone } from './errors.js';
import { frameHeader } from './frames.js';
import { write } from './send.js';
import type { HalfClosed } from './vanished.js';

export interface ClientEvents {
  /** Resolves when more may come. */
  data(bytes: Buffer): Promise<void>;
  /** Nothing more will come; output is still read. */
  end(): void;
  /** The client is not there any more. */
  gone(): void;
}

/** Whoever is at the other end of a connection that was taken over. */
export interface Client {
  listen(events: ClientEvents): void;
  send(chunk: OutputChunk): Promise<void>;
  /** All was said. */
  end(): void;
}

/** Time for a client to close its half after we have closed ours. */
const LINGER_MS = 2_000;

/** Raw bytes, or frames of two streams, on the socket itself. */
export class RawClient implements Client {
  readonly #socket: Duplex;
  readonly #early: Buffer;
  readonly #framed: boolean;
  readonly #halfClosed: HalfClosed;

  constructor(socket: Duplex, early: Buffer, framed: boolean, halfClosed: HalfClosed) {
    this.#socket = socket;
    this.#early = early;
    this.#framed = framed;
    this.#halfClosed = halfClosed;
  }

  listen(events: ClientEvents): void {
    deliver(this.#socket, this.#early, events.data, () => {
      events.end();
      this.#halfClosed.watch(this.#socket, events.gone);
    });
    if (this.#socket.destroyed) events.gone();
    else this.#socket.once('close', () => events.gone());
  }

  send(chunk: OutputChunk): Promise<void> {
    return this.#framed ? write(this.#socket, frameHeader(chunk), chunk.bytes) : write(this.#socket, chunk.bytes);
  }

  end(): void {
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    this.#socket.once('close', () => clearTimeout(timer));
  }
}

/** Hand bytes on, one piece at a time: the socket is read no faster than they are taken. */
export function deliver(socket: Duplex, early: Buffer, data: (bytes: Buffer) => Promise<void>, end: () => void): void {
  let last = Promise.resolve();
  let ended = false;
  const take = (bytes: Buffer): void => {
    socket.pause();
    last = last
      .then(() => data(bytes))
      .then(() => void socket.resume())
      .catch((error: unknown) => void socket.destroy(error instanceof ClientGone ? undefined : (error as Error)));
  };
  const finish = (): void => {
    if (ended) return;
    ended = true;
    void last.then(end);
  };
  socket.on('data', take);
  socket.once('end', finish);
  if (early.length > 0) take(early);
  else socket.resume();
  if (socket.readableEnded) finish();
}

/** Carry a process's streams to a client and back until the process's end, a detach, or the client's. */
export async function carry(client: Client, attached: Attached, takesInput: boolean): Promise<void> {
  let open = takesInput;
  client.listen({
    data: async (bytes) => {
      if (!open) return;
      try {
        await attached.write(bytes);
      } catch (error) {
        // The process takes no input any more, which is its right; what it writes is still to be read.
        if (!(error instanceof EngineError)) throw error;
        open = false;
      }
    },
    end: () => {
      if (open) attached.closeInput();
      open = false;
    },
    gone: () => attached.close(),
  });
  try {
    for await (const chunk of attached.output) await client.send(chunk);
  } catch (error) {
    if (!(error instanceof ClientGone)) throw error;
  } finally {
    attached.close();
    client.end();
  }
}
