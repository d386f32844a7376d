import type { EndpointSettings } from '../network/types.js';
import { networkOf } from './create.js';
import type { ContainerDeps } from './deps.js';
import { linkTexts } from './link-names.js';
import { listStatus } from './list-status.js';
import { logPath } from './logs/settings.js';
import { orNull } from './or-null.js';
import { type ContainerRecord, hasStarted } from './record.js';
import { SHORT } from './store.js';
import { timeOf } from './time.js';
import type { ContainerInspect, ContainerState, ContainerSummary, MountPoint, NetworkSettings } from './types.js';

const LONGEST_COMMAND = 1 << 16;

/** `State` as inspect shows it. */
export function stateOf({ state, health }: ContainerRecord): ContainerState {
  return {
    Status: state.status,
    Running: state.status === 'running' || state.status === 'paused' || state.status === 'restarting',
    Paused: state.status === 'paused',
    Restarting: state.status === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: state.status === 'dead',
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(health === null ? {} : { Health: health }),
  };
}

const NO_ENDPOINT: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
};

function endpointsOf({ endpoints, attachment }: ContainerRecord): Record<string, EndpointSettings> {
  const wished = Object.fromEntries(
    Object.entries(endpoints).map(([name, request]) => [
      name,
      { ...NO_ENDPOINT, ...request, MacAddress: request.MacAddress ?? '' },
    ]),
  );
  return { ...wished, ...attachment?.networks };
}

export function networkSettings(record: ContainerRecord): NetworkSettings {
  const { attachment } = record;
  const networks = endpointsOf(record);
  const bridge = networks['bridge'] ?? NO_ENDPOINT;
  return {
    Bridge: '',
    SandboxID: attachment?.sandboxId ?? '',
    SandboxKey: attachment?.sandboxKey ?? '',
    Ports: attachment?.ports ?? {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge.EndpointID,
    Gateway: bridge.Gateway,
    GlobalIPv6Address: bridge.GlobalIPv6Address,
    GlobalIPv6PrefixLen: bridge.GlobalIPv6PrefixLen,
    IPAddress: bridge.IPAddress,
    IPPrefixLen: bridge.IPPrefixLen,
    IPv6Gateway: bridge.IPv6Gateway,
    MacAddress: bridge.MacAddress,
    Networks: networks,
  };
}

export async function inspectContainer(
  deps: ContainerDeps,
  record: ContainerRecord,
  execIds: readonly string[],
): Promise<ContainerInspect> {
  const { store } = deps;
  const [Path = '', ...Args] = record.command;
  const started = hasStarted(record);
  const owner = networkOf(record.hostConfig) === null ? store.tryFind(record.hostConfig.NetworkMode.slice(10)) : record;
  const file = (name: string): string => (started && owner !== null ? store.file(owner.id, name) : '');
  const snapshot = await deps.images.snapshot(record.id).catch(orNull);
  return {
    Id: record.id,
    Created: record.created,
    Path,
    Args,
    State: stateOf(record),
    Image: record.imageId ?? '',
    ResolvConfPath: file('resolv.conf'),
    HostnamePath: file('hostname'),
    HostsPath: file('hosts'),
    LogPath: started ? logPath(record, store) : '',
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: 'overlay2',
    Platform: record.platform,
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length === 0 ? null : execIds,
    HostConfig: { ...record.hostConfig, Links: linkTexts(store, record) },
    GraphDriver: {
      Name: 'overlay2',
      Data:
        snapshot === null
          ? {}
          : {
              ID: record.id,
              LowerDir: snapshot.lower.join(':'),
              MergedDir: snapshot.merged,
              UpperDir: snapshot.upper,
              WorkDir: snapshot.work,
            },
    },
    Mounts: mountPoints(record),
    Config: withMac(record),
    NetworkSettings: networkSettings(record),
  };
}

export function mountPoints({ mounts }: ContainerRecord): MountPoint[] {
  return mounts.map(({ point }) => point);
}

/** A line of `docker ps`; `names` where links give it more than its own. */
export function summaryOf(record: ContainerRecord, names: readonly string[] = [`/${record.name}`]): ContainerSummary {
  const { config, hostConfig, state } = record;
  return {
    Id: record.id,
    Names: names,
    Image: config.Image === '' ? (record.imageId ?? '').replace(/^sha256:/, '').slice(0, SHORT) : config.Image,
    ImageID: record.imageId ?? '',
    Command: commandLine(record.command),
    Created: Number(timeOf(record.created) / 1_000_000_000n),
    Ports: ports(record),
    Labels: config.Labels,
    State: state.status,
    Status: listStatus(stateOf(record), Date.now()),
    HostConfig: {
      NetworkMode: hostConfig.NetworkMode,
      ...(hostConfig.Annotations === undefined ? {} : { Annotations: hostConfig.Annotations }),
    },
    NetworkSettings: { Networks: endpointsOf(record) },
    Mounts: mountPoints(record),
  };
}

/** moby, daemon/list.go: words with a space in them are quoted. */
function commandLine([path = '', ...args]: readonly string[]): string {
  return [path, ...args.map((word) => (word.includes(' ') ? `'${word}'` : word))].join(' ').slice(0, LONGEST_COMMAND);
}

function ports({ attachment, config, state }: ContainerRecord): ContainerSummary['Ports'] {
  if (state.status !== 'running' && state.status !== 'paused') return [];
  const map = {
    ...Object.fromEntries(Object.keys(config.ExposedPorts ?? {}).map((port) => [port, null])),
    ...attachment?.ports,
  };
  return Object.entries(map)
    .flatMap(([port, bindings]) => {
      const [number = '', Type = 'tcp'] = port.split('/');
      const PrivatePort = Number(number);
      if (bindings === null || bindings.length === 0) return [{ PrivatePort, Type }];
      // what is reached by route has no port of the machine's
      return bindings
        .filter(({ HostPort }) => HostPort !== '')
        .map(({ HostIp, HostPort }) => ({ IP: HostIp, PrivatePort, PublicPort: Number(HostPort), Type }));
    })
    .sort((a, b) => a.PrivatePort - b.PrivatePort);
}

/** The address that was asked for in the container's first network: for clients before API 1.44. moby, daemon/inspect.go */
function withMac({ config, hostConfig, endpoints }: ContainerRecord): ContainerRecord['config'] {
  const mac = endpoints[networkOf(hostConfig) ?? '']?.MacAddress ?? '';
  return mac === '' || (config.MacAddress ?? '') !== '' ? config : { ...config, MacAddress: mac };
}
