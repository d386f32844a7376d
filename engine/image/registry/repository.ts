import { EngineError } from '../../kernel/errors.js';
import { digestOf, isDigest } from '../digest.js';
import { MEDIA } from '../manifest.js';
import type { Descriptor, Digest } from '../types.js';
import type { Authorizer, Scope } from './authorizer.js';
import { parseChallenges } from './challenge.js';
import type { Endpoint } from './endpoints.js';
import { answered, RegistryError, usual } from './errors.js';
import { guard } from './guards.js';
import { type Ask, bodyOf, discard, fail, type HttpClient, type Reply, refuseLinkLocal, resolveUrl } from './http.js';
import { isRecord } from './json.js';

/** An answer of `manifests/`: the bytes as they were, which are what the digest is of. */
export interface FetchedManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly digest: Digest;
}

const ACCEPT = [MEDIA.dockerManifest, MEDIA.dockerList, MEDIA.manifest, MEDIA.index].join(', ');
const MOST_TAGS = 100_000;
const MOST_PAGES = 1000;

/** One repository of one registry: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md */
export class Repository {
  readonly endpoint: Endpoint;
  /** `library/busybox`. */
  readonly path: string;
  readonly #client: HttpClient;
  readonly #authorizer: Authorizer;
  readonly #scope: Scope;

  constructor(client: HttpClient, endpoint: Endpoint, path: string, authorizer: Authorizer, scope: Scope) {
    this.#client = client;
    this.endpoint = endpoint;
    this.path = path;
    this.#authorizer = authorizer;
    this.#scope = scope;
  }

