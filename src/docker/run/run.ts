import { hijack } from '../client/hijack.js';
import { type Context, type Handler, say } from '../context.js';
import { CliError, EXIT_USAGE } from '../errors.js';
import type { CreateBody } from '../opts/container.js';
import { forwardSignals } from '../terminal/signals.js';
import { followSize } from '../terminal/size.js';
import { bodyOf, createContainer, withHelp } from './create.js';
import { container } from './each.js';
import { checkTty, connect } from './stream.js';
import { beginWait } from './waiting.js';

/** docker run: create, attach, wait, start, in this order, so that nothing is missed. */
export const run: Handler = async (context) => {
  const { flags } = context;
  const body = bodyOf(context);
  if (flags.bool('detach')) {
    if (flags.list('attach').length > 0)
      throw new CliError('conflicting options: cannot specify both --attach and --detach');
    Object.assign(body, { AttachStdin: false, AttachStdout: false, AttachStderr: false, StdinOnce: false });
  } else checkTty(context, body.AttachStdin, body.Tty);
  const id = await failing(context, () => createContainer(context, body));
  return startAndFollow(context, id, body);
};

async function startAndFollow(context: Context, id: string, body: CreateBody): Promise<number> {
  const { flags, engine } = context;
  const isAttached = body.AttachStdin || body.AttachStdout || body.AttachStderr;
  const detachKeys = flags.string('detach-keys') || context.config.detachKeys;
  const isRemoved = body.HostConfig.AutoRemove;
  const stopSignals =
    flags.bool('sig-proxy') && isAttached
      ? forwardSignals((signal) => engine.run('POST', container(id, '/kill'), { query: { signal } }))
      : null;
  let stopSize = (): void => undefined;
  try {
    if (!body.AttachStdout && !body.AttachStderr) await say(context, id);
    const query = {
      stream: true,
      stdin: body.AttachStdin || undefined,
      stdout: body.AttachStdout || undefined,
      stderr: body.AttachStderr || undefined,
      detachKeys: detachKeys || undefined,
    };
    const hijacked = isAttached ? await hijack(engine, container(id, '/attach'), query) : null;
    const streams = {
      tty: body.Tty,
      stdin: body.AttachStdin,
      stdout: body.AttachStdout,
      stderr: body.AttachStderr,
      detachKeys,
    };
    const streaming = hijacked === null ? null : connect(context, hijacked, streams);
    // an error of the stream is told after the container's start has succeeded
    streaming?.catch(() => undefined);
    const exited = isAttached || isRemoved ? await beginWait(engine, id, isRemoved) : null;
    try {
      await failing(context, () => engine.run('POST', container(id, '/start')));
    } catch (error) {
      hijacked?.socket.destroy();
      if (isRemoved) await exited?.();
      throw error;
    }
    if (isAttached && body.Tty && context.stdout.isTTY)
      stopSize = followSize(context.stdout, (size) =>
        engine.run('POST', container(id, '/resize'), { query: { ...size } }),
      );
    if (streaming === null) return 0;
    if ((await streaming) === 'detached') return 0;
    return (await exited?.()) ?? 0;
  } finally {
    stopSize();
    stopSignals?.();
  }
}

/** What failed before a container ran, with docker's exit status for it. */
async function failing<T>(context: Context, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { message } = error;
    const isAbsent = /executable file not found|no such file or directory|system cannot find the file specified/.test(
      message,
    );
    const cannotRun = /permission denied|is a directory/.test(message);
    throw withHelp(context, message, isAbsent ? 127 : cannotRun ? 126 : EXIT_USAGE);
  }
}
