import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { EngineError } from '../../kernel/errors.js';
import { DEFAULT_DECOMPRESS_LIMITS, decompress } from '../tar/decompress.js';

/** Compressions that Node cannot undo: by their first bytes, and the program that can. dockerd runs xz(1) too. */
const PROGRAMS: readonly { readonly magic: string; readonly program: string; readonly args: readonly string[] }[] = [
  // the dictionary of `xz -9` needs 65 MiB
  {
    magic: 'fd377a585a00',
    program: 'xz',
    args: ['--decompress', '--stdout', '--quiet', '--memlimit-decompress=256MiB'],
  },
  { magic: '425a68', program: 'bzip2', args: ['--decompress', '--stdout', '--quiet'] },
];
const MAGIC_BYTES = 6;
const MOST_SAID = 1000;

/** What comes into `load` and `import`: plain, gzip or zstd, and with a program of the machine xz or bzip2. */
export async function* decompressAny(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = stream[Symbol.asyncIterator]();
  const first = await firstBytes(chunks);
  const whole = (async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (first.byteLength > 0) yield first;
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  })();
  const hex = Buffer.from(first.subarray(0, MAGIC_BYTES)).toString('hex');
  const other = PROGRAMS.find(({ magic }) => hex.startsWith(magic));
  if (other === undefined) yield* decompress(whole);
  else yield* through(other.program, other.args, whole);
}

async function firstBytes(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let first: Uint8Array = Buffer.alloc(0);
  while (first.byteLength < MAGIC_BYTES) {
    const next = await chunks.next();
    if (next.done === true) break;
    first = Buffer.concat([first, next.value]);
  }
  return first;
}

/** A stream through a filter program, which ends with it. */
async function* through(
  program: string,
  args: readonly string[],
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString('utf8')).slice(0, MOST_SAID);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ENOENT'
          ? new EngineError('NotImplemented', `exec: "${program}": executable file not found in $PATH`, {
              cause: error,
            })
          : error,
      ),
    );
    child.once('close', (code) => resolve(code));
  });
  let failure: unknown;
  const feeding = feed(child.stdin, input).catch((error: unknown) => {
    failure = error;
    child.kill('SIGKILL');
  });
  // a program that is not there is told below
  ended.catch(() => undefined);
  let given = 0;
  try {
    for await (const chunk of child.stdout) {
      given += (chunk as Buffer).byteLength;
      if (given > DEFAULT_DECOMPRESS_LIMITS.maxOutput)
        throw new EngineError(
          'ResourceExhausted',
          `decompress ${program}: it grows beyond ${DEFAULT_DECOMPRESS_LIMITS.maxOutput} bytes`,
        );
      yield chunk as Buffer;
    }
    const code = await ended;
    await feeding;
    if (failure !== undefined) throw failure;
    if (code !== 0)
      throw new EngineError('DataLoss', `decompress ${program}: ${said.trim() || `it ended with ${code}`}`);
  } finally {
    child.kill('SIGKILL');
    child.stdin.destroy();
  }
}

async function feed(
  stdin: NodeJS.WritableStream & { readonly destroyed: boolean },
  input: AsyncIterable<Uint8Array>,
): Promise<void> {
  // a program that has seen enough closes its end: what is wrong is in its exit code
  stdin.on('error', () => undefined);
  for await (const chunk of input) {
    if (stdin.destroyed) return;
    if (!stdin.write(chunk)) await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]);
  }
  stdin.end();
}
