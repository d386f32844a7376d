import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { EngineError } from '../../kernel/errors.js';
import { timeOf } from '../time.js';
import type { LogLine, LogOptions } from '../types.js';

const PIECE = 128 << 10;
/** A line of the log holds at most 16 KiB of output, each byte of which takes up to six characters. */
const LONGEST = 1 << 20;

interface OpenLog {
  readonly fd: number;
  size: number;
}

/** The files of a log, oldest first, opened: one that is renamed meanwhile stays what it is. */
export class LogFiles {
  readonly #files: OpenLog[] = [];

  constructor(path: string, maxFiles: number) {
    for (let n = Math.max(1, maxFiles) - 1; n >= 0; n--) this.#open(n === 0 ? path : `${path}.${n}`);
  }

  #open(path: string): void {
    try {
      const fd = openSync(path, 'r');
      this.#files.push({ fd, size: fstatSync(fd).size });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /** Lines of all files, oldest first; only the last `tail` of those that are wanted. */
  *lines(options: Pick<LogOptions, 'stdout' | 'stderr' | 'since' | 'until' | 'tail'>): Generator<LogLine> {
    const wanted = chooser(options);
    if (options.tail === 0) return;
    const from = options.tail === null ? { file: 0, at: 0 } : this.#tailPlace(options.tail, wanted);
    for (let n = from.file; n < this.#files.length; n++)
      for (const line of linesOf(this.#files[n] as OpenLog, n === from.file ? from.at : 0))
        if (wanted(line)) yield line;
  }

  close(): void {
    for (const { fd } of this.#files.splice(0)) closeSync(fd);
  }

  /** Where to begin so that `tail` wanted lines follow: read from the end, a piece at a time. */
  #tailPlace(tail: number, wanted: (line: LogLine) => boolean): { file: number; at: number } {
    let left = tail;
    for (let file = this.#files.length - 1; file >= 0; file--) {
      const { fd, size } = this.#files[file] as OpenLog;
      let end = size;
      let rest = Buffer.alloc(0);
      while (end > 0) {
        const start = Math.max(0, end - PIECE);
        const piece = Buffer.alloc(end - start);
        readSync(fd, piece, 0, piece.length, start);
        const bytes = Buffer.concat([piece, rest]);
        let stop = bytes.length;
        for (;;) {
          // a line ends at `stop`; the newline that is its last byte is not the one before it
          const before = stop < 2 ? -1 : bytes.lastIndexOf(10, stop - 2);
          if (before < 0 && start > 0) break;
          const line = parseLine(bytes.subarray(before + 1, stop));
          if (line !== null && wanted(line) && --left === 0) return { file, at: start + before + 1 };
          stop = before + 1;
          if (stop <= 0) break;
        }
        rest = Buffer.from(bytes.subarray(0, Math.max(0, stop)));
        if (rest.length > LONGEST)
          throw new EngineError('DataLoss', 'the log of the container has a line that is too long');
        end = start;
      }
    }
    return { file: 0, at: 0 };
  }
}

function* linesOf({ fd, size }: OpenLog, from: number): Generator<LogLine> {
  let rest = Buffer.alloc(0);
  for (let at = from; at < size; ) {
    const piece = Buffer.alloc(Math.min(PIECE, size - at));
    const length = readSync(fd, piece, 0, piece.length, at);
    if (length === 0) break;
    at += length;
    const bytes = Buffer.concat([rest, piece.subarray(0, length)]);
    let begin = 0;
    for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, begin)) {
      const line = parseLine(bytes.subarray(begin, newline));
      if (line !== null) yield line;
      begin = newline + 1;
    }
    rest = Buffer.from(bytes.subarray(begin));
    if (rest.length > LONGEST)
      throw new EngineError('DataLoss', 'the log of the container has a line that is too long');
  }
}

/** A line of the log; null for one that is none, which a full disk can leave behind. */
function parseLine(bytes: Buffer): LogLine | null {
  const text = bytes.toString('utf8').trim();
  if (text === '') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  const { log, stream, time } = value as Record<string, unknown>;
  if (typeof log !== 'string' || typeof time !== 'string' || (stream !== 'stdout' && stream !== 'stderr')) return null;
  return { stream, time, bytes: Buffer.from(log) };
}

/** Which lines are asked for. */
export function chooser(
  options: Pick<LogOptions, 'stdout' | 'stderr' | 'since' | 'until'>,
): (line: Pick<LogLine, 'stream' | 'time'>) => boolean {
  const since = nanoseconds(options.since);
  const until = nanoseconds(options.until);
  return ({ stream, time }) => {
    if (!options[stream]) return false;
    if (since === 0n && until === 0n) return true;
    const at = timeOf(time);
    return at >= since && (until === 0n || at <= until);
  };
}

function nanoseconds(time: number | bigint): bigint {
  return typeof time === 'bigint' ? time : BigInt(Math.round(time * 1e6)) * 1000n;
}
