/** Time as the state machines see it: a test turns its own hands. Durations are measured by `monotonic` alone. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds that only grow, whatever is done to the machine's clock. */
  monotonic(): number;
  /** Call back once after some time. The returned function takes it back. */
  after(ms: number, callback: () => void): () => void;
}

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
