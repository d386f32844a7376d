import { canceled, isCanceled } from './errors.js';

/** dockerd's max-download-attempts and max-upload-attempts. */
export const MOST_ATTEMPTS = 5;

export interface RetryOptions {
  readonly mayRetry: (error: unknown) => boolean;
  /** Seconds that are left until the next attempt. */
  readonly waiting?: (seconds: number) => void;
  /** How long a second is. */
  readonly secondMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Try, and after a failure that may pass try again, after 5, 10, 15 and 20 seconds: xfer of dockerd's distribution. */
export async function withRetries<T>(attempt: (number: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let number = 1; ; number++) {
    try {
      return await attempt(number);
    } catch (error) {
      if (isCanceled(error) || options.signal?.aborted === true || number === MOST_ATTEMPTS || !options.mayRetry(error))
        throw error;
      for (let seconds = number * 5; seconds > 0; seconds--) {
        options.waiting?.(seconds);
        await pause(options.secondMs ?? 1000, options.signal);
      }
    }
  }
}

export function retryingText(seconds: number): string {
  return `Retrying in ${seconds} second${seconds === 1 ? '' : 's'}`;
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(canceled(signal?.reason));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
