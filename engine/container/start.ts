import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Bilingual } from '../api/types.js';
import { wordsOf } from '../kernel/errno-text.js';
import { EngineError, SyscallError } from '../kernel/errors.js';
import { noteFile } from '../kernel/journal/file-deed.js';
import { hostsFile } from '../network/hosts-file.js';
import { resolvConf } from '../network/resolv-conf.js';
import type { AttachRequest } from '../network/types.js';
import type { OutputOptions, Stdio } from '../runtime/types.js';
import { networkOf, undoAll } from './create.js';
import type { ContainerDeps } from './deps.js';
import { linkedEnvironment, linksOf, tellParents } from './links.js';
import { Live } from './live.js';
import { checkLogValues } from './logs/settings.js';
import { resolveSubpath } from './mounts/subpath.js';
import type { PlacedMount, ResolvedMount } from './mounts/types.js';
import { makePipe } from './output/pipes.js';
import { type ContainerRecord, isRunning } from './record.js';
import { mountRootfs, unmountRootfs } from './rootfs.js';
import { mountShm, shmDirectory, unmountShm } from './shm.js';
import { cgroupsPathOf, containerSpec } from './spec/container-spec.js';
import { joinedContainer } from './spec/modes.js';
import { resolveUser } from './spec/users.js';
import { now, timeText } from './time.js';

/**
 * `docker start`: root file system, network, files, config, process, in this order; what was made is undone when one fails.
 * What may be there is known from the phase `starting` and from the attachment in the record: `cleanUp` takes it back after a kill.
 */
export async function startContainer(deps: ContainerDeps, record: ContainerRecord): Promise<Live> {
  const undo: (() => void | Promise<void>)[] = [];
  const { store, runtime } = deps;
  checkLogValues(record.hostConfig.LogConfig);
  deps.at?.('start.record');
  record.phase = 'starting';
  store.save(record);
  try {
    deps.at?.('start.rootfs');
    const rootfs = await mountRootfs(deps, record.id);
    undo.push(() => unmountRootfs(deps, record.id));
    deps.at?.('start.network');
    await attachNetwork(deps, record);
    undo.push(() => detachNetwork(deps, record));
    tellParents(deps, record);
    deps.at?.('start.mounts');
    const mounts = await placeMounts(deps, record, undo);
    tellVolumes(deps, record, 'mount');
    undo.push(() => tellVolumes(deps, record, 'unmount'));
    if (record.hostConfig.IpcMode === 'shareable') {
      mountShm(deps, record);
      undo.push(() => unmountShm(deps, record.id));
    }
    const files = writeFiles(deps, record);
    const { spec, init } = containerSpec({
      id: record.id,
      config: withHostnameOf(deps, record),
      hostConfig: record.hostConfig,
      command: record.command,
      rootfs,
      user: resolveUser(rootfs, record.config.User, record.hostConfig.GroupAdd ?? []),
      mounts,
      files: { ...files, ...shmOf(deps, record) },
      join: joins(deps, record),
      linkedEnv: linkedEnvironment(deps, record),
      cgroupsPath: cgroupsPathOf(record.id, record.hostConfig.CgroupParent, deps.cgroupParent),
      machine: deps.machine,
    });
    deps.at?.('start.create');
    mkdirSync(store.file(record.id, 'output'), { recursive: true, mode: 0o700 });
    const spool = Live.freshSpool(deps, record);
    undo.push(() => spool.close());
    const streams = openStreams(deps, record);
    const process = await runtime
      .create({
        id: record.id,
        runtime: record.hostConfig.Runtime,
        bundle: store.directory(record.id),
        spec,
        stdio: streams.stdio,
        shim: true,
        output: { ...streams.output, spool: spool.path },
        ...(record.config.Tty ? { console: { kind: 'shim' } as const } : {}),
        ...(init ? { init: true } : {}),
      })
      .catch((error: unknown) => Promise.reject(startError(error)))
      .finally(() => streams.close());
    undo.push(() => runtime.delete(record.id, { force: true }));
    deps.at?.('start.start');
    await runtime.start(record.id);
    deps.at?.('start.done');
    record.phase = null;
    Object.assign(record.state, {
      status: 'running',
      pid: process.pid,
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt: timeText(now()),
    });
    store.save(record);
    return new Live(deps, record, process, spool);
  } catch (error) {
    const told = error instanceof EngineError ? error : new EngineError('Internal', String(error), { cause: error });
    await undoAll(undo, told);
    record.phase = null;
    Object.assign(record.state, { status: 'created', pid: 0, exitCode: exitCodeOf(told), error: told.message });
    store.save(record);
    throw told;
  }
}

