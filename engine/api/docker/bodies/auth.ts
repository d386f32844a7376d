import type { RegistryAuth } from '../../../image/types.js';
import { Fields, present } from './fields.js';

/** Longest header that is decoded. */
const MAX_HEADER = 1 << 16;

/** The body of POST /auth. */
export function parseAuth(body: unknown): RegistryAuth {
  const fields = new Fields(body, 'AuthConfig');
  const text = (name: string): string | undefined => fields.string(name) || undefined;
  return present({
    username: text('username'),
    password: text('password'),
    identitytoken: text('identitytoken'),
    registrytoken: text('registrytoken'),
    serveraddress: text('serveraddress'),
  });
}

/**
 * Header X-Registry-Auth: base64url of JSON. What cannot be read counts as nothing said, as with dockerd: the registry then
 * decides on an anonymous request.
 */
export function parseAuthHeader(header: string | string[] | undefined): RegistryAuth | undefined {
  if (typeof header !== 'string' || header === '' || header.length > MAX_HEADER) return undefined;
  let auth: RegistryAuth;
  try {
    auth = parseAuth(JSON.parse(Buffer.from(header, 'base64url').toString('utf8')));
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
  return Object.keys(auth).length === 0 ? undefined : auth;
}
