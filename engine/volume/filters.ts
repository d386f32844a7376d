import { EngineError } from '../kernel/errors.js';
import { printable } from './names.js';

export type Filters = Readonly<Record<string, readonly string[]>>;

const invalid = (message: string): EngineError => new EngineError('InvalidArgument', message);

/** Refuse a filter that there is none of, in Docker's words. */
export function checkFilters(filters: Filters, known: readonly string[]): void {
  for (const name of Object.keys(filters))
    if (!known.includes(name)) throw invalid(`invalid filter '${printable(name)}'`);
}

/** True when there is no filter of that name, or one of its values is `value`. */
export function exact(filters: Filters, name: string, value: string): boolean {
  const wanted = filters[name] ?? [];
  return wanted.length === 0 || wanted.includes(value);
}

/** As `exact`, where a value may also be a part, at the beginning (`^`) or the end (`$`). */
export function matches(filters: Filters, name: string, value: string): boolean {
  const wanted = filters[name] ?? [];
  return wanted.length === 0 || wanted.some((text) => isPart(text, value));
}

function isPart(text: string, value: string): boolean {
  const [, start = '', middle = '', end = ''] = /^(\^?)(.*?)(\$?)$/s.exec(text) ?? [];
  if (start !== '' && end !== '') return value === middle;
  if (start !== '') return value.startsWith(middle);
  return end === '' ? value.includes(middle) : value.endsWith(middle);
}

function labelMatches(text: string, labels: Readonly<Record<string, string>>): boolean {
  const at = text.indexOf('=');
  const key = at < 0 ? text : text.slice(0, at);
  return Object.hasOwn(labels, key) && (at < 0 || labels[key] === text.slice(at + 1));
}

/** All of `label`, none of `label!`: `key` or `key=value`. */
export function labelsPass(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  return (
    (filters['label'] ?? []).every((text) => labelMatches(text, labels)) &&
    !(filters['label!'] ?? []).some((text) => labelMatches(text, labels))
  );
}

/** A boolean filter; null: it is not asked. */
export function boolean(filters: Filters, name: string): boolean | null {
  const values = filters[name] ?? [];
  if (values.length === 0) return null;
  const are = (pattern: RegExp): boolean => values.every((value) => pattern.test(value));
  if (are(/^(1|true|True|TRUE|t|T)$/)) return true;
  if (are(/^(0|false|False|FALSE|f|F)$/)) return false;
  throw invalid(`invalid filter '${name}=[${values.map(printable).join(' ')}]'`);
}