  url(path: string): URL {
    const url = new URL(this.endpoint.url);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/v2/${this.path}/${path}`;
    return url;
  }

  /**
   * Ask as who we are. Who we are is told to the registry itself, at no other host that it names. A token that is refused
   * before its time is asked for once more.
   */
  async ask(ask: Ask, scopes: readonly Scope[] = []): Promise<Reply> {
    if (ask.url.origin !== this.endpoint.url.origin && guard('registry-own-host')) return this.#client.ask(ask);
    const all = [this.#scope, ...scopes];
    const authorization = await this.#authorized(ask, all);
    const reply = await this.#client.ask({ ...ask, authorization });
    const isStream = ask.body !== undefined && !(ask.body instanceof Uint8Array);
    if (reply.status !== 401 || isStream || !(authorization?.startsWith('Bearer ') ?? false)) return reply;
    if (insufficient(reply)) return reply;
    discard(reply);
    this.#authorizer.forget();
    return this.#client.ask({ ...ask, authorization: await this.#authorized(ask, all) });
  }

  /** What goes wrong on the way to a token is told as of the request that needed it, as Go's client does. */
  async #authorized(ask: Ask, scopes: readonly Scope[]): Promise<string | null> {
    try {
      return await this.#authorizer.header(scopes, ask.signal);
    } catch (error) {
      if (!(error instanceof RegistryError) || error.failure === 'answer') throw error;
      const verb = ask.method[0] + ask.method.slice(1).toLowerCase();
      throw new RegistryError(error.failure, `${verb} ${JSON.stringify(ask.url.href)}: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** @param reference a tag or a digest; with a digest the answer's bytes are checked against it */
  async manifest(reference: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const ask: Ask = { method: 'GET', url: this.url(`manifests/${reference}`), headers: { accept: ACCEPT }, signal };
    const reply = await this.ask(ask);
    if (reply.status !== 200) await refuse(reply, signal);
    const bytes = await bodyOf(reply, signal);
    const digest = digestOf(bytes);
    const named = isDigest(reference) ? reference : reply.headers['docker-content-digest'];
    if (isDigest(named) && named !== digest && guard('registry-digest'))
      throw new RegistryError('content', `manifest verification failed for digest ${named}`);
    return { bytes, digest, mediaType: (reply.headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? '' };
  }

  /** Returns the digest under which the registry has it. */
  async putManifest(reference: string, mediaType: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const headers = { 'content-type': mediaType };
    const reply = await this.ask({
      method: 'PUT',
      url: this.url(`manifests/${reference}`),
      headers,
      body: bytes,
      signal,
    });
    if (reply.status < 200 || reply.status >= 300) await refuse(reply, signal);
    discard(reply);
  }

  /** All tags, in the registry's order. */
  async tags(signal?: AbortSignal): Promise<string[]> {
    const tags: string[] = [];
    let next: URL | null = this.url('tags/list');
    for (let page = 0; next !== null; page++) {
      if (page === MOST_PAGES || tags.length > MOST_TAGS)
        throw new EngineError('ResourceExhausted', `repository ${this.path} has more than ${MOST_TAGS} tags`);
      const reply: Reply = await this.ask({ method: 'GET', url: next, signal });
      if (reply.status !== 200) await refuse(reply, signal);
      tags.push(...parseTags(await bodyOf(reply, signal)));
      const link: string | undefined = /<([^>]*)>\s*;\s*rel="?next"?/.exec(String(reply.headers['link'] ?? ''))?.[1];
      next = link === undefined ? null : resolveUrl(reply.url, link, 'GET');
      if (next !== null && next.origin !== this.endpoint.url.origin)
        throw new RegistryError(
          'content',
          `the next page of tags is said to be at ${next.host}, which is another server`,
        );
    }
    return tags;
  }

  /** Bytes of a blob from `start` on. A registry that cannot do that answers 200 with all of it. */
  async openBlob(descriptor: Descriptor, start: number, signal?: AbortSignal): Promise<Reply> {
    const headers = start > 0 ? { range: `bytes=${start}-` } : {};
    const reply = await this.ask({ method: 'GET', url: this.url(`blobs/${descriptor.digest}`), headers, signal });
    if (reply.status === 200 || reply.status === 206) return reply;
    if (reply.status !== 404 || (descriptor.urls ?? []).length === 0) return refuse(reply, signal);
    discard(reply);
    return this.#openElsewhere(descriptor, headers, signal);
  }

  /** A layer that its maker lets nobody else distribute: from where the manifest says, as nobody in particular (CVE-2020-15157). */
  async #openElsewhere(descriptor: Descriptor, headers: Record<string, string>, signal?: AbortSignal): Promise<Reply> {
    let last: unknown = new RegistryError('content', `no usable URL for layer ${descriptor.digest}`);
    for (const text of descriptor.urls ?? []) {
      try {
        const url = resolveUrl(this.endpoint.url, text, 'GET');
        refuseLinkLocal('GET', url);
        const ask: Ask = { method: 'GET', url, headers, signal };
        const reply = await (guard('registry-own-host') ? this.#client.ask(ask) : this.ask(ask));
        if (reply.status === 200 || reply.status === 206) return reply;
        last = await refuse(reply, signal).catch((error: unknown) => error);
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        last = error;
      }
    }
    throw last;
  }

  /** Whether the repository has a blob already: its size, or null. */
  async blobSize(digest: Digest, signal?: AbortSignal): Promise<number | null> {
    const reply = await this.ask({ method: 'HEAD', url: this.url(`blobs/${digest}`), signal });
    discard(reply);
    if (reply.status === 404) return null;
    if (reply.status !== 200) await refuse(reply, signal);
    const size = Number(reply.headers['content-length'] ?? Number.NaN);
    return Number.isSafeInteger(size) ? size : 0;
  }

  /** A small blob whole and checked: an image's configuration. */
  async smallBlob(descriptor: Descriptor, signal?: AbortSignal): Promise<Buffer> {
    const bytes = await bodyOf(await this.openBlob(descriptor, 0, signal), signal);
    if (digestOf(bytes) !== descriptor.digest && guard('registry-digest'))
      throw new RegistryError('content', `image config verification failed for digest ${descriptor.digest}`);
    return bytes;
  }
}

/** What an answer that is no success says: first what stands in WWW-Authenticate (RFC 6750, section 3), then its body. */
export async function refuse(reply: Reply, signal?: AbortSignal): Promise<never> {
  const code = insufficient(reply) ? 'DENIED' : bearerError(reply) === 'invalid_token' ? 'UNAUTHORIZED' : null;
  if (code === null) return fail(reply, signal);
  discard(reply);
  throw answered([usual(code)], reply.status);
}

function bearerError(reply: Reply): string | undefined {
  return parseChallenges(reply.challenges)
    .find(({ scheme }) => scheme === 'bearer')
    ?.parameters.get('error');
}

function insufficient(reply: Reply): boolean {
  return bearerError(reply) === 'insufficient_scope';
}

function parseTags(bytes: Buffer): string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new RegistryError('content', 'the list of tags is not JSON', { cause: error });
  }
  const tags = isRecord(parsed) ? (parsed['tags'] ?? []) : [];
  if (!Array.isArray(tags)) throw new RegistryError('content', 'the list of tags is not a list');
  return tags.map((tag: unknown) => {
    if (typeof tag !== 'string' || !/^\w[\w.-]{0,127}$/.test(tag))
      throw new RegistryError('content', 'the list of tags has something in it that is no tag');
    return tag;
  });
}
