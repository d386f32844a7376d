/** RFC 3339 with nanoseconds, UTC, without trailing zeros, as Go's time.RFC3339Nano writes it. */
export function timeText(nanoseconds: bigint): string {
  const seconds = Number(nanoseconds / 1_000_000_000n);
  const fraction = String(nanoseconds % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** Nanoseconds of Unix time now: the clock's milliseconds, and below them what the monotonic clock shows. */
export function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
}

/** Go's zero time. */
export const NEVER = '0001-01-01T00:00:00Z';

/** Nanoseconds of Unix time of an RFC 3339 text as we write it. */
export function timeOf(text: string): bigint {
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? '';
  return BigInt(Math.floor(Date.parse(text) / 1000)) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}
