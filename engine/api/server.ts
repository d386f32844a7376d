import { chmodSync, fstatSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { EngineError } from '../kernel/errors.js';
import { explainProgram } from '../kernel/program/explain.js';
import { DEFAULT_ENV, execInLab, type LabProcess, LabTerminal, startInLab } from '../labhost/exec.js';
import { takeForeground } from '../labhost/foreground.js';
import type { Labs, ManagedLab } from '../labhost/labs.js';
import { bearContainer } from './container-birth.js';
import { Conversation, type OpenSteps, type StepAnswer } from './conversation.js';
import {
  MAX_BODY,
  parseExec,
  parseLabOptions,
  parsePassthrough,
  parseSession,
  parseSignal,
  parseSize,
  parseStep,
} from './parse.js';
import { answerOf } from './status.js';
import type { LabInfo } from './types.js';

const PREFIX = '/glassbox/v1';
/** A reader that is this far behind is not waited for any longer. */
const MAX_BACKLOG = 32 << 20;

/** Connections and terminals that are open at once; more are refused. An application needs some ten. */
const MAX_CONNECTIONS = 512;
const MAX_TERMINALS = 128;
/** How long a terminal's exit can be asked for after its connection has ended. */
const EXIT_KEPT_MS = 60_000;

/** Terminals and passed-through processes, by number. */
interface Open {
  readonly terminals: Map<string, LabTerminal>;
  readonly processes: Map<string, LabProcess>;
  /** Starts that wait for an answer. */
  readonly steps: OpenSteps;
  next: number;
}

/**
 * Serve the lab's API on a unix socket of mode 0600. The first request of a stream's reader makes the stream; a reader
 * that goes away ends it.
 */
export function serve(labs: Labs, socketPath: string): Promise<Server> {
  const open: Open = { terminals: new Map(), processes: new Map(), steps: new Map(), next: 1 };
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 60_000, connectionsCheckingInterval: 2_000 },
    (request, response) => {
      route(labs, open, request, response).catch((error: unknown) => {
        const { status, body } = answerOf(error);
        if (response.headersSent) response.destroy();
        else json(response, status, body);
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('upgrade', (request, socket, head) => {
    try {
      upgrade(labs, open, request, socket, head);
    } catch (error) {
      const { status, body } = answerOf(error);
      const text = JSON.stringify(body);
      socket.end(
        `HTTP/1.1 ${status} Error\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
      );
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => {
      chmodSync(socketPath, 0o600);
      resolve(server);
    });
  });
}

async function route(labs: Labs, open: Open, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = urlOf(request);
  const parts = url.pathname.startsWith(`${PREFIX}/`) ? url.pathname.slice(PREFIX.length + 1).split('/') : [];
  const method = request.method ?? 'GET';
  const [kind, id, verb] = parts;
  const named = kind === 'labs' && id === 'step';
  const at = `${method} ${kind ?? ''}${id === undefined ? '' : named ? '/step' : '/:id'}${verb === undefined ? '' : `/${verb}`}`;
  switch (at) {
    case 'GET labs':
      return json(
        response,
        200,
        labs.list().map(({ info }) => info),
      );
    case 'POST labs':
      return json(response, 201, (await labs.create(parseLabOptions(await body(request)))).info satisfies LabInfo);
    case 'POST labs/step':
      return step(labs, open, await body(request), response);
    case 'POST steps/:id':
      found(open.steps, id)(parseStep(await body(request)));
      return json(response, 200, {});
    case 'DELETE labs/:id':
      await labs.remove(id as string);
      return json(response, 200, {});
    case 'POST labs/:id/exec': {
      const lab = labs.get(id as string);
      const asked = parseExec(await body(request));
      const result = await execInLab(lab.host, labs.reactor, asked);
      lab.poke();
      return json(response, 200, result);
    }
    case 'POST labs/:id/run':
      return passThrough(labs, open, labs.get(id as string), await body(request), response);
    case 'POST labs/:id/birth': {
      const lab = labs.get(id as string);
      const talk = new Conversation(open.steps, String(open.next++), response);
      return concluded(talk, async () => ({ born: await bearContainer(labs, lab, talk) }));
    }
    case 'GET labs/:id/snapshot':
      return json(response, 200, await (await labs.get(id as string).observer()).snapshot());
    case 'GET labs/:id/changes': {
      const observer = await labs.get(id as string).observer();
      return stream(response, (send) => observer.watch(send));
    }
    case 'GET labs/:id/ledger': {
      const { ledger } = labs.get(id as string);
      if (url.searchParams.get('follow') !== null) return stream(response, (send) => ledger.watch(send));
      return json(response, 200, ledger.since(Number(url.searchParams.get('since') ?? 0)));
    }
    case 'GET labs/:id/explain':
      return json(response, 200, labs.get(id as string).programs);
    case 'GET labs/:id/gone': {
      const lab = labs.get(id as string);
      return stream(response, (send) => {
        void lab.gone.then((reason) => send(reason));
        return () => undefined;
      });
    }
    case 'POST sessions/:id/size': {
      const { cols, rows } = parseSize(await body(request));
      found(open.terminals, id).resize(cols, rows);
      return json(response, 200, {});
    }
    case 'GET sessions/:id/exit': {
      const { exitCode, signal } = await found(open.terminals, id).process.ended;
      open.terminals.delete(id as string);
      return json(response, 200, { exitCode, signal: signal === 0 ? null : String(signal) });
    }
    case 'POST processes/:id/signal':
      found(open.processes, id).kill(parseSignal(await body(request)));
      return json(response, 200, {});
    default:
      throw new EngineError('NotFound', `no such resource: ${method} ${url.pathname.slice(0, 200)}`);
  }
}

function urlOf(request: IncomingMessage): URL {
  try {
    return new URL(`http://engine${request.url ?? '/'}`);
  } catch (error) {
    throw new EngineError('InvalidArgument', 'the request has no path that can be read', { cause: error });
  }
}

function found<T>(map: ReadonlyMap<string, T>, id: string | undefined): T {
  const value = id === undefined ? undefined : map.get(id);
  if (value === undefined) throw new EngineError('NotFound', `no such process: ${id ?? ''}`);
  return value;
}

/** Make a lab record by record: a line for each that is held, answered by POST steps/:id; the last line is the lab. */
async function step(labs: Labs, open: Open, text: string, response: ServerResponse): Promise<void> {
  const options = parseLabOptions(text);
  const talk = new Conversation(open.steps, String(open.next++), response);
  let answer: StepAnswer = 'next';
  let previous = -1;
  await concluded(talk, async () => {
    const lab = await labs.create(options, async (index, running) => {
      if (answer === 'next') {
        const { records } = explainProgram(running, false);
        answer = await talk.ask({
          held: { record: records[index], total: records.length, previous: records[previous] ?? null },
        });
      }
      previous = index;
      if (answer === 'stop') throw new EngineError('Aborted', 'the start was stopped; everything is undone');
    });
    return { lab: lab.info };
  });
}

/** The last line of a conversation: what came of it, or the error. */
async function concluded(talk: Conversation, work: () => Promise<unknown>): Promise<void> {
  try {
    talk.say(await work());
  } catch (error) {
    talk.say({ error: answerOf(error).body });
  } finally {
    talk.end();
  }
}

/** Run a command on the engine's own standard streams: two lines are answered, its number at once and its end later. */
async function passThrough(
  labs: Labs,
  open: Open,
  lab: ManagedLab,
  text: string,
  response: ServerResponse,
): Promise<void> {
  const asked = parsePassthrough(text);
  // From a directory of the machine a path leads everywhere: a descriptor of one is not given away (CVE-2024-21626).
  for (const fd of [0, 1, 2]) {
    if (fstatSync(fd).isDirectory())
      throw new EngineError('InvalidArgument', `descriptor ${fd} is a directory of the machine`);
  }
  const [first, ...rest] = asked.argv;
  const child = startInLab(lab.host, labs.reactor, {
    argv: [first as string, ...rest],
    env: Object.entries({ ...DEFAULT_ENV, ...asked.env }).map(([name, value]) => `${name}=${value}`),
    cwd: asked.cwd ?? '/root',
    stdio: [0, 1, 2],
    session: asked.foreground ? 'group' : 'new',
    tty: asked.foreground,
    netFd: null,
  });
  const id = String(open.next++);
  open.processes.set(id, child);
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.write(`${JSON.stringify({ id })}\n`);
  const { exitCode, signal, failure } = await child.ended;
  open.processes.delete(id);
  if (asked.foreground) takeForeground();
  response.end(`${JSON.stringify({ exitCode, signal, failure: failure === null ? null : failure.toBody() })}\n`);
}

/** Hand the connection over to a terminal: bytes in, bytes out, closed when the process has ended and all was sent. */
function upgrade(labs: Labs, open: Open, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const url = urlOf(request);
  const id = /^\/glassbox\/v1\/labs\/([^/]+)\/session$/.exec(url.pathname)?.[1];
  if (id === undefined) throw new EngineError('NotFound', `no such resource: ${url.pathname.slice(0, 200)}`);
  const lab = labs.get(id);
  if (open.terminals.size >= MAX_TERMINALS) {
    throw new EngineError('ResourceExhausted', `${MAX_TERMINALS} terminals are open already; close some of them`);
  }
  const terminal = LabTerminal.open(lab.host, labs.reactor, parseSession(url.searchParams));
  const number = String(open.next++);
  open.terminals.set(number, terminal);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: terminal\r\nX-Session: ${number}\r\n\r\n`,
  );
  if (head.length > 0) terminal.stream.write(head);
  socket.on('data', (bytes: Buffer) => {
    if (!terminal.stream.destroyed && !terminal.stream.write(bytes)) {
      socket.pause();
      terminal.stream.once('drain', () => socket.resume());
    }
  });
  terminal.stream.on('data', (bytes: Buffer) => {
    lab.poke();
    if (!socket.write(bytes)) {
      terminal.stream.pause();
      socket.once('drain', () => terminal.stream.resume());
    }
  });
  // EIO: the last process on the terminal is gone, which is how a pty says end of file
  terminal.stream.on('error', () => socket.end());
  terminal.stream.on('end', () => socket.end());
  socket.on('error', () => socket.destroy());
  // The server lets connections be half closed: whoever has stopped typing for good has hung up.
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    terminal.stream.destroy(); // closing the master hangs up: SIGHUP to the session
    setTimeout(() => terminal.process.kill(9), 500).unref();
    setTimeout(() => open.terminals.delete(number), EXIT_KEPT_MS).unref();
  });
  void terminal.process.ended.then(() => setTimeout(() => socket.end(), 50));
}

function stream(response: ServerResponse, subscribe: (send: (value: unknown) => void) => () => void): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  const stop = subscribe((value) => {
    if (response.writableLength > MAX_BACKLOG) response.destroy();
    else response.write(`${JSON.stringify(value)}\n`);
  });
  response.on('close', stop);
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY)
      throw new EngineError('InvalidArgument', `the request body is larger than ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
