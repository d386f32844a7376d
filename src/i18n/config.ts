import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Bilingual } from '../../engine/api/types.js';
import { LANGUAGES, type Language } from './text.js';

/** What a person chose once and for all. Unknown keys are kept when the file is written again. */
export interface Config {
  readonly language?: Language;
}

/** The result of reading: never a failure, since no setting is worth refusing to start for. */
export interface LoadedConfig {
  readonly config: Config;
  /** Why the file, or a part of it, was not used. */
  readonly problem: Bilingual | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `$XDG_CONFIG_HOME/glassbox/config.json`; a relative XDG_CONFIG_HOME is ignored (XDG Base Directory Specification). */
export function configPath(env: Environment): string {
  const base = env['XDG_CONFIG_HOME'];
  const home = env['HOME'] || homedir();
  return join(base !== undefined && isAbsolute(base) ? base : join(home, '.config'), 'glassbox', 'config.json');
}

export function loadConfig(env: Environment): LoadedConfig {
  const path = configPath(env);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { config: {}, problem: null };
    return { config: {}, problem: unreadable(path, code) };
  }
  return parseConfig(text, path);
}

function parseConfig(text: string, path: string): LoadedConfig {
  const damaged: Bilingual = {
    en: `${path} is damaged and was ignored; choose the language again to write a new one`,
    zh: `${path} 已损坏，未予采用；重新选择语言即可写入新的配置`,
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return { config: {}, problem: damaged };
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { config: {}, problem: damaged };
  const language = LANGUAGES.find((one) => one === (value as Record<string, unknown>)['language']);
  if (language === undefined && 'language' in value) return { config: {}, problem: damaged };
  return { config: language === undefined ? value : { ...value, language }, problem: null };
}

/** Write the choice, whole or not at all: a new file is renamed over the old one. */
export function saveConfig(env: Environment, config: Config): void {
  const path = configPath(env);
  const present = loadConfig(env).config;
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, `${JSON.stringify({ ...present, ...config }, null, 2)}\n`);
  renameSync(fresh, path);
}

function unreadable(path: string, code: string): Bilingual {
  return { en: `${path} cannot be read (${code}) and was ignored`, zh: `无法读取 ${path}（${code}），未予采用` };
}

function errorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  throw error;
}
