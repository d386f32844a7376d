import { hijack } from '../client/hijack.js';
import { type Context, type Handler, say, warn } from '../context.js';
import { CliError, messageOf } from '../errors.js';
import { forwardSignals } from '../terminal/signals.js';
import { followSize } from '../terminal/size.js';
import type { ContainerState } from './attach.js';
import { container } from './each.js';
import { checkTty, connect } from './stream.js';
import { beginWait } from './waiting.js';

/** docker start: several at once, or one that is attached to. */
export const start: Handler = async (context) => {
  const { flags, args, engine } = context;
  const isAttached = flags.bool('attach') || flags.bool('interactive');
  if (isAttached && args.length > 1) throw new CliError('you cannot start and attach multiple containers at once');
  if (isAttached) return startAttached(context, args[0] ?? '');
  const failed: string[] = [];
  for (const name of args) {
    try {
      await engine.run('POST', container(name, '/start'));
      await say(context, name);
    } catch (error) {
      await warn(context, messageOf(error));
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new CliError(`Error: failed to start containers: ${failed.join(', ')}`);
  return 0;
};

async function startAttached(context: Context, name: string): Promise<number> {
  const { flags, engine } = context;
  const one = await engine.json<ContainerState>('GET', container(name, '/json'));
  const { Tty: tty } = one.Config;
  const stdin = flags.bool('interactive') && one.Config.OpenStdin;
  checkTty(context, stdin, tty);
  const detachKeys = flags.string('detach-keys') || context.config.detachKeys;
  const query = {
    stream: true,
    stdin: stdin || undefined,
    stdout: true,
    stderr: true,
    detachKeys: detachKeys || undefined,
  };
  const stopSignals = tty
    ? null
    : forwardSignals((signal) => engine.run('POST', container(one.Id, '/kill'), { query: { signal } }));
  const hijacked = await hijack(engine, container(one.Id, '/attach'), query);
  const streaming = connect(context, hijacked, { tty, stdin, stdout: true, stderr: true, detachKeys });
  streaming.catch(() => undefined);
  const exited = await beginWait(engine, one.Id, one.HostConfig?.AutoRemove === true);
  let stopSize = (): void => undefined;
  try {
    try {
      await engine.run('POST', container(one.Id, '/start'));
    } catch (error) {
      hijacked.socket.destroy();
      throw error;
    }
    if (tty && context.stdout.isTTY)
      stopSize = followSize(context.stdout, (size) =>
        engine.run('POST', container(one.Id, '/resize'), { query: { ...size } }),
      );
    if ((await streaming) === 'detached') return 0;
    return await exited();
  } finally {
    stopSize();
    stopSignals?.();
  }
}
