import { chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from './checks.js';
import { must, PLACE } from './fences.js';
import { IMAGE } from './image.js';
import type { Slot, Slots } from './slots.js';

/** A user who is not root and has subordinate ids (raiseFences); every Debian has it. */
const NOBODY = 65534;

/** podman with storage, state and temporary files of its own for each runtime; as root, or as a user without rights. */
export class Podman implements Engine {
  readonly name: string;
  readonly image = IMAGE;
  readonly group: string;
  readonly directory: string;
  readonly command: readonly string[];
  readonly #slots: Slots;
  readonly #rootless: boolean;

  constructor(group: string, slots: Slots, options: { rootless: boolean }) {
    this.name = options.rootless ? 'rootless podman' : 'podman';
    this.group = group;
    this.directory = join(PLACE, options.rootless ? 'rootless' : 'podman');
    this.#slots = slots;
    this.#rootless = options.rootless;
    const home = join(this.directory, 'home');
    for (const path of [this.directory, home, ...Object.keys(slots).map((slot) => join(this.directory, slot))]) {
      mkdirSync(path, { recursive: true });
      if (options.rootless) chownSync(path, NOBODY, NOBODY);
    }
    const as = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups --inh-caps=-all`.split(' ');
    const path = `PATH=${process.env['PATH']}:/usr/sbin:/sbin`;
    const environment = ['env', '-i', path, `HOME=${home}`, `TMPDIR=${home}`, 'TERM=xterm'];
    if (options.rootless) environment.push(`XDG_RUNTIME_DIR=${home}`);
    this.command = [
      ...(options.rootless ? as : []),
      ...environment,
      ...'podman --storage-driver overlay --cgroup-manager cgroupfs --events-backend file --log-level error'.split(' '),
    ];
  }

  runFlags(): string {
    return this.#rootless ? '' : `--cgroup-parent /${this.group}`;
  }

  engineFlags(slot: Slot): string {
    const at = (name: string): string => join(this.directory, slot, name);
    return `--root ${at('data')} --runroot ${at('run')} --tmpdir ${at('tmp')} --runtime ${this.#slots[slot]}`;
  }

  /** Run podman itself, and say what it said. */
  podman(slot: Slot, args: readonly string[], input?: Buffer): string {
    const [program = '', ...rest] = [...this.command, ...this.engineFlags(slot).split(' '), ...args];
    return must(program, rest, input);
  }

  /** End the processes that hold the rootless podmans' user namespaces: they are no container's. */
  end(): void {
    for (const slot of Object.keys(this.#slots)) {
      const file = join(this.directory, slot, 'tmp', 'pause.pid');
      if (existsSync(file)) process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
    }
  }
}
