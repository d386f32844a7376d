import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SyscallError } from '../kernel/errors.js';
import { check } from '../kernel/kernel.js';
import type { Reactor } from '../kernel/reactor.js';
import { type Refusal, refuseClients } from './docker-refusal.js';
import { DEFAULT_ENV, execInLab, type LabProcess, startInLab } from './exec.js';
import type { LabHost } from './lab-host.js';
import { DOCKER_SOCKET_FD } from './program.js';
import { systemctlScript } from './systemctl.js';

/**
 * Where a lab's engine keeps its data: not on the lab's root, which is an overlay, but in a directory of its /root, which is a
 * real file system; under Docker's kind of path where that can be mounted: once, for a second mount would hide those of the containers that
 * run on when an engine is killed.
 */
export const DOCKER_DATA = { path: '/root/.local/share/glassbox', alias: '/var/lib/glassbox' } as const;

const LOG = '/run/glassbox/engine.log';
/**
 * The engine listens on the lab's socket, fd 0, as by `-H fd://` of Docker's unit. Who takes that flag out of the unit, as one does to give
 * `hosts` in daemon.json, has those: the lab's socket among them is the one that is open already.
 */
const START = `
data=${DOCKER_DATA.path}
mkdir -p "$data" ${DOCKER_DATA.alias} /run/glassbox /etc/docker
[ "$data" -ef ${DOCKER_DATA.alias} ] || mount --bind "$data" ${DOCKER_DATA.alias} 2>/dev/null
[ "$data" -ef ${DOCKER_DATA.alias} ] && data=${DOCKER_DATA.alias}
cd /
unit=$(cat /usr/lib/systemd/system/docker.service /etc/systemd/system/docker.service /etc/systemd/system/docker.service.d/*.conf 2>/dev/null | grep '^ExecStart=.' | tail -n 1)
case $unit in
'' | *' -H'* | *' --host'*) set -- "$@" -H fd://0 ;;
*)
  if grep -q '"hosts"' /etc/docker/daemon.json 2>/dev/null; then
    sed 's#unix:///\\(var/\\)\\{0,1\\}run/docker.sock#fd://0#g' /etc/docker/daemon.json >/run/glassbox/daemon.json
    set -- "$@" --config-file /run/glassbox/daemon.json
  else
    set -- "$@" -H fd://0
  fi
  ;;
esac
exec "$@" --data-root "$data" --exec-root /run/glassbox >>${LOG} 2>&1
`;
/** Who ends sooner than this has not started. */
const STARTING_MS = 2000;
const TRIES = 3;
/** The engine ended by itself and has written why. */
const SAID_WHY = 1;

/** This installation's commands as they are called in a lab, where the machine's files are. */
function commandOf(name: 'glassbox' | 'glassbox-docker'): string[] {
  return [process.execPath, fileURLToPath(new URL(`../../bin/${name}.mjs`, root()))];
}

/** Of the built engine and of its sources the same directory is two levels up. */
function root(): URL {
  return import.meta.url.endsWith('.ts') ? new URL('./x', import.meta.url) : new URL('../x', import.meta.url);
}

/**
 * Shell lines for the lab's beginning: where the machine has no docker or glassbox command, ours takes its name; nothing happens where the
 * lab does not see this installation. And what `systemctl restart docker` is in a lab.
 */
export function dockerCommandScript(): string {
  return `${nameScript('docker', 'glassbox-docker')}
${nameScript('glassbox', 'glassbox')}
${systemctlScript()}
true`;
}

function nameScript(name: string, command: 'glassbox' | 'glassbox-docker'): string {
  const [node = '', file = ''] = commandOf(command);
  const place = `/usr/local/bin/${name}`;
  return `command -v ${name} >/dev/null || [ ! -e '${file}' ] || { mkdir -p /usr/local/bin && printf '#!/bin/sh\\nexec %s -- %s "$@"\\n' '${node}' '${file}' >${place} && chmod +x ${place}; } 2>/dev/null`;
}

/** The container engine of a lab: not there until somebody connects to /run/docker.sock, and there again when it was killed. */
export class LabDocker {
  readonly #host: LabHost;
  readonly #reactor: Reactor;
  readonly #socket: number;
  readonly #poke: () => void;
  #stop: (() => void) | null = null;
  #process: LabProcess | null = null;
  #refusal: Refusal | null = null;
  #failures = 0;
  #closed = false;

  constructor(host: LabHost, reactor: Reactor, poke: () => void) {
    this.#host = host;
    this.#reactor = reactor;
    this.#poke = poke;
    this.#socket = this.#takeSocket();
    this.#watch();
  }

  #takeSocket(): number {
    return check(this.#host.kernel, 'pidfd_getfd', [this.#host.pidfd, DOCKER_SOCKET_FD, 0], {
      while: "taking the lab's docker socket",
    });
  }

  /** Null when the lab's pid 1 has just ended. */
  #trySocket(): number | null {
    try {
      return this.#takeSocket();
    } catch (error) {
      if (error instanceof SyscallError && ['ESRCH', 'EBADF'].includes(error.errno)) return null;
      throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop?.();
    this.#refusal?.close();
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
        argv: ['/bin/sh', '-c', START, 'engine', ...commandOf('glassbox'), 'engine'],
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
    void this.#process.ended.then(async ({ exitCode }) => {
      this.#process = null;
      this.#poke();
      if (performance.now() - begun >= STARTING_MS || exitCode === 0) this.#failures = 0;
      else this.#failures = exitCode === SAID_WHY ? TRIES : this.#failures + 1;
      if (this.#failures >= TRIES) await this.#refuse();
      this.#watch();
    });
  }

  /** Who waits is told why, instead of waiting for ever; who comes later has the engine started once more. */
  async #refuse(): Promise<void> {
    this.#failures = 0;
    const log = await execInLab(this.#host, this.#reactor, {
      // Node ends what it says of an error with its version
      argv: ['sh', '-c', 'grep -E "^(failed to start daemon|[A-Za-z]*Error)\\b" "$0" | tail -n 1', LOG],
      cwd: '/',
      timeoutMs: 5000,
    }).catch(() => null); // the lab has ended, and with it who waits
    if (this.#closed || log === null) return;
    const why = log.exitCode === 0 ? log.stdout.trim() : '';
    const socket = this.#trySocket();
    if (socket === null) return;
    this.#refusal = refuseClients(socket, why === '' ? `the engine did not start; see ${LOG}` : why);
    await this.#refusal.done;
    this.#refusal = null;
  }
}
