import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorBody } from '../../engine/api/types.js';

/** The engine said no, or is gone. `body` is what it answered. */
export class EngineFailure extends Error {
  readonly body: ErrorBody;

  constructor(body: ErrorBody) {
    super(body.message);
    this.name = 'EngineFailure';
    this.body = body;
  }
}

const PREFIX = '/glassbox/v1';

/** One engine behind one unix socket. */
export class EngineHttp {
  readonly socketPath: string;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, body);
    const text = await textOf(response);
    const value = JSON.parse(text) as T;
    if ((response.statusCode ?? 500) >= 400) throw new EngineFailure(value as ErrorBody);
    return value;
  }

  /** Read JSON lines until the other side ends or `stop` is called; `ended` is told which. */
  lines<T>(
    method: string,
    path: string,
    listener: (value: T) => void,
    body?: unknown,
    ended?: (error: Error | null) => void,
  ): () => void {
    let stopped = false;
    let response: IncomingMessage | undefined;
    this.#send(method, path, body).then(
      async (answer) => {
        response = answer;
        if (stopped) return answer.destroy();
        if ((answer.statusCode ?? 500) >= 400) {
          ended?.(new EngineFailure(JSON.parse(await textOf(answer)) as ErrorBody));
          return;
        }
        let rest = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) if (line !== '' && !stopped) listener(JSON.parse(line) as T);
        });
        answer.on('error', (error) => finish(error));
        answer.on('close', () => finish(null));
      },
      (error: unknown) => finish(error instanceof Error ? error : new Error(String(error))),
    );
    const finish = (error: Error | null): void => {
      if (stopped) return;
      stopped = true;
      ended?.(error);
    };
    return () => {
      stopped = true;
      response?.destroy();
    };
  }

  /** Ask for a terminal: the raw connection and its number. */
  upgrade(path: string): Promise<{ socket: Duplex; id: string }> {
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        socketPath: this.socketPath,
        path: PREFIX + path,
        headers: { connection: 'Upgrade', upgrade: 'terminal' },
      });
      request.on('error', reject);
      request.on('upgrade', (response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        resolve({ socket, id: String(response.headers['x-session']) });
      });
      request.on('response', (response) => {
        textOf(response).then((text) => reject(new EngineFailure(JSON.parse(text) as ErrorBody)), reject);
      });
      request.end();
    });
  }

  #send(method: string, path: string, body: unknown): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const request: ClientRequest = httpRequest(
        {
          socketPath: this.socketPath,
          method,
          path: PREFIX + path,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
        },
        resolve,
      );
      request.on('error', (error: NodeJS.ErrnoException) => {
        const gone =
          error.code === 'ENOENT' ||
          error.code === 'ECONNREFUSED' ||
          error.code === 'ECONNRESET' ||
          error.code === 'EPIPE';
        reject(
          gone ? new EngineFailure({ code: 'Unavailable', message: 'the engine is not running any more' }) : error,
        );
      });
      request.end(text);
    });
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
