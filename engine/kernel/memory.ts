import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import koffi from 'koffi';

/** Less is not worth the time. */
const WORTH = 16 << 20;
/** What was left the last time, in bytes. */
let settled = 0;
let collect: (() => void) | undefined;
let trim: ((pad: number) => number) | null | undefined;

/**
 * Give memory that is not used back to the machine: JavaScript's garbage, and what the C library keeps of what was freed
 * (malloc_trim(3), glibc's alone), which is the larger part after a burst of work. Takes some 30 ms in which nothing else is done,
 * and so does nothing where the process has not grown by 16 MiB since the last time.
 */
export function giveBackMemory(): void {
  if (process.memoryUsage.rss() < settled + WORTH) return;
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  // the first one leaves the bytes of buffers to another thread, for which the second one waits
  collect();
  if (trim === undefined) trim = findTrim();
  trim?.(0);
  settled = process.memoryUsage.rss();
}

/** Null with a C library that has no such function. */
function findTrim(): ((pad: number) => number) | null {
  try {
    return koffi.load(null).func('int malloc_trim(size_t pad)') as unknown as (pad: number) => number;
  } catch (error) {
    if (error instanceof Error && error.message.includes('malloc_trim')) return null;
    throw error;
  }
}
