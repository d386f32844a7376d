import { EngineError } from '../../kernel/errors.js';
import type { RegistryAuth } from '../types.js';
import { apiUrl, ping } from './connect.js';
import { type Endpoint, type Endpoints, hostOf } from './endpoints.js';
import { RegistryError } from './errors.js';
import { discard, HttpClient } from './http.js';

/** `docker login`: whether a registry takes these credentials. With a token to be kept where it gives one. */
export async function login(
  endpoints: Endpoints,
  auth: RegistryAuth,
): Promise<{ readonly Status: string; readonly IdentityToken?: string }> {
  let last: unknown = new RegistryError('transport', 'no endpoints found');
  let spokeHttps = false;
  for (const endpoint of await endpoints.forPush(domainOf(auth.serveraddress ?? ''))) {
    // a password that TLS could carry is never sent without
    if (endpoint.url.protocol === 'http:' && spokeHttps) continue;
    try {
      const token = await loginAt(endpoints, endpoint, auth, () => {
        spokeHttps = endpoint.url.protocol === 'https:';
      });
      return { Status: 'Login Succeeded', ...(token === undefined ? {} : { IdentityToken: token }) };
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      last = error;
    }
  }
  throw last;
}

/** Docker Hub is `https://index.docker.io/v1/` in people's configurations. */
function domainOf(address: string): string {
  if (address === '') return 'docker.io';
  const text = /^https?:\/\//.test(address) ? address : `https://${address}`;
  if (!URL.canParse(text))
    throw new EngineError(
      'InvalidArgument',
      `unable to parse server address: parse ${JSON.stringify(text)}: invalid URL`,
    );
  return hostOf(new URL(text).host);
}

/** @param spoke told when the endpoint has answered anything at all */
async function loginAt(
  endpoints: Endpoints,
  endpoint: Endpoint,
  auth: RegistryAuth,
  spoke: () => void,
): Promise<string | undefined> {
  const client = new HttpClient((host) => endpoints.trust(host));
  const url = apiUrl(endpoint);
  try {
    const authorizer = await ping(client, endpoint, { auth }, true);
    spoke();
    const authorization = await withRequest(url, () => authorizer.header([]));
    const reply = await client.ask({ method: 'GET', url, authorization });
    discard(reply);
    if (reply.status === 200) return authorizer.identityToken;
    throw new RegistryError(
      reply.status === 401 ? 'answer' : 'status',
      `login attempt to ${url.href} failed with status: ${reply.status} ${reply.statusText}`,
      { status: reply.status, ...(reply.status === 401 ? { code: 'PermissionDenied' as const } : {}) },
    );
  } finally {
    client.close();
  }
}

/** A failure on the way to a token, as Go's client tells it: `Get "https://…/v2/": unauthorized: …`. */
async function withRequest<T>(url: URL, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RegistryError) || error.message.startsWith('Get "')) throw error;
    throw new RegistryError(error.failure, `Get ${JSON.stringify(url.href)}: ${error.message}`, {
      cause: error,
      codes: error.codes,
      code: error.code,
    });
  }
}
