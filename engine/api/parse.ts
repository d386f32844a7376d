import { EngineError } from '../kernel/errors.js';
import type { ExecRequest, LabOptions, SessionRequest } from './types.js';

/** Largest request body, bytes. */
export const MAX_BODY = 8 << 20;
const MAX_ARGV = 4096;

type Fields = Readonly<Record<string, unknown>>;

function bad(message: string): never {
  throw new EngineError('InvalidArgument', message);
}

/** A body as an object; unknown keys are refused by name, so that a misspelt option is not silently ignored. */
export function parseObject(text: string, known: readonly string[]): Fields {
  let value: unknown;
  try {
    value = text === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new EngineError('InvalidArgument', 'the request body is not JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return bad('the request body is not an object');
  for (const key of Object.keys(value))
    if (!known.includes(key)) bad(`unknown field ${JSON.stringify(key.slice(0, 60))} in the request`);
  return value as Fields;
}

function text(fields: Fields, key: string, max = 4096): string | undefined {
  const value = fields[key];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length > max || (key !== 'stdin' && value.includes('\0')))
    return bad(`${key} is not a string of at most ${max} characters`);
  return value;
}

function integer(fields: Fields, key: string, min: number, max: number): number | undefined {
  const value = fields[key];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    return bad(`${key} is not a whole number from ${min} to ${max}`);
  return value;
}

function argv(fields: Fields): string[] {
  const value = fields['argv'];
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_ARGV)
    return bad(`argv is not a list of 1 to ${MAX_ARGV} strings`);
  return value.map((word) =>
    typeof word === 'string' && !word.includes('\0') ? word : bad('argv holds something that is not a string'),
  );
}

function env(fields: Fields): Record<string, string> | undefined {
  const value = fields['env'];
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return bad('env is not an object of strings');
  const result: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, content] of Object.entries(value)) {
    if (!/^[^=\0]+$/.test(name) || typeof content !== 'string' || content.includes('\0'))
      bad(`environment variable ${JSON.stringify(name.slice(0, 60))} is not a string`);
    result[name] = content as string;
  }
  return { ...result };
}

/** Drop the keys whose value is undefined: an absent option stays absent. */
function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

export function parseLabOptions(body: string): LabOptions {
  const fields = parseObject(body, ['keep', 'hostname', 'tmpfsBytes', 'pidsMax']);
  return present({
    keep: text(fields, 'keep', 64),
    hostname: text(fields, 'hostname', 63),
    tmpfsBytes: integer(fields, 'tmpfsBytes', 1 << 16, 2 ** 40),
    pidsMax: integer(fields, 'pidsMax', 4, 4_194_304),
  }) as LabOptions;
}

export function parseExec(body: string): ExecRequest {
  const fields = parseObject(body, ['argv', 'env', 'cwd', 'stdin', 'timeoutMs', 'maxOutputBytes', 'actor']);
  return present({
    argv: argv(fields),
    env: env(fields),
    cwd: text(fields, 'cwd'),
    stdin: text(fields, 'stdin', MAX_BODY),
    timeoutMs: integer(fields, 'timeoutMs', 1, 3_600_000),
    maxOutputBytes: integer(fields, 'maxOutputBytes', 0, 64 << 20),
  }) as ExecRequest;
}

export function parsePassthrough(body: string): {
  argv: string[];
  env?: Record<string, string>;
  cwd?: string;
  foreground: boolean;
} {
  const fields = parseObject(body, ['argv', 'env', 'cwd', 'foreground']);
  return {
    ...(present({ argv: argv(fields), env: env(fields), cwd: text(fields, 'cwd') }) as { argv: string[] }),
    foreground: fields['foreground'] === true,
  };
}

export function parseSession(query: URLSearchParams): SessionRequest {
  const encoded = query.get('request');
  if (encoded === null) return bad('a session needs a request');
  const fields = parseObject(encoded, ['argv', 'env', 'cwd', 'cols', 'rows']);
  return present({
    argv: argv(fields),
    env: env(fields),
    cwd: text(fields, 'cwd'),
    cols: integer(fields, 'cols', 1, 9999) ?? 80,
    rows: integer(fields, 'rows', 1, 9999) ?? 24,
  }) as SessionRequest;
}

export function parseSize(body: string): { cols: number; rows: number } {
  const fields = parseObject(body, ['cols', 'rows']);
  return {
    cols: integer(fields, 'cols', 1, 9999) ?? bad('cols is missing'),
    rows: integer(fields, 'rows', 1, 9999) ?? bad('rows is missing'),
  };
}

export function parseSignal(body: string): number {
  return integer(parseObject(body, ['signal']), 'signal', 1, 64) ?? bad('signal is missing');
}

export function parseStep(body: string): 'next' | 'run' | 'stop' {
  const answer = parseObject(body, ['answer'])['answer'];
  return answer === 'next' || answer === 'run' || answer === 'stop' ? answer : bad('answer is not next, run or stop');
}