/** Take back what a running or starting container has outside of its own directory. Idempotent: also for what a kill left. */
export async function cleanUp(deps: ContainerDeps, record: ContainerRecord): Promise<void> {
  const problems: unknown[] = [];
  const attempt = async (work: () => void | Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof EngineError && error.code === 'NotFound')) problems.push(error);
    }
  };
  deps.at?.('stop.runtime');
  await attempt(() => deps.runtime.delete(record.id, { force: true }));
  deps.at?.('stop.network');
  await attempt(() => detachNetwork(deps, record));
  deps.at?.('stop.rootfs');
  await attempt(() => unmountRootfs(deps, record.id));
  await attempt(() => unmountShm(deps, record.id));
  deps.at?.('stop.volumes');
  for (const { volume } of record.mounts)
    if (volume !== undefined) await attempt(() => deps.volumes.unmount(volume.name, record.id));
  if (problems.length > 0)
    deps.warn(
      `container ${record.id}: ${problems.map((one) => (one instanceof Error ? one.message : String(one))).join('; ')}`,
    );
}

async function attachNetwork(deps: ContainerDeps, record: ContainerRecord): Promise<void> {
  // an engine without a default bridge: moby, daemon/container_operations.go (connectToNetwork)
  if (deps.hostGateway === undefined && Object.hasOwn(record.endpoints, 'bridge'))
    record.config = { ...record.config, NetworkDisabled: true };
  if (networkOf(record.hostConfig) === null || record.config.NetworkDisabled === true) return;
  record.attachment = await deps.networks.attach(attachRequest(deps, record));
  deps.store.save(record);
}

export function attachRequest(deps: ContainerDeps, record: ContainerRecord): AttachRequest {
  const { id, name, config, hostConfig, endpoints } = record;
  const { nameservers } = dnsOf(deps, record);
  return {
    container: { id, name, hostname: config.Hostname },
    networks: endpoints,
    ports: hostConfig.PortBindings,
    publishAll: hostConfig.PublishAllPorts,
    exposed: Object.keys(config.ExposedPorts ?? {}),
    ...(nameservers.length === 0 ? {} : { dns: nameservers }),
  };
}

/** What a container says of names, or where it says nothing, the engine. moby, daemon/container_operations.go. */
function dnsOf({ dns }: ContainerDeps, { hostConfig }: ContainerRecord): NonNullable<ContainerDeps['dns']> {
  const said = (own: readonly string[], other: readonly string[] = []): readonly string[] =>
    own.length > 0 ? own : other;
  return {
    nameservers: said(hostConfig.Dns, dns?.nameservers),
    search: said(hostConfig.DnsSearch, dns?.search),
    options: said(hostConfig.DnsOptions, dns?.options),
  };
}

async function detachNetwork(deps: ContainerDeps, record: ContainerRecord): Promise<void> {
  if (networkOf(record.hostConfig) === null) return;
  await deps.networks.detach(record.id, record.attachment);
  record.attachment = null;
}

/** Events of its volumes. moby, daemon/volumes_linux.go, container/container_unix.go. */
export function tellVolumes(deps: ContainerDeps, { id, mounts }: ContainerRecord, action: 'mount' | 'unmount'): void {
  for (const { volume, point } of mounts) {
    if (volume === undefined) continue;
    const place =
      action === 'unmount'
        ? {}
        : { destination: point.Destination, 'read/write': String(point.RW), propagation: point.Propagation };
    deps.events.emit('volume', action, volume.name, { driver: volume.driver, container: id, ...place });
  }
}

async function placeMounts(
  deps: ContainerDeps,
  record: ContainerRecord,
  undo: (() => void | Promise<void>)[],
): Promise<PlacedMount[]> {
  const placed: PlacedMount[] = [];
  for (const mount of record.mounts) placed.push({ ...mount, source: await sourceOf(deps, record, mount, undo) });
  return placed;
}

