import { isAbsolute, resolve } from 'node:path';
import type { Flags } from '../command/flags.js';
import { extraHost } from './checks.js';
import { parseDevice } from './device.js';
import { environment, labelsOf, pairs, securityOptions } from './files.js';
import { healthcheck } from './health.js';
import { parseMount } from './mount.js';
import { type Networking, networking } from './networking.js';
import { parseDecimal, parseSize } from './numbers.js';
import { parsePorts } from './ports.js';
import { parseRestartPolicy } from './restart.js';
import { parseRateDevice, parseWeightDevice } from './throttle.js';
import { parseUlimit } from './ulimit.js';

export interface ContainerConfig {
  [field: string]: unknown;
  Image: string;
  Tty: boolean;
  OpenStdin: boolean;
  StdinOnce: boolean;
  AttachStdin: boolean;
  AttachStdout: boolean;
  AttachStderr: boolean;
}

/** What POST /containers/create is sent. */
export interface CreateBody extends ContainerConfig {
  HostConfig: Record<string, unknown> & { AutoRemove: boolean };
  NetworkingConfig: Networking['config'];
}

/** The flags of run and create as the engine's configuration: docker/cli's container/opts.go. */
export function createBody(flags: Flags, args: readonly string[], env: NodeJS.ProcessEnv): CreateBody {
  const [image = '', ...command] = args;
  const text = (name: string): string => flags.string(name);
  const attach = flags.list('attach').map((one) => one.toLowerCase());
  const isInteractive = flags.bool('interactive');
  checkRanges(flags);
  const volumes = volumesOf(flags.list('volume'));
  const ports = parsePorts(flags.list('publish'), flags.list('expose'));
  const health = healthcheck(flags);
  const restart = parseRestartPolicy(text('restart'));
  const security = securityOptions(flags.list('security-opt'));
  const mode = networking(flags);
  const attachStdin = attach.includes('stdin') || isInteractive;
  if (flags.bool('rm') && restart.Name !== '' && restart.Name !== 'no')
    throw new Error('conflicting options: cannot specify both --restart and --rm');
  return {
    Hostname: text('hostname'),
    Domainname: text('domainname'),
    User: text('user'),
    AttachStdin: attachStdin,
    AttachStdout: attach.length === 0 || attach.includes('stdout'),
    AttachStderr: attach.length === 0 || attach.includes('stderr'),
    ExposedPorts: ports.exposed,
    Tty: flags.bool('tty'),
    OpenStdin: isInteractive,
    StdinOnce: isInteractive && attachStdin,
    Env: environment(flags.list('env-file'), flags.list('env'), env),
    Cmd: command.length === 0 ? null : command,
    Image: image,
    Volumes: volumes.anonymous,
    WorkingDir: text('workdir'),
    Entrypoint: flags.changed('entrypoint') ? [text('entrypoint')] : null,
    Labels: labelsOf(flags.list('label-file'), flags.list('label')),
    ...(health === null ? {} : { Healthcheck: health }),
    ...(text('mac-address') === '' ? {} : { MacAddress: text('mac-address') }),
    ...(text('stop-signal') === '' ? {} : { StopSignal: text('stop-signal') }),
    ...(flags.changed('stop-timeout') ? { StopTimeout: flags.number('stop-timeout') } : {}),
    HostConfig: {
      Binds: volumes.binds,
      ContainerIDFile: text('cidfile'),
      LogConfig: logging(flags),
      NetworkMode: mode.networkMode,
      PortBindings: ports.bindings,
      RestartPolicy: restart,
      AutoRemove: flags.bool('rm'),
      VolumeDriver: text('volume-driver'),
      VolumesFrom: listOrNull(flags.list('volumes-from')),
      ConsoleSize: [process.stdout.rows ?? 0, process.stdout.columns ?? 0],
      ...(flags.changed('annotation') ? { Annotations: pairs(flags.list('annotation')) } : {}),
      CapAdd: listOrNull(flags.list('cap-add')),
      CapDrop: listOrNull(flags.list('cap-drop')),
      CgroupnsMode: text('cgroupns'),
      Dns: flags.list('dns').map((one) => one.trim()),
      DnsOptions: [...flags.list('dns-option'), ...flags.list('dns-opt')],
      DnsSearch: flags.list('dns-search'),
      ExtraHosts: flags.list('add-host').map(extraHost),
      GroupAdd: listOrNull(flags.list('group-add')),
      IpcMode: text('ipc'),
      Links: listOrNull(flags.list('link')),
      OomScoreAdj: flags.number('oom-score-adj'),
      PidMode: namespaceMode('pid', text('pid'), 'PID'),
      Privileged: flags.bool('privileged'),
      PublishAllPorts: flags.bool('publish-all'),
      ReadonlyRootfs: flags.bool('read-only'),
      SecurityOpt: listOrNull(security.options),
      ...(security.isUnconfined ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
      ...(flags.changed('storage-opt') ? { StorageOpt: storageOptions(flags.list('storage-opt')) } : {}),
      Tmpfs: tmpfs(flags.list('tmpfs')),
      UTSMode: hostMode('uts', text('uts'), 'UTS'),
      UsernsMode: hostMode('userns', text('userns'), 'USER'),
      ShmSize: flags.changed('shm-size') ? parseSize(text('shm-size')) : 0,
      ...(flags.changed('sysctl') ? { Sysctls: pairs(flags.list('sysctl')) } : {}),
      ...(text('runtime') === '' ? {} : { Runtime: text('runtime') }),
      Isolation: text('isolation'),
      ...(flags.changed('init') ? { Init: flags.bool('init') } : {}),
      Mounts: flags.list('mount').map(parseMount),
      ...limits(flags),
    },
    NetworkingConfig: mode.config,
  };
}

const listOrNull = (values: readonly string[]): readonly string[] | null => (values.length === 0 ? null : values);

function checkRanges(flags: Flags): void {
  const swappiness = flags.number('memory-swappiness');
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100))
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  const mac = flags.string('mac-address').trim();
  if (mac !== '' && !/^(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/.test(mac))
    throw new Error(`${mac} is not a valid mac address`);
  const cgroupns = flags.string('cgroupns');
  if (!['', 'host', 'private'].includes(cgroupns)) throw new Error('--cgroupns: invalid CGROUP mode');
}

