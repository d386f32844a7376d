import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { baseConfig, type Config } from './config.js';
import { rawProbe } from './raw-probe.js';

/** What the probe uses; a rootfs has nothing else. */
const APPLETS =
  'cat chmod chown cut env false find grep head hostname id ionice ip kill ls mkdir mknod mount nice od printf ps pwd readlink rm sed sh sleep sort stat stty tail test touch tr true umount uname wc'.split(
    ' ',
  );
const BASE = '/run/oci';
const CGROUPS = '/sys/fs/cgroup';

/** The places of one test file: a bundle that is made anew for each run, sources to bind, namespaces to join, a cgroup. */
export class World {
  readonly bundle = `${BASE}/bundle`;
  readonly rootfs = `${BASE}/bundle/rootfs`;
  /** Files outside: `file`, `dir/` (with `inner` and `sub/deep`), `shared/` (for what hooks write), `link` to `dir`. */
  readonly host = `${BASE}/host`;
  /** A tmpfs (nosuid, noatime) with another (nodev) on `below`. */
  readonly tree = `${BASE}/tree`;
  readonly state = `${BASE}/state`;
  readonly output = `${BASE}/output`;
  readonly id: string;
  readonly cgroup: string;
  #holders: ChildProcess[] = [];

  private constructor() {
    const namespace = /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? '';
    this.cgroup = `/glassbox-conformance-${namespace}`;
    this.id = `glassbox-c-${namespace}`;
  }

  static async make(): Promise<World> {
    const world = new World();
    mkdirSync(`${BASE}/template`, { recursive: true });
    makeTemplate(`${BASE}/template`);
    mkdirSync(world.output);
    makeTree(world.tree);
    for (const directory of hierarchies()) mkdirSync(directory + world.cgroup, { recursive: true });
    world.#fillCpuset();
    await world.hold(['--net', '--uts', '--ipc', '--cgroup', '--mount', '--pid', '--time']);
    return world;
  }

  /** A cpuset group takes no process before it has cpus and memory nodes of its own: cpuset(7). */
  #fillCpuset(): void {
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const from = `${CGROUPS}/cpuset/${file}`;
      if (existsSync(from)) writeFileSync(`${CGROUPS}/cpuset${this.cgroup}/${file}`, readFileSync(from));
    }
  }

  /** A process in new namespaces, which ends with the test file at the latest. */
  async hold(flags: readonly string[]): Promise<ChildProcess> {
    const script = 'hostname held; echo ready; exec sleep 3600';
    const child = spawn('unshare', [...flags, '--fork', '--kill-child', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#holders.push(child);
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`unshare ${flags.join(' ')} ended with ${code}`)));
    });
    return child;
  }

  /** Path of the namespace that a process outside holds: `net`, `uts`, `ipc`, `mnt`, `cgroup`, `pid`, `time`. */
  held(kind: string): string {
    const holder = this.#holders[0]?.pid;
    if (holder === undefined) throw new Error('no process holds namespaces');
    return `/proc/${holder}/ns/${kind === 'pid' || kind === 'time' ? `${kind}_for_children` : kind}`;
  }

  /** The namespaces of this process and of the one outside, by their links. */
  namespaces(): Map<string, string> {
    const known = new Map<string, string>();
    for (const kind of readdirSync('/proc/self/ns')) {
      known.set(readlinkSync(`/proc/self/ns/${kind}`), 'of the host');
    }
    for (const kind of ['net', 'uts', 'ipc', 'mnt', 'cgroup', 'pid', 'time']) {
      const link = readlinkSync(this.held(kind));
      if (!known.has(link)) known.set(link, 'joined');
    }
    return known;
  }

  /** Everything as before the first run: the same names, owners and contents. */
  reset(): Config {
    for (const directory of [this.bundle, this.host, this.state]) rmSync(directory, { recursive: true, force: true });
    for (const name of readdirSync(this.output)) rmSync(`${this.output}/${name}`);
    mkdirSync(this.bundle);
    cpSync(`${BASE}/template`, this.rootfs, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    for (const directory of ['dir/sub', 'shared', 'empty']) mkdirSync(`${this.host}/${directory}`, { recursive: true });
    for (const file of ['file', 'dir/inner', 'dir/sub/deep'])
      writeFileSync(`${this.host}/${file}`, `${file} of the host\n`);
    symlinkSync('dir', `${this.host}/link`);
    return baseConfig(`${this.cgroup}/one`);
  }

  /** Groups below the test's own, as `memory/one`. */
  groups(): string[] {
    return hierarchies()
      .flatMap((directory) => below(directory + this.cgroup).map((path) => directory.slice(CGROUPS.length + 1) + path))
      .sort();
  }

  /** Remove the groups that a runtime left below the test's own; those of a process that still lives are an error. */
  removeGroups(): void {
    for (const directory of hierarchies()) {
      const own = directory + this.cgroup;
      for (const path of below(own).reverse()) rmdirSync(own + path);
    }
  }

  dispose(): void {
    for (const holder of this.#holders) holder.kill('SIGKILL');
    this.removeGroups();
    for (const directory of hierarchies()) rmdirSync(directory + this.cgroup);
  }
}

/** Directories of the mounted cgroup hierarchies, v1 and v2. */
export function hierarchies(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${CGROUPS}/`) || path === CGROUPS);
}

function below(directory: string, prefix = ''): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [`${prefix}/${name}`, ...below(`${directory}/${name}`, `${prefix}/${name}`)]);
}

function makeTemplate(root: string): void {
  for (const directory of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'data/dir', 'mnt', 'run']) {
    mkdirSync(`${root}/${directory}`, { recursive: true });
  }
  const busybox = execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim();
  cpSync(busybox, `${root}/bin/busybox`);
  for (const applet of APPLETS) symlinkSync('busybox', `${root}/bin/${applet}`);
  cpSync(fileURLToPath(new URL('probe.sh', import.meta.url)), `${root}/probe`);
  writeFileSync(`${root}/raw-probe`, rawProbe(), { mode: 0o755 });
  writeFileSync(`${root}/etc/passwd`, 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n');
  writeFileSync(`${root}/etc/group`, 'root:x:0:\nuser:x:1000:\nstaff:x:50:user\n');
  writeFileSync(`${root}/data/file`, 'a file of the image\n', { mode: 0o666 });
  writeFileSync(`${root}/data/dir/inner`, 'an inner file of the image\n');
  symlinkSync('dir', `${root}/data/link`);
  symlinkSync('/data/dir', `${root}/data/absolute`);
  symlinkSync('../../../../../../etc', `${root}/data/upwards`);
  writeFileSync(`${root}/data/not-executable`, '#!/bin/sh\necho never\n', { mode: 0o644 });
  writeFileSync(`${root}/data/no-format`, 'neither a script nor a program', { mode: 0o755 });
  writeFileSync(`${root}/data/no-interpreter`, '#!/bin/nowhere\n', { mode: 0o755 });
}

function makeTree(tree: string): void {
  mkdirSync(tree);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'nosuid,noatime,mode=755', 'tree', tree]);
  mkdirSync(`${tree}/below`);
  writeFileSync(`${tree}/leaf`, 'a leaf\n');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'nodev,mode=755', 'below', `${tree}/below`]);
  writeFileSync(`${tree}/below/leaf`, 'a leaf below\n');
}
