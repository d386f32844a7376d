import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions, request as requestHttps } from 'node:https';
import { EngineError } from '../../kernel/errors.js';
import { canceled, failureOf, RegistryError } from './errors.js';
import { guard } from './guards.js';
import { transportError } from './transport-errors.js';

/** What is trusted about a host: who signs for it, who we are to it, whether it may be anybody, also without TLS. */
export interface Trust {
  readonly insecure: boolean;
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

export interface Ask {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** For the host of `url` alone: it follows no redirect to another. */
  readonly authorization?: string | null;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
  /** Until the answer's head is there. */
  readonly timeoutMs?: number;
}

export interface Reply {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingMessage['headers'];
  /** Of WWW-Authenticate, each header by itself. */
  readonly challenges: readonly string[];
  /** Where it came from in the end. */
  readonly url: URL;
  readonly method: Ask['method'];
  readonly message: IncomingMessage;
}

const MOST_REDIRECTS = 10;
/** dockerd's dialer: 30 s to connect. */
const DIAL_MS = 30_000;
/** Nothing came or went for so long. */
const IDLE_MS = 60_000;
/** For the whole of a body that is read as a whole: one byte a minute is no answer. */
const BODY_MS = 120_000;
/** Bodies that are read as a whole: manifests, configurations, tokens, errors. distribution-spec asks for at least 4 MiB. */
export const MOST_BODY = 4 << 20;

/** HTTP as a client of registries speaks it: bounded in time, size and redirects; secrets stay with the host they are for. */
export class HttpClient {
  readonly #trust: (host: string) => Promise<Trust>;
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 8, timeout: IDLE_MS });
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: 8, timeout: IDLE_MS });

  /** @param trust what is trusted about `host:port` (without the port where it is the scheme's own) */
  constructor(trust: (host: string) => Promise<Trust>) {
    this.#trust = trust;
  }

  /** End the connections that are kept for a next request. */
  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /** Any status is an answer; its body must be read or discarded. */
  async ask(ask: Ask): Promise<Reply> {
    let now = ask;
    for (let redirects = 0; ; redirects++) {
      const message = await this.#once(now);
      const status = message.statusCode ?? 0;
      const next = redirectOf(now, status, message.headers.location);
      if (next === null) return replyOf(now, message);
      message.resume();
      if (redirects === MOST_REDIRECTS) throw transportError(now.method, next, new Error('stopped after 10 redirects'));
      now = await this.#redirected(now, next, status);
    }
  }

  async #redirected(ask: Ask, url: URL, status: number): Promise<Ask> {
    if (ask.url.protocol === 'https:' && url.protocol === 'http:' && guard('registry-tls')) {
      const { insecure } = await this.#trust(url.host);
      if (!insecure)
        throw transportError(
          ask.method,
          url,
          new Error('redirect from HTTPS to HTTP of a host that is not on the insecure list'),
        );
    }
    refuseLinkLocal(ask.method, url);
    const { authorization, body, ...rest } = ask;
    const keepsSecret = url.origin === ask.url.origin || !guard('registry-own-host');
    return {
      ...rest,
      url,
      method: status === 303 && ask.method !== 'HEAD' ? 'GET' : ask.method,
      ...(keepsSecret && authorization !== undefined ? { authorization } : {}),
      ...(status === 303 || body === undefined ? {} : { body }),
    };
  }

  async #once(ask: Ask): Promise<IncomingMessage> {
    if (ask.signal?.aborted === true) throw canceled(ask.signal.reason);
    const trust = await this.#trust(ask.url.host);
    const isHttps = ask.url.protocol === 'https:';
    const options: RequestOptions = {
      method: ask.method,
      agent: isHttps ? this.#https : this.#http,
      headers: {
        'user-agent': 'glassbox/0.1',
        // a blob's digest is that of the bytes on the wire
        'accept-encoding': 'identity',
        ...ask.headers,
        ...(typeof ask.authorization === 'string' ? { authorization: ask.authorization } : {}),
        ...(ask.body instanceof Uint8Array ? { 'content-length': String(ask.body.byteLength) } : {}),
        ...(ask.body === undefined && ['POST', 'PUT', 'PATCH'].includes(ask.method) ? { 'content-length': '0' } : {}),
      },
      ...(isHttps ? tlsOptions(trust) : {}),
    };
    return new Promise((resolve, reject) => {
      const request = (isHttps ? requestHttps : requestHttp)(ask.url, options);
      const fail = (error: unknown): void => {
        clearTimeout(dialing);
        clearTimeout(waiting);
        ask.signal?.removeEventListener('abort', abort);
        reject(
          ask.signal?.aborted === true
            ? canceled(error)
            : error instanceof EngineError
              ? error
              : transportError(ask.method, ask.url, error),
        );
        request.destroy();
      };
      const abort = (): void => {
        request.destroy(new Error('aborted by its caller'));
      };
      const dialing = setTimeout(() => request.destroy(coded('GLASSBOX_DIAL_TIMEOUT')), DIAL_MS);
      const waiting =
        ask.timeoutMs === undefined
          ? undefined
          : setTimeout(() => request.destroy(coded('GLASSBOX_IDLE')), ask.timeoutMs);
      request.once('socket', (socket) => {
        const ready = (): void => clearTimeout(dialing);
        if (!socket.connecting) ready();
        else socket.once(isHttps ? 'secureConnect' : 'connect', ready);
      });
      request.setTimeout(IDLE_MS, () => request.destroy(coded('GLASSBOX_IDLE')));
      ask.signal?.addEventListener('abort', abort, { once: true });
      request.once('error', fail);
      request.once('response', (message) => {
        clearTimeout(dialing);
        clearTimeout(waiting);
        // the listener stays until the body has ended: it is aborted too
        message.once('close', () => ask.signal?.removeEventListener('abort', abort));
        resolve(message);
      });
      if (ask.body === undefined || ask.body instanceof Uint8Array) request.end(ask.body);
      else sendAll(request, ask.body).catch(fail);
    });
  }
}

