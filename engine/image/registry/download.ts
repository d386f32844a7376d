import { EngineError } from '../../kernel/errors.js';
import type { ContentStore } from '../content.js';
import { shortId } from '../digest.js';
import type { Ingest } from '../store/ingest.js';
import type { Lease } from '../store/lease.js';
import type { Descriptor } from '../types.js';
import { canceled, mayRetry, RegistryError } from './errors.js';
import { guard } from './guards.js';
import { chunksOf, type Reply } from './http.js';
import { ByteProgress, type Report, update } from './progress.js';
import type { Repository } from './repository.js';
import { retryingText, withRetries } from './retry.js';

export interface DownloadOptions {
  readonly content: ContentStore;
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly lease: Lease;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly secondMs: number | undefined;
}

/**
 * Have a layer's blob in the content store: what an earlier try left is gone on with (Range), another pull of the same blob
 * is waited for. Its digest is taken while it streams. Returns what is in the store.
 */
export async function download(options: DownloadOptions): Promise<Descriptor> {
  const { content, descriptor, report, signal } = options;
  const id = shortId(descriptor.digest);
  const stored = await withRetries((number) => attempt(options, number), {
    mayRetry: (error) => mayRetry(error) || error instanceof WrongAfterResume,
    waiting: (seconds) => update(report, id, retryingText(seconds)),
    secondMs: options.secondMs,
    signal,
  });
  // what the guard's absence let through has another name
  if (stored.digest !== descriptor.digest) await content.claim(stored.digest, options.lease);
  update(report, id, 'Download complete');
  return stored;
}

/** Bytes of two answers did not make the blob: from one answer they may. */
class WrongAfterResume extends RegistryError {}

async function attempt(options: DownloadOptions, number: number): Promise<Descriptor> {
  const { content, descriptor, lease, report, signal } = options;
  const ingest = await unlessAborted(content.begin(descriptor.digest), signal);
  const resumedAt = ingest.offset;
  try {
    if (await content.claim(descriptor.digest, lease)) {
      await ingest.abort();
      return descriptor;
    }
    if (resumedAt > descriptor.size) await ingest.restart();
    if (ingest.offset < descriptor.size || descriptor.size === 0) await fetchRest(options, ingest);
    update(report, shortId(descriptor.digest), 'Verifying Checksum');
    return await commit(options, ingest, resumedAt > 0 && number < 3);
  } catch (error) {
    // what came so far is kept, for the next attempt or the next pull
    await ingest.close();
    throw error;
  }
}

async function fetchRest({ repository, descriptor, report, signal }: DownloadOptions, ingest: Ingest): Promise<void> {
  const reply = await repository.openBlob(descriptor, ingest.offset, signal);
  try {
    if (ingest.offset > 0 && !continues(reply, ingest.offset, descriptor.size)) {
      if (reply.status === 206)
        throw new RegistryError('content', 'the server answered with another range than was asked for');
      await ingest.restart();
    }
    checkLength(reply, descriptor.size - ingest.offset);
    const progress = new ByteProgress(
      report,
      shortId(descriptor.digest),
      'Downloading',
      descriptor.size,
      ingest.offset,
    );
    for await (const chunk of chunksOf(reply, signal)) {
      if (ingest.offset + chunk.byteLength > descriptor.size && guard('registry-size')) throw tooLong(descriptor);
      await ingest.write(chunk);
      progress.add(chunk.byteLength);
    }
    progress.tell();
    if (ingest.offset < descriptor.size) throw new RegistryError('transport', 'unexpected EOF');
  } finally {
    if (!reply.message.complete) reply.message.destroy();
  }
}

/** `Content-Range: bytes 100-199/200`, RFC 9110, section 14.4. */
function continues(reply: Reply, from: number, size: number): boolean {
  if (reply.status !== 206) return false;
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(reply.headers['content-range'] ?? ''));
  if (range === null) return false;
  return Number(range[1]) === from && (range[3] === '*' || Number(range[3]) === size);
}

/** A length that cannot become right is not waited for. */
function checkLength(reply: Reply, wanted: number): void {
  const declared = reply.headers['content-length'];
  if (declared === undefined || !guard('registry-size')) return;
  if (Number(declared) > wanted)
    throw new RegistryError('content', `the server sends ${declared} bytes where the manifest says ${wanted}`);
}

function tooLong(descriptor: Descriptor): RegistryError {
  return new RegistryError(
    'content',
    `layer ${descriptor.digest} is longer than the ${descriptor.size} bytes of its manifest`,
  );
}

async function commit(
  { content, descriptor, lease }: DownloadOptions,
  ingest: Ingest,
  wasResumed: boolean,
): Promise<Descriptor> {
  const expectation = guard('registry-digest') ? { expected: descriptor.digest, size: descriptor.size } : {};
  try {
    const { digest, size } = await content.commit(ingest, { ...expectation, lease });
    return { ...descriptor, digest, size };
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'DataLoss') throw error;
    const message = `filesystem layer verification failed for digest ${descriptor.digest}`;
    throw wasResumed
      ? new WrongAfterResume('content', message, { cause: error })
      : new RegistryError('content', message, { cause: error });
  }
}

/** Wait for an ingest unless the caller gives up first: then it is closed as soon as it comes. */
async function unlessAborted(wanted: Promise<Ingest>, signal: AbortSignal): Promise<Ingest> {
  let leave: () => void = () => undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    leave = () => resolve('aborted');
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
  const first = await Promise.race([wanted, aborted]);
  signal.removeEventListener('abort', leave);
  if (first !== 'aborted') return first;
  // nobody waits for it any more, whether it comes or not
  void wanted.then(
    (late) => late.close(),
    () => undefined,
  );
  throw canceled(signal.reason);
}
