import { isatty } from 'node:tty';
import type { LabInfo, LabOptions } from '../../engine/api/types.js';
import { EngineFailure, EngineHttp } from './http.js';
import { spawnEngine } from './spawn.js';

/** Sent to us, these go to the command. Those that the terminal itself sends to the foreground group are not doubled. */
const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'] as const;
const NUMBERS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGTERM: 15,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGCONT: 18,
  SIGWINCH: 28,
} as const;

/**
 * Run a command in a fresh lab host on our own standard streams, and answer with its exit code: its own, 128+n when a
 * signal ended it, 126 or 127 (with a line on standard error) when it could not be started. Nothing is left afterwards.
 */
export async function runPassthrough(
  argv: readonly string[],
  options: LabOptions & { env?: Readonly<Record<string, string>>; cwd?: string } = {},
): Promise<number> {
  const { env, cwd, ...labOptions } = options;
  const pending: number[] = [];
  let deliver = (signal: number): void => void pending.push(signal);
  const foreground = isatty(0);
  const handlers = FORWARDED.map((name) => {
    const handler = (): void => deliver(NUMBERS[name]);
    process.on(name, handler);
    return { name, handler };
  });
  const engine = await spawnEngine({ passStdio: true });
  try {
    const http = new EngineHttp(engine.socketPath);
    const lab = await http.json<LabInfo>('POST', '/labs', labOptions);
    const terminal = process.env['TERM'];
    const request = {
      argv,
      env: { ...(terminal === undefined ? {} : { TERM: terminal }), ...env },
      ...(cwd === undefined ? {} : { cwd }),
      foreground,
    };
    return await new Promise<number>((resolve, reject) => {
      type Line = { id: string } | { exitCode: number; failure: { message: string } | null };
      http.lines<Line>(
        'POST',
        `/labs/${lab.id}/run`,
        (line) => {
          if ('id' in line) {
            deliver = (signal) => void http.json('POST', `/processes/${line.id}/signal`, { signal }).catch(ignoreEnded);
            for (const signal of pending.splice(0)) deliver(signal);
            return;
          }
          if (line.failure !== null) process.stderr.write(`glassbox: ${line.failure.message}\n`);
          resolve(line.exitCode);
        },
        request,
        (error) =>
          reject(
            error ??
              new EngineFailure({ code: 'Unavailable', message: 'the engine ended while the command was running' }),
          ),
      );
    });
  } finally {
    for (const { name, handler } of handlers) process.off(name, handler);
    await engine.close();
  }
}

/** The command had ended before the signal reached it. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof EngineFailure)) throw error;
}
