import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { O } from '../../kernel/constants.js';
import { replaceFileSync } from '../../kernel/replace-file.js';
import type { Frame } from '../output/frames.js';
import type { Spool, SpoolReader } from '../output/spool.js';
import { timeText } from '../time.js';

/** Docker's copier: a line longer than this is written in parts. Bytes. */
const LONGEST_LINE = 16 << 10;
/** After so many bytes others get their turn. */
const TURN = 1 << 20;

type StreamName = 'stdout' | 'stderr';

/** Up to where a stream has been written into the log: the frame, and the bytes of it that are. */
interface Place {
  readonly frame: number;
  readonly bytes: number;
}

interface Position {
  /** Length of the log when this was so. */
  readonly log: number;
  readonly stdout: Place;
  readonly stderr: Place;
}

export interface LogFileOptions {
  readonly path: string;
  /** Bytes at which a new file is begun; 0: never. */
  readonly maxSize: number;
  /** Files that are kept, the current one included. */
  readonly maxFiles: number;
}

interface Pending {
  chunks: Buffer[];
  length: number;
  /** Time of its first byte. */
  time: bigint;
  /** Where its first byte is. */
  place: Place;
}

/**
 * Turns a container's spool into Docker's log: a JSON object a line, `{"log":…,"stream":…,"time":…}`. Where it is in
 * the spool is written beside the log before each batch, with the length that the log had: after a kill the log is cut back to
 * that and nothing is missing and nothing is there twice.
 */
export class JsonFileWriter {
  readonly #options: LogFileOptions;
  readonly #reader: SpoolReader;
  readonly #placeFile: string;
  #fd: number;
  #size: number;
  #pending: Record<StreamName, Pending | null> = { stdout: null, stderr: null };
  #skip: Record<StreamName, Place>;
  #read: number;
  #closed = false;

  constructor(spool: Spool, options: LogFileOptions) {
    this.#options = options;
    this.#placeFile = `${options.path}.place`;
    const place = this.#readPlace();
    const nowhere = { frame: 0, bytes: 0 };
    this.#skip = { stdout: place?.stdout ?? nowhere, stderr: place?.stderr ?? nowhere };
    this.#read = Math.min(this.#skip.stdout.frame, this.#skip.stderr.frame);
    this.#fd = openSync(options.path, O.WRONLY | O.CREAT | O.APPEND | O.CLOEXEC, 0o640);
    this.#size = fstatSync(this.#fd).size;
    if (place !== null && place.log < this.#size) {
      truncateSync(options.path, place.log);
      this.#size = place.log;
    }
    this.#reader = spool.reader(this.#read);
  }

  /** A container that starts again writes to a new spool: its log goes on. */
  static begin(path: string): void {
    rmSync(`${path}.place`, { force: true });
  }

  /** Write what the spool has now. */
  flush(): void {
    while (this.#batch() > 0);
  }

  /** Write as it comes, until the spool is complete; then what is left of unfinished lines. */
  async run(spool: Spool): Promise<void> {
    for (let turn = 0; !this.#closed; ) {
      const last = spool.isComplete;
      const bytes = this.#batch();
      turn += bytes;
      if (bytes === 0 && last) break;
      if (bytes === 0) await spool.more();
      else if (turn > TURN) {
        turn = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    if (!this.#closed) this.#finish();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.leave();
    closeSync(this.#fd);
  }

  #batch(): number {
    if (this.#closed) return 0;
    const frames = this.#reader.next();
    if (frames.length === 0) return 0;
    this.#write(frames.map((frame) => this.#take(frame)).join(''));
    this.#read = (frames.at(-1) as Frame).next;
    this.#keepPlace();
    return frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
  }

  /** The lines that a frame completes. */
  #take(frame: Frame): string {
    const skip = this.#skip[frame.stream];
    if (frame.at < skip.frame) return '';
    let lines = '';
    let from = frame.at === skip.frame ? skip.bytes : 0;
    while (from < frame.bytes.length) {
      const newline = frame.bytes.indexOf(10, from);
      const pending = this.#pending[frame.stream] ?? {
        chunks: [],
        length: 0,
        time: frame.time,
        place: { frame: frame.at, bytes: from },
      };
      const room = LONGEST_LINE - pending.length;
      const end = Math.min(newline < 0 ? frame.bytes.length : newline + 1, from + room);
      pending.chunks.push(frame.bytes.subarray(from, end));
      pending.length += end - from;
      from = end;
      if (frame.bytes[end - 1] === 10 || pending.length >= LONGEST_LINE) {
        lines += lineOf(frame.stream, pending);
        this.#pending[frame.stream] = null;
      } else this.#pending[frame.stream] = pending;
    }
    return lines;
  }

  #finish(): void {
    let lines = '';
    for (const stream of ['stdout', 'stderr'] as const) {
      const pending = this.#pending[stream];
      if (pending !== null) lines += lineOf(stream, pending);
      this.#pending[stream] = null;
    }
    this.#write(lines);
    this.#keepPlace();
  }

  #write(text: string): void {
    const { maxSize } = this.#options;
    let rest = Buffer.from(text);
    while (rest.length > 0) {
      const room = maxSize > 0 ? maxSize - this.#size : rest.length;
      // as much as fits, in whole lines; at least one in a new file
      let length = room >= rest.length ? rest.length : room <= 0 ? 0 : rest.lastIndexOf(10, room - 1) + 1;
      if (length <= 0) {
        if (this.#size > 0) {
          this.#rotate();
          continue;
        }
        length = rest.indexOf(10) + 1;
      }
      for (let at = 0; at < length; ) at += writeSync(this.#fd, rest, at, length - at);
      this.#size += length;
      rest = rest.subarray(length);
    }
  }

  #rotate(): void {
    const { path, maxFiles } = this.#options;
    closeSync(this.#fd);
    if (maxFiles > 1) {
      rmSync(`${path}.${maxFiles - 1}`, { force: true });
      for (let n = maxFiles - 2; n >= 1; n--) renameIfThere(`${path}.${n}`, `${path}.${n + 1}`);
      renameIfThere(path, `${path}.1`);
    } else rmSync(path, { force: true });
    this.#fd = openSync(path, O.WRONLY | O.CREAT | O.APPEND | O.CLOEXEC, 0o640);
    this.#size = 0;
  }

  /** What is written so far, on disk in one step; then the spool may forget it. */
  #keepPlace(): void {
    const placeOf = (stream: StreamName): Place => this.#pending[stream]?.place ?? { frame: this.#read, bytes: 0 };
    const position: Position = { log: this.#size, stdout: placeOf('stdout'), stderr: placeOf('stderr') };
    replaceFileSync(this.#placeFile, JSON.stringify(position));
    this.#reader.done(Math.min(position.stdout.frame, position.stderr.frame));
  }

  #readPlace(): Position | null {
    try {
      return JSON.parse(readFileSync(this.#placeFile, 'utf8')) as Position;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }
}

function lineOf(stream: StreamName, { chunks, time }: Pending): string {
  const log = Buffer.concat(chunks).toString('utf8');
  return `${JSON.stringify({ log, stream, time: timeText(time) })}\n`;
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
