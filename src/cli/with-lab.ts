import type { Lab, LabOptions } from '../../engine/api/types.js';
import { connectEngine } from '../engine-client.js';

/** Do something with a fresh lab; it and the engine are gone afterwards, however it went. */
export async function withLab<T>(
  options: LabOptions,
  work: (lab: Lab, close: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const engine = await connectEngine();
  try {
    return await work(await engine.createLab(options), () => engine.close());
  } finally {
    await engine.close();
  }
}

/** Resolves at Ctrl-C, SIGTERM or SIGHUP, with the exit status for it; the handlers are gone then. */
export function interrupted(): { readonly status: Promise<number>; cancel(): void } {
  const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
  let cancel = (): void => undefined;
  const status = new Promise<number>((resolve) => {
    const handlers = Object.entries(numbers).map(([name, number]) => {
      const handler = (): void => {
        cancel();
        resolve(128 + number);
      };
      process.on(name, handler);
      return () => process.off(name, handler);
    });
    cancel = () => {
      for (const remove of handlers) remove();
    };
  });
  return { status, cancel: () => cancel() };
}
