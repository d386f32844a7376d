import type { HostConfig } from '../../../container/types.js';
import type { ApiVersion } from '../version.js';
import { Fields, present } from './fields.js';
import { parseMounts } from './mounts.js';
import { portBindings } from './ports.js';
import { parseResources } from './resources.js';
import { parseRestartPolicy } from './restart-policy.js';

/**
 * `HostConfig` in the client's version. What stays unsaid is '', 0 or null: its defaults, and what of it may not be, are the
 * containers' own business (engine/container/spec). In the order of Docker's own struct, which inspect shows.
 */
export function parseHostConfig(body: Fields | null, version: ApiVersion): HostConfig {
  const fields = body ?? new Fields({}, 'HostConfig');
  const resources = parseResources(fields);
  const mode = fields.string('NetworkMode');
  const ipc = fields.string('IpcMode');
  const log = fields.object('LogConfig');
  const size = fields.numbers('ConsoleSize') ?? [];
  const mounts = parseMounts(fields.objects('Mounts'), version);
  return {
    Binds: fields.strings('Binds'),
    ContainerIDFile: fields.string('ContainerIDFile'),
    LogConfig: { Type: log?.string('Type') || 'json-file', Config: log?.map('Config') ?? {} },
    NetworkMode: mode === '' || mode === 'default' ? 'bridge' : mode,
    PortBindings: portBindings(fields.listsByName('PortBindings')),
    RestartPolicy: parseRestartPolicy(fields.object('RestartPolicy')),
    AutoRemove: version.atLeast(25) && fields.boolean('AutoRemove'),
    VolumeDriver: fields.string('VolumeDriver'),
    VolumesFrom: fields.strings('VolumesFrom'),
    ConsoleSize: version.atLeast(42) ? [size[0] ?? 0, size[1] ?? 0] : [0, 0],
    ...present({ Annotations: version.atLeast(43) ? (fields.map('Annotations') ?? undefined) : undefined }),
    CapAdd: fields.words('CapAdd'),
    CapDrop: fields.words('CapDrop'),
    CgroupnsMode: fields.string('CgroupnsMode'),
    Dns: fields.strings('Dns') ?? [],
    DnsOptions: fields.strings('DnsOptions') ?? [],
    DnsSearch: fields.strings('DnsSearch') ?? [],
    ExtraHosts: fields.strings('ExtraHosts'),
    GroupAdd: fields.strings('GroupAdd'),
    // what older clients expect of a container that says nothing
    IpcMode: ipc === '' && !version.atLeast(40) ? 'shareable' : ipc,
    Cgroup: fields.string('Cgroup'),
    Links: fields.strings('Links'),
    OomScoreAdj: fields.integer('OomScoreAdj', 'int'),
    PidMode: fields.string('PidMode'),
    Privileged: fields.boolean('Privileged'),
    PublishAllPorts: fields.boolean('PublishAllPorts'),
    ReadonlyRootfs: fields.boolean('ReadonlyRootfs'),
    SecurityOpt: fields.strings('SecurityOpt'),
    ...present({ StorageOpt: fields.map('StorageOpt') ?? undefined }),
    ...present({ Tmpfs: fields.map('Tmpfs') ?? undefined }),
    UTSMode: fields.string('UTSMode'),
    UsernsMode: fields.string('UsernsMode'),
    ShmSize: fields.integer('ShmSize'),
    ...present({ Sysctls: fields.map('Sysctls') ?? undefined }),
    Runtime: fields.string('Runtime'),
    Isolation: fields.string('Isolation'),
    ...resources,
    PidsLimit: resources.PidsLimit !== null && resources.PidsLimit > 0 ? resources.PidsLimit : null,
    ...present({ Mounts: mounts === undefined || mounts.length === 0 ? undefined : mounts }),
    MaskedPaths: fields.strings('MaskedPaths'),
    ReadonlyPaths: fields.strings('ReadonlyPaths'),
    ...present({ Init: fields.maybeBoolean('Init') ?? undefined }),
  };
}
