import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dockerDefaultSpec } from '../../engine/policy/default-spec.js';
import { documentOf } from '../../engine/runtime/external/document.js';
import type { Spec } from '../../engine/runtime/spec/types.js';
import { hierarchies } from '../helpers/oci/world.js';

export interface Bundle {
  readonly id: string;
  readonly bundle: string;
  readonly spec: Spec;
}

/** Where a benchmark of runtimes happens: an image of busybox, bundles with Docker's default config, a group for their groups. */
export class Yard {
  readonly root = '/run/bench';
  readonly #group: string;
  readonly null = openSync('/dev/null', 'r+');

  constructor() {
    this.#group = `/glassbox-bench-${/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1]}`;
    for (const name of ['bin', 'dev', 'proc', 'sys', 'etc', 'tmp'])
      mkdirSync(`${this.root}/rootfs/${name}`, { recursive: true });
    const busybox = execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim();
    cpSync(busybox, `${this.root}/rootfs/bin/busybox`);
    for (const name of ['true', 'sleep', 'sh']) symlinkSync('busybox', `${this.root}/rootfs/bin/${name}`);
    for (const directory of hierarchies()) mkdirSync(directory + this.#group);
  }

  /** What every runtime is given: the default of `docker run`, without a time namespace, which runc 1.1 does not know. */
  bundle(id: string, args: readonly string[]): Bundle {
    const bundle = `${this.root}/bundles/${id}`;
    const spec = dockerDefaultSpec({
      rootfs: `${this.root}/rootfs`,
      args,
      cgroup: existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'v2' : 'v1',
      cgroupsPath: `${this.#group}/${id}`,
      timeNamespace: false,
    });
    mkdirSync(bundle, { recursive: true });
    writeFileSync(`${bundle}/config.json`, documentOf(spec));
    return { id, bundle, spec };
  }

  /** Groups below the yard's own. */
  groups(): string[] {
    return hierarchies().flatMap((directory) => below(directory + this.#group));
  }

  /** Only the groups outlive the sandbox. */
  clear(): void {
    for (const path of this.groups().reverse()) rmdirSync(path);
    for (const directory of hierarchies()) rmdirSync(directory + this.#group);
  }
}

function below(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [`${directory}/${name}`, ...below(`${directory}/${name}`)]);
}

/** proc_pid_smaps(5): memory that is its own, and its share of what it has with others. */
export function pssKib(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
}

export function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
