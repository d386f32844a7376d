import { EngineError } from '../../kernel/errors.js';
import type { Live } from '../live.js';
import type { Frame } from '../output/frames.js';
import type { ContainerRecord } from '../record.js';
import type { ContainerStore } from '../store.js';
import { timeText } from '../time.js';
import type { LogLine, LogOptions } from '../types.js';
import { chooser, LogFiles } from './read-json.js';
import { logSettings } from './settings.js';

const LONGEST_LINE = 16 << 10;

export interface LogHost {
  readonly store: ContainerStore;
  /** The container while it runs. */
  readonly live: () => Live | null;
  /** Resolves with its next start; null when it will never start again, or the signal is aborted. */
  readonly next: (signal: AbortSignal) => Promise<Live | null>;
}

/** `docker logs`: what the log has, then, with `follow`, lines as they come, also over a restart, until the container is gone for good. */
export async function* logLines(host: LogHost, record: ContainerRecord, options: LogOptions): AsyncGenerator<LogLine> {
  const settings = logSettings(record, host.store);
  if (settings === null) throw new EngineError('NotImplemented', 'configured logging driver does not support reading');
  const signal = options.signal ?? new AbortController().signal;
  let live = host.live();
  // taken before the log is read: what comes in between is not missed, and what is in the log is not told twice
  live?.flushLog();
  let from = live?.spool.size ?? 0;
  let reader = options.follow ? (live?.spool.reader(from) ?? null) : null;
  const files = new LogFiles(settings.path, settings.maxFiles);
  let told = false;
  try {
    yield* files.lines(options);
    told = true;
  } finally {
    files.close();
    if (!told) reader?.leave();
  }
  const wanted = chooser(options);
  while (options.follow && !signal.aborted) {
    if (reader !== null) {
      const lines = new LineMaker();
      for await (const frames of reader.frames(signal))
        for (const frame of frames) for (const line of lines.take(frame)) if (wanted(line)) yield line;
      for (const line of lines.rest()) if (wanted(line)) yield line;
    }
    if (options.until > 0 && Date.now() / 1000 > options.until) return;
    live = await host.next(signal);
    if (live === null) return;
    from = 0;
    reader = live.spool.reader(from);
  }
}

/** Pieces of output as lines, each with the time of its first byte. */
class LineMaker {
  #pending: Record<'stdout' | 'stderr', { chunks: Buffer[]; length: number; time: bigint } | null> = {
    stdout: null,
    stderr: null,
  };

  *take({ stream, bytes, time }: Frame): Generator<LogLine> {
    for (let from = 0; from < bytes.length; ) {
      const pending = this.#pending[stream] ?? { chunks: [], length: 0, time };
      const newline = bytes.indexOf(10, from);
      const end = Math.min(newline < 0 ? bytes.length : newline + 1, from + LONGEST_LINE - pending.length);
      pending.chunks.push(bytes.subarray(from, end));
      pending.length += end - from;
      from = end;
      if (bytes[end - 1] === 10 || pending.length >= LONGEST_LINE) {
        this.#pending[stream] = null;
        yield { stream, bytes: Buffer.concat(pending.chunks), time: timeText(pending.time) };
      } else this.#pending[stream] = pending;
    }
  }

  *rest(): Generator<LogLine> {
    for (const stream of ['stdout', 'stderr'] as const) {
      const pending = this.#pending[stream];
      if (pending !== null) yield { stream, bytes: Buffer.concat(pending.chunks), time: timeText(pending.time) };
      this.#pending[stream] = null;
    }
  }
}
