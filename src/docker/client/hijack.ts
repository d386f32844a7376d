import type { Socket } from 'node:net';
import { CliError } from '../errors.js';
import { type Engine, errorOf, type Query } from './engine.js';

/** A connection that is no HTTP any more: both ways raw bytes. */
export interface Hijacked {
  readonly socket: Socket;
  readonly contentType: string;
}

/** POST and take the connection over: attach, and the start of an exec. */
export async function hijack(engine: Engine, path: string, query: Query, body?: unknown): Promise<Hijacked> {
  const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
  const options = await engine.options('POST', path, query, {
    connection: 'Upgrade',
    upgrade: 'tcp',
    'content-type': bytes === null ? 'text/plain' : 'application/json',
    'content-length': bytes?.length ?? 0,
  });
  const request = await engine.open({ ...options, agent: false });
  return new Promise((resolve, reject) => {
    request.on('upgrade', (response, stream, head) => {
      const socket = stream as Socket;
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve({ socket, contentType: String(response.headers['content-type'] ?? '') });
    });
    request.on('response', (response) => {
      const status = response.statusCode ?? 0;
      if (status >= 400) errorOf(response, status).then(reject, reject);
      else {
        response.destroy();
        reject(new CliError(`unable to upgrade to tcp, received ${status}`));
      }
    });
    request.on('error', (error) => reject(engine.connectionError(error, path)));
    request.end(bytes ?? undefined);
  });
}
