import { invalid } from './errors.js';
import { printable } from './network-options.js';

export type Filters = Readonly<Record<string, readonly string[]>>;

/** Refuse a filter that there is none of, in Docker's words. */
export function checkFilters(filters: Filters, known: readonly string[]): void {
  for (const name of Object.keys(filters))
    if (!known.includes(name)) throw invalid(`invalid filter '${printable(name)}'`);
}

/** True when there is no filter of that name, or one of its values is `value`. */
export function exact(filters: Filters, name: string, value: string): boolean {
  const wanted = filters[name];
  return wanted === undefined || wanted.length === 0 || wanted.includes(value);
}

/**
 * As `exact`, where a value may also be a part, or an expression with `^`, `$`, `.` and `*`. Docker takes any regular
 * expression; whoever asks shall not be able to keep the engine busy with one, so one star is the most that is honoured.
 */
export function matches(filters: Filters, name: string, value: string): boolean {
  const wanted = filters[name];
  if (wanted === undefined || wanted.length === 0) return true;
  return wanted.some((text) => text === value || expression(text)?.test(value) === true || value.includes(text));
}

function expression(text: string): RegExp | null {
  if (text.length > 256 || !/^\^?[\w/:@.*-]*\$?$/.test(text) || (text.match(/\*/g)?.length ?? 0) > 1) return null;
  return /^\^?\*/.test(text) ? null : new RegExp(text);
}

/** Every filter of that name, `key` or `key=value`, holds. */
export function labelsMatch(filters: Filters, name: string, labels: Readonly<Record<string, string>>): boolean {
  return (filters[name] ?? []).every((text) => labelMatches(text, labels));
}

function labelMatches(text: string, labels: Readonly<Record<string, string>>): boolean {
  const at = text.indexOf('=');
  const key = at < 0 ? text : text.slice(0, at);
  if (!Object.hasOwn(labels, key)) return false;
  return at < 0 || labels[key] === text.slice(at + 1);
}

/** None of the filters of that name holds. */
export function labelsDiffer(filters: Filters, name: string, labels: Readonly<Record<string, string>>): boolean {
  return !(filters[name] ?? []).some((text) => labelMatches(text, labels));
}

/** A boolean filter; null: it is not asked. */
export function boolean(filters: Filters, name: string): boolean | null {
  const values = filters[name];
  if (values === undefined || values.length === 0) return null;
  const is = (pattern: RegExp): boolean => values.every((value) => pattern.test(value));
  if (is(/^(1|true|True|TRUE|t|T)$/)) return true;
  if (is(/^(0|false|False|FALSE|f|F)$/)) return false;
  throw invalid(`invalid filter '${name}=[${values.map(printable).join(' ')}]'`);
}
