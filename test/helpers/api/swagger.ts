import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse } from 'yaml';

const FILE = new URL('../../../../shared/specs/docker-engine-api-v1.50.yaml', import.meta.url);

type Schema = Readonly<Record<string, unknown>>;

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly responses: Readonly<Record<string, { readonly schema?: Schema }>>;
}

/** Why nothing can be held against the description here, or null. */
export const whyNoSwagger = existsSync(FILE) ? null : 'docker-engine-api-v1.50.yaml does not lie in ../shared/specs';

/** The OpenAPI description of the Docker Engine API, and what answers must look like. */
export class Swagger {
  readonly operations: readonly Operation[];
  readonly #ajv: Ajv;

  constructor() {
    const document = parse(readFileSync(FILE, 'utf8')) as {
      paths: Record<string, Record<string, { operationId?: string; responses?: Operation['responses'] }>>;
      definitions: Record<string, Schema>;
    };
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { operationId: id, responses }]) =>
        id === undefined || responses === undefined ? [] : [{ id, method: method.toUpperCase(), path, responses }],
      ),
    );
    this.#ajv = new Ajv({ strict: false, allErrors: true, logger: false, validateFormats: false });
    this.#ajv.addSchema({ $id: 'docker', definitions: nullable(document.definitions) });
  }

  /** What of a value does not fit; empty when all of it does. */
  faults(schema: Schema, value: unknown): string[] {
    const check = this.#ajv.compile(nullable(schema) as object);
    check(value);
    return (check.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
    );
  }
}

/**
 * Swagger 2.0 as JSON Schema. Go's nil slices and maps are null on the wire, which the description leaves out as often as it
 * says it: null is an array and an object too. `{}` in an enum means an empty object.
 */
function nullable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(nullable);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { type, enum: values, example: _, default: __, ...rest } = schema as Record<string, unknown>;
  const converted = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, key === '$ref' ? `docker${String(value)}` : nullable(value)]),
  );
  if (converted['x-nullable'] === true && converted['$ref'] !== undefined)
    return { anyOf: [{ type: 'null' }, { $ref: converted['$ref'] }] };
  const isNullable = converted['x-nullable'] === true || type === 'array' || type === 'object';
  return {
    ...converted,
    ...(typeof type === 'string'
      ? { type: isNullable ? [type, 'null'] : type }
      : type === undefined
        ? {}
        : { type: nullable(type) }),
    ...(Array.isArray(values) && values.every((value) => typeof value !== 'object')
      ? { enum: isNullable ? [...(values as unknown[]), null] : values }
      : {}),
  };
}
