import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Flags } from '../command/flags.js';
import { CliError, fileMessage } from '../errors.js';

/** Where the engine is. */
export interface Host {
  /** As it was given: for messages. */
  readonly text: string;
  readonly where: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  readonly tls: TlsFiles | null;
}

export interface TlsFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly verify: boolean;
}

const DEFAULT_HOST = 'unix:///var/run/docker.sock';

/** -H, else DOCKER_HOST, else the default socket; with TLS as docker's flags and variables say. */
export function resolveHost(flags: Flags, env: NodeJS.ProcessEnv, configDirectory: string): Host {
  const hosts = flags.list('host');
  if (hosts.length > 1)
    throw new CliError('Failed to initialize: unable to resolve docker endpoint: Specify only one -H');
  const context = flags.string('context') || env['DOCKER_CONTEXT'] || 'default';
  if (flags.changed('context') && hosts.length > 0)
    throw new CliError('conflicting options: cannot specify both --host and --context');
  if (context !== 'default' && hosts.length === 0 && (flags.changed('context') || (env['DOCKER_HOST'] ?? '') === ''))
    throw new CliError(
      `Failed to initialize: unable to resolve docker endpoint: context ${JSON.stringify(context)}: context not found: there is only the context "default"`,
    );
  const given = hosts[0] ?? env['DOCKER_HOST'] ?? '';
  const tls = tlsFiles(flags, env, configDirectory);
  return parseHost(given.trim() === '' ? (tls === null ? DEFAULT_HOST : 'tcp://localhost:2376') : given.trim(), tls);
}

/** docker/cli/opts/hosts.go. */
export function parseHost(text: string, tls: TlsFiles | null): Host {
  const [scheme, rest] = text.includes('://') ? (text.split(/:\/\/(.*)/s) as [string, string]) : ['tcp', text];
  switch (scheme) {
    case 'unix': {
      const path = rest === '' ? '/var/run/docker.sock' : rest;
      return { text: `unix://${path}`, where: { socketPath: path }, tls: null };
    }
    case 'tcp':
    case 'http':
    case 'https': {
      const found = /^(\[[0-9a-fA-F:.]+\]|[^:/\s]*)(?::(\d{1,5}))?\/?$/.exec(rest);
      const port = found?.[2] === undefined ? (tls === null ? 2375 : 2376) : Number(found[2]);
      if (found === null || port > 65_535)
        throw new CliError(`invalid bind address (${text}): should be of the form tcp://host:port`);
      const host = found[1] === '' || found[1] === undefined ? 'localhost' : found[1];
      const shown = text.includes('://') ? text.replace(/\/$/, '') : `tcp://${host}:${port}`;
      const secure = scheme === 'https' ? (tls ?? { verify: true }) : tls;
      return { text: shown, where: { host: host.replace(/^\[(.*)\]$/, '$1'), port }, tls: secure };
    }
    case 'ssh':
    case 'npipe':
    case 'fd':
      throw new CliError(
        `unable to parse docker host ${JSON.stringify(text)}: this command knows unix:// and tcp://, not ${scheme}://`,
      );
    default:
      throw new CliError(
        `Failed to initialize: unable to resolve docker endpoint: invalid bind address format: ${text}`,
      );
  }
}

function tlsFiles(flags: Flags, env: NodeJS.ProcessEnv, configDirectory: string): TlsFiles | null {
  const verify = flags.changed('tlsverify') ? flags.bool('tlsverify') : (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
  const isWanted =
    verify ||
    flags.bool('tls') ||
    (env['DOCKER_TLS'] ?? '') !== '' ||
    ['tlscacert', 'tlscert', 'tlskey'].some((name) => flags.changed(name));
  if (!isWanted) return null;
  const directory =
    env['DOCKER_CERT_PATH'] === undefined || env['DOCKER_CERT_PATH'] === '' ? configDirectory : env['DOCKER_CERT_PATH'];
  const read = (name: string, file: string): Buffer | undefined => {
    const isGiven = flags.changed(name);
    const path = isGiven ? flags.string(name).replace(/^"(.*)"$/, '$1') : join(directory, file);
    try {
      return readFileSync(path);
    } catch (error) {
      const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (isAbsent && !isGiven && (!verify || name !== 'tlscacert')) return undefined;
      throw new CliError(
        `Failed to initialize: unable to resolve docker endpoint: ${fileMessage(error, 'open', path)}`,
        1,
        { cause: error },
      );
    }
  };
  const [ca, cert, key] = [read('tlscacert', 'ca.pem'), read('tlscert', 'cert.pem'), read('tlskey', 'key.pem')];
  return {
    verify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
