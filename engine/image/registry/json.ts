import { EngineError } from '../../kernel/errors.js';

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object's member that must be a string where it is there. */
export function optionalString(record: JsonRecord, name: string): string | undefined {
  const value = Object.hasOwn(record, name) ? record[name] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new EngineError('InvalidArgument', `${name} is not a string`);
  return value;
}
