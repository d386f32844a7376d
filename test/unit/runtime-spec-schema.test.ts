import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv, type ErrorObject } from 'ajv';
import fc from 'fast-check';
import { EngineError } from '../../engine/kernel/errors.js';
import { defaultSpec } from '../../engine/runtime/spec/default-spec.js';
import { features } from '../../engine/runtime/spec/features.js';
import { parseJson } from '../../engine/runtime/spec/json.js';
import { MOUNT_OPTIONS } from '../../engine/runtime/spec/mount-options.js';
import { parseSpec } from '../../engine/runtime/spec/parse.js';
import { changed, FINE } from './runtime-spec-cases.js';

type Schema = { [key: string]: unknown };
const RUNS = Number(process.env['GLASSBOX_FUZZ_RUNS'] ?? 2000);
const DIRECTORY = new URL('../fixtures/oci-runtime/', import.meta.url);
const FILES = ['config-schema', 'config-linux', 'defs', 'defs-linux', 'features-schema', 'features-linux'];

/** What the parser leaves out on purpose: other systems, what runc 1.1 does not read, and what is refused whole. */
const IGNORED: readonly (readonly [file: string, ...path: string[]])[] = [
  ...['windows', 'solaris', 'vm', 'zos', 'freebsd'].map((key) => ['config-schema', 'properties', key] as const),
  ['config-schema', 'properties', 'process', 'properties', 'commandLine'],
  ['config-schema', 'properties', 'process', 'properties', 'user', 'properties', 'username'],
  ['config-linux', 'linux', 'properties', 'netDevices'],
  ['config-linux', 'linux', 'properties', 'memoryPolicy'],
  ['config-linux', 'linux', 'properties', 'intelRdt'],
];

/** Where we are stricter than the schema, with the reason in `engine/runtime/spec/read.ts` or `validate.ts`. */
const STRICTER: readonly (readonly [file: string, path: readonly string[], value: Schema])[] = [
  ['config-schema', ['required'], ['ociVersion', 'root'] as unknown as Schema],
  ['config-schema', ['properties', 'hostname'], { type: 'string', maxLength: 20 }],
  ['config-schema', ['properties', 'domainname'], { type: 'string', maxLength: 20 }],
  ['config-schema', ['properties', 'process', 'properties', 'oomScoreAdj'], range(-1000, 1000)],
  ['config-schema', ['properties', 'process', 'properties', 'consoleSize', 'properties', 'height'], range(0, 65_535)],
  ['config-schema', ['properties', 'process', 'properties', 'consoleSize', 'properties', 'width'], range(0, 65_535)],
  ['config-schema', ['properties', 'process', 'properties', 'user', 'properties', 'uid'], range(0, 2 ** 31 - 1)],
  ['config-schema', ['properties', 'process', 'properties', 'user', 'properties', 'gid'], range(0, 2 ** 31 - 1)],
  ['defs', ['definitions', 'ArrayOfGIDs', 'items'], range(0, 2 ** 31 - 1)],
  ['defs', ['definitions', 'Hook', 'properties', 'timeout'], range(1, 2 ** 31 - 1)],
  ['defs-linux', ['definitions', 'Major'], range(0, 4095)],
  ['defs-linux', ['definitions', 'Minor'], range(0, 2 ** 20 - 1)],
  ['defs-linux', ['definitions', 'DeviceCgroup', 'properties', 'type'], { type: 'string', enum: ['a', 'b', 'c'] }],
  ['defs-linux', ['definitions', 'TimeOffsets', 'properties', 'nanosecs'], range(0, 999_999_999)],
  ['defs-linux', ['definitions', 'Personality', 'required'], ['domain'] as unknown as Schema],
  [
    'config-linux',
    ['linux', 'properties', 'resources', 'properties', 'memory', 'properties', 'swappiness'],
    range(0, 100),
  ],
];

function range(minimum: number, maximum: number): Schema {
  return { type: 'integer', minimum, maximum };
}

const schemas = new Map(
  FILES.map((file): [string, Schema] => {
    const { $schema, ...rest } = JSON.parse(readFileSync(new URL(`${file}.json`, DIRECTORY), 'utf8')) as Schema;
    assert.equal($schema ?? 'http://json-schema.org/draft-04/schema#', 'http://json-schema.org/draft-04/schema#');
    return [`${file}.json`, rest];
  }),
);
for (const [file, ...path] of IGNORED) place(file, path, undefined);
for (const [file, path, value] of STRICTER) place(file, path, value);

