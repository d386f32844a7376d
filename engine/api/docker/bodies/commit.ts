import type { CommitRequest, ContainerConfig } from '../../../container/types.js';
import type { ImageRunConfig } from '../../../image/types.js';
import type { ApiVersion } from '../version.js';
import { CONFIG_FIELDS, parseContainerConfig } from './container-config.js';
import { Fields, present } from './fields.js';
import type { Query } from './query.js';

/** POST /commit: a config in the body is laid over the container's. */
export function parseCommit(query: Query, body: unknown, version: ApiVersion): CommitRequest {
  const fields = new Fields(body, 'Config');
  const config = CONFIG_FIELDS.some((name) => fields.has(name)) ? parseContainerConfig(fields, version) : null;
  return {
    container: query.text('container'),
    repo: query.text('repo'),
    tag: query.text('tag'),
    comment: query.text('comment'),
    author: query.text('author'),
    pause: query.flag('pause', true),
    changes: query.all('changes'),
    config: config === null ? null : runConfig(config),
  };
}

/** What of a container's configuration an image keeps. */
function runConfig(config: ContainerConfig): ImageRunConfig {
  return present({
    User: config.User || undefined,
    ExposedPorts: config.ExposedPorts,
    Env: config.Env.length === 0 ? undefined : config.Env,
    Entrypoint: config.Entrypoint ?? undefined,
    Cmd: config.Cmd ?? undefined,
    Volumes: config.Volumes ?? undefined,
    WorkingDir: config.WorkingDir || undefined,
    Labels: Object.keys(config.Labels).length === 0 ? undefined : config.Labels,
    StopSignal: config.StopSignal,
    StopTimeout: config.StopTimeout,
    Healthcheck: config.Healthcheck,
    OnBuild: config.OnBuild ?? undefined,
    Shell: config.Shell,
    ArgsEscaped: config.ArgsEscaped,
  });
}
