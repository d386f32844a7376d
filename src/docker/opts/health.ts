import type { Flags } from '../command/flags.js';
import { parseDuration } from './numbers.js';

const FLAGS = ['cmd', 'interval', 'timeout', 'retries', 'start-period', 'start-interval'];

/** --health-* and --no-healthcheck; null: as the image says. */
export function healthcheck(flags: Flags): Record<string, unknown> | null {
  const isSet = FLAGS.some((name) => flags.changed(`health-${name}`));
  if (flags.bool('no-healthcheck')) {
    if (isSet) throw new Error('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!isSet) return null;
  const duration = (name: string): number => {
    const value = flags.changed(`health-${name}`) ? parseDuration(flags.string(`health-${name}`)) : 0;
    if (value < 0) throw new Error(`--health-${name} cannot be negative`);
    return value;
  };
  const retries = flags.number('health-retries');
  if (retries < 0) throw new Error('--health-retries cannot be negative');
  const command = flags.string('health-cmd');
  return {
    ...(command === '' ? {} : { Test: ['CMD-SHELL', command] }),
    Interval: duration('interval'),
    Timeout: duration('timeout'),
    StartPeriod: duration('start-period'),
    StartInterval: duration('start-interval'),
    Retries: retries,
  };
}