async function sourceOf(
  deps: ContainerDeps,
  { id }: ContainerRecord,
  mount: ResolvedMount,
  undo: (() => void | Promise<void>)[],
): Promise<string> {
  const { point, volume } = mount;
  if (point.Type === 'tmpfs') return '';
  if (volume === undefined) {
    if (mount.createSource === true && !existsSync(point.Source)) mkdirSync(point.Source, { recursive: true });
    return point.Source;
  }
  const directory = await deps.volumes.mount(volume.name, id);
  undo.push(() => deps.volumes.unmount(volume.name, id));
  if (volume.subpath === '') return directory;
  return resolveSubpath(deps.kernel, directory, volume.subpath);
}

/** hostname, hosts and resolv.conf, as the container gets them; with another's network they are that one's. */
function writeFiles(
  deps: ContainerDeps,
  record: ContainerRecord,
): { resolvConf?: string; hostname?: string; hosts?: string } {
  const { config } = record;
  const owner = networkOwner(deps, record);
  const paths = {
    hostname: deps.store.file(owner.id, 'hostname'),
    hosts: deps.store.file(owner.id, 'hosts'),
    resolvConf: deps.store.file(owner.id, 'resolv.conf'),
  };
  if (owner !== record) return paths;
  if (config.NetworkDisabled === true) return {};
  const bridged = addressesOf(record).length > 0;
  const custom = Object.keys(record.endpoints).some((name) => !['bridge', 'none', 'host'].includes(name));
  writeNoted(paths.hostname, `${config.Hostname === '' ? hostname() : config.Hostname}\n`, NAMED.hostname);
  writeHosts(deps, record);
  writeNoted(
    paths.resolvConf,
    resolvConf(textOf('/etc/resolv.conf'), {
      ...dnsOf(deps, record),
      bridged,
      ...(custom ? { internal: true } : {}),
    }),
    NAMED.resolvConf,
  );
  return paths;
}

/** Whose network a container has, however many share it in a row. */
function networkOwner(deps: ContainerDeps, record: ContainerRecord): ContainerRecord {
  const seen = new Set<ContainerRecord>();
  for (let owner = record; ; ) {
    const joined = joinedContainer(owner.hostConfig.NetworkMode);
    if (joined === null) return owner;
    seen.add(owner);
    owner = deps.store.find(joined);
    if (seen.has(owner)) throw new EngineError('InvalidArgument', 'cannot join own network namespace');
  }
}

function addressesOf({ attachment }: ContainerRecord): string[] {
  return Object.values(attachment?.networks ?? {})
    .flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address])
    .filter((address) => address !== '');
}

/** Its /etc/hosts as it is to be now; where it runs it sees the same file. */
function writeHosts(deps: ContainerDeps, record: ContainerRecord): void {
  const { hostConfig, config } = record;
  const asMachine = hostConfig.NetworkMode === 'host' && (hostConfig.ExtraHosts ?? []).length === 0;
  writeNoted(
    deps.store.file(record.id, 'hosts'),
    asMachine
      ? textOf('/etc/hosts')
      : hostsFile({
          hostname: config.Hostname,
          domainname: config.Domainname,
          addresses: addressesOf(record),
          extraHosts: hostConfig.ExtraHosts ?? [],
          links: linksOf(deps, record),
          ...(deps.hostGateway === undefined ? {} : { hostGateway: deps.hostGateway }),
        }),
    NAMED.hosts,
  );
}

const NAMED = {
  hostname: { en: 'the host name that the container is to have', zh: '容器将使用的主机名' },
  hosts: {
    en: "names that the container finds without asking: its own and its links'",
    zh: '容器无需查询即可解析的名字：自身以及链接的容器',
  },
  resolvConf: { en: 'whom the container asks for names', zh: '容器向谁查询域名' },
} as const satisfies Record<string, Bilingual>;

