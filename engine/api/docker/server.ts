import { createServer as createHttp, type Server as HttpServer, type IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { Query } from './bodies/query.js';
import { carryOut } from './explain/begin.js';
import { readHandedOver, readJson } from './http/body.js';
import { ClientGone, fail } from './http/errors.js';
import { type Listener, listen, warningOf } from './http/listen.js';
import { Quiet } from './http/quiet.js';
import { DockerRequest } from './http/request.js';
import { guardTcp } from './http/tcp-guard.js';
import { HalfClosed } from './http/vanished.js';
import { type Exchange, find, splitTarget } from './router.js';
import { ENDPOINTS } from './routes/index.js';
import { EngineInfo } from './routes/info.js';
import type { DockerServices } from './services.js';
import { API_VERSION, ApiVersion } from './version.js';

export type { Listener, TlsFiles } from './http/listen.js';
export type { DockerServices, NetworkMembership, ParsedRequest } from './services.js';

/** Connections at once on one listener. A hundred `docker run`s hold some three hundred. */
const MAX_CONNECTIONS = 4096;
/** Bytes of a request's head: X-Registry-Auth may carry tokens of some kilobytes. */
const MAX_HEAD = 64 << 10;
const HEAD_TIME_MS = 10_000;
const IDLE_MS = 60_000;
const QUIET_MS = 5_000;
/** Made once: an error collects a stack, and every connection that was taken over ends like this. */
const GONE = new ClientGone();

export interface ServerBounds {
  readonly headTimeMs?: number;
  readonly bodyTimeMs?: number;
  readonly maxConnections?: number;
  /** How often half-closed connections are looked at. */
  readonly halfClosedMs?: number;
  /** Called when no request has begun or ended for five seconds, or for `quietMs`. */
  readonly onQuiet?: () => void;
  readonly quietMs?: number;
}

export interface DockerServer {
  /** In the order of the listeners: `unix:///run/docker.sock`, `tcp://127.0.0.1:2375`. */
  readonly addresses: readonly string[];
  /** Listeners that give the machine away; also in `docker info`. */
  readonly warnings: readonly string[];
  /** Stop listening, cut every connection. */
  close(): Promise<void>;
}

/** Serve the Docker Engine API on every listener, or on none of them. */
export async function serveDocker(
  services: DockerServices,
  listeners: readonly Listener[],
  bounds: ServerBounds = {},
): Promise<DockerServer> {
  const info = new EngineInfo(services);
  const api = new Api(services, info, bounds);
  const addresses: string[] = [];
  const warnings: string[] = [];
  try {
    for (const listener of listeners) {
      const address = await api.open(listener);
      addresses.push(address);
      const warning = warningOf(listener, address);
      if (warning !== null) warnings.push(warning);
    }
  } catch (error) {
    await api.close();
    throw error;
  }
  info.warnings = warnings;
  return { addresses, warnings, close: () => api.close() };
}

class Api {
  readonly #services: DockerServices;
  readonly #info: EngineInfo;
  readonly #bounds: ServerBounds;
  readonly #servers: (HttpServer | HttpsServer)[] = [];
  readonly #sockets = new Set<Duplex>();
  readonly #halfClosed: HalfClosed;
  readonly #quiet: Quiet | null;
  /** Requests under way. */
  readonly #under = new Set<AbortController>();

  constructor(services: DockerServices, info: EngineInfo, bounds: ServerBounds) {
    this.#services = services;
    this.#info = info;
    this.#bounds = bounds;
    this.#halfClosed = new HalfClosed(bounds.halfClosedMs);
    this.#quiet = bounds.onQuiet === undefined ? null : new Quiet(bounds.quietMs ?? QUIET_MS, bounds.onQuiet);
  }

  async open(listener: Listener): Promise<string> {
    const options = {
      IncomingMessage: DockerRequest,
      maxHeaderSize: MAX_HEAD,
      headersTimeout: this.#bounds.headTimeMs ?? HEAD_TIME_MS,
      // A body may be an image that comes through a slow pipe; JSON bodies have a time of their own.
      requestTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      connectionsCheckingInterval: Math.min(5_000, this.#bounds.headTimeMs ?? HEAD_TIME_MS),
    };
    const tls = 'port' in listener ? listener.tls : undefined;
    const verify = tls?.ca !== undefined;
    const server =
      tls === undefined
        ? createHttp(options)
        : createHttps({ ...options, ...tls, requestCert: verify, rejectUnauthorized: verify, minVersion: 'TLSv1.2' });
    server.maxConnections = this.#bounds.maxConnections ?? MAX_CONNECTIONS;
    // When all places are taken, those who are only waiting make room.
    server.on('drop', () => server.closeIdleConnections());
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    const names = 'port' in listener && tls === undefined ? [listener.host.toLowerCase()] : null;
    server.on('request', (request, response) => void this.#handle(request, response, null, names));
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
      response.once('finish', () => {
        response.detachSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
        socket.end();
      });
      void this.#handle(request, response, { socket, head }, names);
    });
    this.#servers.push(server);
    return listen(server, listener);
  }

  async close(): Promise<void> {
    this.#quiet?.close();
    for (const one of this.#under) one.abort();
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve())),
    );
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  async #handle(
    request: IncomingMessage,
    response: ServerResponse,
    handedOver: { socket: Duplex; head: Buffer } | null,
    ownNames: readonly string[] | null,
  ): Promise<void> {
    const gone = new AbortController();
    this.#quiet?.touch();
    const onClose = (): void => {
      this.#quiet?.touch();
      this.#under.delete(gone);
      if (!response.writableFinished) gone.abort(GONE);
    };
    this.#under.add(gone);
    (handedOver?.socket ?? response).once('close', onClose);
    try {
      const { version: engine } = this.#services.facts;
      for (const [name, value] of [
        ['Api-Version', API_VERSION],
        ['Docker-Experimental', 'false'],
        ['Ostype', 'linux'],
        ['Server', `Docker/${engine} (linux)`],
      ] as const)
        response.setHeader(name, value);
      if (ownNames !== null) guardTcp(request, ownNames);
      if (request.method === 'OPTIONS') {
        // moby, api/server/router/system: the same answer on every path
        response.writeHead(200, { 'Content-Length': 0 }).end();
        return;
      }
      const target = splitTarget(request.url ?? '/');
      const { endpoint, name } = find(ENDPOINTS, request.method ?? 'GET', target.path);
      const version = ApiVersion.negotiate(target.version);
      const { bodyTimeMs } = this.#bounds;
      let early: Buffer = Buffer.alloc(0);
      let body: unknown;
      if (handedOver !== null) {
        ({ body, early } = await readHandedOver(request, handedOver.socket, handedOver.head, bodyTimeMs));
      } else if (endpoint.body === 'json') {
        body = await readJson(request, bodyTimeMs);
      }
      const query = new Query(target.query);
      const info = this.#info;
      const prepared = endpoint.prepare({ name, query, headers: request.headers, body, version });
      this.#services.policy?.({
        operation: endpoint.operation,
        method: endpoint.method,
        path: target.path,
        version: version.text,
        asked: prepared.asked,
      });
      const socket = handedOver?.socket ?? request.socket;
      const exchange: Exchange = {
        services: this.#services,
        version,
        info,
        request,
        response,
        signal: gone.signal,
        halfClosed: this.#halfClosed,
        takeOver: () => {
          if (handedOver === null) throw new Error(`${endpoint.operation} does not take its connection over`);
          response.detachSocket(handedOver.socket as Parameters<ServerResponse['assignSocket']>[0]);
          return { socket: handedOver.socket, early };
        },
      };
      await carryOut(
        this.#services.journal,
        { request, socket, endpoint, target, body },
        () => prepared.run(exchange),
        { status: () => response.statusCode, gone: gone.signal },
      );
    } catch (error) {
      if (response.socket === null && handedOver !== null) handedOver.socket.destroy();
      else fail(response, error);
    }
  }
}
