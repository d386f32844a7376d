import type { Digest } from '../image/types.js';
import type { Attachment, EndpointRequest } from '../network/types.js';
import type { ResolvedMount } from './mounts/types.js';
import { NEVER } from './time.js';
import type { ContainerConfig, ContainerStatus, Health, HostConfig } from './types.js';

/**
 * Where an operation on a container is, written down before its first side effect: who finds it after a kill knows what may be
 * there. `creating` is undone, `starting` is undone to created, `removing` is finished.
 */
export type Phase = 'creating' | 'starting' | 'removing' | null;

/** Everything that is known of a container, as it is kept in its directory. */
export interface ContainerRecord {
  readonly id: string;
  /** Without `/`. */
  name: string;
  /** RFC 3339 with nanoseconds. */
  readonly created: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  readonly imageId: Digest | null;
  readonly platform: string;
  /** Entrypoint and command. */
  readonly command: readonly string[];
  mounts: readonly ResolvedMount[];
  endpoints: Readonly<Record<string, EndpointRequest>>;
  /** Alias and id of the containers that it is linked to. */
  links?: Readonly<Record<string, string>>;
  attachment: Attachment | null;
  phase: Phase;
  /** With the phase `removing`: its anonymous volumes go too. */
  removesVolumes?: boolean;
  state: RecordedState;
  restartCount: number;
  /** `docker stop` or `kill` by a person: `unless-stopped` then means it. */
  stoppedByHand: boolean;
  health: Health | null;
}

export interface RecordedState {
  status: ContainerStatus;
  pid: number;
  exitCode: number;
  oomKilled: boolean;
  error: string;
  startedAt: string;
  finishedAt: string;
}

export const FIRST_STATE: Readonly<RecordedState> = {
  status: 'created',
  pid: 0,
  exitCode: 0,
  oomKilled: false,
  error: '',
  startedAt: NEVER,
  finishedAt: NEVER,
};

/** It has had a process. */
export function hasStarted({ state }: Pick<ContainerRecord, 'state'>): boolean {
  return state.startedAt !== NEVER;
}

/** A process of it exists. */
export function isRunning({ state }: Pick<ContainerRecord, 'state'>): boolean {
  return state.status === 'running' || state.status === 'paused';
}
