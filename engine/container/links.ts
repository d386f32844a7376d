import type { ContainerDeps } from './deps.js';
import { type ContainerRecord, isRunning } from './record.js';

interface Link {
  readonly other: ContainerRecord;
  readonly alias: string;
  readonly address: string;
}

/** `--link NAME:ALIAS` on the default bridge: the others that run now. */
function links(deps: ContainerDeps, { hostConfig }: ContainerRecord): Link[] {
  return (hostConfig.Links ?? []).flatMap((link) => {
    const [name = '', alias = name] = link.split(':');
    const other = deps.store.find(name);
    const address = other.attachment?.networks['bridge']?.IPAddress ?? '';
    return isRunning(other) && address !== '' ? [{ other, alias: alias.replace(/^.*\//, ''), address }] : [];
  });
}

/** Lines of /etc/hosts for them. */
export function linksOf(deps: ContainerDeps, record: ContainerRecord): { names: string[]; address: string }[] {
  return links(deps, record).map(({ other, alias, address }) => ({
    names: [...new Set([alias, other.config.Hostname, other.name])],
    address,
  }));
}

/** What Docker's first links told by the environment: moby, libnetwork/drivers, links.ToEnv. */
export function linkedEnvironment(deps: ContainerDeps, record: ContainerRecord): string[] {
  return links(deps, record).flatMap(({ other, alias, address }) => {
    const prefix = alias.replaceAll('-', '_').toUpperCase();
    const ports = Object.keys(other.config.ExposedPorts ?? {})
      .map((port) => port.split('/') as [string, string])
      .sort(([a], [b]) => Number(a) - Number(b));
    const first = ports.find(([, protocol]) => protocol === 'tcp') ?? ports[0];
    const lines = ports.flatMap(([port, protocol]) => {
      const name = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
      return [
        `${name}=${protocol}://${address}:${port}`,
        `${name}_ADDR=${address}`,
        `${name}_PORT=${port}`,
        `${name}_PROTO=${protocol}`,
      ];
    });
    const env = other.config.Env.filter((line) => !/^(HOME|PATH)=/.test(line)).map((line) => `${prefix}_ENV_${line}`);
    return [
      ...(first === undefined ? [] : [`${prefix}_PORT=${first[1]}://${address}:${first[0]}`]),
      ...lines,
      `${prefix}_NAME=/${record.name}/${alias}`,
      ...env,
    ];
  });
}
