import type { HealthcheckConfig } from '../image/types.js';
import type { Health, HealthResult } from './types.js';

/** A check with Docker's defaults filled in; milliseconds. */
export interface HealthCheck {
  readonly argv: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

const NS_IN_MS = 1_000_000;
const MAX_LOG = 5;
const SHELL = ['/bin/sh', '-c'];

export const STARTING: Health = { Status: 'starting', FailingStreak: 0, Log: [] };

/** What a configuration asks for; null: no check, as with `NONE`. moby, daemon/health.go (getProbe). */
export function healthCheck(config: HealthcheckConfig | undefined, shell?: readonly string[]): HealthCheck | null {
  const [kind, ...rest] = config?.Test ?? [];
  const argv =
    kind === 'CMD'
      ? rest
      : kind === 'CMD-SHELL'
        ? [...(shell === undefined || shell.length === 0 ? SHELL : shell), ...rest]
        : [];
  if (config === undefined || argv.length === 0) return null;
  const ms = (ns: number | undefined, standard: number): number => (ns ? ns / NS_IN_MS : standard);
  return {
    argv,
    intervalMs: ms(config.Interval, 30_000),
    timeoutMs: ms(config.Timeout, 30_000),
    startPeriodMs: ms(config.StartPeriod, 0),
    startIntervalMs: ms(config.StartInterval, 5_000),
    retries: (config.Retries ?? 0) > 0 ? (config.Retries as number) : 3,
  };
}

/**
 * The health after one probe. Within the start period a failure of a container that was never healthy does not count; else
 * `retries` in a row make it unhealthy, one success makes it healthy.
 */
export function afterProbe(health: Health, result: HealthResult, check: HealthCheck, sinceStartMs: number): Health {
  const Log = [...health.Log, result].slice(-MAX_LOG);
  if (result.ExitCode === 0) return { Status: 'healthy', FailingStreak: 0, Log };
  if (health.Status === 'starting' && sinceStartMs < check.startPeriodMs) return { ...health, Log };
  const FailingStreak = health.FailingStreak + 1;
  return { Status: FailingStreak >= check.retries ? 'unhealthy' : health.Status, FailingStreak, Log };
}

/** How long to wait for the next probe: while it starts, the start interval. */
export function probeDelay(check: HealthCheck, health: Health, sinceStartMs: number): number {
  return sinceStartMs < check.startPeriodMs && health.Status === 'starting' ? check.startIntervalMs : check.intervalMs;
}
