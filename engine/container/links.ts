import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { EngineError } from '../kernel/errors.js';
import type { ContainerDeps } from './deps.js';
import { childrenOf } from './link-names.js';
import { type ContainerRecord, isRunning } from './record.js';

/** Of a hosts file: a container writes in its own as it likes. */
const LONGEST = 1024 * 1024;

interface Link {
  readonly other: ContainerRecord;
  readonly alias: string;
  readonly address: string;
}

/** `--link NAME:ALIAS` on the default bridge: all must run. Texts: moby, daemon/container_operations_unix.go. */
function links(deps: ContainerDeps, record: ContainerRecord): Link[] {
  return childrenOf(deps.store, record).map(({ alias, child }) => {
    if (!Object.hasOwn(child.endpoints, 'bridge'))
      throw new EngineError('Internal', `Cannot link to /${child.name}, as it does not belong to the default network`);
    const address = child.attachment?.networks['bridge']?.IPAddress ?? '';
    if (!isRunning(child) || address === '')
      throw new EngineError(
        'Internal',
        `Cannot link to a non running container: /${child.name} AS /${record.name}/${alias}`,
      );
    return { other: child, alias: alias.replace(/^.*\//, ''), address };
  });
}

/** Its address is another one than before: who is linked to it finds it there. */
export function tellParents(deps: ContainerDeps, record: ContainerRecord): void {
  const address = record.attachment?.networks['bridge']?.IPAddress ?? '';
  if (address === '') return;
  for (const parent of deps.store.list())
    for (const { alias, child } of childrenOf(deps.store, parent))
      if (child === record && isRunning(parent)) changeHosts(deps, parent, alias, address);
}

/**
 * In a file of hosts in use: another address for the line of a link, or none. Where that cannot be, as for a parent without a
 * network, the engine's log says so and nothing else fails by it, as with dockerd. libnetwork, etchosts.Update.
 */
export function changeHosts(
  { store, warn }: Pick<ContainerDeps, 'store' | 'warn'>,
  { id }: Pick<ContainerRecord, 'id'>,
  alias: string,
  address: string | null,
): void {
  const path = store.file(id, 'hosts');
  const name = alias.replace(/^.*\//, '');
  try {
    const { size } = statSync(path);
    if (size > LONGEST) throw new EngineError('ResourceExhausted', `${size} bytes are more than is read`);
    const lines = readFileSync(path, 'utf8').split('\n');
    const changed = lines.flatMap((line) => {
      const [, names = ''] = line.split('\t');
      if (names !== name && !names.startsWith(`${name} `) && !names.startsWith(`${name}.`)) return [line];
      return address === null ? [] : [`${address}\t${names}`];
    });
    writeFileSync(path, changed.join('\n'));
  } catch (error) {
    warn(`container ${id}: the link ${alias} is not changed in ${path}: ${(error as Error).message}`);
  }
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
