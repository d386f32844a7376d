/**
 * The container engine as a process: what dockerd is. The only file that wires its parts together. Started by `glassbox engine`,
 * and in a lab host at the first use of /var/run/docker.sock.
 */

import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { type DaemonOptions, daemonHelp, listenerOf, parseDaemonOptions } from './api/daemon-options.js';
import { type DockerServices, serveDocker } from './api/docker/server.js';
import type { StoryOrigin } from './api/types.js';
import { Containers } from './container/containers.js';
import type { ContainerDeps } from './container/deps.js';
import { EventLog } from './container/events.js';
import { isForwarding, readMachine, readVerifyFacts } from './container/spec/machine.js';
import { ContainerStore } from './container/store.js';
import type { EngineFacts } from './container/types.js';
import { openImages } from './image/images.js';
import { EngineError } from './kernel/errors.js';
import { notePhase } from './kernel/journal/context.js';
import { Journal } from './kernel/journal/journal.js';
import { realKernel } from './kernel/kernel.js';
import { giveBackMemory } from './kernel/memory.js';
import { inUserNamespace } from './kernel/procfs/id-map.js';
import { Reactor } from './kernel/reactor.js';
import { openNetworks } from './network/networks.js';
import { EngineRuntimes, type RuntimePrograms } from './runtime/engine-runtimes.js';
import { Runtime } from './runtime/runtime.js';
import { OWN_RUNTIME, runtimeSetting } from './runtime/setting.js';
import { openVolumes } from './volume/volumes.js';

const VERSION = '28.2.2';

const warn = (message: string): void => {
  process.stderr.write(`${message}\n`);
};

/** Run until a signal. Returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  let options: DaemonOptions;
  try {
    options = parseDaemonOptions(argv);
  } catch (error) {
    return failed(error, argv.includes('--debug'));
  }
  if (options.help) {
    process.stdout.write(daemonHelp());
    return 0;
  }
  try {
    const stop = await start(options);
    const signal = await new Promise<string>((resolve) => {
      for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
    });
    warn(`processing signal '${signal}'`);
    await stop();
    return 0;
  } catch (error) {
    return failed(error, options.debug);
  }
}

function failed(error: unknown, debug: boolean): number {
  const text = error instanceof Error ? (debug ? error.stack : error.message) : String(error);
  process.stderr.write(`failed to start daemon: ${text}\n`);
  return 1;
}

async function start(options: DaemonOptions): Promise<() => Promise<void>> {
  const { dataRoot, execRoot } = options;
  mkdirSync(dataRoot, { recursive: true, mode: 0o711 });
  mkdirSync(execRoot, { recursive: true, mode: 0o711 });
  const pidFile = options.pidFile ?? join(execRoot, 'engine.pid');
  takePidFile(pidFile);
  try {
    return await open(options, pidFile);
  } catch (error) {
    rmSync(pidFile, { force: true });
    throw error;
  }
}

const ENGINE_STARTS: StoryOrigin = {
  by: 'engine',
  cause: 'engine-start',
  object: '',
  text: {
    en: 'the engine started: networks were laid and what a killed engine left was put in order',
    zh: '引擎启动：建立网络，并清理上次被强制结束时的遗留',
  },
};

/** The parts of an engine, opened on its directories. */
export interface Engine {
  readonly services: DockerServices & { readonly containers: Containers };
  readonly runtime: EngineRuntimes;
  close(how: { readonly stop: boolean }): Promise<void>;
}

/**
 * Open everything but the API: what a killed engine left is put in order first.
 *
 * @param at called before each step of a container's life that has a side effect: for tests that end the engine there
 */
export async function openEngine(options: DaemonOptions, at?: (step: string) => void): Promise<Engine> {
  const reactor = new Reactor();
  try {
    return await openParts(options, reactor, at);
  } catch (error) {
    reactor.close();
    throw error;
  }
}

