import { adaptHostConfig } from '../../../engine/container/spec/adapt.js';
import type { ContainerInspect, ContainerSummary, NetworkSettings } from '../../../engine/container/types.js';
import type { EndpointSettings } from '../../../engine/network/types.js';
import type { FakeContainer } from './fake-containers.js';

const IMAGE = `sha256:${'a'.repeat(64)}`;

const ENDPOINT: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  DriverOpts: null,
  NetworkID: 'f'.repeat(64),
  EndpointID: 'e'.repeat(64),
  Gateway: '172.17.0.1',
  IPAddress: '172.17.0.2',
  IPPrefixLen: 16,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  MacAddress: '02:42:ac:11:00:02',
  DNSNames: null,
};

function networkSettings(one: FakeContainer): NetworkSettings {
  return {
    Bridge: '',
    SandboxID: 'd'.repeat(64),
    SandboxKey: '/var/run/docker/netns/d',
    Ports: one.request.hostConfig.PortBindings,
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: ENDPOINT.EndpointID,
    Gateway: ENDPOINT.Gateway,
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: ENDPOINT.IPAddress,
    IPPrefixLen: 16,
    IPv6Gateway: '',
    MacAddress: ENDPOINT.MacAddress,
    Networks: { [one.request.hostConfig.NetworkMode]: ENDPOINT },
  };
}

export function inspectOf(one: FakeContainer): ContainerInspect {
  const { config, hostConfig } = one.request;
  const [path = '', ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  return {
    Id: one.id,
    Created: one.created.toISOString(),
    Path: path,
    Args: args,
    State: one.state,
    Image: IMAGE,
    ResolvConfPath: '/data/resolv.conf',
    HostnamePath: '/data/hostname',
    HostsPath: '/data/hosts',
    LogPath: '/data/log',
    Name: `/${one.name}`,
    RestartCount: 0,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: adaptHostConfig(hostConfig, { cgroup: 'v1', runtime: 'glassbox', containerId: () => null }),
    GraphDriver: { Name: 'overlay2', Data: { MergedDir: '/data/merged' } },
    Mounts: [],
    Config: config.Hostname === '' ? { ...config, Hostname: one.id.slice(0, 12) } : config,
    NetworkSettings: networkSettings(one),
  };
}

export function summaryOf(one: FakeContainer): ContainerSummary {
  const { config, hostConfig } = one.request;
  return {
    Id: one.id,
    Names: [`/${one.name}`],
    Image: config.Image,
    ImageID: IMAGE,
    Command: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])].join(' '),
    Created: Math.floor(one.created.getTime() / 1000),
    Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
    Labels: config.Labels,
    State: one.state.Status,
    Status: one.state.Running ? 'Up 2 seconds' : `Exited (${one.state.ExitCode}) 2 seconds ago`,
    HostConfig: { NetworkMode: hostConfig.NetworkMode },
    NetworkSettings: { Networks: { bridge: ENDPOINT } },
    Mounts: [],
  };
}
