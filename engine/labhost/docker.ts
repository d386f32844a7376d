import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { check } from '../kernel/kernel.js';
import type { Reactor } from '../kernel/reactor.js';
import { DEFAULT_ENV, type LabProcess, startInLab } from './exec.js';
import type { LabHost } from './lab-host.js';
import { DOCKER_SOCKET_FD } from './program.js';

/**
 * Where a lab's engine keeps its data: not on the lab's root, which is an overlay, but in a directory of its /root, which is a
 * real file system; under Docker's kind of path where that can be mounted.
 */
export const DOCKER_DATA = { path: '/root/.local/share/glassbox', alias: '/var/lib/glassbox' } as const;

const START = `
data=${DOCKER_DATA.path}
mkdir -p "$data" ${DOCKER_DATA.alias} /run/glassbox /etc/docker
mount --bind "$data" ${DOCKER_DATA.alias} 2>/dev/null && data=${DOCKER_DATA.alias}
cd /
exec "$@" --data-root "$data" --exec-root /run/glassbox >>/run/glassbox/engine.log 2>&1
`;
const SHUT_RDWR = 2;
/** Who ends sooner than this has not started. */
const STARTING_MS = 2000;
const TRIES = 3;

/** This installation's commands as they are called in a lab, where the machine's files are. */
function commandOf(name: 'glassbox' | 'glassbox-docker'): string[] {
  return [process.execPath, fileURLToPath(new URL(`../../bin/${name}.mjs`, root()))];
}

/** Of the built engine and of its sources the same directory is two levels up. */
function root(): URL {
  return import.meta.url.endsWith('.ts') ? new URL('./x', import.meta.url) : new URL('../x', import.meta.url);
}

/**
 * A shell line for the lab's beginning: where the machine has no docker command, ours takes its name. Nothing happens where the lab does not
 * see this installation.
 */
export function dockerCommandScript(): string {
  const [node = '', file = ''] = commandOf('glassbox-docker');
  return `command -v docker >/dev/null || [ ! -e '${file}' ] || { printf '#!/bin/sh\\nexec %s -- %s "$@"\\n' '${node}' '${file}' >/usr/local/bin/docker && chmod +x /usr/local/bin/docker; } 2>/dev/null; true`;
}

/** The container engine of a lab: not there until somebody connects to /run/docker.sock, and there again when it was killed. */
export class LabDocker {
  readonly #host: LabHost;
  readonly #reactor: Reactor;
  readonly #socket: number;
  readonly #poke: () => void;
  #stop: (() => void) | null = null;
  #process: LabProcess | null = null;
  #failures = 0;
  #closed = false;

  constructor(host: LabHost, reactor: Reactor, poke: () => void) {
    this.#host = host;
    this.#reactor = reactor;
    this.#poke = poke;
    this.#socket = check(host.kernel, 'pidfd_getfd', [host.pidfd, DOCKER_SOCKET_FD, 0], {
      while: "taking the lab's docker socket",
    });
    this.#watch();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop?.();
    closeSync(this.#socket);
  }

  #watch(): void {
    if (this.#closed) return;
    this.#stop = this.#reactor.watch(this.#socket, () => {
      this.#stop?.();
      this.#stop = null;
      this.#start();
    });
  }

  #start(): void {
    const begun = performance.now();
    const nothing = openSync('/dev/null', 'r+');
    try {
      this.#process = startInLab(this.#host, this.#reactor, {
        argv: ['/bin/sh', '-c', START, 'engine', ...commandOf('glassbox'), 'engine', '-H', 'fd://0'],
        env: Object.entries(DEFAULT_ENV).map(([name, value]) => `${name}=${value}`),
        cwd: '/',
        stdio: [this.#socket, nothing, nothing],
        session: 'new',
        tty: false,
        netFd: null,
      });
    } finally {
      closeSync(nothing);
    }
    void this.#process.ended.then(() => {
      this.#process = null;
      this.#poke();
      this.#failures = performance.now() - begun < STARTING_MS ? this.#failures + 1 : 0;
      // who waits is told, instead of waiting for ever: no connection is taken any more
      if (this.#failures >= TRIES) this.#host.kernel.call('shutdown', this.#socket, SHUT_RDWR);
      else this.#watch();
    });
  }
}
