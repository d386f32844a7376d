import { isIP } from 'node:net';
import type { ContainerConfig, HostConfig } from '../../../container/types.js';
import { CAPABILITIES } from '../../../kernel/names.js';
import type { ApiVersion } from '../version.js';
import { bad, Fields, present } from './fields.js';
import { checkBinds, parseMounts } from './mounts.js';
import { portBindings } from './ports.js';
import { checkResources, parseResources } from './resources.js';
import { parseRestartPolicy } from './restart-policy.js';

const SHM_SIZE = 64 << 20;

/** What a daemon's own settings and its machine decide of a HostConfig. */
export interface HostDefaults {
  readonly runtime: string;
  readonly runtimes: readonly string[];
  readonly cgroupVersion: 1 | 2;
}

/** `HostConfig` with every default that dockerd fills in before it makes a container. */
export function parseHostConfig(body: Fields | null, version: ApiVersion, defaults: HostDefaults): HostConfig {
  const fields = body ?? new Fields({}, 'HostConfig');
  const resources = parseResources(fields);
  const mode = fields.string('NetworkMode');
  const ipc = fields.string('IpcMode');
  const cgroupns = fields.string('CgroupnsMode');
  const log = fields.object('LogConfig');
  const size = fields.numbers('ConsoleSize') ?? [];
  const mounts = parseMounts(fields.objects('Mounts'), version);
  const v1 = defaults.cgroupVersion === 1;
  return {
    ...resources,
    MemorySwap: resources.Memory > 0 && resources.MemorySwap === 0 ? resources.Memory * 2 : resources.MemorySwap,
    OomKillDisable: v1 ? (resources.OomKillDisable ?? false) : null,
    PidsLimit: resources.PidsLimit !== null && resources.PidsLimit > 0 ? resources.PidsLimit : null,
    Binds: fields.strings('Binds'),
    ContainerIDFile: fields.string('ContainerIDFile'),
    LogConfig: { Type: log?.string('Type') || 'json-file', Config: log?.map('Config') ?? {} },
    NetworkMode: mode === '' || mode === 'default' ? 'bridge' : mode,
    PortBindings: portBindings(fields.listsByName('PortBindings')),
    RestartPolicy: parseRestartPolicy(fields.object('RestartPolicy')),
    AutoRemove: version.atLeast(25) && fields.boolean('AutoRemove'),
    VolumeDriver: fields.string('VolumeDriver'),
    VolumesFrom: fields.strings('VolumesFrom'),
    ...present({ Mounts: mounts === undefined || mounts.length === 0 ? undefined : mounts }),
    ConsoleSize: version.atLeast(42) ? [size[0] ?? 0, size[1] ?? 0] : [0, 0],
    ...present({ Annotations: version.atLeast(43) ? (fields.map('Annotations') ?? undefined) : undefined }),
    CapAdd: fields.words('CapAdd'),
    CapDrop: fields.words('CapDrop'),
    CgroupnsMode: cgroupns === '' ? (v1 ? 'host' : version.atLeast(41) ? 'private' : 'host') : cgroupns,
    Dns: fields.strings('Dns') ?? [],
    DnsOptions: fields.strings('DnsOptions') ?? [],
    DnsSearch: fields.strings('DnsSearch') ?? [],
    ExtraHosts: fields.strings('ExtraHosts'),
    GroupAdd: fields.strings('GroupAdd'),
    IpcMode: ipc === '' ? (version.atLeast(40) ? 'private' : 'shareable') : ipc,
    Cgroup: fields.string('Cgroup'),
    Links: fields.strings('Links'),
    OomScoreAdj: fields.integer('OomScoreAdj', 'int'),
    PidMode: fields.string('PidMode'),
    Privileged: fields.boolean('Privileged'),
    PublishAllPorts: fields.boolean('PublishAllPorts'),
    ReadonlyRootfs: fields.boolean('ReadonlyRootfs'),
    SecurityOpt: securityOptions(fields),
    ...present({ StorageOpt: fields.map('StorageOpt') ?? undefined }),
    ...present({ Tmpfs: fields.map('Tmpfs') ?? undefined }),
    UTSMode: fields.string('UTSMode'),
    UsernsMode: fields.string('UsernsMode'),
    ShmSize: fields.integer('ShmSize') || SHM_SIZE,
    ...present({ Sysctls: fields.map('Sysctls') ?? undefined }),
    Runtime: fields.string('Runtime') || defaults.runtime,
    Isolation: fields.string('Isolation'),
    ...present({ Init: fields.maybeBoolean('Init') ?? undefined }),
    MaskedPaths: fields.strings('MaskedPaths'),
    ReadonlyPaths: fields.strings('ReadonlyPaths'),
  };
}

