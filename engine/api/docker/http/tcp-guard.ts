import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { HttpError } from './errors.js';

/**
 * Over plain TCP a page in somebody's browser reaches the API, also by a name of its own that it points here (DNS rebinding,
 * CVE-2025-9074's way in). Browsers say so; and Docker's clients call the machine by an address or by its own name.
 */
export function guardTcp(request: IncomingMessage, ownNames: readonly string[]): void {
  const { origin, host = '' } = request.headers;
  if (origin !== undefined || request.headers['sec-fetch-site'] !== undefined)
    throw new HttpError(403, 'requests of web pages are not taken');
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  if (isIP(name) !== 0 || ['localhost', hostname().toLowerCase(), ...ownNames].includes(name)) return;
  throw new HttpError(403, `this engine is not called ${JSON.stringify(name.slice(0, 200))}: use its address`);
}
