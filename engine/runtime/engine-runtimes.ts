import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExplainedProgram } from '../api/types.js';
import type { CgroupManager } from '../cgroup/manager.js';
import { EngineError } from '../kernel/errors.js';
import type { Reactor } from '../kernel/reactor.js';
import { replaceFileSync } from '../kernel/replace-file.js';
import type { ExternalRuntime } from './external/runtime.js';
import type { Runtime } from './runtime.js';
import { OWN_RUNTIME } from './setting.js';
import type { Spec, SpecResources } from './spec/types.js';
import type { ContainerProcess, ContainerState, CreateOptions, EngineRuntime, ExecOptions } from './types.js';

/** Which runtime each name means: `glassbox` is ours, any other is a program with runc's command line. */
export type RuntimePrograms = Readonly<Record<string, string>>;

/** What a name meant, beside the states of its containers. */
const PROGRAM = 'program';

/**
 * The runtimes of an engine as one: a container is made with the one that it names and stays with it. Ours is there from the
 * beginning; the code that drives another is loaded when a container first asks for it, or when a running one is found.
 */
export class EngineRuntimes implements EngineRuntime {
  readonly #own: Runtime;
  readonly #programs: RuntimePrograms;
  /** Where others keep their containers, a directory each. */
  readonly #root: string;
  readonly #reactor: Reactor;
  #others = new Map<string, ExternalRuntime>();
  /** Names whose program was seen to run, and whether it knows time namespaces. */
  #seen = new Map<string, { readonly time: boolean }>();
  /** Containers that are not ours. */
  #makers = new Map<string, ExternalRuntime>();

  readonly #warn: (message: string) => void;

  constructor(
    own: Runtime,
    options: { programs: RuntimePrograms; root: string; reactor: Reactor; warn: (message: string) => void },
  ) {
    this.#own = own;
    this.#programs = options.programs;
    this.#root = options.root;
    this.#reactor = options.reactor;
    this.#warn = options.warn;
  }

  /**
   * Say which containers there are and what each was made with: after a start of the engine, before anything is asked of them.
   */
  async recall(containers: readonly { readonly id: string; readonly runtime: string }[]): Promise<void> {
    // nobody ever asked for another
    if (!existsSync(this.#root)) return;
    for (const entry of readdirSync(this.#root)) {
      const name = decodeURIComponent(entry);
      // without it an engine was killed before it made anything there
      if (existsSync(join(this.#rootOf(name), PROGRAM))) await this.#other(name);
    }
    for (const { id, runtime } of containers) {
      const other = this.#others.get(runtime);
      if (other !== undefined) this.#makers.set(id, other);
    }
  }

  /** Throws EngineError (FailedPrecondition) when the runtime of that name cannot make containers here. */
  async require(name: string): Promise<{ readonly time: boolean }> {
    if (name === OWN_RUNTIME) return { time: true };
    const known = this.#seen.get(name);
    if (known !== undefined) return known;
    const { namespacesOf, requireProgram } = await import('./external/program.js');
    const program = this.#program(name);
    requireProgram(program);
    const able = { time: namespacesOf(program)?.has('time') === true };
    this.#seen.set(name, able);
    return able;
  }

  async create(options: CreateOptions & { readonly runtime?: string }): Promise<ContainerProcess> {
    const { runtime = OWN_RUNTIME } = options;
    if (runtime === OWN_RUNTIME) return this.#own.create(options);
    const able = await this.require(runtime);
    const other = await this.#other(runtime);
    const process = await other.create({ ...options, spec: inOlderWords(options.spec, able) });
    this.#makers.set(options.id, other);
    return process;
  }

  async delete(id: string, options: { force?: boolean } = {}): Promise<void> {
    await this.#of(id).delete(id, options);
    this.#makers.delete(id);
  }

  /** Of a runtime whose program cannot be asked any more it is said so: the others' containers are there all the same. */
  list(): ContainerState[] {
    const found = this.#own.list();
    for (const [name, other] of this.#others) {
      try {
        for (const state of other.list()) {
          this.#makers.set(state.id, other);
          found.push(state);
        }
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        this.#warn(`containers of the runtime ${name} cannot be listed: ${error.message}`);
      }
    }
    return found;
  }

  start(id: string): Promise<void> {
    return this.#of(id).start(id);
  }

  state(id: string): ContainerState {
    return this.#of(id).state(id);
  }

  kill(id: string, signal: number, options?: { all?: boolean }): Promise<void> {
    return this.#of(id).kill(id, signal, options);
  }

  exec(options: ExecOptions): Promise<ContainerProcess> {
    return this.#of(options.id).exec(options);
  }

  pids(id: string): number[] {
    return this.#of(id).pids(id);
  }

  pause(id: string): Promise<void> {
    return this.#of(id).pause(id);
  }

  resume(id: string): Promise<void> {
    return this.#of(id).resume(id);
  }

  update(id: string, resources: SpecResources): Promise<void> {
    return this.#of(id).update(id, resources);
  }

  spec(id: string): Spec {
    return this.#of(id).spec(id);
  }

  explain(id: string): ExplainedProgram {
    return this.#of(id).explain(id);
  }

  reopen(id: string): ContainerProcess {
    return this.#of(id).reopen(id);
  }

  closeInput(id: string): void {
    this.#of(id).closeInput(id);
  }

  terminal(id: string): number {
    return this.#of(id).terminal(id);
  }

  input(id: string): number {
    return this.#of(id).input(id);
  }

  cgroups(id: string): CgroupManager {
    return this.#of(id).cgroups(id);
  }

  close(): void {
    this.#own.close();
    for (const other of this.#others.values()) other.close();
  }

  #of(id: string): EngineRuntime {
    return this.#makers.get(id) ?? this.#own;
  }

  async #other(name: string): Promise<ExternalRuntime> {
    const { ExternalRuntime } = await import('./external/runtime.js');
    const known = this.#others.get(name);
    if (known !== undefined) return known;
    const root = this.#rootOf(name);
    const kept = join(root, PROGRAM);
    // its containers are there, whether or not the name is configured any more
    const program = this.#programs[name] ?? readFileSync(kept, 'utf8');
    mkdirSync(root, { recursive: true, mode: 0o711 });
    replaceFileSync(kept, program);
    const other = new ExternalRuntime({ program, root, reactor: this.#reactor });
    this.#others.set(name, other);
    return other;
  }

  #program(name: string): string {
    const program = this.#programs[name];
    if (program === undefined) throw new EngineError('InvalidArgument', `unknown or invalid runtime name: ${name}`);
    return program;
  }

  /** A name may be a path: GLASSBOX_RUNTIME. */
  #rootOf(name: string): string {
    return join(this.#root, encodeURIComponent(name));
  }
}

/**
 * Docker's config in the words of runtimes of before runtime-spec 1.1: the domain name as the sysctl that it is (moby,
 * daemon/oci_linux.go), and no time namespace, which is there wherever the kernel has them, for one that does not know it.
 */
function inOlderWords({ domainname, ...spec }: Spec, able: { readonly time: boolean }): Spec {
  const namespaces = spec.linux.namespaces.filter(
    ({ type, path }) => able.time || type !== 'time' || path !== undefined,
  );
  const sysctl = domainname === undefined ? {} : { 'kernel.domainname': domainname };
  return { ...spec, linux: { ...spec.linux, namespaces, sysctl: { ...sysctl, ...spec.linux.sysctl } } };
}
