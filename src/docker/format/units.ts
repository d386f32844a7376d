import { sprintf } from '../template/printf.js';

/** go-units: sizes and durations as docker prints them. */

const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

function scaled(size: number, base: number, units: readonly string[], digits: number): string {
  let [value, unit] = [size, 0];
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return sprintf(`%.${digits}g`, [value], 100) + (units[unit] ?? '');
}

/** `1.98MB`. */
export const humanSize = (size: number, digits = 4): string => scaled(size, 1000, DECIMAL, digits);
/** `1.891MiB`. */
export const bytesSize = (size: number): string => scaled(size, 1024, BINARY, 4);

/** `About a minute`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / 3_600_000 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(milliseconds / 3_600_000 / 24 / 365)} years`;
}

/** Go's time.Time.String in the machine's zone: `2006-01-02 15:04:05 +0800 CST`. */
export function localTime(date: Date, fraction = ''): string {
  const pad = (value: number): string => String(value).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const zone = `${sign}${pad(Math.trunc(Math.abs(offset) / 60))}${pad(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}${fraction} ${zone} ${zoneName(date, zone)}`;
}

function zoneName(date: Date, zone: string): string {
  if (zone === '+0000') return 'UTC';
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  return /^[A-Z]{3,5}$/.test(name) ? name : zone.replace(/00$/, '');
}

/** The ID without its algorithm, twelve digits of it. */
export const shortId = (id: string): string => id.replace(/^[^:]*:/, '').slice(0, 12);

/** At most so many columns, the last of them an ellipsis. */
export function ellipsis(text: string, most: number): string {
  const characters = [...text];
  if (characters.length <= most) return text;
  return most <= 0 ? '' : most === 1 ? (characters[0] ?? '') : `${characters.slice(0, most - 1).join('')}…`;
}
