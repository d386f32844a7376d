import type { ImageService } from '../image/types.js';
import type { Journal } from '../kernel/journal/journal.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Reactor } from '../kernel/reactor.js';
import type { NetworkService } from '../network/types.js';
import type { ContainerProcess, CreateOptions, EngineRuntime } from '../runtime/types.js';
import type { VolumeService } from '../volume/types.js';
import type { EventLog } from './events.js';
import type { SpecMachine } from './spec/input.js';
import type { VerifyFacts } from './spec/verify.js';
import type { ContainerStore } from './store.js';

/** The runtimes of an engine; without a name a container is made with our own. */
export interface ContainerRuntime extends EngineRuntime {
  create(options: CreateOptions & { readonly runtime?: string }): Promise<ContainerProcess>;
}

/** What containers are made with. */
export interface ContainerDeps {
  readonly kernel: Kernel;
  readonly reactor: Reactor;
  readonly store: ContainerStore;
  readonly images: ImageService;
  readonly networks: NetworkService;
  readonly volumes: VolumeService;
  readonly runtime: ContainerRuntime;
  /** What a container is made with that names none: a name of `facts().runtimes`. */
  readonly defaultRuntime: string;
  readonly events: EventLog;
  readonly machine: SpecMachine;
  readonly facts: () => VerifyFacts;
  /** Group below which containers get theirs: `/docker`, or where the engine itself is when it is not at the top. */
  readonly cgroupParent: string;
  /** Overlay marks in `user.overlay.*`: in a user namespace. */
  readonly userxattr?: boolean;
  /** Name servers, search domains and options of containers that name none: `dns` of daemon.json. */
  readonly dns?: {
    readonly nameservers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  /** For what ends with the machine: below /run. */
  readonly execRoot: string;
  /** The address of the machine as containers on the default bridge see it; undefined where there is no bridge. */
  readonly hostGateway?: string;
  /** Told what nobody waits for: a line for the engine's own log. */
  readonly warn: (message: string) => void;
  /** Called before each step that has a side effect: for tests that kill the engine there. */
  readonly at?: (step: string) => void;
  /** Keeps what is done without a request: at the end of a process, by a restart policy, by a health check. */
  readonly journal?: Journal;
}
