import type { Progress } from '../types.js';

export type Report = (line: Progress) => void;

/** An update of one row, as dockerd writes it: `Pull complete`, `Layer already exists`. */
export function update(report: Report, id: string, status: string): void {
  report({ status, progressDetail: {}, id });
}

/** Updates more often than that are left out; the last one is not. */
const EVERY_MS = 100;
/** pkg/progress: not before so much has come. */
const EVERY_BYTES = 512 << 10;

/** Counts bytes and tells now and then how far it is. */
export class ByteProgress {
  readonly #report: Report;
  readonly #id: string;
  readonly #status: string;
  readonly #total: number;
  #current: number;
  #told = -1;
  #toldAt = 0;

  constructor(report: Report, id: string, status: string, total: number, start = 0) {
    this.#report = report;
    this.#id = id;
    this.#status = status;
    this.#total = total;
    this.#current = start;
  }

  add(bytes: number): void {
    this.to(this.#current + bytes);
  }

  to(current: number): void {
    this.#current = current;
    const step = this.#total > 0 ? Math.min(EVERY_BYTES, this.#total * 0.01) : EVERY_BYTES;
    const now = performance.now();
    if (this.#told >= 0 && (current - this.#told < step || now - this.#toldAt < EVERY_MS) && current !== this.#total)
      return;
    this.#toldAt = now;
    this.tell();
  }

  /** Tell, if it has not been told. */
  tell(): void {
    if (this.#told === this.#current) return;
    this.#told = this.#current;
    this.#report(bar(this.#id, this.#status, this.#current, this.#total));
  }
}

export function bar(id: string, status: string, current: number, total: number): Progress {
  const detail = { ...(current === 0 ? {} : { current }), ...(total === 0 ? {} : { total }) };
  const progress = barText(current, total);
  return { status, progressDetail: detail, ...(progress === '' ? {} : { progress }), id };
}

/** The bar for clients that draw none: jsonmessage.JSONProgress.String of a wide terminal. */
function barText(current: number, total: number): string {
  if (current <= 0 && total <= 0) return '';
  if (total <= 0) return humanSize(current).padStart(8);
  const done = Math.min(50, Math.trunc(Math.trunc((current / total) * 100) / 2));
  const numbers = humanSize(current).padStart(8);
  return `[${'='.repeat(done)}>${' '.repeat(50 - done)}] ${numbers}${current > total ? '' : `/${humanSize(total)}`}`;
}

/** Docker's units.HumanSize: four significant digits, powers of 1000. */
export function humanSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${Number(size.toPrecision(4))}${units[unit]}`;
}
