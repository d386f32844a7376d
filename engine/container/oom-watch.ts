import { EngineError } from '../kernel/errors.js';
import type { ContainerDeps } from './deps.js';

/**
 * Whether a container with a limit of memory has run out of it in this run: told when it happens, also where the kernel may
 * kill nobody (`--oom-kill-disable`) or kills a child that the container survives. moby, daemon/monitor.go (EventOOM).
 */
export class OomWatch {
  readonly #deps: Pick<ContainerDeps, 'runtime' | 'reactor'>;
  readonly #id: string;
  #stop: (() => void) | null = null;
  #told = false;

  constructor(deps: Pick<ContainerDeps, 'runtime' | 'reactor'>, id: string) {
    this.#deps = deps;
    this.#id = id;
  }

  /** Call back whenever it happens, until `over`. */
  begin(onOom: () => void): void {
    const { runtime, reactor } = this.#deps;
    this.#stop = runtime.cgroups(this.#id).onOom(reactor, () => {
      this.#told = true;
      onOom();
    });
  }

  /** The run is over: whether it has happened, and whether nobody was told of it yet. */
  over(): { readonly happened: boolean; readonly untold: boolean } {
    this.end();
    const killed = this.#kills() > 0;
    return { happened: killed || this.#told, untold: killed && !this.#told };
  }

  end(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #kills(): number {
    try {
      return this.#deps.runtime.cgroups(this.#id).oomKills();
    } catch (error) {
      if (error instanceof EngineError || (error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
      throw error;
    }
  }
}
