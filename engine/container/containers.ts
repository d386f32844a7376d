import { SIG } from '../kernel/constants.js';
import { EngineError } from '../kernel/errors.js';
import type { EndpointRequest } from '../network/types.js';
import { attachTo } from './attach.js';
import { type Clock, realClock } from './clock.js';
import { commitContainer } from './commit.js';
import { attributesOf, createContainer, networkOf } from './create.js';
import type { ContainerDeps } from './deps.js';
import { Execs } from './exec.js';
import { exportRoot, getArchive, putArchive, statPath } from './files.js';
import { inspectContainer, stateOf } from './inspect.js';
import { Lifecycle } from './lifecycle.js';
import { unlink } from './link-names.js';
import { changeHosts } from './links.js';
import { listContainers, pruneContainers } from './list.js';
import { logAttributes } from './logs/attributes.js';
import { logLines } from './logs/follow.js';
import { verifyName } from './names.js';
import { type ContainerRecord, isRunning } from './record.js';
import { parseSignal } from './spec/signal.js';
import { attachRequest } from './start.js';
import { statsStream, takeSample } from './stats.js';
import { top } from './top.js';
import type {
  Attached,
  AttachOptions,
  CommitRequest,
  ContainerInspect,
  ContainerService,
  ContainerSummary,
  CreateRequest,
  EngineEvent,
  EventOptions,
  ExecInspect,
  ExecRequest,
  ListOptions,
  LogLine,
  LogOptions,
  PathStat,
  UpdateRequest,
  WaitResult,
} from './types.js';
import { updateContainer } from './update.js';

/** `docker kill --signal`: SIGKILL where nothing is said. */
function killSignal(text: string): number {
  return text === '' ? SIG.KILL : parseSignal(text);
}

/** Containers, as the API asks for them. Each operation finds its container, checks what it needs, and hands on. */
export class Containers implements ContainerService {
  readonly #deps: ContainerDeps;
  readonly #life: Lifecycle;
  readonly #execs: Execs;

  private constructor(deps: ContainerDeps, clock: Clock) {
    this.#deps = deps;
    this.#execs = new Execs(deps);
    this.#life = new Lifecycle(deps, this.#execs, clock);
  }

  /** Open them: what a killed engine left half done is undone or finished, and what runs is taken up again. */
  static async open(deps: ContainerDeps, clock: Clock = realClock): Promise<Containers> {
    const containers = new Containers(deps, clock);
    await containers.#life.restore();
    return containers;
  }

  /** The engine ends; the containers do not, unless it is asked to stop them. */
  async close(options: { readonly stop: boolean }): Promise<void> {
    await this.#life.close(options);
  }

