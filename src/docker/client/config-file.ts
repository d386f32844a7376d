import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CliError, fileMessage, messageOf } from '../errors.js';

/** What of ~/.docker/config.json is used here. */
export interface ConfigFile {
  readonly path: string;
  readonly auths: Readonly<Record<string, StoredAuth>>;
  readonly credHelpers: Readonly<Record<string, string>>;
  readonly credsStore: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly detachKeys: string;
  /** psFormat, imagesFormat and so on. */
  readonly formats: Readonly<Record<string, string>>;
  /** The whole file, for writing it again. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface StoredAuth {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

const LARGEST = 16 << 20;

export function configDirectory(option: string, env: NodeJS.ProcessEnv): string {
  if (option !== '') return option;
  const given = env['DOCKER_CONFIG'] ?? '';
  return given === '' ? join(env['HOME'] ?? homedir(), '.docker') : given;
}

/** A file that is absent is an empty one; one that is damaged is told and taken for empty, as docker does. */
export function loadConfig(directory: string, warn: (message: string) => void): ConfigFile {
  const path = join(directory, 'config.json');
  let raw: Record<string, unknown> = {};
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length > LARGEST) throw new Error(`larger than ${LARGEST} bytes`);
    const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
    if (!isRecord(value)) throw new Error('not a JSON object');
    raw = value;
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    if (!isAbsent) warn(`WARNING: Error loading config file: ${fileMessage(error, 'open', path)}`);
  }
  const auths: Record<string, StoredAuth> = {};
  if (isRecord(raw['auths']))
    for (const [server, auth] of Object.entries(raw['auths'])) if (isRecord(auth)) auths[server] = stringsOf(auth);
  return {
    path,
    auths,
    credHelpers: stringsOf(raw['credHelpers']),
    credsStore: stringOf(raw['credsStore']),
    headers: stringsOf(raw['HttpHeaders']),
    detachKeys: stringOf(raw['detachKeys']),
    formats: stringsOf(raw),
    raw,
  };
}

/** Change `auths` and keep everything else; whole or not at all, readable to its owner only. */
export function saveAuths(config: ConfigFile, auths: Readonly<Record<string, StoredAuth>>): void {
  const temporary = `${config.path}.${process.pid}`;
  try {
    mkdirSync(join(config.path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, JSON.stringify({ ...config.raw, auths }, null, '\t'), { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, config.path);
  } catch (error) {
    throw new CliError(`Error saving credentials: ${messageOf(error)}`, 1, { cause: error });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function stringsOf(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
