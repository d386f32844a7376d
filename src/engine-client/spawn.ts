import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ErrorBody } from '../../engine/api/types.js';
import { EngineFailure } from './http.js';

/** An engine process of ours. It ends when `control` closes: also when this process is killed. */
export interface EngineProcess {
  readonly child: ChildProcess;
  readonly socketPath: string;
  readonly exited: Promise<number | null>;
  /** Ask it to end everything and wait until it has. */
  close(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;

/**
 * Start the engine. `passStdio` gives it our standard streams, for commands that are to run on them; otherwise it has
 * none, and a session of its own, so that the terminal's Ctrl-C does not reach it.
 */
export async function spawnEngine(options: { passStdio: boolean }): Promise<EngineProcess> {
  const source = import.meta.url.endsWith('.ts');
  const entry = fileURLToPath(new URL(`../../engine/daemon.${source ? 'ts' : 'js'}`, import.meta.url));
  const child = spawn(process.execPath, [...(source ? ['--import', 'tsx'] : []), entry], {
    stdio: options.passStdio ? [0, 1, 2, 'pipe'] : ['ignore', 'ignore', 'pipe', 'pipe'],
    detached: !options.passStdio,
    env: process.env,
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-4000);
  });
  const control = child.stdio[3] as Duplex;
  control.on('error', () => control.destroy());
  const socketPath = await new Promise<string>((resolve, reject) => {
    const fail = (message: string): void => reject(new EngineFailure({ code: 'Unavailable', message }));
    const timer = setTimeout(() => fail(`the engine did not start in ${START_TIMEOUT_MS / 1000} s`), START_TIMEOUT_MS);
    let text = '';
    child.once('error', (error) => fail(`the engine could not be started: ${error.message}`));
    child.once('exit', (code) => fail(`the engine ended at once (exit ${code}) ${complaint.trim()}`.trim()));
    control.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const line = /^(ready|failed) (.*)\n/.exec(text);
      if (line === null) return;
      clearTimeout(timer);
      if (line[1] === 'ready') resolve(line[2] as string);
      else reject(new EngineFailure(JSON.parse(line[2] as string) as ErrorBody));
    });
  });
  return {
    child,
    socketPath,
    exited,
    close: async () => {
      control.destroy();
      await exited;
    },
  };
}
