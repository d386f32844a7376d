import type { Hijacked } from '../client/hijack.js';
import { Demultiplexer } from '../client/streams.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { write } from '../io.js';
import { DetachScanner, parseDetachKeys } from '../terminal/detach-keys.js';
import { enterRawMode } from '../terminal/raw.js';

export interface StreamOptions {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys: string;
}

/** -t with -i needs a terminal to read from. */
export function checkTty(context: Context, stdin: boolean, tty: boolean): void {
  if (stdin && tty && !context.stdin.isTTY) throw new CliError('the input device is not a TTY');
}

/**
 * Connect the three streams with a container until its output ends, or until the keys that detach are typed. The terminal is
 * raw in the meantime when both sides have one.
 */
export async function connect(
  context: Context,
  { socket }: Hijacked,
  options: StreamOptions,
): Promise<'ended' | 'detached'> {
  const keys = parseDetachKeys(options.detachKeys);
  const leaveRaw = options.stdin && options.tty ? enterRawMode(context.stdin) : (): void => undefined;
  let stopInput = (): void => undefined;
  try {
    const detached = new Promise<'detached'>((resolve) => {
      if (options.stdin)
        stopInput = sendInput(context, socket, options.tty ? new DetachScanner(keys) : null, () => resolve('detached'));
      else if (!options.tty) socket.end();
    });
    const ended = receive(context, socket, options);
    return await Promise.race([detached, ended]);
  } finally {
    stopInput();
    leaveRaw();
    socket.destroy();
  }
}

function sendInput(
  context: Context,
  socket: Hijacked['socket'],
  scanner: DetachScanner | null,
  onDetach: () => void,
): () => void {
  const { stdin } = context;
  const onData = (bytes: Buffer): void => {
    const { pass, isDetached } = scanner === null ? { pass: bytes, isDetached: false } : scanner.scan(bytes);
    if (pass.length > 0 && socket.writable && !socket.write(pass)) {
      stdin.pause();
      socket.once('drain', () => stdin.resume());
    }
    if (isDetached) onDetach();
  };
  const onEnd = (): void => void socket.end();
  // the container may end while something is typed
  socket.on('error', () => stdin.pause());
  stdin.on('data', onData);
  stdin.on('end', onEnd);
  if (stdin.readableEnded) onEnd();
  return () => {
    stdin.off('data', onData);
    stdin.off('end', onEnd);
    stdin.pause();
  };
}

async function receive(context: Context, socket: Hijacked['socket'], options: StreamOptions): Promise<'ended'> {
  const out = (bytes: Buffer): Promise<void> => write(context.stdout, bytes);
  const demultiplexer = new Demultiplexer(
    options.stdout ? out : () => Promise.resolve(),
    options.stderr ? (bytes) => write(context.stderr, bytes) : () => Promise.resolve(),
  );
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      if (!options.tty) await demultiplexer.write(chunk);
      else if (options.stdout || options.stderr) await out(chunk);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code !== 'ECONNRESET' && code !== 'EPIPE' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
  return 'ended';
}
