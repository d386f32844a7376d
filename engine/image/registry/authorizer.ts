import { isIP } from 'node:net';
import { EngineError } from '../../kernel/errors.js';
import type { RegistryAuth } from '../types.js';
import type { Challenge } from './challenge.js';
import { RegistryError } from './errors.js';
import { guard } from './guards.js';
import { bodyOf, fail, type HttpClient, refuseLinkLocal } from './http.js';
import { isRecord, type JsonRecord, optionalString } from './json.js';

/** `repository:library/busybox:pull`. */
export type Scope = string;

export function repositoryScope(name: string, actions: readonly string[]): Scope {
  return `repository:${name}:${actions.join(',')}`;
}

const CLIENT_ID = 'docker';
/** A token without a term is good for this long, and one with a shorter one too: distribution's minimumTokenLifetimeSeconds. */
const SHORTEST_SECONDS = 60;

/**
 * Says who we are, in the way that a registry's challenges ask for.
 * https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/
 */
export class Authorizer {
  readonly #client: HttpClient;
  readonly #registry: URL;
  readonly #auth: RegistryAuth;
  readonly #challenges: readonly Challenge[];
  readonly #tokens = new Map<string, { readonly token: string; readonly until: number }>();
  readonly #isLogin: boolean;
  #refreshToken: string | undefined;

  /** @param isLogin ask for a token to be kept instead of the password */
  constructor(
    client: HttpClient,
    registry: URL,
    auth: RegistryAuth,
    challenges: readonly Challenge[],
    isLogin = false,
  ) {
    this.#client = client;
    this.#registry = registry;
    this.#auth = auth;
    this.#challenges = challenges;
    this.#isLogin = isLogin;
    this.#refreshToken = auth.identitytoken === '' ? undefined : auth.identitytoken;
  }

  /** What a token server gave to be kept. */
  get identityToken(): string | undefined {
    return this.#refreshToken;
  }

  /** The Authorization header for requests to the registry itself; null: it asks for none. */
  async header(scopes: readonly Scope[], signal?: AbortSignal): Promise<string | null> {
    const bearer = this.#challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) {
      if (this.#auth.registrytoken !== undefined && this.#auth.registrytoken !== '')
        return `Bearer ${this.#auth.registrytoken}`;
      return `Bearer ${await this.#token(bearer, scopes, signal)}`;
    }
    if (this.#challenges.some(({ scheme }) => scheme === 'basic')) {
      const basic = basicOf(this.#auth);
      if (basic === null) throw new RegistryError('credentials', 'no basic auth credentials');
      return basic;
    }
    return null;
  }

  /** The registry refused the token before its time. */
  forget(): void {
    this.#tokens.clear();
  }

  async #token(challenge: Challenge, scopes: readonly Scope[], signal: AbortSignal | undefined): Promise<string> {
    const asked = challenge.parameters.get('scope')?.split(' ') ?? [];
    const all = [...new Set([...scopes, ...asked])].filter((scope) => scope !== '').sort();
    const key = all.join(' ');
    const known = this.#tokens.get(key);
    if (known !== undefined && known.until > performance.now()) return known.token;
    const realm = this.#realm(challenge);
    const service = challenge.parameters.get('service') ?? '';
    const answer =
      this.#refreshToken === undefined
        ? await this.#byPassword(realm, service, all, signal)
        : await this.#byRefreshToken(realm, service, all, this.#refreshToken, signal);
    const token = optionalString(answer, 'access_token') || optionalString(answer, 'token');
    if (token === undefined || token === '')
      throw new RegistryError('credentials', 'authorization server did not include a token in the response');
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new RegistryError(
        'credentials',
        'authorization server sent a token with characters that no header may have',
      );
    const seconds = Math.max(Number(answer['expires_in'] ?? 0) || 0, SHORTEST_SECONDS);
    this.#tokens.set(key, { token, until: performance.now() + seconds * 1000 });
    return token;
  }

