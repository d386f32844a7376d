import type { ContainerConfig } from '../../../container/types.js';
import type { HealthcheckConfig } from '../../../image/types.js';
import type { ApiVersion } from '../version.js';
import { type Fields, present } from './fields.js';
import { exposedPorts } from './ports.js';

/** Names of the fields: a body with none of them has no config at all. */
export const CONFIG_FIELDS = [
  ...['Hostname', 'Domainname', 'User', 'AttachStdin', 'AttachStdout', 'AttachStderr', 'ExposedPorts', 'Tty'],
  ...['OpenStdin', 'StdinOnce', 'Env', 'Cmd', 'Healthcheck', 'ArgsEscaped', 'Image', 'Volumes', 'WorkingDir'],
  ...['Entrypoint', 'NetworkDisabled', 'MacAddress', 'OnBuild', 'Labels', 'StopSignal', 'StopTimeout', 'Shell'],
];

/** `Config`, as far as the body says it; what stays unsaid is the image's to say. */
export function parseContainerConfig(fields: Fields, version: ApiVersion): ContainerConfig {
  const volumes = fields.set('Volumes');
  return {
    Hostname: fields.string('Hostname'),
    Domainname: fields.string('Domainname'),
    User: fields.string('User'),
    AttachStdin: fields.boolean('AttachStdin'),
    AttachStdout: fields.boolean('AttachStdout'),
    AttachStderr: fields.boolean('AttachStderr'),
    ...present({ ExposedPorts: exposedPorts(fields.set('ExposedPorts')) }),
    Tty: fields.boolean('Tty'),
    OpenStdin: fields.boolean('OpenStdin'),
    StdinOnce: fields.boolean('StdinOnce'),
    Env: fields.strings('Env') ?? [],
    Cmd: fields.words('Cmd'),
    ...present({ Healthcheck: parseHealthcheck(fields.object('Healthcheck'), version) }),
    ...(fields.boolean('ArgsEscaped') ? { ArgsEscaped: true } : {}),
    Image: fields.string('Image'),
    Volumes: volumes === null || Object.keys(volumes).length === 0 ? null : volumes,
    WorkingDir: fields.string('WorkingDir'),
    Entrypoint: fields.words('Entrypoint'),
    ...(fields.boolean('NetworkDisabled') ? { NetworkDisabled: true } : {}),
    ...(fields.string('MacAddress') === '' ? {} : { MacAddress: fields.string('MacAddress') }),
    OnBuild: fields.strings('OnBuild'),
    Labels: fields.map('Labels') ?? {},
    ...(fields.string('StopSignal') === '' ? {} : { StopSignal: fields.string('StopSignal') }),
    ...present({ StopTimeout: fields.maybeInteger('StopTimeout', 'int') ?? undefined }),
    ...present({ Shell: fields.strings('Shell') ?? undefined }),
  };
}

function parseHealthcheck(fields: Fields | null, version: ApiVersion): HealthcheckConfig | undefined {
  if (fields === null) return undefined;
  const number = (name: string): number | undefined => {
    const value = fields.integer(name);
    return value === 0 ? undefined : value;
  };
  return present({
    Test: fields.strings('Test') ?? undefined,
    Interval: number('Interval'),
    Timeout: number('Timeout'),
    StartPeriod: number('StartPeriod'),
    StartInterval: version.atLeast(44) ? number('StartInterval') : undefined,
    Retries: number('Retries'),
  });
}
