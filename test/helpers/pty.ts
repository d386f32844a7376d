/** A pseudo-terminal for tests, by python3's pty module: no compiled package is needed. */
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export interface Pty {
  /** Pid of the program on the terminal. */
  readonly pid: Promise<number>;
  onData(listener: (bytes: Uint8Array) => void): void;
  /** 128 + n when signal n ended it. */
  readonly exited: Promise<number>;
  write(bytes: Uint8Array | string): void;
  resize(columns: number, rows: number): void;
  pause(): void;
  resume(): void;
  /** Hang up. */
  close(): void;
}

const RELAY = fileURLToPath(new URL('./pty-relay.py', import.meta.url));

export function openPty(
  argv: readonly string[],
  options: { columns: number; rows: number; env?: NodeJS.ProcessEnv; cwd?: string },
): Pty {
  const child = spawn('python3', [RELAY, String(options.columns), String(options.rows), ...argv], {
    stdio: ['pipe', 'pipe', 'inherit', 'pipe', 'pipe'],
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const stdin = child.stdin as Writable;
  const stdout = child.stdout as Readable;
  const control = child.stdio[3] as Writable;
  const ignoreGone = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error;
  };
  stdin.on('error', ignoreGone);
  control.on('error', ignoreGone);
  const pid = new Promise<number>((resolve) => {
    let said = '';
    (child.stdio[4] as Readable).on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes('\n')) resolve(Number(said));
    });
  });
  const exited = new Promise<number>((resolve) =>
    child.on('close', (code, signal) => resolve(signal === null ? (code ?? 0) : 255)),
  );
  return {
    pid,
    exited,
    onData: (listener) => void stdout.on('data', listener),
    write: (bytes) => void (stdin.writable && stdin.write(bytes)),
    resize: (columns, rows) => void (control.writable && control.write(`${columns} ${rows}\n`)),
    pause: () => void stdout.pause(),
    resume: () => void stdout.resume(),
    close: () => void stdin.end(),
  };
}
