/**
 * Every way out gives the terminal back: quitting, the signals that end a process, an exception nobody caught, a promise
 * nobody awaited, `process.exit` from anywhere. SIGKILL cannot be handled: `reset` helps then.
 */
import { writeSync } from 'node:fs';

export interface ExitHooks {
  /** Give the terminal back: synchronous, may be called twice, must not throw. */
  restore(): void;
  /** Take the terminal again after SIGCONT. */
  resume(): void;
  /** Close what must not survive (the lab): awaited for at most `GRACE_MS`. */
  cleanup(): Promise<void>;
  /** True when an error that nobody caught is no fault of ours and the view is being left because of what it says. */
  expected?(error: unknown): boolean;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;
const GRACE_MS = 3000;
const FATAL_STATUS = 70; // EX_SOFTWARE, sysexits.h

/** Write all of `text` to a descriptor that may be non-blocking, at once. A terminal that is gone (EIO) has nothing left to restore. */
export function writeNow(fd: number, text: string): void {
  let rest = Buffer.from(text);
  const until = Date.now() + 500;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EAGAIN' && Date.now() < until) continue;
      if (code === 'EAGAIN' || code === 'EIO' || code === 'EPIPE' || code === 'EBADF') return;
      throw error;
    }
  }
}

function withinGrace(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, GRACE_MS);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

/** Install the handlers; the returned function takes them off again. */
export function guardExits(hooks: ExitHooks): () => void {
  let leaving = false;
  const leave = (finish: () => void): void => {
    hooks.restore();
    if (leaving) return;
    leaving = true;
    withinGrace(hooks.cleanup()).then(finish, (error: unknown) => {
      writeNow(2, `glassbox: closing the lab failed: ${String(error)}\n`);
      finish();
    });
  };
  const onSignal = (signal: NodeJS.Signals): void =>
    leave(() => {
      // Die of the same signal, so that whoever waits for us sees why (as a shell's $? = 128 + n).
      remove();
      process.kill(process.pid, signal);
    });
  const onFatal = (error: unknown): void => {
    if (hooks.expected?.(error) === true) return;
    hooks.restore();
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    writeNow(2, `glassbox: internal error: ${text}\n`);
    leave(() => process.exit(FATAL_STATUS));
  };
  const onSuspend = (): void => {
    hooks.restore();
    process.kill(process.pid, 'SIGSTOP');
  };
  const onContinue = (): void => {
    if (!leaving) hooks.resume();
  };
  const onExit = (): void => hooks.restore();

  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('SIGTSTP', onSuspend);
  process.on('SIGCONT', onContinue);
  process.on('uncaughtException', onFatal);
  process.on('unhandledRejection', onFatal);
  process.on('exit', onExit);

  const remove = (): void => {
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
    process.removeListener('SIGTSTP', onSuspend);
    process.removeListener('SIGCONT', onContinue);
    process.removeListener('uncaughtException', onFatal);
    process.removeListener('unhandledRejection', onFatal);
    process.removeListener('exit', onExit);
  };
  return remove;
}
