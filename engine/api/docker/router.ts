import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { EngineError } from '../../kernel/errors.js';
import { bad } from './bodies/fields.js';
import type { Query } from './bodies/query.js';
import type { HalfClosed } from './http/vanished.js';
import type { EngineInfo } from './routes/info.js';
import type { DockerServices } from './services.js';
import type { ApiVersion } from './version.js';

/** What an endpoint parses. */
export interface Input {
  /** The part of the path that the pattern names, decoded; '' where it names none. */
  readonly name: string;
  readonly query: Query;
  readonly headers: IncomingHttpHeaders;
  /** The JSON of the body; undefined when there is none. */
  readonly body: unknown;
  readonly version: ApiVersion;
}

/** What an endpoint works with once its request was understood and the policy has let it pass. */
export interface Exchange {
  readonly services: DockerServices;
  readonly version: ApiVersion;
  readonly info: EngineInfo;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborted when the client is gone or the server closes. */
  readonly signal: AbortSignal;
  readonly halfClosed: HalfClosed;
  /** From now on the connection is the endpoint's: its socket, and the bytes that came behind the request. */
  takeOver(): { readonly socket: Duplex; readonly early: Buffer };
}

export interface Endpoint {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly pattern: RegExp;
  /** `json` is read before anything is done; `stream` is the endpoint's to read; `none` is let go by. */
  readonly body: 'none' | 'json' | 'stream';
  prepare(input: Input): { readonly asked: unknown; run(exchange: Exchange): Promise<void> };
}

/**
 * @param at operationId, method and path of the OpenAPI description: `ContainerStart POST /containers/{id}/start`. What stands
 *   in braces matches everything, slashes too, as dockerd's `{name:.*}`.
 * @param parse makes the typed value; it alone sees the request
 * @param run does it, with that value and no other
 */
export function endpoint<T>(
  at: string,
  body: Endpoint['body'],
  parse: (input: Input) => T,
  run: (asked: T, exchange: Exchange) => Promise<void>,
): Endpoint {
  const [operation = '', method = '', path = ''] = at.split(' ');
  const source = path.replace(/[.]/g, '\\.').replace(/\{[a-z]+\}/, '(.*)');
  return {
    operation,
    method,
    path,
    pattern: new RegExp(`^${source}$`, 's'),
    body,
    prepare: (input) => {
      const asked = parse(input);
      return { asked, run: (exchange) => run(asked, exchange) };
    },
  };
}

export interface Target {
  /** Without the version. */
  readonly path: string;
  readonly version: string | null;
  readonly query: string;
}

/** The parts of a request's target. */
export function splitTarget(url: string): Target {
  const mark = url.indexOf('?');
  const raw = mark < 0 ? url : url.slice(0, mark);
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch (error) {
    return bad(`invalid path: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (path.includes('\0')) bad('invalid path: it contains a NUL character');
  const match = /^\/v([0-9]+(?:\.[0-9]+){0,2})(\/.*)$/s.exec(path);
  return { path: match?.[2] ?? path, version: match?.[1] ?? null, query: mark < 0 ? '' : url.slice(mark + 1) };
}

/** The endpoint of a path, with what its braces hold. */
export function find(
  endpoints: readonly Endpoint[],
  method: string,
  path: string,
): { endpoint: Endpoint; name: string } {
  for (const one of endpoints) {
    if (one.method !== method) continue;
    const match = one.pattern.exec(path);
    if (match !== null) return { endpoint: one, name: match[1] ?? '' };
  }
  throw new EngineError('NotFound', 'page not found');
}
