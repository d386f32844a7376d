import type { SpecProcess } from '../spec/types.js';
import type { Console, Stdio } from '../types.js';
import { CliError } from './failure.js';
import { nothing } from './nothing.js';
import { isTerminal } from './world.js';

/** The three descriptors of a process, and what is carried between them and ours while it runs. */
export interface ProcessIo {
  readonly stdio: Stdio;
  readonly console?: Console;
  /** Of our own terminal, for the process's from its first moment. */
  readonly size?: { readonly height: number; readonly width: number };
  /** The process has been made and waits: it has copies of its descriptors, and has sent its terminal. */
  connected(): Promise<void>;
  /** It runs: what is typed now is for it. */
  begin(): void;
  /** Our own terminal has another size. */
  resize(): void;
  /** It has ended: what it still printed is shown. */
  finish(): Promise<void>;
  /** Give back what was taken: also after a failure, at any point. */
  close(): void;
}

export interface IoRequest {
  readonly terminal: boolean;
  readonly detach: boolean;
  /** Absolute path, or empty. */
  readonly consoleSocket: string;
  readonly shim: boolean;
}

const OWN: Stdio = [0, 1, 2];

/** runc's two sentences on what does not go together (checkTerminal of utils_linux.go). A shim keeps a terminal itself. */
export function checkTerminal({ terminal, detach, consoleSocket, shim }: IoRequest): void {
  if (detach && terminal && consoleSocket === '' && !shim)
    throw new CliError('cannot allocate tty if runc will detach without setting console socket');
  if ((!detach || !terminal) && consoleSocket !== '')
    throw new CliError('cannot use console socket if runc will not detach or allocate tty');
}

/** What carries bytes is loaded only where some are carried: the network part of Node takes 4 ms. */
export async function setUpIo(request: IoRequest): Promise<ProcessIo> {
  checkTerminal(request);
  if (request.detach) {
    if (!request.terminal) return new InheritedIo(undefined);
    return new InheritedIo(
      request.consoleSocket === '' ? { kind: 'shim' } : { kind: 'socket', path: request.consoleSocket },
    );
  }
  if (!request.terminal && !OWN.some(isTerminal)) return new InheritedIo(undefined);
  const { realKernel } = await import('../../kernel/kernel.js');
  if (request.terminal) return new (await import('./terminal-io.js')).TerminalIo(realKernel);
  return new (await import('./piped-io.js')).PipedIo(realKernel);
}

/** The process with the size of our terminal, unless its own config says one. */
export function withSize(process: SpecProcess, { size }: ProcessIo): SpecProcess {
  return size === undefined || process.consoleSize !== undefined ? process : { ...process, consoleSize: size };
}

/** Our own descriptors are the process's: nothing is carried. */
class InheritedIo implements ProcessIo {
  readonly stdio = OWN;
  readonly console?: Console;
  readonly connected = (): Promise<void> => Promise.resolve();
  readonly finish = (): Promise<void> => Promise.resolve();
  readonly begin = nothing;
  readonly resize = nothing;
  readonly close = nothing;

  constructor(console: Console | undefined) {
    if (console !== undefined) this.console = console;
  }
}
