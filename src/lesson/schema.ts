/**
 * lesson.yaml against assets/lesson.schema.json, with errors that a person can act on: ajv's many alternatives are reduced to the
 * one that matters, unknown keys get "did you mean", and each problem keeps its path into the document.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { nearest } from './suggest.js';

/** A problem at a JSON path (`['steps', 3, 'goal']`). */
export interface SchemaProblem {
  readonly path: readonly (string | number)[];
  /** The key itself is wrong, not its value. */
  readonly key?: string;
  readonly message: string;
}

/** Root of the package: the nearest directory upwards that has `assets/`. Works from src/ and from dist/src/. */
export function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      readFileSync(join(directory, 'assets/lesson.schema.json'));
      return directory;
    } catch (error) {
      const parent = dirname(directory);
      if (parent === directory)
        throw new Error('cannot find assets/lesson.schema.json above the program', { cause: error });
      directory = parent;
    }
  }
}

export function schemaFile(): string {
  return join(packageRoot(), 'assets/lesson.schema.json');
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly $defs?: { readonly check: { readonly properties: Readonly<Record<string, unknown>> } };
}

let compiled: { validate: ValidateFunction; checkKinds: readonly string[] } | null = null;

function load(): { validate: ValidateFunction; checkKinds: readonly string[] } {
  if (compiled) return compiled;
  const schema = JSON.parse(readFileSync(schemaFile(), 'utf8')) as SchemaNode;
  const ajv = new Ajv({ allErrors: true, strict: false, verbose: true });
  const checkKinds = Object.keys(schema.$defs?.check.properties ?? {}).filter((key) => key !== 'id');
  compiled = { validate: ajv.compile(schema), checkKinds };
  return compiled;
}

/** Names of all kinds of checks, from the schema. */
export function checkKinds(): readonly string[] {
  return load().checkKinds;
}

function pointer(path: string): (string | number)[] {
  return path
    .split('/')
    .slice(1)
    .map((part) => {
      const plain = part.replaceAll('~1', '/').replaceAll('~0', '~');
      return /^\d+$/.test(plain) ? Number(plain) : plain;
    });
}

/** All problems, at most twenty, deepest and most telling first within one place. */
export function validateLesson(document: unknown): SchemaProblem[] {
  const { validate, checkKinds: kinds } = load();
  if (validate(document)) return [];
  const errors = (validate.errors ?? []).filter((error) => !isNoise(error));
  const problems: SchemaProblem[] = [];
  const seen = new Set<string>();
  const byPath = new Map<string, ErrorObject[]>();
  for (const error of errors) byPath.set(error.instancePath, [...(byPath.get(error.instancePath) ?? []), error]);
  // A place is explained by its deepest errors: drop "must match exactly one" of an ancestor that has errors below.
  for (const [path, group] of byPath) {
    const below = [...byPath.keys()].some((other) => other.startsWith(`${path}/`));
    for (const error of group) {
      if (below && (error.keyword === 'anyOf' || error.keyword === 'oneOf' || error.keyword === 'type')) continue;
      const problem = explain(error, kinds);
      const key = `${path} ${problem.message}`;
      if (!seen.has(key)) problems.push(problem);
      seen.add(key);
    }
  }
  if (problems.length === 0)
    problems.push(...(validate.errors ?? []).slice(0, 1).map((error) => explain(error, kinds)));
  return problems.slice(0, 20);
}

/** Errors of alternatives that were not meant: in an anyOf of object and scalar, the branch of the other type. */
function isNoise(error: ErrorObject): boolean {
  if (error.keyword === 'if') return true;
  if (error.schemaPath.includes('/anyOf/') || error.schemaPath.includes('numberish')) {
    const isObject = typeof error.data === 'object' && error.data !== null;
    if (isObject && (error.keyword === 'type' || error.keyword === 'const' || error.keyword === 'enum')) return true;
  }
  return error.keyword === 'required' && error.schemaPath.includes('/oneOf/');
}

function explain(error: ErrorObject, kinds: readonly string[]): SchemaProblem {
  const path = pointer(error.instancePath);
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(params['additionalProperty']);
      const parent = error.parentSchema as SchemaNode | undefined;
      const guess = nearest(key, Object.keys(parent?.properties ?? {}));
      return { path, key, message: `unknown key ${key}${guess ? `: did you mean ${guess}?` : ''}` };
    }
    case 'required':
      return { path, message: `missing key ${String(params['missingProperty'])}` };
    case 'enum': {
      const allowed = (params['allowedValues'] as readonly unknown[]).map(String);
      const guess = nearest(String(error.data), allowed);
      const hint = guess ? `did you mean ${guess}?` : `expected one of ${allowed.join(', ')}`;
      return { path, message: `unknown value ${JSON.stringify(error.data)}: ${hint}` };
    }
    case 'oneOf': {
      if ((error.parentSchema as SchemaNode | undefined)?.properties?.['within'] !== undefined) {
        const found = Object.keys((error.data ?? {}) as object).filter((key) => kinds.includes(key));
        return {
          path,
          message: `a check has exactly one kind, found ${found.length === 0 ? 'none' : found.join(' and ')}`,
        };
      }
      return { path, message: 'exactly one of the alternatives must be given' };
    }
    case 'anyOf':
      return {
        path,
        message: `unfit value ${JSON.stringify(error.data).slice(0, 60)}: expected ${String(error.parentSchema?.['description'] ?? 'another type')}`,
      };
    case 'not':
      return { path, message: 'goal is not for steps of kind explain, predict or free' };
    case 'pattern':
      return { path, message: `unfit value ${JSON.stringify(error.data)}: must match ${String(params['pattern'])}` };
    default:
      return { path, message: `${error.message ?? 'is not valid'}` };
  }
}
