import type { ExplainedProgram } from '../../engine/api/types.js';
import { EngineError } from '../../engine/kernel/errors.js';
import type { World } from '../../engine/runtime/cli/world.js';
import type { Spec, SpecResources } from '../../engine/runtime/spec/types.js';
import type {
  ContainerProcess,
  ContainerState,
  ContainerStatus,
  CreateOptions,
  ExecOptions,
  OciRuntime,
} from '../../engine/runtime/types.js';

/** A process that ends when it is asked how it ended; `signals` what it was sent. */
export class FakeProcess implements ContainerProcess {
  readonly pid = 4711;
  readonly pidfd = -1;
  readonly signals: number[] = [];
  disposed = false;
  readonly #code: number;

  constructor(code: number) {
    this.#code = code;
  }

  async wait(): Promise<number> {
    return this.#code;
  }

  kill(signal: number): void {
    this.signals.push(signal);
  }

  dispose(): void {
    this.disposed = true;
  }
}

/** Containers that exist in a table alone: what a command asks of a runtime is kept in `asked`. */
export class FakeRuntime implements OciRuntime {
  readonly asked: unknown[][] = [];
  readonly containers = new Map<string, { status: ContainerStatus; spec: Spec }>();
  /** Thrown by the call of this name. */
  readonly failures = new Map<string, Error>();
  process = new FakeProcess(0);

  async create(options: CreateOptions): Promise<ContainerProcess> {
    this.#note('create', options);
    this.containers.set(options.id, { status: 'created', spec: options.spec });
    return this.process;
  }

  async start(id: string): Promise<void> {
    this.#note('start', id);
    this.#find(id).status = 'running';
  }

  state(id: string): ContainerState {
    const { status } = this.#find(id);
    const pid = status === 'stopped' ? 0 : 4711;
    return {
      ociVersion: '1.0.2-dev',
      id,
      status,
      pid,
      bundle: '/b',
      rootfs: '/b/rootfs',
      created: '2026-01-02T03:04:05.678901234Z',
      owner: 'root',
    };
  }

  list(): ContainerState[] {
    return [...this.containers.keys()].sort().map((id) => this.state(id));
  }

  async kill(id: string, signal: number, options?: { all?: boolean }): Promise<void> {
    this.#note('kill', id, signal, options);
  }

  async delete(id: string, options?: { force?: boolean }): Promise<void> {
    this.#note('delete', id, options);
    this.#find(id);
    this.containers.delete(id);
  }

  async exec(options: ExecOptions): Promise<ContainerProcess> {
    this.#note('exec', options);
    return this.process;
  }

  pids(id: string): number[] {
    this.#find(id);
    return [4711];
  }

  async pause(id: string): Promise<void> {
    this.#note('pause', id);
    this.#find(id).status = 'paused';
  }

  async resume(id: string): Promise<void> {
    this.#note('resume', id);
    this.#find(id).status = 'running';
  }

  async update(id: string, resources: SpecResources): Promise<void> {
    this.#note('update', id, resources);
  }

  spec(id: string): Spec {
    return this.#find(id).spec;
  }

  explain(id: string): ExplainedProgram {
    this.#find(id);
    return { name: `container ${id}`, records: [] };
  }

  #note(...what: [string, ...unknown[]]): void {
    this.asked.push(what);
    const failure = this.failures.get(what[0]);
    if (failure !== undefined) throw failure;
  }

  #find(id: string): { status: ContainerStatus; spec: Spec } {
    const found = this.containers.get(id);
    if (found === undefined) throw new EngineError('NotFound', 'container does not exist');
    return found;
  }
}

export interface Said {
  out: string;
  err: string;
}

/** A process's surroundings in which nothing is a terminal and all that is printed is kept. */
export function fakeWorld(runtime: OciRuntime, cwd: string): { world: World; said: Said } {
  const said = { out: '', err: '' };
  const world: World = {
    env: {},
    cwd,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    errIsTerminal: () => false,
    open: async () => runtime,
  };
  return { world, said };
}
