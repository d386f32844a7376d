/**
 * Processor time of this process since some moment, milliseconds, all threads: what bounds work where other programs
 * run beside it. Time by the clock is for what must not wait, with a bound that a busy machine does not reach.
 */
export function cpuTimer(): () => number {
  const from = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(from);
    return (user + system) / 1000;
  };
}
