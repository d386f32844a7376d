import type { HealthcheckConfig, ImageRunConfig } from '../image/types.js';
import { EngineError } from '../kernel/errors.js';
import type { ContainerConfig } from './types.js';

/**
 * A container's configuration over its image's, as Docker merges them: the user's word first, environment and labels by key,
 * an entrypoint of the user's drops the image's command. moby, daemon/commit.go (merge), daemon/container.go.
 */
export function mergeConfig(own: ContainerConfig, image: ImageRunConfig): ContainerConfig {
  const Env = mergeEnv(own.Env, image.Env ?? []);
  let { Cmd, Entrypoint } = own;
  if (Entrypoint === null || Entrypoint.length === 0) {
    if (Cmd === null || Cmd.length === 0) Cmd = image.Cmd ?? null;
    Entrypoint ??= image.Entrypoint ?? null;
  }
  // `--entrypoint ""`: none, also not the image's
  if (Entrypoint?.length === 1 && Entrypoint[0] === '') Entrypoint = null;
  if ((Entrypoint?.length ?? 0) === 0 && (Cmd?.length ?? 0) === 0)
    throw new EngineError('InvalidArgument', 'no command specified');
  const ports = { ...image.ExposedPorts, ...own.ExposedPorts };
  const volumes = { ...image.Volumes, ...own.Volumes };
  const healthcheck = mergeHealthcheck(own.Healthcheck, image.Healthcheck);
  const stopSignal = or(own.StopSignal, image.StopSignal);
  const { ExposedPorts: _ports, Healthcheck: _health, StopSignal: _signal, ...rest } = own;
  return {
    ...rest,
    User: own.User === '' ? (image.User ?? '') : own.User,
    ...(Object.keys(ports).length === 0 ? {} : { ExposedPorts: ports }),
    Env,
    Labels: { ...image.Labels, ...own.Labels },
    Cmd,
    Entrypoint,
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }),
    WorkingDir: own.WorkingDir === '' ? (image.WorkingDir ?? '') : own.WorkingDir,
    Volumes: Object.keys(volumes).length === 0 ? null : volumes,
    OnBuild: own.OnBuild ?? null,
    ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
    ...(own.Shell === undefined && image.Shell !== undefined ? { Shell: image.Shell } : {}),
  };
}

function or(first: string | undefined, second: string | undefined): string | undefined {
  return first === undefined || first === '' ? (second === '' ? undefined : second) : first;
}

function mergeEnv(own: readonly string[], image: readonly string[]): string[] {
  const names = new Set(own.map(nameOf));
  return [...own, ...image.filter((line) => !names.has(nameOf(line)))];
}

const nameOf = (line: string): string => line.split('=', 1)[0] as string;

function mergeHealthcheck(
  own: HealthcheckConfig | undefined,
  image: HealthcheckConfig | undefined,
): HealthcheckConfig | undefined {
  if (own === undefined || image === undefined) return own ?? image;
  const pick = <K extends keyof HealthcheckConfig>(key: K): Pick<HealthcheckConfig, K> | Record<string, never> => {
    const value = isEmpty(own[key]) ? image[key] : own[key];
    return value === undefined ? {} : ({ [key]: value } as Pick<HealthcheckConfig, K>);
  };
  return {
    ...pick('Test'),
    ...pick('Interval'),
    ...pick('Timeout'),
    ...pick('StartPeriod'),
    ...pick('StartInterval'),
    ...pick('Retries'),
  };
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === 0 || (Array.isArray(value) && value.length === 0);
}
