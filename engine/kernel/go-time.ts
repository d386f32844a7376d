import { EngineError } from './errors.js';

/** Durations and times as the clients of Docker and runc, written in Go, say them. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
/** No duration that means something is longer. */
const LONGEST = 100;

/** time.ParseDuration, in milliseconds: `1h30m`, `-1.5s`; null for what is none. */
export function parseDuration(text: string): number | null {
  if (/^[+-]?0$/.test(text)) return 0;
  const [, sign, body] =
    text.length > LONGEST ? [] : (/^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/.exec(text) ?? []);
  if (body === undefined) return null;
  let sum = 0;
  for (const [, number, unit = ''] of body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(number) * (UNIT_MS[unit] ?? 0);
  return sign === '-' ? -sum : sum;
}

/** Milliseconds since 1970 of the filter `until`. Null: it is not asked. */
export function untilFilter(filters: Readonly<Record<string, readonly string[]>>, now = Date.now()): number | null {
  const values = filters['until'];
  if (values === undefined || values.length === 0) return null;
  if (values.length > 1) throw new EngineError('InvalidArgument', 'more than one until filter specified');
  return timestamp(values[0] ?? '', now);
}

/** moby, api/types/time: a duration before now, RFC 3339 or a part of it (local time), or seconds. */
function timestamp(text: string, now: number): number {
  const duration = parseDuration(text);
  if (duration !== null) return now - duration;
  if (/^\d{4}-\d\d-\d\d(?:T\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?)?(?:Z|[+-]\d\d:\d\d)?$/.test(text)) {
    const [, date = '', hours = '00', rest = '', zone = ''] =
      /^(\d{4}-\d\d-\d\d)(?:T(\d\d)((?::\d\d)*(?:\.\d+)?))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
    const time = Date.parse(`${date}T${hours}${rest === '' ? ':00' : rest}${zone}`);
    if (!Number.isNaN(time)) return time;
  }
  if (/^-?\d{1,15}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  throw new EngineError(
    'InvalidArgument',
    `failed to parse value as time or duration: ${JSON.stringify(text.slice(0, LONGEST))}`,
  );
}
