/**
 * A learner's own names and numbers, drawn from a seed, and the filling of `{{placeholders}}`.
 * The same seed, lesson and variable always give the same value.
 */
import { createHash } from 'node:crypto';
import type { VariableSpec } from './types.js';

const PLACEHOLDER = /\\\{\{|\{\{\s*([^{}]+?)\s*\}\}/g;

/** A number below `bound` (at most 2^48) that depends on the seed alone. */
function draw(seed: string, lesson: string, name: string, bound: number): number {
  const bytes = createHash('sha256').update(`${seed}\0${lesson}\0${name}`, 'utf8').digest();
  return bytes.readUIntBE(0, 6) % bound;
}

export function ipToNumber(address: string): number | null {
  const parts = address.split('.');
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return null;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function numberToIp(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** Does the IPv4 address lie in the CIDR? False for anything unparsable. */
export function inCidr(address: string, cidr: string): boolean {
  const [base, length] = cidr.split('/');
  const left = ipToNumber(address);
  const right = ipToNumber(base ?? '');
  const bits = Number(length ?? '32');
  if (left === null || right === null || !Number.isInteger(bits) || bits < 0 || bits > 32) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(left / size) === Math.floor(right / size);
}

function value(spec: VariableSpec, seed: string, lesson: string, name: string, cgroup: 'v1' | 'v2'): string {
  if ('fixed' in spec) return String(spec.fixed);
  if ('choose' in spec) return String(spec.choose[draw(seed, lesson, name, spec.choose.length)]);
  if ('integer' in spec) {
    const { min, max } = spec.integer;
    return String(min + draw(seed, lesson, name, max - min + 1));
  }
  if ('cgroup' in spec) return String(spec.cgroup[cgroup]);
  if ('text' in spec) return spec.text;
  const [base, length] = spec.subnet.from.split('/');
  const start = ipToNumber(base ?? '');
  if (start === null || length === undefined)
    throw new Error(`cannot draw a subnet from ${spec.subnet.from}: expected address/length`);
  const size = 2 ** (32 - spec.subnet.prefix);
  const count = Math.max(1, 2 ** (32 - Number(length)) / size);
  return `${numberToIp(start + draw(seed, lesson, name, count) * size)}/${spec.subnet.prefix}`;
}

export interface VariableContext {
  readonly seed: string;
  readonly lesson: string;
  readonly cgroup: 'v1' | 'v2';
  /** Values that are always there, such as `cgroup_root`. */
  readonly builtin: Readonly<Record<string, string>>;
}

/** Values of all variables; `text` variables may use any other but themselves. */
export function chooseVariables(
  specs: Readonly<Record<string, VariableSpec>>,
  context: VariableContext,
): Record<string, string> {
  const vars: Record<string, string> = { ...context.builtin, cgroup: context.cgroup };
  for (const [name, spec] of Object.entries(specs))
    vars[name] = value(spec, context.seed, context.lesson, name, context.cgroup);
  for (let round = 0; round < 4; round += 1) {
    for (const [name, spec] of Object.entries(specs)) if ('text' in spec) vars[name] = fill(spec.text, vars).text;
  }
  return vars;
}

/** Value of a placeholder's inside: `name`, `net.3`, `net.3/`, `net.prefix`, `net.base`; undefined when there is none. */
export function lookUp(key: string, vars: Readonly<Record<string, string>>): string | undefined {
  if (Object.hasOwn(vars, key)) return vars[key];
  const part = /^([a-z][a-z0-9_]*)\.(\d+|prefix|base)(\/?)$/.exec(key);
  if (!part || !Object.hasOwn(vars, part[1]!)) return undefined;
  const [base, length] = vars[part[1]!]!.split('/');
  const start = ipToNumber(base ?? '');
  if (start === null || length === undefined) return undefined;
  if (part[2] === 'prefix') return length;
  if (part[2] === 'base') return base;
  return numberToIp(start + Number(part[2])) + (part[3] === '/' ? `/${length}` : '');
}

/**
 * Fill the placeholders of a text. `extra` is asked first (for `show:` and `output:`); unknown ones stay as they are and are listed.
 * `\{{` becomes two literal braces.
 */
export function fill(
  text: string,
  vars: Readonly<Record<string, string>>,
  extra: (key: string) => string | undefined = () => undefined,
): { text: string; unknown: string[] } {
  const unknown: string[] = [];
  const filled = text.replace(PLACEHOLDER, (whole: string, key: string | undefined) => {
    if (key === undefined) return '{{';
    const found = extra(key) ?? lookUp(key, vars);
    if (found === undefined) unknown.push(key);
    return found ?? whole;
  });
  return { text: filled, unknown };
}

/** Keys of all placeholders in a text. */
export function placeholders(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].flatMap((match) => (match[1] === undefined ? [] : [match[1]]));
}