async function openParts(options: DaemonOptions, reactor: Reactor, at?: (step: string) => void): Promise<Engine> {
  const { dataRoot, execRoot } = options;
  const events = new EventLog();
  const journal = new Journal();
  const defaultRuntime = options.defaultRuntime ?? runtimeSetting();
  const programs = programsOf(options, defaultRuntime);
  const runtime = new EngineRuntimes(new Runtime({ root: join(execRoot, 'runtime'), warn, reactor }), {
    programs,
    root: join(execRoot, 'runtimes'),
    reactor,
    warn,
  });
  await runtime.require(defaultRuntime);
  const userxattr = inUserNamespace();
  let containers: Containers | undefined;
  const images = await openImages({
    root: dataRoot,
    event: (action, id, attributes) => events.emit('image', action, id, attributes),
    inUse: (id) => containers?.usersOf(id) ?? [],
    insecureRegistries: options.insecureRegistries,
    registryMirrors: options.registryMirrors,
    userxattr,
    warn,
  });
  const volumes = await openVolumes({
    root: dataRoot,
    event: (action, name, attributes) => events.emit('volume', action, name, attributes),
  });
  const networks = await journal.during(ENGINE_STARTS, () =>
    openNetworks({
      root: dataRoot,
      execRoot,
      event: (action, id, attributes) => events.emit('network', action, id, attributes),
      bridge: options.bridge,
      addressPools: options.addressPools,
      iptables: options.iptables,
      ipForward: options.ipForward,
      ipMasq: options.ipMasq,
      userlandProxy: options.userlandProxy,
      warn,
      reactor,
    }),
  );
  const machine = readMachine();
  const facts = readVerifyFacts(machine, Object.keys(programs));
  const store = new ContainerStore(dataRoot);
  await runtime.recall(store.list().map(({ id, hostConfig }) => ({ id, runtime: hostConfig.Runtime })));
  const gateway = options.bridge === null ? undefined : (await networks.get('bridge')).IPAM.Config[0]?.Gateway;
  const deps: ContainerDeps = {
    kernel: realKernel,
    reactor,
    store,
    images,
    networks,
    volumes,
    runtime,
    defaultRuntime,
    events,
    machine,
    facts: () => ({ ...facts, ipv4Forwarding: isForwarding() }),
    cgroupParent: options.cgroupParent,
    dns: options.dns,
    execRoot,
    userxattr,
    ...(gateway === undefined ? {} : { hostGateway: gateway }),
    warn,
    at: (step) => {
      notePhase(step);
      at?.(step);
    },
    journal,
  };
  const opened = await journal.during(ENGINE_STARTS, () => Containers.open(deps));
  containers = opened;
  const about: EngineFacts = {
    id: engineId(dataRoot),
    name: hostname(),
    version: VERSION,
    dataRoot,
    execRoot,
    startedAt: new Date().toISOString(),
    debug: options.debug,
    liveRestore: options.liveRestore,
    insecureRegistries: options.insecureRegistries,
    registryMirrors: options.registryMirrors,
    labels: options.labels,
    addressPools: options.addressPools,
    runtimes: Object.fromEntries(Object.entries(programs).map(([name, path]) => [name, { path }])),
    defaultRuntime,
  };
  return {
    services: { containers: opened, images, networks, volumes, membership: opened, facts: about, journal },
    runtime,
    close: async (how) => {
      await opened.close(how);
      await networks.close();
      runtime.close();
      reactor.close();
    },
  };
}

/** What containerd calls the shim that drives runc. */
const RUNC_TYPE = 'io.containerd.runc.v2';

/**
 * The runtimes that a container can ask for, each with its program: ours, those that everybody knows, those of the
 * configuration, and that of the setting, which may be a path.
 */
function programsOf({ defaultRuntime, runtimes }: DaemonOptions, chosen: string): RuntimePrograms {
  const known = { [RUNC_TYPE]: 'runc', runc: 'runc', crun: 'crun', ...runtimes };
  const named = Object.entries(known).map(([name, path]) => [name, path === RUNC_TYPE ? 'runc' : path] as const);
  const programs: RuntimePrograms = { [OWN_RUNTIME]: 'glassbox-runtime', ...Object.fromEntries(named) };
  if (Object.hasOwn(programs, chosen)) return programs;
  if (defaultRuntime !== null)
    throw new EngineError('InvalidArgument', `specified default runtime '${defaultRuntime}' does not exist`);
  return { ...programs, [chosen]: chosen };
}

async function open(options: DaemonOptions, pidFile: string): Promise<() => Promise<void>> {
  const engine = await openEngine(options);
  const server = await serveDocker(
    engine.services,
    options.hosts.map((host) => listenerOf(host, options.tls)),
    { onQuiet: giveBackMemory },
  );
  for (const warning of server.warnings) warn(warning);
  warn(`API listen on ${server.addresses.join(', ')}`);
  return async () => {
    await server.close();
    await engine.close({ stop: !options.liveRestore });
    rmSync(pidFile, { force: true });
  };
}

/** One engine on one directory: a second is refused while the first lives. */
function takePidFile(path: string): void {
  const found = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  if (/^\d+$/.test(found) && existsSync(`/proc/${found}`) && Number(found) !== process.pid)
    throw new EngineError('AlreadyExists', `process with PID ${found} is still running: ${path}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, String(process.pid));
}

/** Made once for a data directory. */
function engineId(dataRoot: string): string {
  const path = join(dataRoot, 'engine-id');
  if (!existsSync(path)) writeFileSync(path, randomUUID());
  return readFileSync(path, 'utf8');
}
