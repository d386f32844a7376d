import { EngineError } from '../../kernel/errors.js';
import type { RegistryAuth, SearchResult } from '../types.js';
import type { Endpoints } from './endpoints.js';
import { hostOf } from './endpoints.js';
import { RegistryError } from './errors.js';
import { bodyOf, discard, HttpClient } from './http.js';
import { isRecord, type JsonRecord } from './json.js';

export interface SearchOptions {
  readonly limit?: number;
  readonly filters?: Readonly<Record<string, readonly string[]>>;
  readonly auth?: RegistryAuth;
}

const INDEX = 'https://index.docker.io/v1/';
const USUAL_LIMIT = 25;
const FILTERS = ['is-automated', 'is-official', 'stars'];

/** `docker search`, by the index's old `/v1/search`: dockerd's registry service. */
export async function search(
  endpoints: Endpoints,
  term: string,
  options: SearchOptions,
): Promise<readonly SearchResult[]> {
  const keep = filterOf(options.filters ?? {});
  if (term.includes('://'))
    throw new EngineError(
      'InvalidArgument',
      `invalid repository name: repository name (${term}) should not contain a scheme`,
    );
  const limit = options.limit === undefined || options.limit === 0 ? USUAL_LIMIT : options.limit;
  if (!Number.isInteger(limit) || limit < 1 || limit > 100)
    throw new EngineError('InvalidArgument', `limit ${limit} is outside the range of [1, 100]`);
  const { host, remote } = split(term);
  const client = new HttpClient((name) => endpoints.trust(name));
  try {
    const base = host === null ? new URL(INDEX) : await pinged(client, endpoints, host);
    const url = new URL('search', base);
    url.search = new URLSearchParams({ q: remote, n: String(limit) }).toString();
    const headers = { 'x-docker-token': 'true', accept: 'application/json' };
    const reply = await client.ask({
      method: 'GET',
      url,
      headers,
      authorization: basicOf(options.auth),
      timeoutMs: 30_000,
    });
    if (reply.status !== 200) {
      discard(reply);
      throw new RegistryError('status', `Unexpected status code ${reply.status}`, { status: reply.status });
    }
    return parseResults(await bodyOf(reply)).filter(keep);
  } finally {
    client.close();
  }
}

/** `host:port/term`, or a term for Docker Hub. */
function split(term: string): { readonly host: string | null; readonly remote: string } {
  const slash = term.indexOf('/');
  const first = slash < 0 ? '' : term.slice(0, slash);
  if (slash < 0 || (!/[.:]/.test(first) && first !== 'localhost') || /^(index\.)?docker\.io$/.test(first)) {
    const rest = /^(index\.)?docker\.io$/.test(first) ? term.slice(slash + 1) : term;
    return { host: null, remote: rest.replace(/^library\//, '') };
  }
  return { host: hostOf(first), remote: term.slice(slash + 1) };
}

/** Whether a private registry has an index: HTTPS first, HTTP only where it is on the insecure list. */
async function pinged(client: HttpClient, endpoints: Endpoints, host: string): Promise<URL> {
  const at = async (scheme: string): Promise<URL> => {
    const base = new URL(`${scheme}://${host}/v1/`);
    discard(await client.ask({ method: 'GET', url: new URL('_ping', base), timeoutMs: 15_000 }));
    return base;
  };
  try {
    return await at('https');
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (!(await endpoints.isInsecure(host))) {
      const hint = `. If this private registry supports only HTTP or HTTPS with an unknown CA certificate, add \`--insecure-registry ${host}\` to the daemon's arguments. In the case of HTTPS, if you have access to the registry's CA certificate, no need for the flag; place the CA certificate at /etc/docker/certs.d/${host}/ca.crt`;
      throw new EngineError(
        'InvalidArgument',
        `invalid registry endpoint https://${host}/v1/: ${error.message}${hint}`,
        { cause: error },
      );
    }
    try {
      return await at('http');
    } catch (second) {
      if (!(second instanceof RegistryError)) throw second;
      throw new EngineError(
        'InvalidArgument',
        `invalid registry endpoint "http://${host}/v1/". HTTPS attempt: ${error.message}. HTTP attempt: ${second.message}`,
        { cause: second },
      );
    }
  }
}

function basicOf(auth: RegistryAuth | undefined): string | null {
  const { username = '', password = '' } = auth ?? {};
  return username === '' || password === ''
    ? null
    : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

const MOST_RESULTS = 1000;

function parseResults(bytes: Buffer): SearchResult[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new RegistryError('content', 'error decoding registry search results: it is not JSON', { cause: error });
  }
  const results = isRecord(parsed) ? (parsed['results'] ?? []) : null;
  if (!Array.isArray(results)) throw new RegistryError('content', 'error decoding registry search results: no list');
  return results.slice(0, MOST_RESULTS).filter(isRecord).map(parseResult);
}

function parseResult(one: JsonRecord): SearchResult {
  const text = (name: string): string => (typeof one[name] === 'string' ? one[name].slice(0, 10_000) : '');
  const stars = one['star_count'];
  return {
    name: text('name'),
    description: text('description'),
    star_count: typeof stars === 'number' && Number.isSafeInteger(stars) ? stars : 0,
    is_official: one['is_official'] === true,
    // Docker Hub has no such images any more, and dockerd says false whatever an index says
    is_automated: false,
  };
}

function filterOf(filters: Readonly<Record<string, readonly string[]>>): (one: SearchResult) => boolean {
  for (const name of Object.keys(filters))
    if (!FILTERS.includes(name)) throw new EngineError('InvalidArgument', `invalid filter '${name}'`);
  const isAutomated = flag(filters, 'is-automated');
  const isOfficial = flag(filters, 'is-official');
  const stars = (filters['stars'] ?? []).map((text) => {
    if (!/^-?\d+$/.test(text)) throw new EngineError('InvalidArgument', `invalid filter 'stars=[${text}]'`);
    return Number(text);
  });
  const fewest = Math.max(0, ...stars);
  return (one) =>
    isAutomated !== true && (isOfficial === null || one.is_official === isOfficial) && one.star_count >= fewest;
}

function flag(filters: Readonly<Record<string, readonly string[]>>, name: string): boolean | null {
  const values = filters[name] ?? [];
  if (values.length === 0) return null;
  const parsed = values.map((value) => (/^(1|true)$/.test(value) ? true : /^(0|false)$/.test(value) ? false : null));
  const [first] = parsed;
  if (first === null || first === undefined || parsed.some((one) => one !== first))
    throw new EngineError('InvalidArgument', `invalid filter '${name}=[${values.join(' ')}]'`);
  return first;
}
