import { hijack } from '../client/hijack.js';
import type { Handler } from '../context.js';
import { CliError } from '../errors.js';
import { environment } from '../opts/files.js';
import { followSize } from '../terminal/size.js';
import { container } from './each.js';
import { checkTty, connect } from './stream.js';

/** docker exec. */
export const exec: Handler = async (context) => {
  const { flags, args, engine, env } = context;
  const [name = '', ...command] = args;
  const isDetached = flags.bool('detach');
  const tty = flags.bool('tty');
  const stdin = flags.bool('interactive') && !isDetached;
  const detachKeys = flags.string('detach-keys') || context.config.detachKeys;
  const body = {
    User: flags.string('user'),
    Privileged: flags.bool('privileged'),
    Tty: tty,
    AttachStdin: stdin,
    AttachStdout: !isDetached,
    AttachStderr: !isDetached,
    DetachKeys: detachKeys,
    Env: environment(flags.list('env-file'), flags.list('env'), env),
    WorkingDir: flags.string('workdir'),
    Cmd: command,
  };
  // an unknown container is told before a wrong terminal is
  await engine.run('GET', container(name, '/json'));
  if (!isDetached) checkTty(context, stdin, tty);
  const { Id: id } = await engine.json<{ Id: string }>('POST', container(name, '/exec'), { body });
  if (id === '') throw new CliError('exec ID empty');
  const size = tty && context.stdout.isTTY ? { ConsoleSize: [context.stdout.rows, context.stdout.columns] } : {};
  if (isDetached) {
    await engine.run('POST', `/exec/${id}/start`, { body: { Detach: true, Tty: tty, ...size } });
    return 0;
  }
  const hijacked = await hijack(engine, `/exec/${id}/start`, {}, { Detach: false, Tty: tty, ...size });
  const stopSize =
    tty && context.stdout.isTTY
      ? followSize(context.stdout, (now) => engine.run('POST', `/exec/${id}/resize`, { query: { ...now } }))
      : null;
  try {
    const ended = await connect(context, hijacked, { tty, stdin, stdout: true, stderr: true, detachKeys });
    if (ended === 'detached') throw new CliError('read escape sequence');
  } finally {
    stopSize?.();
  }
  const done = await engine.json<{ ExitCode: number | null }>('GET', `/exec/${id}/json`);
  return done.ExitCode ?? 0;
};
