import {
  GoDuration,
  GoList,
  GoMap,
  GoNil,
  type GoStruct,
  GoTime,
  JsonNumber,
  NO_VALUE,
  type Result,
} from './values.js';

/** Go's fmt.Fprint of one value: %v. */
export function show(value: Result, flags: { readonly plus?: boolean } = {}, depth = 0): string {
  if (value === NO_VALUE) return '<no value>';
  if (value === null || value instanceof GoNil) return '<nil>';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return floatText(value);
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof GoTime) return timeText(value.text);
  if (value instanceof GoDuration) return durationText(value.nanoseconds);
  if (value instanceof GoList) return `[${value.items.map((item) => show(item, flags, depth + 1)).join(' ')}]`;
  if (value instanceof GoMap)
    return `map[${value
      .sorted()
      .map(([key, item]) => `${key}:${show(item, flags, depth + 1)}`)
      .join(' ')}]`;
  return structText(value, flags, depth);
}

/**
 * A pointer in a struct is an address in Go, which tells a reader nothing: here it is what it points to, with Go's & before it.
 * The pointer that is printed itself is shown without, as text/template does.
 */
function structText(value: GoStruct, flags: { readonly plus?: boolean }, depth: number): string {
  const parts = [...value.fields].map(
    ([name, item]) => (flags.plus === true ? `${name}:` : '') + show(item, flags, depth + 1),
  );
  return `${value.isPointer && depth > 0 ? '&' : ''}{${parts.join(' ')}}`;
}

/** %v of a float64: the shortest that reads back, with an exponent below -4 and from 6 on. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  return shortest(value, 6);
}

/** The shortest digits, with an exponent below -4 and from `limit` on. */
export function shortest(value: number, limit: number): string {
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= limit)) return `${digits}e${exponentText(power)}`;
  if (power >= 0)
    return value.toLocaleString('en-US', {
      useGrouping: false,
      maximumFractionDigits: 20,
      maximumSignificantDigits: 21,
    });
  const [, sign = '', rest = ''] = /^(-?)(.*)$/.exec(digits.replace('.', '')) ?? [];
  return `${sign}0.${'0'.repeat(-power - 1)}${rest}`;
}

export function exponentText(power: number): string {
  return `${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** Go's time.Time.String of an RFC 3339 text: `2006-01-02 15:04:05.999 +0000 UTC`. */
export function timeText(text: string): string {
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (found === null) return text;
  const [, day = '', clock = '', fraction = '', zone = ''] = found;
  const digits = fraction.replace(/0+$/, '');
  const offset = zone === 'Z' ? '+0000 UTC' : `${zone.replace(':', '')} ${zone.replace(':', '')}`;
  return `${day} ${clock}${digits === '' ? '' : `.${digits}`} ${offset}`;
}

/** fmt.Sprint: a space between two operands when neither is a string. */
export function sprint(values: readonly Result[]): string {
  return values
    .map((value, index) => {
      const before = values[index - 1];
      const spaced = index > 0 && typeof value !== 'string' && typeof before !== 'string';
      return (spaced ? ' ' : '') + show(value);
    })
    .join('');
}

export function sprintln(values: readonly Result[]): string {
  return `${values.map((value) => show(value)).join(' ')}\n`;
}

/** Go's time.Duration.String. */
export function durationText(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  const sign = nanoseconds < 0n ? '-' : '';
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const scaled = (unit: bigint): string => {
    const rest = String(size % unit)
      .padStart(String(unit).length - 1, '0')
      .replace(/0+$/, '');
    return `${size / unit}${rest === '' ? '' : `.${rest}`}`;
  };
  if (size < 1000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${scaled(1000n)}µs`;
  if (size < 1_000_000_000n) return `${sign}${scaled(1_000_000n)}ms`;
  const seconds = size / 1_000_000_000n;
  const rest = String(size % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const [hours, minutes] = [seconds / 3600n, (seconds / 60n) % 60n];
  const tail = `${seconds % 60n}${rest === '' ? '' : `.${rest}`}s`;
  if (hours > 0n) return `${sign}${hours}h${minutes}m${tail}`;
  return minutes > 0n ? `${sign}${minutes}m${tail}` : `${sign}${tail}`;
}
