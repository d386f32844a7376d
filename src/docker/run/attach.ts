import { hijack } from '../client/hijack.js';
import type { Handler } from '../context.js';
import { CliError } from '../errors.js';
import { forwardSignals } from '../terminal/signals.js';
import { followSize, type Size } from '../terminal/size.js';
import { container } from './each.js';
import { checkTty, connect } from './stream.js';
import { beginWait } from './waiting.js';

export interface ContainerState {
  readonly Id: string;
  readonly State: {
    readonly Running: boolean;
    readonly Paused: boolean;
    readonly Restarting: boolean;
    readonly ExitCode: number;
  };
  readonly Config: { readonly Tty: boolean; readonly OpenStdin: boolean };
  readonly HostConfig?: { readonly AutoRemove?: boolean; readonly NetworkMode?: string };
}

/** docker attach. */
export const attach: Handler = async (context) => {
  const { flags, args, engine } = context;
  const name = args[0] ?? '';
  const one = await engine.json<ContainerState>('GET', container(name, '/json'));
  if (!one.State.Running) throw new CliError('You cannot attach to a stopped container, start it first');
  if (one.State.Paused) throw new CliError('You cannot attach to a paused container, unpause it first');
  if (one.State.Restarting) throw new CliError('You cannot attach to a restarting container, wait until it is running');
  const stdin = !flags.bool('no-stdin') && one.Config.OpenStdin;
  const { Tty: tty } = one.Config;
  checkTty(context, !flags.bool('no-stdin'), tty);
  const detachKeys = flags.string('detach-keys') || context.config.detachKeys;
  const exited = await beginWait(engine, one.Id, false);
  const query = {
    stream: true,
    stdin: stdin || undefined,
    stdout: true,
    stderr: true,
    detachKeys: detachKeys || undefined,
  };
  const hijacked = await hijack(engine, container(name, '/attach'), query);
  const stopSignals =
    flags.bool('sig-proxy') && !tty
      ? forwardSignals((signal) => engine.run('POST', container(name, '/kill'), { query: { signal } }))
      : null;
  const resize = (size: Size): Promise<void> => engine.run('POST', container(name, '/resize'), { query: { ...size } });
  let stopSize = (): void => undefined;
  if (tty && context.stdout.isTTY) {
    // a size that is not the terminal's first: what runs there then draws itself again
    await resize({ h: context.stdout.rows + 1, w: context.stdout.columns + 1 });
    stopSize = followSize(context.stdout, resize);
  }
  try {
    const ended = await connect(context, hijacked, { tty, stdin, stdout: true, stderr: true, detachKeys });
    if (ended === 'detached') throw new CliError('read escape sequence');
    return await exited();
  } finally {
    stopSignals?.();
    stopSize();
  }
};
