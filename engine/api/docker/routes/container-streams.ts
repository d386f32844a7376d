import type { Attached, AttachOptions, LogLine, LogOptions } from '../../../container/types.js';
import { bad } from '../bodies/fields.js';
import { carry, RawClient } from '../http/client.js';
import { failAsStream } from '../http/errors.js';
import { frameHeader, MULTIPLEXED_STREAM, RAW_STREAM } from '../http/frames.js';
import { write } from '../http/send.js';
import { handshake, WebSocketClient } from '../http/websocket.js';
import { type Endpoint, type Exchange, endpoint, type Input } from '../router.js';

interface Attach {
  readonly name: string;
  readonly options: AttachOptions;
}

function attaching({ name, query, version }: Input, isWebSocket: boolean): Attach {
  // Before 1.42 a web socket had all three streams, whatever was asked.
  const all = isWebSocket && !version.atLeast(42);
  const keys = query.text('detachKeys');
  return {
    name,
    options: {
      stdin: all || query.flag('stdin'),
      stdout: all || query.flag('stdout'),
      stderr: all || query.flag('stderr'),
      logs: query.flag('logs'),
      stream: query.flag('stream'),
      detachKeys: keys === '' ? null : keys,
    },
  };
}

export const CONTAINER_STREAMS: readonly Endpoint[] = [
  endpoint('ContainerAttach POST /containers/{id}/attach', 'none', (input) => attaching(input, false), attach),
  endpoint(
    'ContainerAttachWebsocket GET /containers/{id}/attach/ws',
    'none',
    (input) => attaching(input, true),
    attachWs,
  ),
  endpoint('ContainerLogs GET /containers/{id}/logs', 'none', logging, logs),
  endpoint(
    'ContainerStats GET /containers/{id}/stats',
    'none',
    ({ name, query, version }) => ({
      name,
      stream: query.flag('stream', true),
      oneShot: version.atLeast(41) && query.flag('one-shot'),
    }),
    stats,
  ),
];

/** The answer behind which a connection is raw bytes. */
export function upgraded({ request, version }: Exchange, framed: boolean): string {
  if (request.headers.upgrade === undefined) return `HTTP/1.1 200 OK\r\nContent-Type: ${RAW_STREAM}\r\n\r\n`;
  const type = framed && version.atLeast(42) ? MULTIPLEXED_STREAM : RAW_STREAM;
  return `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${type}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`;
}

async function attach({ name, options }: Attach, exchange: Exchange): Promise<void> {
  let attached: Attached;
  try {
    attached = await exchange.services.containers.attach(name, options);
  } catch (error) {
    failAsStream(exchange.response, error, RAW_STREAM);
    return;
  }
  const { socket, early } = exchange.takeOver();
  socket.write(upgraded(exchange, !attached.tty));
  await carry(new RawClient(socket, early, !attached.tty, exchange.halfClosed), attached, options.stdin);
}

async function attachWs({ name, options }: Attach, exchange: Exchange): Promise<void> {
  // who is not there is said also to who does not speak the protocol
  await exchange.services.containers.inspect(name);
  const answer = handshake(exchange.request);
  const attached = await exchange.services.containers.attach(name, options);
  const { socket, early } = exchange.takeOver();
  socket.write(answer);
  await carry(new WebSocketClient(socket, early, exchange.version.atLeast(28)), attached, options.stdin);
}

interface Logging {
  readonly name: string;
  readonly options: Omit<LogOptions, 'signal'>;
  readonly timestamps: boolean;
  /** Labels and variables that `--log-opt` names, before each line. */
  readonly details: boolean;
}

function logging({ name, query }: Input): Logging {
  const [stdout, stderr] = [query.flag('stdout'), query.flag('stderr')];
  if (!stdout && !stderr) bad('Bad parameters: you must choose at least one stream');
  const tail = query.text('tail');
  return {
    name,
    options: {
      stdout,
      stderr,
      follow: query.flag('follow'),
      since: query.nanoseconds('since') ?? 0n,
      until: query.nanoseconds('until') ?? 0n,
      // `all`, and whatever else is no number of lines
      tail: /^\d{1,15}$/.test(tail) ? Number(tail) : null,
    },
    timestamps: query.flag('timestamps'),
    details: query.flag('details'),
  };
}

async function logs({ name, options, timestamps, details }: Logging, exchange: Exchange): Promise<void> {
  const { services, response, signal, version } = exchange;
  const { tty, lines, attributes } = await services.containers.logs(name, { ...options, signal });
  response.writeHead(200, { 'Content-Type': !tty && version.atLeast(42) ? MULTIPLEXED_STREAM : RAW_STREAM });
  response.flushHeaders();
  for await (const line of lines) {
    const told = prefixed(line, (timestamps ? `${fixed(line.time)} ` : '') + (details ? `${attributes} ` : ''));
    await (tty ? write(response, told.bytes) : write(response, frameHeader(told), told.bytes));
  }
  response.end();
}

/** Nine digits after the point, always: moby, daemon/logger/jsonfilelog (RFC3339NanoFixed). */
const fixed = (time: string): string =>
  time.replace(/(?:\.(\d+))?Z$/, (_, digits: string | undefined) => `.${(digits ?? '').padEnd(9, '0')}Z`);

function prefixed(line: LogLine, text: string): LogLine {
  return text === '' ? line : { ...line, bytes: Buffer.concat([Buffer.from(text), line.bytes]) };
}

async function stats(
  { name, ...how }: { name: string; stream: boolean; oneShot: boolean },
  { services, response, signal }: Exchange,
): Promise<void> {
  for await (const sample of services.containers.stats(name, { ...how, signal })) {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/json' });
    await write(response, `${JSON.stringify(sample)}\n`);
  }
  if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end();
}
