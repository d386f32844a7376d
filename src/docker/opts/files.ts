import { readFileSync } from 'node:fs';
import { fileMessage } from '../errors.js';

/** Files that flags name: --env-file, --label-file, seccomp profiles. */

const LARGEST = 16 << 20;

export function readText(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(fileMessage(error, 'open', path), { cause: error });
  }
  if (text.length > LARGEST) throw new Error(`${path}: larger than ${LARGEST} bytes`);
  return text;
}

/** One `NAME=value` or `NAME` a line, # for comments. */
function linesOf(path: string, inherit: (name: string) => string | undefined): string[] {
  const out: string[] = [];
  for (const raw of readText(path)
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)) {
    const line = raw.trimStart();
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    const name = (equals < 0 ? line : line.slice(0, equals)).trimStart();
    if (/[ \t]/.test(name.trimEnd()) || (equals >= 0 && /\s$/.test(name)))
      throw new Error(`invalid env file (${path}): variable '${name}' contains whitespaces`);
    if (name === '') throw new Error(`invalid env file (${path}): no variable name on line '${line}'`);
    if (equals >= 0) out.push(`${name}=${line.slice(equals + 1)}`);
    else {
      const value = inherit(name.trim());
      if (value !== undefined) out.push(`${name.trim()}=${value}`);
    }
  }
  return out;
}

/** --env-file before -e; a name alone takes its value from here, or removes the image's. */
export function environment(files: readonly string[], values: readonly string[], env: NodeJS.ProcessEnv): string[] {
  const fromFiles = files.flatMap((path) => linesOf(path, (name) => env[name]));
  const own = values.map((value) =>
    value.includes('=') || env[value] === undefined ? value : `${value}=${env[value]}`,
  );
  return [...fromFiles, ...own];
}

export function labelsOf(files: readonly string[], values: readonly string[]): Record<string, string> {
  const all = [...files.flatMap((path) => linesOf(path, () => undefined)), ...values];
  return pairs(all);
}

/** `name=value` texts as an object; without = the value is empty. */
export function pairs(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((value) => {
      const equals = value.indexOf('=');
      return equals < 0 ? [value, ''] : [value.slice(0, equals), value.slice(equals + 1)];
    }),
  );
}

/** --security-opt: a seccomp profile is read here and sent as JSON; `systempaths=unconfined` becomes two lists. */
export function securityOptions(values: readonly string[]): { options: string[]; isUnconfined: boolean } {
  const options: string[] = [];
  let isUnconfined = false;
  for (const value of values.flatMap((one) => one.split(/,(?=no-new-privileges)/))) {
    const at = /[=:]/.exec(value)?.index ?? -1;
    const [name, setting] = at < 0 ? [value, null] : [value.slice(0, at), value.slice(at + 1)];
    if (setting === null && name !== 'no-new-privileges')
      throw new Error(`Invalid --security-opt: ${JSON.stringify(value)}`);
    if (value === 'systempaths=unconfined') {
      isUnconfined = true;
      continue;
    }
    if (name === 'seccomp' && setting !== null && setting !== 'unconfined' && setting !== 'builtin')
      options.push(`seccomp=${profile(setting)}`);
    else options.push(value);
  }
  return { options, isUnconfined };
}

function profile(path: string): string {
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    throw new Error(
      `opening seccomp profile (${path}) failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    throw new Error(
      `compacting json for seccomp profile (${path}) failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