  /**
   * Who gets the password. A registry may name any server, as Docker Hub does; but not one in clear text unless it is in
   * clear text itself, none that is only reachable from this machine unless it is on this machine itself, and never the
   * machine's own cloud (CVE-2020-15157).
   */
  #realm(challenge: Challenge): URL {
    const text = challenge.parameters.get('realm');
    if (text === undefined || text === '')
      throw new RegistryError('credentials', 'no realm specified for token auth challenge');
    const refuse = (why: string): RegistryError =>
      new RegistryError(
        'credentials',
        `invalid token auth challenge realm ${JSON.stringify(text.slice(0, 300))}: ${why}`,
      );
    if (!URL.canParse(text)) throw refuse('it is not a URL');
    const realm = new URL(text);
    if (!guard('registry-realm')) return realm;
    if (realm.protocol !== 'https:' && realm.protocol !== 'http:') throw refuse('it is neither HTTPS nor HTTP');
    if (realm.username !== '' || realm.password !== '') throw refuse('it has a user name in it');
    if (realm.protocol === 'http:' && this.#registry.protocol === 'https:')
      throw refuse('the registry speaks HTTPS, and passwords would be sent in clear text');
    if (isOwnMachine(realm) && !isOwnMachine(this.#registry))
      throw refuse('it is on this machine, and the registry is not');
    refuseLinkLocal('GET', realm);
    return realm;
  }

  async #byPassword(
    realm: URL,
    service: string,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<JsonRecord> {
    const url = new URL(realm);
    if (service !== '') url.searchParams.append('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    if (this.#isLogin) {
      url.searchParams.append('offline_token', 'true');
      url.searchParams.append('client_id', CLIENT_ID);
    }
    const basic = basicOf(this.#auth);
    if (basic !== null) url.searchParams.append('account', this.#auth.username ?? '');
    return this.#fetch({ method: 'GET', url, authorization: basic }, signal);
  }

  async #byRefreshToken(
    realm: URL,
    service: string,
    scopes: readonly Scope[],
    refreshToken: string,
    signal: AbortSignal | undefined,
  ): Promise<JsonRecord> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: CLIENT_ID,
      service,
    });
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#fetch({ method: 'POST', url: realm, headers, body: Buffer.from(form.toString()) }, signal);
  }

  async #fetch(ask: Parameters<HttpClient['ask']>[0], signal: AbortSignal | undefined): Promise<JsonRecord> {
    const reply = await this.#client.ask({ ...ask, signal, timeoutMs: 30_000 });
    if (reply.status < 200 || reply.status >= 300) await fail(reply, signal);
    const answer = parseAnswer(await bodyOf(reply, signal, 1 << 20));
    const refresh = optionalString(answer, 'refresh_token');
    if (refresh !== undefined && refresh !== '' && (this.#isLogin || this.#refreshToken !== undefined))
      this.#refreshToken = refresh;
    return answer;
  }
}

function parseAnswer(body: Buffer): JsonRecord {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    if (isRecord(parsed)) return parsed;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new RegistryError('credentials', `unable to decode token response: ${error.message}`, { cause: error });
  }
  throw new RegistryError('credentials', 'unable to decode token response: it is not an object');
}

function basicOf({ username = '', password = '' }: RegistryAuth): string | null {
  if (username === '' || password === '') return null;
  if (username.includes(':'))
    throw new EngineError('InvalidArgument', 'a user name for a registry cannot contain a colon');
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Addresses that mean this machine, for whoever asks: 127.0.0.0/8, ::1, 0.0.0.0, localhost. */
function isOwnMachine({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 4) return host.startsWith('127.') || host.startsWith('0.');
  if (isIP(host) === 6) return host === '::1' || host === '::' || /^::ffff:7f/.test(host);
  return host === 'localhost' || host.endsWith('.localhost');
}