/** A container in the machine's ipc or pid namespace, or a privileged one, has no label of its own: generateSecurityOpt. */
function securityOptions(fields: Fields): string[] | null {
  const options = fields.strings('SecurityOpt');
  if (options?.some((option) => /^label[=:]/.test(option)) === true) return options;
  const open =
    fields.boolean('Privileged') || fields.string('IpcMode') === 'host' || fields.string('PidMode') === 'host';
  return open ? [...(options ?? []), 'label=disable'] : options;
}

const isContainer = (mode: string): boolean => mode.startsWith('container:');

/** dockerd's validateNetMode, validateHostConfig and verifyPlatformContainerSettings. */
export function checkHostConfig(config: ContainerConfig, host: HostConfig, defaults: HostDefaults): void {
  checkNetworkMode(config, host);
  if (!['', 'default'].includes(host.Isolation))
    bad(`invalid isolation (${host.Isolation.slice(0, 100)}): linux only supports 'default'`);
  checkResources(host, 'create');
  if (host.AutoRemove && !['', 'no'].includes(host.RestartPolicy.Name))
    bad("can't create 'AutoRemove' container with restart policy");
  checkBinds(host.Binds);
  for (const line of host.ExtraHosts ?? []) checkExtraHost(line);
  for (const [name, list] of [
    ['CapAdd', host.CapAdd],
    ['CapDrop', host.CapDrop],
  ] as const)
    for (const capability of list ?? []) checkCapability(name, capability);
  checkModes(host);
  if (host.ShmSize < 0) bad('SHM size can not be less than 0');
  if (host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000)
    bad(`Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  if (!defaults.runtimes.includes(host.Runtime)) bad(`unknown or invalid runtime name: ${host.Runtime.slice(0, 200)}`);
  for (const target of Object.keys(host.Tmpfs ?? {}))
    if (!target.startsWith('/')) bad(`invalid mount path: '${target}' mount path must be absolute`);
}

function checkNetworkMode(config: ContainerConfig, host: HostConfig): void {
  const mode = host.NetworkMode;
  if (mode === 'container' || mode === 'container:')
    bad('invalid network mode: invalid container format container:<name|id>');
  if (isContainer(mode)) {
    if (config.Hostname !== '') bad('conflicting options: hostname and the network mode');
    if ((host.Links ?? []).length > 0)
      bad(
        "conflicting options: container type network can't be used with links. This would result in undefined behavior",
      );
    if (host.Dns.length > 0) bad('conflicting options: dns and the network mode');
    if ((host.ExtraHosts ?? []).length > 0) bad('conflicting options: custom host-to-IP mapping and the network mode');
    if (config.MacAddress !== undefined) bad('conflicting options: mac-address and the network mode');
    if (Object.keys(host.PortBindings).length > 0 || host.PublishAllPorts)
      bad('conflicting options: port publishing and the container type network mode');
    if (Object.keys(config.ExposedPorts ?? {}).length > 0)
      bad('conflicting options: port exposing and the container type network mode');
  }
  if (host.UTSMode === 'host' && config.Hostname !== '') bad('conflicting options: hostname and the UTS mode');
  if (mode === 'host' && (host.Links ?? []).length > 0)
    bad("conflicting options: host type networking can't be used with links. This would result in undefined behavior");
}

function checkModes(host: HostConfig): void {
  const container = (mode: string): boolean => isContainer(mode) && mode !== 'container:';
  const { IpcMode, PidMode, UTSMode, UsernsMode, CgroupnsMode } = host;
  if (!['none', 'private', 'shareable', 'host'].includes(IpcMode) && !container(IpcMode))
    bad(`invalid IPC mode: ${IpcMode}`);
  if (!['', 'host'].includes(PidMode) && !container(PidMode)) bad(`invalid PID mode: ${PidMode}`);
  if (!['', 'host'].includes(UTSMode)) bad(`invalid UTS mode: ${UTSMode}`);
  if (!['', 'host'].includes(UsernsMode)) bad(`invalid user namespace mode: ${UsernsMode}`);
  if (!['private', 'host'].includes(CgroupnsMode)) bad(`invalid cgroup namespace mode: ${CgroupnsMode}`);
}

/** `name:address`, the address one of IPv4, IPv6, `[IPv6]` or `host-gateway`. */
function checkExtraHost(line: string): void {
  const colon = line.search(/[:=]/);
  if (colon <= 0) bad(`bad format for add-host: ${JSON.stringify(line.slice(0, 300))}`);
  const address = line.slice(colon + 1);
  if (address === 'host-gateway') return;
  if (isIP(address.replace(/^\[(.*)\]$/, '$1')) === 0)
    bad(`invalid IP address in add-host: ${JSON.stringify(address.slice(0, 300))}`);
}

function checkCapability(field: string, capability: string): void {
  const upper = capability.toUpperCase();
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (upper !== 'ALL' && !CAPABILITIES.includes(name))
    bad(`invalid ${field}: unknown capability: ${JSON.stringify(name.slice(0, 100))}`);
}
