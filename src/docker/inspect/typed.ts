import {
  type FieldTag,
  GoDuration,
  GoList,
  GoMap,
  GoNil,
  GoStruct,
  GoTime,
  JsonNumber,
  type Value,
} from '../template/index.js';
import type { Json } from './json.js';
import { untyped } from './json.js';
import { TYPES } from './types.js';

interface Field {
  readonly name: string;
  readonly json: string;
  readonly type: string;
  readonly omitEmpty: boolean;
  readonly isEmbedded: boolean;
}

let structs: ReadonlyMap<string, readonly Field[]> | undefined;

/** The table of types, read when it is first needed. */
function fieldsOf(type: string): readonly Field[] | undefined {
  structs ??= new Map(
    [...TYPES.matchAll(/^([\w.]+) \{(.*?)\}$/gms)].map(([, name = '', body = '']) => [
      name,
      body
        .split(';')
        .map((text) => text.trim())
        .filter((text) => text !== '')
        .map(parseField),
    ]),
  );
  return structs.get(type);
}

function parseField(text: string): Field {
  const words = text.split(/\s+/);
  if (words[0] === '+') {
    const type = words[1] ?? '';
    return { name: type.replace(/^\*?\w+\./, ''), json: '', type, omitEmpty: false, isEmbedded: true };
  }
  const [name = '', json = name] = (words[0] ?? '').split('=');
  return { name, json, type: words[1] ?? 'any', omitEmpty: words.includes('?'), isEmbedded: false };
}

/** The JSON does not have the shape that the type says. */
export class ShapeError extends Error {}

/** JSON as a value of a Go type; absent members are zero. */
export function typed(type: string, json: Json | undefined): Value {
  if (type === 'any') return json === undefined ? null : untyped(json);
  if (type.startsWith('*')) return pointer(type, json);
  if (type.startsWith('[]')) return list(type, json);
  if (type.startsWith('map[string]')) return map(type, json);
  if (type === 'struct{}') return new GoStruct('struct {}', new Map());
  const fields = fieldsOf(type);
  if (fields !== undefined) return struct(type, fields, json);
  return scalar(type, json);
}

function pointer(type: string, json: Json | undefined): Value {
  if (json === null || json === undefined) return new GoNil(type);
  const inner = type.slice(1);
  const fields = fieldsOf(inner);
  return fields === undefined ? typed(inner, json) : struct(type, fields, json);
}

function list(type: string, json: Json | undefined): Value {
  if (json === null || json === undefined) return new GoList(type, [], true);
  if (!Array.isArray(json)) throw new ShapeError(type);
  return new GoList(
    type,
    (json as readonly Json[]).map((one) => typed(type.slice(2), one)),
  );
}

function map(type: string, json: Json | undefined): Value {
  if (json === null || json === undefined) return new GoMap(type, new Map(), true);
  if (!(json instanceof Map)) throw new ShapeError(type);
  const inner = type.slice('map[string]'.length);
  return new GoMap(
    type,
    new Map([...(json as ReadonlyMap<string, Json>)].map(([key, one]) => [key, typed(inner, one)])),
  );
}

function struct(type: string, fields: readonly Field[], json: Json | undefined): Value {
  const members = json === null || json === undefined ? new Map<string, Json>() : json;
  if (!(members instanceof Map)) throw new ShapeError(type);
  const values = new Map<string, Value>();
  const tags = new Map<string, FieldTag>();
  const embedded: string[] = [];
  for (const field of fields) {
    if (field.isEmbedded) {
      embedded.push(field.name);
      values.set(field.name, typed(field.type, members as ReadonlyMap<string, Json>));
      continue;
    }
    tags.set(field.name, field);
    values.set(field.name, typed(field.type, (members as ReadonlyMap<string, Json>).get(field.json)));
  }
  return new GoStruct(type, values, { tags, embedded });
}

function scalar(type: string, json: Json | undefined): Value {
  const isAbsent = json === undefined || json === null;
  switch (type) {
    case 'string':
      if (isAbsent) return '';
      if (typeof json !== 'string') throw new ShapeError(type);
      return json;
    case 'bool':
      if (isAbsent) return false;
      if (typeof json !== 'boolean') throw new ShapeError(type);
      return json;
    case 'time':
      if (isAbsent) return new GoTime('0001-01-01T00:00:00Z');
      if (typeof json !== 'string') throw new ShapeError(type);
      return new GoTime(json);
    default:
      if (isAbsent) return type === 'duration' ? new GoDuration(0n) : 0n;
      if (!(json instanceof JsonNumber) || !/^-?\d+$/.test(json.text)) throw new ShapeError(type);
      return type === 'duration' ? new GoDuration(BigInt(json.text)) : BigInt(json.text);
  }
}
