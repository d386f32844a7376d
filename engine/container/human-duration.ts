/** `5 minutes`, `About an hour`, as `docker ps` says it. go-units, HumanDuration. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(ms / 60_000);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(ms / 3_600_000 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(ms / 3_600_000 / 24 / 365)} years`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['h', 3_600_000_000_000],
  ['m', 60_000_000_000],
];

/** `1m30s`, `1.5s`, `250ms`: nanoseconds as Go's time.Duration prints itself. */
export function goDuration(ns: number): string {
  if (ns === 0) return '0s';
  if (ns < 0) return `-${goDuration(-ns)}`;
  if (ns < 1_000) return `${ns}ns`;
  if (ns < 1_000_000) return `${ns / 1_000}µs`;
  if (ns < 1_000_000_000) return `${ns / 1_000_000}ms`;
  let rest = ns;
  let text = '';
  for (const [unit, size] of UNITS) {
    if (ns < size) continue;
    text += `${Math.floor(rest / size)}${unit}`;
    rest %= size;
  }
  return `${text}${rest / 1_000_000_000}s`;
}
