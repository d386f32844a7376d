import { Demultiplexer } from '../client/streams.js';
import type { Handler } from '../context.js';
import { write } from '../io.js';
import { timestamp } from '../opts/times.js';
import type { ContainerState } from './attach.js';
import { container } from './each.js';

/** docker logs: the container's own bytes, its two streams on ours. */
export const logs: Handler = async (context) => {
  const { flags, args, engine } = context;
  const name = args[0] ?? '';
  const one = await engine.json<ContainerState>('GET', container(name, '/json'));
  const answer = await engine.request('GET', container(one.Id, '/logs'), {
    query: {
      stdout: true,
      stderr: true,
      since: timestamp(flags.string('since'), 'since') || undefined,
      until: timestamp(flags.string('until'), 'until') || undefined,
      timestamps: flags.bool('timestamps') || undefined,
      follow: flags.bool('follow') || undefined,
      tail: flags.string('tail'),
      details: flags.bool('details') || undefined,
    },
  });
  const out = (bytes: Buffer): Promise<void> => write(context.stdout, bytes);
  const demultiplexer = new Demultiplexer(out, (bytes) => write(context.stderr, bytes));
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (one.Config.Tty) await out(chunk);
    else await demultiplexer.write(chunk);
  }
  return 0;
};
