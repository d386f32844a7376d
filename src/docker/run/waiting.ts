import type { Engine } from '../client/engine.js';
import { readBounded } from '../client/engine.js';
import { CliError, EXIT_USAGE } from '../errors.js';
import { container } from './each.js';

/**
 * Begin to wait for a container's end before it is started, so that none is missed: the engine answers with headers at once,
 * and with the body at the end. The answer is the exit status.
 */
export async function beginWait(engine: Engine, id: string, isRemoved: boolean): Promise<() => Promise<number>> {
  const answer = await engine.request('POST', container(id, '/wait'), {
    query: { condition: isRemoved ? 'removed' : 'next-exit' },
  });
  const body = readBounded(answer, 1 << 20, 'wait').then(
    (bytes) => ({ bytes }),
    (error: unknown) => ({ error }),
  );
  return async () => {
    const done = await body;
    if ('error' in done) throw done.error;
    const { StatusCode, Error: failure } = JSON.parse(done.bytes.toString('utf8')) as {
      StatusCode: number;
      Error?: { Message?: string } | null;
    };
    if (failure?.Message !== undefined && failure.Message !== '')
      throw new CliError(`Error waiting for container: ${failure.Message}`, EXIT_USAGE);
    return StatusCode;
  };
}
