/**
 * Recording a terminal as asciicast v2 or v3 (docs.asciinema.org/manual/asciicast). v2 counts time from the start, v3 from the event before;
 * v3 also knows how the recording ended.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';

export type CastFormat = 'v2' | 'v3';

export interface CastHeader {
  readonly cols: number;
  readonly rows: number;
  readonly title: string;
  readonly term: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Times in seconds, at most microseconds. */
function seconds(ms: number): number {
  return Math.round(ms * 1000) / 1e6;
}

/** Lines of a cast, without a file: pure but for the clock given to it. */
export class CastWriter {
  readonly #format: CastFormat;
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  readonly #start: number;
  readonly #decoder = new TextDecoder();
  #last: number;

  /** @param now milliseconds, monotonic */
  constructor(format: CastFormat, header: CastHeader, write: (line: string) => void, now: () => number) {
    this.#format = format;
    this.#write = write;
    this.#now = now;
    this.#start = now();
    this.#last = this.#start;
    const timestamp = Math.floor(Date.now() / 1000);
    const env = header.env ?? {};
    write(
      JSON.stringify(
        format === 'v2'
          ? {
              version: 2,
              width: header.cols,
              height: header.rows,
              timestamp,
              title: header.title,
              env: { TERM: header.term, ...env },
            }
          : {
              version: 3,
              term: { cols: header.cols, rows: header.rows, type: header.term },
              timestamp,
              title: header.title,
              env,
            },
      ),
    );
  }

  /** Output; a character cut in two between chunks is kept whole. */
  output(bytes: Uint8Array | string): void {
    const text = typeof bytes === 'string' ? bytes : this.#decoder.decode(bytes, { stream: true });
    if (text !== '') this.#event('o', text);
  }

  resize(cols: number, rows: number): void {
    this.#event('r', `${cols}x${rows}`);
  }

  /** A chapter: players can jump to it. */
  marker(label: string): void {
    this.#event('m', label);
  }

  end(status = 0): void {
    const rest = this.#decoder.decode();
    if (rest !== '') this.#event('o', rest);
    if (this.#format === 'v3') this.#event('x', String(status));
  }

  #event(kind: string, data: string): void {
    const now = this.#now();
    const time = seconds(now - (this.#format === 'v2' ? this.#start : this.#last));
    this.#last = now;
    this.#write(JSON.stringify([time, kind, data]));
  }
}

/** A cast written to a file as it happens, so that a crash leaves a playable file. */
export function recordTo(file: string, format: CastFormat, header: CastHeader): CastWriter & { close(): void } {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o644);
  const writer = new CastWriter(
    format,
    header,
    (line) => writeSync(fd, `${line}\n`),
    () => performance.now(),
  );
  return Object.assign(writer, { close: () => closeSync(fd) });
}

export interface CastEvent {
  /** Milliseconds from the start, whatever the format. */
  readonly at: number;
  readonly kind: string;
  readonly data: string;
}

/** Read a cast of either format. @throws SyntaxError naming the line */
export function parseCast(text: string): { cols: number; rows: number; events: CastEvent[] } {
  const lines = text.split('\n');
  const parse = (line: string, number: number): unknown => {
    try {
      return JSON.parse(line);
    } catch (error) {
      throw new SyntaxError(`line ${number} of the recording is not JSON`, { cause: error });
    }
  };
  const header = parse(lines[0] ?? '', 1) as {
    version?: number;
    width?: number;
    height?: number;
    term?: { cols?: number; rows?: number };
  };
  if (header.version !== 2 && header.version !== 3)
    throw new SyntaxError('line 1 of the recording is no asciicast v2 or v3 header');
  const events: CastEvent[] = [];
  let clock = 0;
  lines.slice(1).forEach((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const [time, kind, data] = parse(line, index + 2) as [number, string, string];
    clock = header.version === 2 ? time * 1000 : clock + time * 1000;
    events.push({ at: clock, kind, data });
  });
  return { cols: header.width ?? header.term?.cols ?? 80, rows: header.height ?? header.term?.rows ?? 24, events };
}