function place(file: string, path: readonly string[], value: unknown): void {
  let into = schemas.get(`${file}.json`) ?? {};
  for (const key of path.slice(0, -1)) into = into[key] as Schema;
  const last = path.at(-1) ?? '';
  assert.ok(into !== undefined && (last in into || last === 'required'), `the schema ${file} has no ${path.join('.')}`);
  if (value === undefined) delete into[last];
  else into[last] = value;
}

function resolve(file: string, schema: Schema): { file: string; schema: Schema } {
  const ref = schema['$ref'] as string | undefined;
  if (ref === undefined) return { file, schema };
  const [target = '', pointer = ''] = ref.split('#');
  const next = target === '' ? file : target;
  let at: unknown = schemas.get(next);
  for (const key of pointer.split('/').slice(1)) at = (at as Schema)[key];
  assert.ok(at !== undefined, `${ref} leads nowhere`);
  return resolve(next, at as Schema);
}

/** Values that the schema allows; with `wrong`, now and then one of another type. */
function valuesOf(givenFile: string, given: Schema, wrong: boolean): fc.Arbitrary<unknown> {
  const { file, schema } = resolve(givenFile, given);
  const right = rightValues(file, schema, wrong);
  const other = fc.constantFrom<unknown>(true, 7, 1.5, 'word', ['word'], { word: 1 });
  return wrong ? fc.oneof({ weight: 60, arbitrary: right }, { weight: 1, arbitrary: other }) : right;
}

function rightValues(file: string, schema: Schema, wrong: boolean): fc.Arbitrary<unknown> {
  const parts = (schema['allOf'] ?? schema['anyOf']) as Schema[] | undefined;
  if (parts !== undefined)
    return fc
      .tuple(...parts.map((part) => valuesOf(file, part, false)))
      .map((values) => Object.assign({}, ...values) as object);
  const words = schema['enum'] as string[] | undefined;
  if (words !== undefined) return fc.constantFrom(...words);
  switch (schema['type']) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({
        min: Math.max((schema['minimum'] as number | undefined) ?? -1000, Number.MIN_SAFE_INTEGER),
        max: Math.min((schema['maximum'] as number | undefined) ?? 1000, Number.MAX_SAFE_INTEGER),
      });
    case 'string':
      return typeof schema['pattern'] === 'string'
        ? fc.stringMatching(new RegExp(schema['pattern']))
        : fc.string({ maxLength: 20 });
    case 'array':
      return fc.array(valuesOf(file, (schema['items'] ?? {}) as Schema, wrong), {
        minLength: (schema['minItems'] as number | undefined) ?? 0,
        maxLength: 3,
      });
    default:
      return objects(file, schema, wrong);
  }
}

function objects(file: string, schema: Schema, wrong: boolean): fc.Arbitrary<unknown> {
  const members = (schema['properties'] ?? {}) as Record<string, Schema>;
  const pattern = (schema['patternProperties'] ?? {}) as Record<string, Schema>;
  const free = Object.values(pattern)[0] ?? (schema['additionalProperties'] as Schema | undefined);
  if (free !== undefined)
    return fc.dictionary(fc.string({ minLength: 1, maxLength: 10 }), valuesOf(file, free, wrong), { maxKeys: 3 });
  const model = Object.fromEntries(
    Object.entries(members).map(([key, member]) => [key, valuesOf(file, member, wrong)] as const),
  );
  return fc.record(model, {
    requiredKeys: (schema['required'] as string[] | undefined)?.filter((key) => key in model) ?? [],
  });
}

function compile(name: string): { (value: unknown): boolean; errors?: ErrorObject[] | null } {
  const ajv = new Ajv({ strict: false, allErrors: true });
  for (const [file, schema] of schemas) ajv.addSchema(schema, file);
  const validate = ajv.getSchema(name);
  assert.ok(validate !== undefined, `${name} cannot be compiled`);
  return validate as ReturnType<typeof compile>;
}

/** `/linux/devices/0/major` as we say it: `linux.devices[0].major`. */
function ourPath(pointer: string): string {
  let text = '';
  let value: 'object' | 'map' = 'object';
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (value === 'map') text += `[${JSON.stringify(key)}]`;
    else if (/^[0-9]+$/.test(key)) text += `[${key}]`;
    else text += text === '' ? key : `.${key}`;
    value = value === 'object' && ['annotations', 'sysctl', 'unified', 'rdma'].includes(key) ? 'map' : 'object';
  }
  return text;
}

