/** Numbers as people read them. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Bytes in binary units with at most one decimal: `0 B`, `512 B`, `1.5 MiB`, `64 MiB`. */
export function bytes(value: number): string {
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < UNITS.length - 1) {
    scaled /= 1024;
    unit++;
  }
  if (unit > 0 && Math.round(scaled * 10) / 10 >= 1024 && unit < UNITS.length - 1) {
    scaled /= 1024;
    unit++;
  }
  const rounded = unit === 0 || scaled >= 100 ? Math.round(scaled) : Math.round(scaled * 10) / 10;
  return `${rounded} ${UNITS[unit]}`;
}

/** Bytes for narrow places: `1.5M`, `64M`, `512B`. */
export function shortBytes(value: number): string {
  const [figure, unit] = bytes(value).split(' ');
  return `${figure}${unit![0]}`;
}

/** A share of 1 as `37 %`; below one percent `<1 %`. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 1) return '<1 %';
  return `${Math.round(value)} %`;
}

/** Microseconds: `250 µs`, `12 ms`, `3.4 s`, `5 min 2 s`. */
export function microseconds(us: number): string {
  if (us < 1000) return `${trim(us)} µs`;
  if (us < 1_000_000) return `${trim(us / 1000)} ms`;
  const seconds = us / 1_000_000;
  if (seconds < 60) return `${trim(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

/** Nanoseconds, in the same way. */
export function nanoseconds(ns: number): string {
  return ns < 1000 ? `${Math.round(ns)} ns` : microseconds(ns / 1000);
}

function trim(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}

/** Time of day in the local zone, `14:03:09`. */
export function clock(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}
