import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
} from 'node:http';
import type { Readable } from 'node:stream';
import { CliError } from '../errors.js';
import type { Host } from './host.js';

/** The newest API that this command speaks. */
export const API_VERSION = '1.50';
const OLDEST = '1.24';

/** How large an answer that is read whole may be: a list of ten thousand containers has a tenth of it. */
const LARGEST_BODY = 256 << 20;
const LARGEST_ERROR = 1 << 20;

/** The engine said no. */
export class EngineError extends CliError {
  override readonly name: string = 'EngineError';
  readonly status: number;
  /** What the engine said, without words of ours. */
  readonly said: string;

  constructor(status: number, said: string) {
    super(`Error response from daemon: ${said}`);
    this.status = status;
    this.said = said;
  }
}

/** There is no engine to talk to. */
export class ConnectionError extends CliError {
  override readonly name: string = 'ConnectionError';
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface RequestParts {
  readonly query?: Query;
  readonly body?: unknown;
  /** Sent as it is, chunked. */
  readonly stream?: Readable;
  readonly headers?: OutgoingHttpHeaders;
  readonly signal?: AbortSignal;
}

/** One engine, over HTTP. Connections are used again, as many as there are requests at once. */
export class Engine {
  readonly host: Host;
  readonly #headers: OutgoingHttpHeaders;
  #agent: Agent | undefined;
  #version: Promise<string> | undefined;

  constructor(
    host: Host,
    options: { readonly version?: string | undefined; readonly headers?: OutgoingHttpHeaders } = {},
  ) {
    this.host = host;
    this.#headers = options.headers ?? {};
    if (options.version !== undefined && options.version !== '')
      this.#version = Promise.resolve(options.version.replace(/^v/, ''));
  }

  /** The older of the engine's newest API and ours: asked once. */
  version(): Promise<string> {
    this.#version ??= this.#negotiate();
    return this.#version;
  }

  async #negotiate(): Promise<string> {
    const answer = await this.#send('HEAD', '/_ping', {});
    answer.resume();
    const theirs = String(answer.headers['api-version'] ?? '');
    if (!/^\d+\.\d+$/.test(theirs)) return OLDEST;
    return compareVersions(theirs, API_VERSION) < 0 ? theirs : API_VERSION;
  }

  /** Whether the API that is spoken has what came with this version. */
  async atLeast(version: string): Promise<boolean> {
    return compareVersions(await this.version(), version) >= 0;
  }

  /** Ask; an answer that says no is an EngineError. */
  async request(method: string, path: string, parts: RequestParts = {}): Promise<IncomingMessage> {
    const answer = await this.#send(method, `/v${await this.version()}${path}`, parts);
    const status = answer.statusCode ?? 0;
    if (status >= 400) throw await errorOf(answer, status);
    return answer;
  }

  async json<T>(method: string, path: string, parts: RequestParts = {}): Promise<T> {
    const text = (await this.bytes(method, path, parts)).toString('utf8');
    if (text.trim() === '') return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw new CliError(`the engine's answer to ${method} ${path} is not JSON`, 1, { cause: error });
    }
  }

  async bytes(method: string, path: string, parts: RequestParts = {}): Promise<Buffer> {
    return readBounded(await this.request(method, path, parts), LARGEST_BODY, path);
  }

  /** Ask and read the answer to its end without looking at it. */
  async run(method: string, path: string, parts: RequestParts = {}): Promise<void> {
    await this.bytes(method, path, parts);
  }

  /** How a request is made, for those who make it themselves. */
  async options(method: string, path: string, query: Query, headers: OutgoingHttpHeaders): Promise<RequestOptions> {
    return this.#options(method, `/v${await this.version()}${path}`, query, headers);
  }

  /** The request function for the host's protocol; TLS is loaded when it is used. */
  async open(options: RequestOptions): Promise<ClientRequest> {
    const { tls } = this.host;
    if (tls === null) return httpRequest(options);
    const { request } = await import('node:https');
    return request({
      ...options,
      rejectUnauthorized: tls.verify,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    });
  }

  #options(method: string, path: string, query: Query, headers: OutgoingHttpHeaders): RequestOptions {
    const { where } = this.host;
    return {
      method,
      path: path + queryText(query),
      headers: {
        host: 'socketPath' in where ? 'docker' : `${where.host}:${where.port}`,
        'user-agent': 'Docker-Client/glassbox (linux)',
        ...this.#headers,
        ...headers,
      },
      ...where,
    };
  }

  async #send(method: string, path: string, parts: RequestParts): Promise<IncomingMessage> {
    const body = parts.body === undefined ? null : Buffer.from(JSON.stringify(parts.body));
    const options = this.#options(method, path, parts.query ?? {}, {
      ...(body === null ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
      ...(body === null && parts.stream === undefined && method === 'POST' ? { 'content-length': 0 } : {}),
      ...parts.headers,
    });
    if (this.host.tls === null) {
      this.#agent ??= new Agent({ keepAlive: true });
      options.agent = this.#agent;
    }
    if (parts.signal !== undefined) options.signal = parts.signal;
    const request = await this.open(options);
    return new Promise((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', (error) => reject(this.connectionError(error, path)));
      if (parts.stream === undefined) request.end(body ?? undefined);
      else {
        parts.stream.on('error', (error) => request.destroy(error));
        parts.stream.pipe(request);
      }
    });
  }

  /** A failure of the connection in docker's words. */
  connectionError(error: unknown, path: string): Error {
    if (!(error instanceof Error)) return new Error(String(error));
    const code = 'code' in error ? String(error.code) : '';
    const { text, where } = this.host;
    if (error.name === 'AbortError') return error;
    if (code === 'EACCES' && 'socketPath' in where)
      return new ConnectionError(
        `permission denied while trying to connect to the Docker daemon socket at ${text}: Get "http://${encodeURIComponent(where.socketPath)}${path}": dial unix ${where.socketPath}: connect: permission denied`,
        1,
        { cause: error },
      );
    if (['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ECONNRESET'].includes(code) && !error.message.startsWith('read'))
      return new ConnectionError(`Cannot connect to the Docker daemon at ${text}. Is the docker daemon running?`, 1, {
        cause: error,
      });
    return new ConnectionError(`error during connect: ${error.message}`, 1, { cause: error });
  }
}

export function compareVersions(a: string, b: string): number {
  const [[aMajor = 0, aMinor = 0], [bMajor = 0, bMinor = 0]] = [a.split('.').map(Number), b.split('.').map(Number)];
  return aMajor - bMajor || aMinor - bMinor;
}

function queryText(query: Query): string {
  const parts = Object.entries(query).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const values = Array.isArray(value) ? (value as readonly string[]) : [value];
    return values.map(
      (one) =>
        `${encodeURIComponent(name)}=${encodeURIComponent(one === true ? '1' : one === false ? '0' : String(one))}`,
    );
  });
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

export async function readBounded(stream: AsyncIterable<Buffer>, most: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > most) throw new CliError(`the engine's answer to ${what} is larger than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export async function errorOf(answer: IncomingMessage, status: number): Promise<EngineError> {
  const text = (await readBounded(answer, LARGEST_ERROR, 'a request that failed')).toString('utf8').trim();
  return new EngineError(
    status,
    messageIn(text) ?? (text === '' ? `request returned ${status} ${answer.statusMessage ?? ''}`.trim() : text),
  );
}

function messageIn(text: string): string | null {
  if (!text.startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
      ? value.message.trim()
      : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