  async create(request: CreateRequest): Promise<{ Id: string; Warnings: readonly string[] }> {
    const { record, warnings } = await createContainer(this.#deps, request);
    this.#life.adopt(record);
    return { Id: record.id, Warnings: warnings };
  }

  async list(options: ListOptions): Promise<readonly ContainerSummary[]> {
    return listContainers(this.#deps, options);
  }

  async inspect(name: string, options: { readonly size?: boolean } = {}): Promise<ContainerInspect> {
    const record = this.#find(name);
    const shown = await inspectContainer(this.#deps, record, this.#execs.idsOf(record.id));
    if (options.size !== true) return shown;
    const image = record.imageId === null ? null : await this.#deps.images.get(record.imageId);
    const { bytes } = await this.#deps.images.usage(record.id);
    return { ...shown, SizeRw: bytes, SizeRootFs: bytes + (image?.size ?? 0) };
  }

  start(name: string): Promise<boolean> {
    return this.#life.start(this.#find(name).id, { byHand: true });
  }

  stop(name: string, options: { readonly timeout: number | null; readonly signal: string | null }): Promise<boolean> {
    return this.#life.stop(this.#find(name).id, options);
  }

  restart(name: string, options: { readonly timeout: number | null; readonly signal: string | null }): Promise<void> {
    return this.#life.restart(this.#find(name).id, options);
  }

  async kill(name: string, signal: string): Promise<void> {
    const number = killSignal(signal);
    const record = this.#deps.store.tryFind(name);
    if (record === null)
      throw new EngineError('NotFound', `cannot kill container: ${name}: No such container: ${name}`);
    await this.#life.kill(record.id, number);
  }

  pause(name: string): Promise<void> {
    return this.#life.pause(this.#find(name).id);
  }

  unpause(name: string): Promise<void> {
    return this.#life.unpause(this.#find(name).id);
  }

  async rename(name: string, to: string): Promise<void> {
    const record = this.#find(name);
    if (to === '' || to === '/') throw new EngineError('InvalidArgument', 'Neither old nor new names may be empty');
    const plain = to.replace(/^\//, '');
    if (plain === record.name)
      throw new EngineError('InvalidArgument', 'Renaming a container with the same name as its current name');
    const { store, events } = this.#deps;
    const old = record.name;
    try {
      store.rename(record, verifyName(`/${plain}`));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw new EngineError(error.code, `Error when allocating new name: ${error.message}`, { cause: error });
    }
    events.emit('container', 'rename', record.id, attributesOf(record, { oldName: `/${old}` }));
  }

  async remove(
    name: string,
    options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
  ): Promise<void> {
    if (options.link) {
      const { parent, alias } = unlink(this.#deps.store, name);
      if (isRunning(parent)) changeHosts(this.#deps, parent, alias, null);
      return;
    }
    await this.#life.remove(this.#find(name).id, options);
  }

  prune(filters: ListOptions['filters']): Promise<{ ContainersDeleted: readonly string[]; SpaceReclaimed: number }> {
    return pruneContainers(this.#deps, filters, (id) => this.#life.remove(id, { force: false, volumes: false }));
  }

  wait(name: string, condition: 'not-running' | 'next-exit' | 'removed', signal?: AbortSignal): Promise<WaitResult> {
    return this.#life.wait(this.#find(name).id, condition, signal);
  }

  async update(name: string, request: UpdateRequest): Promise<{ Warnings: readonly string[] }> {
    const record = this.#find(name);
    const warnings = await updateContainer(this.#deps, record, request);
    this.#life.policyChanged(record.id);
    return { Warnings: warnings };
  }

  async resize(name: string, rows: number, cols: number): Promise<void> {
    const record = this.#running(name);
    this.#life.live(record.id)?.resize(rows, cols);
    this.#deps.events.emit(
      'container',
      'resize',
      record.id,
      attributesOf(record, { height: String(rows), width: String(cols) }),
    );
  }

  async attach(name: string, options: AttachOptions): Promise<Attached> {
    const record = this.#find(name);
    if (record.state.status === 'paused')
      throw new EngineError(
        'FailedPrecondition',
        `container ${record.id} is paused, unpause the container before attach`,
      );
    if (record.state.status === 'restarting')
      throw new EngineError(
        'FailedPrecondition',
        `container ${record.id} is restarting, wait until the container is running before attach`,
      );
    const attached = attachTo(
      {
        store: this.#deps.store,
        live: (signal) => this.#life.liveOrNext(record.id, signal),
        detached: () => this.#deps.events.emit('container', 'detach', record.id, attributesOf(record)),
      },
      record,
      options,
    );
    this.#deps.events.emit('container', 'attach', record.id, attributesOf(record));
    return attached;
  }

  async logs(
    name: string,
    options: LogOptions,
  ): Promise<{ tty: boolean; attributes: string; lines: AsyncIterable<LogLine> }> {
    const record = this.#find(name);
    if (record.hostConfig.LogConfig.Type === 'none')
      throw new EngineError('NotImplemented', 'configured logging driver does not support reading');
    const host = {
      store: this.#deps.store,
      live: () => this.#life.live(record.id),
      next: (signal: AbortSignal) => this.#life.nextStart(record.id, signal),
    };
    return {
      tty: record.config.Tty,
      attributes: logAttributes(record),
      lines: logLines(host, record, options),
    };
  }

  async top(
    name: string,
    psArgs: readonly string[],
  ): Promise<{ Titles: readonly string[]; Processes: readonly (readonly string[])[] }> {
    const record = this.#running(name, (id) => `container ${id} is not running`);
    const found = await top(psArgs, this.#deps.runtime.pids(record.id));
    this.#deps.events.emit('container', 'top', record.id, attributesOf(record));
    return found;
  }

  async *stats(
    name: string,
    options: { readonly stream: boolean; readonly oneShot: boolean; readonly signal: AbortSignal },
  ): AsyncIterable<unknown> {
    const record = this.#find(name);
    yield* statsStream({
      ...options,
      container: { id: record.id, name: `/${record.name}` },
      there: () => this.#deps.store.has(record.id),
      sample: () => {
        if (!isRunning(record)) return null;
        const pid = record.hostConfig.NetworkMode === 'host' ? null : record.state.pid;
        return takeSample(this.#deps.runtime.cgroups(record.id).stats(), this.#deps.machine.cgroup, pid);
      },
    });
  }

  async exec(name: string, request: ExecRequest): Promise<{ Id: string }> {
    const record = this.#find(name);
    const Id = this.#execs.create(record, request, name);
    const command = request.Cmd.join(' ');
    this.#deps.events.emit('container', `exec_create: ${command}`, record.id, attributesOf(record, { execID: Id }));
    return { Id };
  }

  startExec(
    id: string,
    options: {
      readonly detach: boolean;
      readonly tty: boolean;
      readonly consoleSize: readonly [number, number] | null;
    },
  ): Promise<Attached | null> {
    const { ContainerID, ProcessConfig } = this.#execs.inspect(id);
    const record = this.#find(ContainerID);
    const { events } = this.#deps;
    const command = [ProcessConfig.entrypoint, ...ProcessConfig.arguments].join(' ');
    return this.#execs.start(id, options, {
      started: () =>
        events.emit('container', `exec_start: ${command}`, record.id, attributesOf(record, { execID: id })),
      ended: (exitCode) =>
        events.emit(
          'container',
          'exec_die',
          record.id,
          attributesOf(record, { execID: id, exitCode: String(exitCode) }),
        ),
      detached: () => events.emit('container', 'exec_detach', record.id, attributesOf(record, { execID: id })),
    });
  }

  async inspectExec(id: string): Promise<ExecInspect> {
    return this.#execs.inspect(id);
  }

  async resizeExec(id: string, rows: number, cols: number): Promise<void> {
    this.#execs.resize(id, rows, cols);
  }

  statPath(name: string, path: string): Promise<PathStat> {
    return statPath(this.#deps, { record: this.#find(name), name }, path);
  }

  getArchive(name: string, path: string): Promise<{ stat: PathStat; tar: AsyncIterable<Uint8Array> }> {
    return getArchive(this.#deps, { record: this.#find(name), name }, path);
  }

  putArchive(
    name: string,
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: { readonly noOverwriteDirNonDir: boolean; readonly copyUidGid: boolean },
  ): Promise<void> {
    return putArchive(this.#deps, { record: this.#find(name), name }, path, tar, options);
  }

  async exportRootfs(name: string): Promise<AsyncIterable<Uint8Array>> {
    const record = this.#find(name);
    this.#deps.events.emit('container', 'export', record.id, attributesOf(record));
    return exportRoot(this.#deps, record);
  }

  changes(name: string): Promise<readonly { readonly Path: string; readonly Kind: 0 | 1 | 2 }[]> {
    return this.#deps.images.changes(this.#find(name).id);
  }

  commit(request: CommitRequest): Promise<{ Id: string }> {
    const record = this.#find(request.container);
    return commitContainer(this.#deps, record, request, {
      pause: () => this.#life.pause(record.id),
      unpause: () => this.#life.unpause(record.id),
    });
  }

  /** `docker network connect`: at once where it runs, else with its next start. */
  async connect(network: string, name: string, endpoint: EndpointRequest): Promise<void> {
    const record = this.#find(name);
    const { store, networks } = this.#deps;
    const known = await networks.get(network);
    if (networkOf(record.hostConfig) === null || record.hostConfig.NetworkMode === 'host')
      throw new EngineError(
        'PermissionDenied',
        `container sharing network namespace with another container or host cannot be connected to any other network`,
      );
    if (known.Name in record.endpoints && (record.attachment === null || known.Name in record.attachment.networks))
      throw new EngineError(
        'PermissionDenied',
        `endpoint with name ${record.name} already exists in network ${known.Name}`,
      );
    if (record.attachment !== null && isRunning(record))
      record.attachment = await networks.connect(
        known.Name,
        attachRequest(this.#deps, record),
        endpoint,
        record.attachment,
      );
    record.endpoints = { ...record.endpoints, [known.Name]: endpoint };
    store.keep(record);
  }

  async disconnect(network: string, name: string, force: boolean): Promise<void> {
    const record = this.#find(name);
    const { store, networks } = this.#deps;
    const known = await networks.get(network);
    if (!(known.Name in record.endpoints))
      throw new EngineError('PermissionDenied', `container ${record.id} is not connected to network ${known.Name}`);
    if (record.attachment !== null && isRunning(record))
      record.attachment = await networks.disconnect(known.Name, record.id, record.attachment, { force });
    const { [known.Name]: _gone, ...rest } = record.endpoints;
    record.endpoints = rest;
    store.keep(record);
  }

  events(options: EventOptions): AsyncIterable<EngineEvent> {
    return this.#deps.events.events(options);
  }

  async explain(name: string): Promise<unknown> {
    return this.#deps.runtime.explain(this.#find(name).id);
  }

  /** Containers that need an image, for `docker rmi`. */
  usersOf(image: string): { id: string; running: boolean }[] {
    return this.#deps.store
      .list()
      .filter(({ imageId }) => imageId === image)
      .map((record) => ({ id: record.id, running: stateOf(record).Running }));
  }

  #find(name: string): ContainerRecord {
    return this.#deps.store.find(name);
  }

  #running(name: string, message = (id: string): string => `Container ${id} is not running`): ContainerRecord {
    const record = this.#find(name);
    if (!isRunning(record)) throw new EngineError('FailedPrecondition', message(record.id));
    return record;
  }
}
