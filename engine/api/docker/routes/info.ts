import { readdirSync } from 'node:fs';
import { arch, cpus, hostname, machine, release, totalmem } from 'node:os';
import type { DockerServices } from '../services.js';
import { API_VERSION, type ApiVersion, MIN_API_VERSION } from '../version.js';
import { type CgroupFacts, cgroupWarnings, isOn, operatingSystem, readCgroupFacts } from './machine.js';

const BRIDGE_NF = '/proc/sys/net/bridge/bridge-nf-call';
const INDEX = 'https://index.docker.io/v1/';
/** GOARCH of Node's names. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ia32: '386' };

export const goArchitecture = (): string => ARCHITECTURES[arch()] ?? arch();

/** What GET /info and /version tell. */
export class EngineInfo {
  /** Of listeners. */
  warnings: readonly string[] = [];
  /** Readers of GET /events. */
  listeners = 0;
  readonly #services: DockerServices;
  readonly #cgroups: CgroupFacts;

  constructor(services: DockerServices, cgroups = readCgroupFacts()) {
    this.#services = services;
    this.#cgroups = cgroups;
  }

  version(): object {
    const { version, startedAt } = this.#services.facts;
    const details = {
      ApiVersion: API_VERSION,
      Arch: goArchitecture(),
      BuildTime: startedAt,
      Experimental: 'false',
      GitCommit: 'glassbox',
      GoVersion: `none (Node.js ${process.version})`,
      KernelVersion: release(),
      MinAPIVersion: MIN_API_VERSION,
      Os: 'linux',
    };
    return {
      Platform: { Name: 'Glassbox Engine' },
      Components: [
        { Name: 'Engine', Version: version, Details: details },
        { Name: 'node', Version: process.versions.node, Details: { V8: process.versions.v8, Uv: process.versions.uv } },
      ],
      Version: version,
      ApiVersion: API_VERSION,
      MinAPIVersion: MIN_API_VERSION,
      GitCommit: details.GitCommit,
      GoVersion: details.GoVersion,
      Os: 'linux',
      Arch: details.Arch,
      KernelVersion: details.KernelVersion,
      BuildTime: startedAt,
    };
  }

  async info(version: ApiVersion): Promise<object> {
    const { containers, images, facts } = this.#services;
    const [all, stored] = await Promise.all([
      containers.list({ all: true, limit: 0, size: false, filters: {} }),
      images.list({ all: true }),
    ]);
    const count = (...states: string[]): number => all.filter(({ State }) => states.includes(State)).length;
    const system = operatingSystem();
    const { version: cgroupVersion, ...limits } = this.#cgroups;
    const forwarding = isOn('/proc/sys/net/ipv4/ip_forward');
    const running = count('running', 'restarting');
    const paused = count('paused');
    const secure = version.atLeast(44) ? { status: {} } : {};
    return {
      ID: facts.id,
      Containers: all.length,
      ContainersRunning: running,
      ContainersPaused: paused,
      ContainersStopped: all.length - running - paused,
      Images: stored.length,
      Driver: 'overlay2',
      ...(version.atLeast(25) ? {} : { ExecutionDriver: '<not supported>' }),
      DriverStatus: [
        ['Supports d_type', 'true'],
        ['Using metacopy', 'false'],
        ['Native Overlay Diff', 'true'],
        ['userxattr', 'false'],
      ],
      Plugins: {
        Volume: ['local'],
        Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null'],
        Authorization: null,
        Log: ['json-file', 'none'],
      },
      ...limits,
      ...(version.atLeast(50)
        ? {}
        : { BridgeNfIptables: isOn(`${BRIDGE_NF}-iptables`), BridgeNfIp6tables: isOn(`${BRIDGE_NF}-ip6tables`) }),
      IPv4Forwarding: forwarding,
      Debug: facts.debug,
      NFd: readdirSync('/proc/self/fd').length,
      OomKillDisable: limits.OomKillDisable,
      NGoroutines: readdirSync('/proc/self/task').length,
      SystemTime: new Date().toISOString(),
      LoggingDriver: 'json-file',
      CgroupDriver: 'cgroupfs',
      CgroupVersion: String(cgroupVersion),
      NEventsListener: this.listeners,
      KernelVersion: release(),
      OperatingSystem: system.name,
      OSVersion: system.version,
      OSType: 'linux',
      Architecture: machine(),
      IndexServerAddress: INDEX,
      RegistryConfig: this.#registries(version),
      NCPU: cpus().length,
      MemTotal: totalmem(),
      GenericResources: null,
      DockerRootDir: facts.dataRoot,
      HttpProxy: proxy('HTTP_PROXY'),
      HttpsProxy: proxy('HTTPS_PROXY'),
      NoProxy: proxy('NO_PROXY'),
      Name: facts.name === '' ? hostname() : facts.name,
      Labels: facts.labels,
      ExperimentalBuild: false,
      ServerVersion: facts.version,
      Runtimes: Object.fromEntries(
        Object.entries(facts.runtimes).map(([name, { path }]) => [name, { path, ...secure }]),
      ),
      DefaultRuntime: facts.defaultRuntime,
      Swarm: {
        NodeID: '',
        NodeAddr: '',
        LocalNodeState: 'inactive',
        ControlAvailable: false,
        Error: '',
        RemoteManagers: null,
      },
      LiveRestoreEnabled: facts.liveRestore,
      Isolation: '',
      InitBinary: 'docker-init',
      ContainerdCommit: { ID: '', ...(version.atLeast(49) ? {} : { Expected: '' }) },
      RuncCommit: { ID: '', ...(version.atLeast(49) ? {} : { Expected: '' }) },
      InitCommit: { ID: '', ...(version.atLeast(49) ? {} : { Expected: '' }) },
      SecurityOptions: ['name=seccomp,profile=builtin', ...(cgroupVersion === 2 ? ['name=cgroupns'] : [])],
      ...((facts.addressPools ?? []).length === 0
        ? {}
        : { DefaultAddressPools: (facts.addressPools ?? []).map(({ base, size }) => ({ Base: base, Size: size })) }),
      CDISpecDirs: [],
      Warnings: [
        ...this.warnings,
        ...cgroupWarnings(this.#cgroups),
        ...(forwarding ? [] : ['WARNING: IPv4 forwarding is disabled']),
      ],
    };
  }

  #registries(version: ApiVersion): object {
    const { insecureRegistries, registryMirrors } = this.#services.facts;
    const networks = insecureRegistries.filter((name) => name.includes('/'));
    const index = (name: string, mirrors: readonly string[], isSecure: boolean, isOfficial: boolean): object => ({
      Name: name,
      Mirrors: mirrors,
      Secure: isSecure,
      Official: isOfficial,
    });
    const insecure = insecureRegistries.filter((name) => !name.includes('/'));
    return {
      ...(version.atLeast(47)
        ? {}
        : { AllowNondistributableArtifactsCIDRs: null, AllowNondistributableArtifactsHostnames: null }),
      InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8', ...networks],
      IndexConfigs: {
        'docker.io': index('docker.io', registryMirrors, true, true),
        ...Object.fromEntries(insecure.map((name) => [name, index(name, [], false, false)])),
      },
      Mirrors: registryMirrors,
    };
  }
}

/** A proxy of the engine's environment, without the password that may be in it. */
function proxy(name: string): string {
  const value = process.env[name] ?? process.env[name.toLowerCase()] ?? '';
  return value.replace(/\/\/[^@/]*@/, '//xxxxx:xxxxx@');
}
