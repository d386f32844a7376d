import { spawnSync } from 'node:child_process';
import { CliError, messageOf } from '../errors.js';
import type { ConfigFile } from './config-file.js';

/** Docker Hub's name in config files. */
export const HUB = 'https://index.docker.io/v1/';

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  readonly serveraddress?: string;
}

/** What is stored for a registry: by a helper program, or in the config file. Empty when nothing is. */
export function credentialsFor(config: ConfigFile, registry: string): Credentials {
  const helper = config.credHelpers[registry] ?? config.credsStore;
  if (helper !== '') return askHelper(helper, registry);
  const stored =
    config.auths[registry] ?? Object.entries(config.auths).find(([name]) => hostOf(name) === hostOf(registry))?.[1];
  if (stored === undefined) return {};
  const decoded =
    stored.auth === undefined ? '' : Buffer.from(stored.auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  return {
    username: colon < 0 ? (stored.username ?? '') : decoded.slice(0, colon),
    password: colon < 0 ? (stored.password ?? '') : decoded.slice(colon + 1),
    ...(stored.identitytoken === undefined ? {} : { identitytoken: stored.identitytoken }),
    ...(stored.registrytoken === undefined ? {} : { registrytoken: stored.registrytoken }),
    serveraddress: registry,
  };
}

const hostOf = (name: string): string => name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');

/** `docker-credential-NAME get`, which reads the server and answers JSON. */
function askHelper(helper: string, registry: string): Credentials {
  if (!/^[a-zA-Z0-9_.-]+$/.test(helper))
    throw new CliError(`the name of the credential helper ${JSON.stringify(helper)} is not a program's`);
  const done = spawnSync(`docker-credential-${helper}`, ['get'], {
    input: registry,
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 1 << 20,
  });
  if (done.error !== undefined)
    throw new CliError(`error getting credentials - err: ${messageOf(done.error)}`, 1, { cause: done.error });
  if (done.status !== 0) {
    if (/credentials not found/.test(done.stdout)) return {};
    throw new CliError(
      `error getting credentials - err: exit status ${done.status ?? 1}, out: \`${done.stdout.trim()}\``,
    );
  }
  const value: unknown = JSON.parse(done.stdout);
  const { Username, Secret } = value as { Username?: unknown; Secret?: unknown };
  if (typeof Username !== 'string' || typeof Secret !== 'string')
    throw new CliError(`docker-credential-${helper} did not answer with credentials`);
  return Username === '<token>'
    ? { identitytoken: Secret, serveraddress: registry }
    : { username: Username, password: Secret, serveraddress: registry };
}

/** The header X-Registry-Auth: base64url of the JSON, with its padding. */
export function authHeader(credentials: Credentials): string {
  return Buffer.from(JSON.stringify(credentials)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