const isValid = compile('config-schema.json');
const config = schemas.get('config-schema.json') ?? {};

function refusal(text: string): EngineError | null {
  try {
    parseSpec(parseJson(text));
    return null;
  } catch (error) {
    assert.ok(error instanceof EngineError, `not an EngineError: ${String(error)}`);
    return error;
  }
}

describe('config.json and the schema of runtime-spec', () => {
  it(`takes what the schema allows (${RUNS} documents)`, () => {
    fc.assert(
      fc.property(valuesOf('config-schema.json', config, false), (document) => {
        const text = JSON.stringify(document);
        assert.ok(isValid(JSON.parse(text)), `the generator is wrong: ${JSON.stringify(isValid.errors)}`);
        assert.equal(refusal(text)?.message, undefined);
      }),
      { numRuns: RUNS },
    );
  });

  it(`refuses each wrong type, and names its place (${RUNS} documents)`, () => {
    let refused = 0;
    const places = new Set<string>();
    fc.assert(
      fc.property(valuesOf('config-schema.json', config, true), (document) => {
        if (typeof document !== 'object' || document === null || Array.isArray(document)) return;
        const text = JSON.stringify(document);
        isValid(JSON.parse(text));
        const wrong = (isValid.errors ?? []).filter(({ keyword }) => keyword === 'type');
        if (wrong.length === 0) return;
        const error = refusal(text);
        assert.ok(error !== null, `taken in spite of ${JSON.stringify(wrong)}`);
        const all = (isValid.errors ?? []).map(({ instancePath }) => ourPath(instancePath));
        const field = String(error.details['field']);
        // a missing member is its owner's error
        assert.ok(
          all.some((path) => path === field || field.startsWith(`${path}.`)),
          `${field} is not among ${all.join(', ')}`,
        );
        refused++;
        places.add(field.replace(/[0-9]+|"[^\]]*"/g, '*'));
      }),
      { numRuns: RUNS },
    );
    assert.ok(refused > RUNS / 10, `only ${refused} documents had a wrong type`);
    assert.ok(places.size > 30, `only ${places.size} different places were refused`);
  });

  it('has default documents that the schema allows', () => {
    for (const unifiedCgroups of [false, true])
      for (const rootless of [undefined, { uid: 1000, gid: 1000 }]) {
        const text = defaultSpec({ unifiedCgroups, ...(rootless === undefined ? {} : { rootless }) });
        assert.ok(isValid(JSON.parse(text)), JSON.stringify(isValid.errors));
        assert.equal(refusal(text), null);
      }
  });

  it('ignores what it does not know', () => {
    const unknown = FINE.find(({ name }) => name === 'unknown members');
    const base = JSON.parse(defaultSpec({ unifiedCgroups: false })) as object;
    assert.equal(refusal(JSON.stringify(changed(base, unknown?.change ?? {}))), null);
  });
});

describe('features', () => {
  const document = features({
    seccomp: {
      actions: ['SCMP_ACT_ALLOW'],
      operators: ['SCMP_CMP_EQ'],
      archs: ['SCMP_ARCH_X86_64'],
      knownFlags: ['SECCOMP_FILTER_FLAG_LOG'],
      supportedFlags: [],
    },
    mountOptions: MOUNT_OPTIONS,
    version: '0.1.0',
    apparmor: true,
    selinux: false,
    idmap: true,
  });

  it('is a document of the schema', () => {
    const validate = compile('features-schema.json');
    assert.ok(validate(document), JSON.stringify(validate.errors));
    assert.ok(!validate({ ...document, hooks: 'x' }), 'the schema takes everything');
  });

  it('says what the tables hold', () => {
    assert.equal(document.linux.capabilities.length, 41);
    assert.equal(document.linux.capabilities[40], 'CAP_CHECKPOINT_RESTORE');
    assert.deepEqual(document.linux.namespaces, ['cgroup', 'ipc', 'mount', 'network', 'pid', 'time', 'user', 'uts']);
    assert.deepEqual(document.hooks[0], 'prestart');
    assert.deepEqual(document.mountOptions, [...MOUNT_OPTIONS].sort());
    assert.ok(document.mountOptions.includes('rro'), 'rro is missing');
  });
});
