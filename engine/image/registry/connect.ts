import type { RegistryAuth } from '../types.js';
import { Authorizer, repositoryScope } from './authorizer.js';
import { parseChallenges } from './challenge.js';
import type { Endpoint, Endpoints } from './endpoints.js';
import { isCanceled, mayAskOthers, RegistryError } from './errors.js';
import { discard, HttpClient } from './http.js';
import { Repository } from './repository.js';

/** dockerd waits so long for the first answer. */
const PING_MS = 15_000;

export interface Asker {
  readonly auth?: RegistryAuth | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `GET /v2/`: is it a registry, and how does it want to know who asks? Another status than 401 asks for nothing. */
export async function ping(client: HttpClient, endpoint: Endpoint, asker: Asker, isLogin = false): Promise<Authorizer> {
  const reply = await client.ask({ method: 'GET', url: apiUrl(endpoint), signal: asker.signal, timeoutMs: PING_MS });
  const challenges = reply.status === 401 ? parseChallenges(reply.challenges) : [];
  discard(reply);
  return new Authorizer(client, endpoint.url, asker.auth ?? {}, challenges, isLogin);
}

export function apiUrl(endpoint: Endpoint, path = ''): URL {
  const url = new URL(endpoint.url);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v2/${path}`;
  return url;
}

/**
 * Do something with a repository at the first endpoint that works: pullEndpoints of dockerd's distribution. Plain HTTP is not
 * tried with a host that has spoken HTTPS, whatever it said.
 */
export async function atEndpoints<T>(
  endpoints: Endpoints,
  list: readonly Endpoint[],
  path: string,
  actions: readonly string[],
  asker: Asker,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  const speakHttps = new Set<string>();
  let last: unknown = new RegistryError('transport', `no endpoints found for ${path}`);
  for (const endpoint of list) {
    if (endpoint.url.protocol === 'http:' && speakHttps.has(endpoint.url.host)) continue;
    const client = new HttpClient((host) => endpoints.trust(host));
    let spoke = false;
    try {
      // credentials are for the registry that they were given for
      const own = endpoint.isMirror ? { signal: asker.signal } : asker;
      const authorizer = await ping(client, endpoint, own);
      spoke = true;
      return await work(new Repository(client, endpoint, path, authorizer, repositoryScope(path, actions)));
    } catch (error) {
      if (isCanceled(error) || asker.signal?.aborted === true) throw error;
      if (spoke && !mayAskOthers(error, endpoint.isMirror)) throw error;
      if (spoke && endpoint.url.protocol === 'https:') speakHttps.add(endpoint.url.host);
      last = error;
    } finally {
      client.close();
    }
  }
  throw last;
}