async function sendAll(request: ReturnType<typeof requestHttp>, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    if (request.destroyed) return;
    if (request.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        request.off('drain', go);
        request.off('close', go);
        resolve();
      };
      request.once('drain', go);
      request.once('close', go);
    });
  }
  request.end();
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function tlsOptions(trust: Trust): RequestOptions {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: !trust.insecure && guard('registry-tls'),
    ...(trust.ca === undefined ? {} : { ca: [...trust.ca] }),
    ...(trust.cert === undefined ? {} : { cert: trust.cert }),
    ...(trust.key === undefined ? {} : { key: trust.key }),
  };
}

/** Where to go next, or null: the answer stands. A body that is a stream is gone and cannot be sent again. */
function redirectOf(ask: Ask, status: number, location: string | undefined): URL | null {
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return null;
  const isRead = ask.method === 'GET' || ask.method === 'HEAD';
  const isRepeatable = ask.body === undefined || ask.body instanceof Uint8Array;
  if (!isRead && !(isRepeatable && (status === 307 || status === 308))) return null;
  return resolveUrl(ask.url, location, ask.method);
}

/** A URL that a server named, as an absolute one of http or https, without a name and password in it. */
export function resolveUrl(base: URL, location: string, method: string): URL {
  let url: URL;
  try {
    url = new URL(location.slice(0, 8192), base);
  } catch (error) {
    throw transportError(
      method,
      base,
      new Error(`failed to parse Location header ${JSON.stringify(location.slice(0, 200))}`, { cause: error }),
    );
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw transportError(
      method,
      base,
      new Error(`unsupported protocol scheme ${JSON.stringify(url.protocol.slice(0, -1))}`),
    );
  url.username = '';
  url.password = '';
  return url;
}

/** Services of the machine's own cloud are nobody's registry: CVE-2020-15157 was used to read them. */
export function refuseLinkLocal(method: string, url: URL): void {
  if (/^(169\.254\.|\[fe[89ab][0-9a-f]:|\[::ffff:a9fe:)/i.test(url.hostname) && guard('registry-realm'))
    throw transportError(method, url, new Error('a link-local address is no registry and no token server'));
}

function replyOf(ask: Ask, message: IncomingMessage): Reply {
  const challenges: string[] = [];
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2)
    if (message.rawHeaders[at]?.toLowerCase() === 'www-authenticate') challenges.push(message.rawHeaders[at + 1] ?? '');
  return {
    status: message.statusCode ?? 0,
    statusText: message.statusMessage ?? '',
    headers: message.headers,
    challenges,
    url: ask.url,
    method: ask.method,
    message,
  };
}

/** The bytes of an answer as they come. Ending before its Content-Length is an error. */
export async function* chunksOf(reply: Reply, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of reply.message) yield chunk as Uint8Array;
  } catch (error) {
    if (signal?.aborted === true) throw canceled(error);
    if (error instanceof EngineError) throw error;
    throw new RegistryError('transport', 'unexpected EOF', { cause: error });
  }
  if (!reply.message.complete) throw new RegistryError('transport', 'unexpected EOF');
}

/** The whole of an answer that must be small. */
export async function bodyOf(reply: Reply, signal?: AbortSignal, most = MOST_BODY): Promise<Buffer> {
  const declared = Number(reply.headers['content-length'] ?? 0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const isTooLarge = (): boolean => size > most || declared > most;
  const late = setTimeout(() => reply.message.destroy(coded('GLASSBOX_IDLE')), BODY_MS);
  try {
    if (!isTooLarge())
      for await (const chunk of chunksOf(reply, signal)) {
        size += chunk.byteLength;
        if (isTooLarge()) break;
        chunks.push(chunk);
      }
  } finally {
    clearTimeout(late);
  }
  if (isTooLarge()) {
    reply.message.destroy();
    throw new RegistryError(
      'content',
      `${reply.method} ${JSON.stringify(reply.url.href)}: the answer is larger than ${most} bytes`,
      {
        code: 'ResourceExhausted',
      },
    );
  }
  return Buffer.concat(chunks);
}

/** Throw what an answer says went wrong. */
export async function fail(reply: Reply, signal?: AbortSignal): Promise<never> {
  const body = await bodyOf(reply, signal, 64 << 10);
  throw failureOf(reply.status, reply.statusText, body.toString('utf8'));
}

/** Let the connection be used again, or end it where the rest is too much to read for that. */
export function discard(reply: Reply): void {
  // a body that nobody wants may end as it likes
  reply.message.on('error', () => undefined);
  const declared = Number(reply.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (reply.method === 'HEAD' || reply.status === 204 || declared <= 64 << 10) reply.message.resume();
  else reply.message.destroy();
}
