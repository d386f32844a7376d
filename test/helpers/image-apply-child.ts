import { readFileSync } from 'node:fs';
import { applyLayer } from '../../engine/image/layer/apply.js';
import type { ApplyOptions } from '../../engine/image/layer/types.js';
import { type DecompressLimits, decompress } from '../../engine/image/tar/decompress.js';
import { EngineError } from '../../engine/kernel/errors.js';
import { inPieces } from './image-tar.js';

/** An archive (file, or made of a piece over and over) that shall be put into a directory. */
export interface ApplyJob {
  readonly tar: string;
  /** How often the archive's `middle` comes between its first and last bytes: [from, to, times]. */
  readonly repeat?: readonly [number, number, number];
  readonly directory: string;
  readonly options?: Pick<ApplyOptions, 'whiteouts' | 'limits' | 'userxattr'>;
  readonly decompress?: Partial<DecompressLimits>;
}

export interface ApplyResult {
  /** `ok`, or the code of the error. */
  readonly outcome: string;
  readonly message: string;
  /** Largest resident size of this process so far, MiB. */
  readonly rss: number;
  readonly seconds: number;
}

async function* source({ tar, repeat }: ApplyJob): AsyncGenerator<Uint8Array> {
  const bytes = readFileSync(tar);
  if (repeat === undefined) {
    yield* inPieces(bytes, 65_536);
    return;
  }
  const [from, to, times] = repeat;
  yield bytes.subarray(0, from);
  for (let i = 0; i < times; i++) yield* inPieces(bytes.subarray(from, to), 1 << 20);
  yield bytes.subarray(to);
}

async function run(job: ApplyJob): Promise<ApplyResult> {
  const start = performance.now();
  const result = (outcome: string, message: string): ApplyResult => ({
    outcome,
    message,
    rss: Math.round(process.resourceUsage().maxRSS / 1024),
    seconds: (performance.now() - start) / 1000,
  });
  try {
    await applyLayer(decompress(source(job), job.decompress), job.directory, job.options);
    return result('ok', '');
  } catch (error) {
    if (error instanceof EngineError) return result(error.code, error.message);
    return result('thrown', String(error));
  }
}

/** `node image-apply-child.ts JOBS.json`: results as JSON. A process of its own, so that guards can be taken away from it. */
if (process.argv[1]?.endsWith('image-apply-child.ts') === true) {
  const jobs = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as ApplyJob[];
  const results: ApplyResult[] = [];
  for (const job of jobs) results.push(await run(job));
  process.stdout.write(JSON.stringify(results));
}
