import { EngineError } from '../client/engine.js';

/** Signals that a container's own process is given instead of this one. SIGCHLD, SIGPIPE and SIGURG are not, as in docker. */
const FORWARDED = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGCONT',
  'SIGALRM',
  'SIGTSTP',
  'SIGWINCH',
] as const;

/** Pass signals on; the answer ends that. */
export function forwardSignals(send: (signal: string) => Promise<void>): () => void {
  const stop = FORWARDED.map((signal) => {
    const pass = (): void => {
      // the container may have ended: then there is nobody to tell
      send(signal.replace(/^SIG/, '')).catch((error: unknown) => {
        if (!(error instanceof EngineError)) throw error;
      });
    };
    process.on(signal, pass);
    return () => process.off(signal, pass);
  });
  return () => {
    for (const one of stop) one();
  };
}
