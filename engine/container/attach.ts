import { EngineError } from '../kernel/errors.js';
import { DetachKeys, parseDetachKeys } from './detach-keys.js';
import type { Live } from './live.js';
import { LogFiles } from './logs/read-json.js';
import { logSettings } from './logs/settings.js';
import type { ContainerRecord } from './record.js';
import type { ContainerStore } from './store.js';
import type { Attached, AttachOptions, OutputChunk } from './types.js';

export interface AttachHost {
  readonly store: ContainerStore;
  /** Now, or at its next start; null when it is gone before. */
  readonly live: (signal: AbortSignal) => Promise<{ readonly live: Live; readonly fromStart: boolean } | null>;
  readonly detached: () => void;
}

function attachKeys(text: string | null): number[] {
  try {
    return parseDetachKeys(text);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError('InvalidArgument', `Invalid detach keys (${text}) provided`, { cause: error });
  }
}

/** A client at a container's streams: it may come before the container is started, and goes when the container ends. */
export function attachTo(host: AttachHost, record: ContainerRecord, options: AttachOptions): Attached {
  const parsed = attachKeys(options.detachKeys);
  const keys = record.config.Tty ? new DetachKeys(parsed) : null;
  // aborted without a reason, which nobody asks for: the one that would be made collects a stack
  const gone = new AbortController();
  const live = options.stream ? host.live(gone.signal) : Promise.resolve(null);
  live.catch(() => undefined); // whoever uses it hears of it
  const input = async (): Promise<Live> => {
    const found = await live;
    if (found === null) throw new EngineError('FailedPrecondition', 'the container is not running');
    return found.live;
  };
  return {
    tty: record.config.Tty,
    output: output(host, record, options, live, gone.signal),
    async write(bytes) {
      if (!options.stdin || gone.signal.aborted) return;
      const { pass, detached } = keys === null ? { pass: bytes, detached: false } : keys.take(bytes);
      if (pass.length > 0 && record.config.OpenStdin) await (await input()).write(pass);
      if (detached) {
        host.detached();
        gone.abort(null);
      }
    },
    closeInput() {
      if (options.stdin && record.config.StdinOnce) void input().then((one) => one.closeInput(), ignoreEnded);
    },
    close() {
      const early = !gone.signal.aborted;
      gone.abort(null);
      // docker run -i: when its only client is gone nobody will ever type again
      if (early && options.stdin && record.config.StdinOnce && !record.config.Tty)
        void live.then((found) => found?.live.closeInput(), ignoreEnded);
    },
  };
}

/** The container ended first: there is no input left to close. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof EngineError)) throw error;
}

async function* output(
  host: AttachHost,
  record: ContainerRecord,
  options: AttachOptions,
  live: ReturnType<AttachHost['live']>,
  signal: AbortSignal,
): AsyncGenerator<OutputChunk> {
  const wanted = { stdout: options.stdout, stderr: options.stderr };
  if (options.logs) yield* pastOutput(host.store, record, wanted);
  if (!options.stream) return;
  const found = await live;
  if (found === null) return;
  const { spool } = found.live;
  const from = found.fromStart ? 0 : spool.size;
  for await (const frames of spool.reader(from).frames(signal))
    for (const { stream, bytes } of frames) {
      if (signal.aborted) return;
      if (wanted[stream]) yield { stream, bytes };
    }
}

function* pastOutput(
  store: ContainerStore,
  record: ContainerRecord,
  wanted: { stdout: boolean; stderr: boolean },
): Generator<OutputChunk> {
  const settings = logSettings(record, store);
  if (settings === null) return;
  const files = new LogFiles(settings.path, settings.maxFiles);
  try {
    yield* files.lines({ ...wanted, since: 0, until: 0, tail: null });
  } finally {
    files.close();
  }
}
