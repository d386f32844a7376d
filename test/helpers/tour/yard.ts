import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { must } from '../docker/fences.js';

/** Where an engine's own files are, on the yard's own /run. The same in every yard, so that no output tells them apart. */
export const PLACE = '/run/tour';
/** Where a Docker client looks by itself. */
export const SOCKET = '/run/docker.sock';

const SCRIPT = fileURLToPath(new URL('./yard.sh', import.meta.url));
const NAMESPACES = [
  '--mount',
  '--net',
  '--pid',
  '--uts',
  '--ipc',
  '--cgroup',
  '--fork',
  '--kill-child',
  '--mount-proc',
];

/** An engine in namespaces of its own: all it does to mounts, network, names and cgroups ends with it. */
export class Yard {
  readonly name: string;
  readonly #child: ChildProcess;
  #pid = 0;
  #complaints = '';

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    child.stderr?.on('data', (bytes: Buffer) => {
      this.#complaints += bytes.toString();
    });
  }

  /** Make a yard and start an engine in it. `group` is the cgroup, below which all groups of the yard are. */
  static async open(name: string, group: string, engine: readonly string[]): Promise<Yard> {
    const groups = makeGroups(join(group, name));
    const enter = 'n=$1; shift; while [ $n -gt 0 ]; do echo 0 >"$1/cgroup.procs"; shift; n=$((n-1)); done; exec "$@"';
    const command = ['unshare', ...NAMESPACES, 'sh', SCRIPT, PLACE, ...engine];
    const child = spawn('sh', ['-c', enter, 'enter', String(groups.length), ...groups, ...command], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await once(child, 'spawn');
    const yard = new Yard(name, child);
    await yard.#ready();
    return yard;
  }

  /** Its pid 1, as seen from where the yard was made. */
  get pid(): number {
    return this.#pid;
  }

  /** The command line that runs a program in the yard. */
  inside(program: string, args: readonly string[]): [string, string[]] {
    const flags = ['-t', String(this.#pid), '-m', '-n', '-p', '-u', '-i', '-C'];
    return ['nsenter', [...flags, '--wd=/', program, ...args]];
  }

  run(program: string, ...args: string[]): string {
    return must(...this.inside(program, args));
  }

  /** The end of its log, where the yard is there to be asked. */
  #lastWords(): string {
    const done = spawnSync(...this.inside('tail', ['-n', '30', join(PLACE, 'log')]), { encoding: 'utf8' });
    return done.status === 0 ? done.stdout : done.stderr;
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const children = readFileSync(`/proc/${this.#child.pid}/task/${this.#child.pid}/children`, 'utf8').trim();
      if (/^\d+$/.test(children)) this.#pid = Number(children);
      if (this.#pid !== 0) {
        const done = spawnSync(...this.inside('docker', ['version']), { encoding: 'utf8', timeout: 5000 });
        if (done.status === 0) return;
      }
      if (this.#child.exitCode !== null || performance.now() > deadline)
        throw new Error(`the engine of ${this.name} does not start: ${this.#complaints}\n${this.#lastWords()}`);
      await sleep(50);
    }
  }

  /** End all its processes. Its groups are the caller's to remove. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    process.kill(this.#pid, 'SIGKILL');
    await exited;
  }
}

/** The yard's group in every hierarchy of the machine; a cpuset must be given its processors before a process. */
function makeGroups(name: string): string[] {
  const top = '/sys/fs/cgroup';
  const hierarchies = existsSync(join(top, 'cgroup.controllers'))
    ? [top]
    : readdirSync(top, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? [join(top, entry.name)] : [],
      );
  return hierarchies.map((hierarchy) => {
    let path = hierarchy;
    for (const part of name.split('/')) {
      const above = path;
      path = join(path, part);
      mkdirSync(path, { recursive: true });
      for (const file of ['cpuset.cpus', 'cpuset.mems'])
        if (existsSync(join(path, file)) && hierarchy !== top)
          writeFileSync(join(path, file), readFileSync(join(above, file)));
    }
    return path;
  });
}
