import type { EngineEvent, EventOptions } from '../../../container/types.js';
import { EngineError } from '../../../kernel/errors.js';
import { parseAuth } from '../bodies/auth.js';
import { bad } from '../bodies/fields.js';
import { parseFilters } from '../bodies/query.js';
import { HttpError } from '../http/errors.js';
import { sendJson, write } from '../http/send.js';
import { type Endpoint, type Exchange, endpoint } from '../router.js';

const nothing = (): null => null;

export const SYSTEM: readonly Endpoint[] = [
  endpoint('SystemPing GET /_ping', 'none', nothing, async (_, exchange) => ping(exchange, 'OK')),
  endpoint('SystemPingHead HEAD /_ping', 'none', nothing, async (_, exchange) => ping(exchange, '')),
  endpoint('SystemVersion GET /version', 'none', nothing, async (_, { response, info }) =>
    sendJson(response, 200, info.version()),
  ),
  endpoint('SystemInfo GET /info', 'none', nothing, async (_, { response, info, version }) =>
    sendJson(response, 200, await info.info(version)),
  ),
  endpoint(
    'SystemAuth POST /auth',
    'json',
    ({ body }) => parseAuth(body),
    async (auth, { services, response }) => {
      try {
        const { Status, IdentityToken } = await services.images.login(auth);
        sendJson(response, 200, { Status, IdentityToken: IdentityToken ?? '' });
      } catch (error) {
        // What the rest of the API forbids (403) is here what a registry did not believe (401).
        if (error instanceof EngineError && error.code === 'PermissionDenied') throw new HttpError(401, error.message);
        throw error;
      }
    },
  ),
  endpoint(
    'SystemEvents GET /events',
    'none',
    ({ query, version }) => {
      const [since, until] = [query.seconds('since'), query.seconds('until')];
      if (since !== null && until !== null && until < since)
        bad(`\`since\` time (${query.text('since')}) cannot be after \`until\` time (${query.text('until')})`);
      return { since, until, filters: parseFilters(query, null), creates: version.atLeast(46) };
    },
    ({ creates, ...asked }, exchange) => events(asked, creates, exchange),
  ),
];

async function ping({ response }: Exchange, text: string): Promise<void> {
  response.writeHead(200, {
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
    Swarm: 'inactive',
    // The classic builder's protocol: clients then send POST /build and open no BuildKit session.
    'Builder-Version': '1',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': text.length,
  });
  response.end(text);
}

async function events(
  asked: Omit<EventOptions, 'signal'>,
  creates: boolean,
  { services, response, signal, info }: Exchange,
): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
  info.listeners++;
  try {
    for await (const event of services.containers.events({ ...asked, signal })) {
      if (!creates && event.Type === 'image' && event.Action === 'create') continue;
      await write(response, `${eventLine(event)}\n`);
    }
  } finally {
    info.listeners--;
  }
  response.end();
}

/** Nanoseconds of today have nineteen digits, which no number holds: they are written as they are. */
export function eventLine({ timeNano, ...event }: EngineEvent): string {
  return JSON.stringify(event).replace(/\}$/, `,"timeNano":${timeNano}}`);
}