/** host, container:NAME, or nothing. */
function namespaceMode(flag: string, value: string, name: string): string {
  if (value === '' || value === 'host' || /^container:./.test(value)) return value;
  throw new Error(`--${flag}: invalid ${name} mode`);
}

function hostMode(flag: string, value: string, name: string): string {
  if (value === '' || value === 'host') return value;
  throw new Error(`--${flag}: invalid ${name} mode`);
}

/** -v: what has a source is a bind of the host's configuration, a path alone an anonymous volume. */
function volumesOf(values: readonly string[]): {
  binds: string[] | null;
  anonymous: Record<string, Record<string, never>>;
} {
  const binds: string[] = [];
  const anonymous: Record<string, Record<string, never>> = {};
  for (const value of values) {
    const colon = value.indexOf(':');
    if (value === '') throw new Error('invalid empty volume spec');
    if (colon < 0) {
      anonymous[value] = {};
      continue;
    }
    const source = value.slice(0, colon);
    if (source === '' || value.slice(colon + 1) === '')
      throw new Error(`invalid spec: ${value}: empty section between colons`);
    const isRelative = source.startsWith('.') && !isAbsolute(source);
    binds.push(isRelative ? `${resolve(source)}:${value.slice(colon + 1)}` : value);
  }
  return { binds: binds.length === 0 ? null : binds, anonymous };
}

function tmpfs(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((value) => {
      const colon = value.indexOf(':');
      return colon < 0 ? [value, ''] : [value.slice(0, colon), value.slice(colon + 1)];
    }),
  );
}

function logging(flags: Flags): { Type: string; Config: Record<string, string> } {
  const options = flags.list('log-opt');
  if (flags.string('log-driver') === 'none' && options.length > 0)
    throw new Error('invalid logging opts for driver none');
  return { Type: flags.string('log-driver'), Config: pairs(options) };
}

function storageOptions(values: readonly string[]): Record<string, string> {
  for (const value of values) if (!value.includes('=')) throw new Error('invalid storage option');
  return pairs(values);
}

function limits(flags: Flags): Record<string, unknown> {
  const size = (name: string): number =>
    flags.changed(name) ? parseSize(flags.string(name), name === 'memory-swap') : 0;
  const devices = flags.list('device');
  return {
    CgroupParent: flags.string('cgroup-parent'),
    Memory: size('memory'),
    MemoryReservation: size('memory-reservation'),
    MemorySwap: size('memory-swap'),
    MemorySwappiness: flags.number('memory-swappiness'),
    ...(flags.changed('kernel-memory') ? { KernelMemory: size('kernel-memory') } : {}),
    OomKillDisable: flags.bool('oom-kill-disable'),
    NanoCpus: flags.changed('cpus') ? parseDecimal(flags.string('cpus')) : 0,
    CpuShares: flags.number('cpu-shares'),
    CpuPeriod: flags.number('cpu-period'),
    CpusetCpus: flags.string('cpuset-cpus'),
    CpusetMems: flags.string('cpuset-mems'),
    CpuQuota: flags.number('cpu-quota'),
    CpuRealtimePeriod: flags.number('cpu-rt-period'),
    CpuRealtimeRuntime: flags.number('cpu-rt-runtime'),
    PidsLimit: flags.number('pids-limit'),
    BlkioWeight: flags.number('blkio-weight'),
    BlkioWeightDevice: flags.list('blkio-weight-device').map(parseWeightDevice),
    BlkioDeviceReadBps: flags.list('device-read-bps').map((one) => parseRateDevice(one, 'bps')),
    BlkioDeviceWriteBps: flags.list('device-write-bps').map((one) => parseRateDevice(one, 'bps')),
    BlkioDeviceReadIOps: flags.list('device-read-iops').map((one) => parseRateDevice(one, 'iops')),
    BlkioDeviceWriteIOps: flags.list('device-write-iops').map((one) => parseRateDevice(one, 'iops')),
    Ulimits: flags.list('ulimit').map(parseUlimit),
    DeviceCgroupRules: listOrNull(flags.list('device-cgroup-rule').map(cgroupRule)),
    Devices: devices.filter((one) => !isCdi(one)).map(parseDevice),
    ...(devices.some(isCdi) ? { DeviceRequests: [{ Driver: 'cdi', DeviceIDs: devices.filter(isCdi) }] } : {}),
  };
}

/** A device of the Container Device Interface: vendor/class=name. */
const isCdi = (value: string): boolean => /^[A-Za-z][\w.-]*\/[A-Za-z][\w.-]*=[\w.:-]+$/.test(value);

function cgroupRule(value: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(value))
    throw new Error(`invalid device cgroup format '${value}'`);
  return value;
}