function writeNoted(path: string, text: string, say: Bilingual): void {
  writeFileSync(path, text, { mode: 0o644 });
  noteFile({ what: 'write', path, bytes: Buffer.byteLength(text), say });
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Whoever shares a container's network has its name. */
function withHostnameOf(deps: ContainerDeps, record: ContainerRecord): ContainerRecord['config'] {
  const { Hostname, Domainname } = networkOwner(deps, record).config;
  return { ...record.config, Hostname, Domainname };
}

function joins(deps: ContainerDeps, record: ContainerRecord): { network?: string; pid?: string; ipc?: string } {
  const { hostConfig, attachment } = record;
  const network = joinedContainer(hostConfig.NetworkMode);
  const pid = joinedContainer(hostConfig.PidMode);
  const ipc = joinedContainer(hostConfig.IpcMode);
  const path = (name: string, kind: string): string => `/proc/${runningPid(deps, name)}/ns/${kind}`;
  return {
    ...(network === null
      ? attachment === null || hostConfig.NetworkMode === 'host'
        ? {}
        : { network: attachment.sandboxKey }
      : { network: path(network, 'net') }),
    ...(pid === null ? {} : { pid: path(pid, 'pid') }),
    ...(ipc === null ? {} : { ipc: path(ipc, 'ipc') }),
  };
}

function runningPid(deps: ContainerDeps, name: string): number {
  const other = deps.store.find(name);
  if (!isRunning(other))
    throw new EngineError('FailedPrecondition', `cannot join network namespace of a non running container: ${name}`);
  return other.state.pid;
}

function shmOf(deps: ContainerDeps, { id, hostConfig }: ContainerRecord): { shm?: string } {
  if (hostConfig.IpcMode === 'host') return { shm: '/dev/shm' };
  if (hostConfig.IpcMode === 'shareable') return { shm: shmDirectory(deps, id) };
  const joined = joinedContainer(hostConfig.IpcMode);
  if (joined === null) return {};
  const other = deps.store.find(joined);
  if (other.hostConfig.IpcMode !== 'shareable')
    throw new EngineError(
      'FailedPrecondition',
      `cannot join IPC of container ${joined}: IPC mode is ${other.hostConfig.IpcMode}, not shareable: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
  return { shm: shmDirectory(deps, other.id) };
}

interface Streams {
  readonly stdio: Stdio;
  readonly output: Omit<OutputOptions, 'spool'>;
  /** Let go of our ends: the shim has copies of those that it needs. */
  close(): void;
}

/** Pipes for what is written, and for input where it was asked for; a terminal needs none. */
function openStreams(deps: ContainerDeps, { config }: ContainerRecord): Streams {
  const none = { stdout: -1, stderr: -1, stdin: -1 };
  const nothing = openSync('/dev/null', 'r+');
  if (config.Tty) return { stdio: [nothing, nothing, nothing], output: none, close: () => closeSync(nothing) };
  const fds: number[] = [nothing];
  const pipe = (): [number, number] => {
    const [reader, writer] = makePipe(deps.kernel);
    fds.push(reader, writer);
    return [reader, writer];
  };
  try {
    const [outReader, outWriter] = pipe();
    const [errReader, errWriter] = pipe();
    const [inReader, inWriter] = config.OpenStdin ? pipe() : [nothing, -1];
    return {
      stdio: [inReader, outWriter, errWriter],
      output: { stdout: outReader, stderr: errReader, stdin: inWriter },
      close: () => {
        for (const fd of fds) closeSync(fd);
      },
    };
  } catch (error) {
    for (const fd of fds) closeSync(fd);
    throw error;
  }
}

/** The words of another runtime than ours, as it said them; null: it is our own error. */
export function saidByRuntime(error: unknown): string | null {
  if (!(error instanceof EngineError) || !('runtime' in error.details)) return null;
  const { said } = error.details;
  return typeof said === 'string' && said !== '' ? said : error.message;
}

/** What dockerd says of a process that could not be started: the words of every program between it and the kernel. */
function startError(error: unknown): EngineError {
  const what = error instanceof SyscallError ? 'unable to start container process: ' : '';
  const words = saidByRuntime(error) ?? `glassbox-runtime create failed: ${what}${wordsOf(error)}`;
  return new EngineError(
    'InvalidArgument',
    `failed to create task for container: failed to create shim task: OCI runtime create failed: ${words}: unknown`,
    { cause: error },
  );
}

/** moby, daemon/start.go (setExitCodeFromError): what the client ends with. */
export function exitCodeOf({ message }: Error): number {
  const has = (...texts: readonly string[]): boolean => texts.some((text) => message.includes(text));
  if (has('executable file not found', 'no such file or directory', 'system cannot find the file specified'))
    return 127;
  if (has('permission denied', 'not a directory', 'is a directory')) return 126;
  return 128;
}
