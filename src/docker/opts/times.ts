import { parseDuration } from './numbers.js';

const FORMS = [
  /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?$/,
  /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)()?(Z|[+-]\d\d:\d\d)?$/,
  /^(\d{4}-\d\d-\d\d)T(\d\d)()?(Z|[+-]\d\d:\d\d)?$/,
  /^(\d{4}-\d\d-\d\d)()()(Z|[+-]\d\d:\d\d)?$/,
];

/**
 * --since and --until as seconds with a fraction: a duration back from now, a date, or a number. moby's GetTimestamp.
 *
 * @param name of the flag, where the message names it
 */
export function timestamp(value: string, name: string | null, now = Date.now()): string {
  if (value === '') return '';
  if (/^-?[0-9]+(?:\.[0-9]+)?$/.test(value) && value !== '0') return value;
  let duration: number | null = null;
  try {
    duration = parseDuration(value);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  if (duration !== null) return text(BigInt(now) * 1_000_000n - BigInt(Math.round(duration)));
  for (const form of FORMS) {
    const found = form.exec(value);
    if (found === null) continue;
    const [, day = '', clock = '', fraction = '', zone = ''] = found;
    const whole =
      clock === '' ? '00:00:00' : clock.length === 2 ? `${clock}:00:00` : clock.length === 5 ? `${clock}:00` : clock;
    const milliseconds = Date.parse(`${day}T${whole}${zone}`);
    if (Number.isNaN(milliseconds)) break;
    return `${Math.trunc(milliseconds / 1000)}.${(fraction === '' ? '' : fraction.slice(1)).padEnd(9, '0')}`;
  }
  const what = `failed to parse value as time or duration: ${JSON.stringify(value)}`;
  throw new Error(name === null ? what : `invalid value for ${JSON.stringify(name)}: ${what}`);
}

function text(nanoseconds: bigint): string {
  return `${nanoseconds / 1_000_000_000n}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}`;
}
