import { createGunzip } from 'node:zlib';
import { EngineError } from '../../kernel/errors.js';
import { guard } from './guards.js';
import { ZstdDecoder } from './zstd-frames.js';

export type Compression = 'none' | 'gzip' | 'zstd';

/** Bounds of what a compressed stream may become; beyond one of them it ends with ResourceExhausted. */
export interface DecompressLimits {
  /** Bytes that come out. */
  readonly maxOutput: number;
  /** Bytes out for one byte in, once more than `freeOutput` came out. deflate can't do more than 1032, zeros of an honest file do that. */
  readonly maxRatio: number;
  readonly freeOutput: number;
  /** Of zstd: memory that a frame may ask for. RFC 8878 wants 8 MiB; the strongest levels of image tools take 32 MiB. */
  readonly maxWindow: number;
}

export const DEFAULT_DECOMPRESS_LIMITS: DecompressLimits = {
  maxOutput: 160 * 2 ** 30,
  maxRatio: 200,
  freeOutput: 2 * 2 ** 30,
  maxWindow: 64 << 20,
};

const UNBOUNDED: DecompressLimits = {
  maxOutput: Infinity,
  maxRatio: Infinity,
  freeOutput: Infinity,
  maxWindow: Infinity,
};

/** What the first bytes of a stream say. */
export function compressionOf(first: Uint8Array): Compression {
  const starts = (...bytes: number[]): boolean => bytes.every((byte, i) => first[i] === byte);
  if (starts(0x1f, 0x8b, 0x08)) return 'gzip';
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  return (first[0] as number) >> 4 === 5 && starts(first[0] as number, 0x2a, 0x4d, 0x18) ? 'zstd' : 'none';
}

/**
 * The stream, decompressed if its first bytes say that it is gzip or zstd. Only one layer of compression: what comes out is
 * not looked at again. `found` is told which it was, before the first byte comes out.
 *
 * @throws EngineError DataLoss for a damaged or truncated stream, ResourceExhausted beyond a bound
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  limits: Partial<DecompressLimits> = {},
  found: (compression: Compression) => void = () => undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const bounds = guard('decompress-bounds') ? { ...DEFAULT_DECOMPRESS_LIMITS, ...limits } : UNBOUNDED;
  const chunks = source[Symbol.asyncIterator]();
  try {
    const first = await firstBytes(chunks, 4);
    const compression = compressionOf(first);
    found(compression);
    let taken = 0;
    const input = (async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for (let chunk: Uint8Array | undefined = first; chunk !== undefined; chunk = await nextOf(chunks)) {
        taken += chunk.length;
        if (chunk.length > 0) yield chunk;
      }
    })();
    const output = compression === 'gzip' ? gunzip(input) : compression === 'zstd' ? unzstd(input, bounds) : input;
    let given = 0;
    for await (const chunk of output) {
      given += chunk.length;
      if (given > bounds.maxOutput) throw bomb(`it grows beyond ${bounds.maxOutput} bytes`);
      if (compression !== 'none' && given > bounds.freeOutput && given > taken * bounds.maxRatio)
        throw bomb(`it grows more than ${bounds.maxRatio} times`);
      yield chunk;
    }
  } finally {
    await chunks.return?.();
  }
}

async function* gunzip(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip({ chunkSize: 256 << 10 });
  let failure: unknown;
  void (async () => {
    try {
      for await (const chunk of input) {
        if (gunzip.destroyed) return;
        if (!gunzip.write(chunk)) await drained(gunzip);
      }
      gunzip.end();
    } catch (error) {
      failure = error;
      gunzip.destroy(error as Error);
    }
  })();
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    if (failure !== undefined) throw failure;
    throw new EngineError('DataLoss', `decompress gzip: ${(error as Error).message}`, { cause: error });
  } finally {
    gunzip.destroy();
  }
}

function drained(stream: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

async function* unzstd(
  input: AsyncIterable<Uint8Array>,
  { maxWindow }: DecompressLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new ZstdDecoder(maxWindow);
  for await (const chunk of input) yield* decoder.push(chunk);
  decoder.finish();
}

async function firstBytes(chunks: AsyncIterator<Uint8Array>, least: number): Promise<Uint8Array> {
  let first: Uint8Array = Buffer.alloc(0);
  while (first.length < least) {
    const next = await nextOf(chunks);
    if (next === undefined) break;
    first = first.length === 0 ? next : Buffer.concat([first, next]);
  }
  return first;
}

async function nextOf(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  const next = await chunks.next();
  return next.done === true ? undefined : next.value;
}

function bomb(what: string): EngineError {
  return new EngineError('ResourceExhausted', `decompress: ${what}`);
}
