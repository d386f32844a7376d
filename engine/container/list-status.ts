import { humanDuration } from './human-duration.js';
import { NEVER } from './time.js';
import type { ContainerState } from './types.js';

/** The STATUS column of `docker ps`. moby, container/state.go (State.String). */
export function listStatus(state: ContainerState, now: number): string {
  const since = (time: string): string => humanDuration(now - Date.parse(time));
  // dockerd calls a container between two runs running
  if (state.Restarting) return `Restarting (${state.ExitCode}) ${since(state.FinishedAt)} ago`;
  if (state.Running) {
    const up = `Up ${since(state.StartedAt)}`;
    if (state.Paused) return `${up} (Paused)`;
    const health = state.Health?.Status ?? 'none';
    if (health === 'none') return up;
    return `${up} (${health === 'starting' ? 'health: starting' : health})`;
  }
  if (state.Status === 'removing') return 'Removal In Progress';
  if (state.Dead) return 'Dead';
  if (state.StartedAt === NEVER) return 'Created';
  if (state.FinishedAt === NEVER) return '';
  return `Exited (${state.ExitCode}) ${since(state.FinishedAt)} ago`;
}
