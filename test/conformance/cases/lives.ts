import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { parseJson } from '../../../engine/runtime/spec/json.js';
import { parseResources, parseSpec } from '../../../engine/runtime/spec/parse.js';
import type { Spec, SpecProcess } from '../../../engine/runtime/spec/types.js';
import type { ContainerProcess, OciRuntime, Stdio } from '../../../engine/runtime/types.js';
import type { Config } from '../../helpers/oci/config.js';
import { probeReport, type Report } from '../../helpers/oci/normalise.js';
import { decodeRaw } from '../../helpers/oci/raw-probe.js';
import { Terminal } from '../../helpers/oci/terminal.js';
import { hierarchies, type World } from '../../helpers/oci/world.js';

/** One thing after another with the containers of a runtime, told as sections that must be the same with every runtime. */
export interface Life {
  readonly name: string;
  readonly live: (stage: Stage) => Promise<void>;
}

const PATIENCE_MS = 45_000;
const SIGTERM = 15;
const SIGKILL = 9;
const MB = 1 << 20;

/** A runtime, a fresh world, and what was seen so far. */
export class Stage {
  readonly runtime: OciRuntime;
  readonly world: World;
  readonly config: Config;
  readonly report: Record<string, readonly string[]> = {};
  #processes: ContainerProcess[] = [];
  #descriptors: number[] = [];

  constructor(runtime: OciRuntime, world: World) {
    this.runtime = runtime;
    this.world = world;
    this.config = world.reset();
  }

  get id(): string {
    return this.world.id;
  }

  /** The config as it is now, as the runtimes take it. */
  spec(): Spec {
    return parseSpec(parseJson(JSON.stringify(this.config)));
  }

  /** The config as the bundle's own file, unless the runtime is to be told something that the file does not say. */
  writeConfig(): void {
    writeFileSync(`${this.world.bundle}/config.json`, JSON.stringify(this.config));
  }

  /** Descriptors of a process that prints into a file of that name. */
  stdio(name: string): Stdio {
    const input = openSync('/dev/null', 'r');
    const output = openSync(`${this.world.output}/${name}`, 'w+');
    this.#descriptors.push(input, output);
    return [input, output, output];
  }

  async create(args?: readonly string[], spec: Spec = this.spec()): Promise<ContainerProcess> {
    const made = await this.runtime.create({
      id: this.id,
      bundle: this.world.bundle,
      spec: args === undefined ? spec : { ...spec, process: { ...(spec.process as SpecProcess), args } },
      stdio: this.stdio('main'),
    });
    this.#processes.push(made);
    return made;
  }

  async exec(args: readonly string[], change: Partial<SpecProcess> = {}): Promise<ContainerProcess> {
    const { process } = this.spec();
    const made = await this.runtime.exec({
      id: this.id,
      process: { ...(process as SpecProcess), args, ...change },
      stdio: this.stdio('exec'),
    });
    this.#processes.push(made);
    return made;
  }

  /** What a process printed, in sections. */
  printed(name: 'main' | 'exec', bytes: Buffer = readFileSync(`${this.world.output}/${name}`)): Report {
    return probeReport(decodeRaw(bytes), this.world.namespaces());
  }

  /** Put an answer into the report: the value, or the kind of error. */
  async note(name: string, act: () => unknown): Promise<void> {
    try {
      const value = await act();
      this.report[name] = (Array.isArray(value) ? value : [value]).map((line) => String(line));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.report[name] = [`refused: ${(error as { code?: string }).code}: ${error.message}`];
    }
  }

  /** Wait until a process has printed something: then it runs, and is set up. */
  async heard(name: 'main' | 'exec'): Promise<void> {
    await until(`${name} to print`, () => readFileSync(`${this.world.output}/${name}`).length > 0);
  }

  async end(): Promise<void> {
    if (this.runtime.list().some(({ id }) => id === this.id)) await this.runtime.delete(this.id, { force: true });
    for (const process of this.#processes) process.dispose();
    for (const fd of this.#descriptors) closeSync(fd);
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A container that runs until it is killed, and does not mind what else happens. */
const RUNNING = ['/bin/sh', '-c', 'echo here; exec sleep 1000'];

async function running(stage: Stage): Promise<ContainerProcess> {
  const process = await stage.create(RUNNING);
  await stage.runtime.start(stage.id);
  await stage.heard('main');
  return process;
}

/** Value of a control file of the container's group. */
function groupFile({ world }: Stage, name: string): string {
  const controller = name.slice(0, name.indexOf('.'));
  const directory = hierarchies().find((path) => path.split('/').at(-1) === controller);
  if (directory === undefined) throw new Error(`no hierarchy has the controller ${controller}`);
  return readFileSync(`${directory}${world.cgroup}/one/${name}`, 'utf8').trim();
}

async function view(stage: Stage): Promise<void> {
  stage.writeConfig();
  const process = await stage.create();
  await stage.runtime.start(stage.id);
  await stage.note('exit', () => process.wait());
  Object.assign(stage.report, stage.printed('main'));
}

/** What Docker and people ask for most, at once. */
function rich({ config, world }: Stage): void {
  config.process.rlimits = [
    { type: 'RLIMIT_NOFILE', soft: 512, hard: 1024 },
    { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
  ];
  config.process.env.push('EMPTY=', 'QUOTED="a b"', 'UTF8=容器');
  config.process.user = { uid: 1000, gid: 1000, additionalGids: [50], umask: 0o027 };
  config.process.cwd = '/data';
  config.process.noNewPrivileges = true;
  config.process.oomScoreAdj = 300;
  config.hostname = 'rich';
  config.root.readonly = true;
  config.linux.sysctl = { 'net.ipv4.ip_unprivileged_port_start': '0' };
  config.linux.resources = { ...config.linux.resources, memory: { limit: 64 * MB }, pids: { limit: 32 } };
  config.mounts.push(
    { destination: '/mnt', type: 'bind', source: world.tree, options: ['rbind', 'ro', 'rprivate'] },
    { destination: '/data/dir', type: 'tmpfs', source: 'tmpfs', options: ['nodev', 'size=1m', 'mode=1777'] },
    { destination: '/data/file', type: 'bind', source: `${world.host}/file`, options: ['bind'] },
  );
  config.linux.devices = [{ path: '/dev/loop-control', type: 'c', major: 10, minor: 237, fileMode: 0o600 }];
  config.linux.seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_AARCH64'],
    syscalls: [
      { names: ['chmod', 'fchmodat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 },
      { names: ['kill'], action: 'SCMP_ACT_ERRNO', args: [{ index: 1, value: SIGTERM, op: 'SCMP_CMP_EQ' }] },
    ],
  };
  writeFileSync(
    `${world.rootfs}/probe-more`,
    'chmod 600 /dev/shm; kill -15 1; echo $?; kill -0 $$; echo $?; cat /sys/fs/cgroup/nothing\n',
  );
}

export const LIVES: readonly Life[] = [
  { name: 'what a process sees', live: view },
  {
    name: 'what a process sees with many wishes',
    live: async (stage) => {
      rich(stage);
      await view(stage);
    },
  },
  {
    name: 'what a process sees of its groups',
    live: async (stage) => {
      const options = ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'];
      stage.config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options });
      await view(stage);
    },
  },
  {
    name: 'a terminal that is sent over a socket',
    live: async (stage) => {
      stage.config.process.terminal = true;
      stage.writeConfig();
      const terminal = await Terminal.listen(`${stage.world.output}/console`);
      try {
        const process = await stage.runtime.create({
          id: stage.id,
          bundle: stage.world.bundle,
          spec: stage.spec(),
          stdio: stage.stdio('main'),
          console: { kind: 'socket', path: terminal.path },
        });
        await stage.runtime.start(stage.id);
        await stage.note('exit', () => process.wait());
        Object.assign(stage.report, stage.printed('main', await terminal.output()));
        process.dispose();
      } finally {
        terminal.close();
      }
    },
  },
  {
    name: 'a spec that is not the one in the bundle',
    live: async (stage) => {
      stage.writeConfig();
      Object.assign(stage.config.process, { env: ['PATH=/bin', 'WORD=other'] });
      stage.config.mounts.push({ destination: '/mnt', source: '../host/dir', options: ['bind', 'ro'] });
      const spec = stage.spec();
      // above 2^53, so that a number that went through a double is another one
      const limits = [{ type: 'RLIMIT_FSIZE', soft: 2n ** 60n + 1n, hard: 2n ** 64n - 1n }];
      const process = await stage.create(undefined, {
        ...spec,
        process: { ...(spec.process as SpecProcess), rlimits: limits },
      });
      await stage.note('bundle', () => stage.runtime.state(stage.id).bundle);
      await stage.note('spec', () => stage.runtime.spec(stage.id).process?.env);
      await stage.runtime.start(stage.id);
      await stage.note('exit', () => process.wait());
      Object.assign(stage.report, stage.printed('main'));
    },
  },
  {
    name: 'exit codes',
    live: async (stage) => {
      const ends = { seven: 'exit 7', 'a signal': 'kill -9 $$ & sleep 1; exit 3', none: 'true' };
      for (const [name, script] of Object.entries(ends)) {
        const process = await stage.create(['/bin/sh', '-c', script]);
        await stage.runtime.start(stage.id);
        await stage.note(name, async () => [await process.wait(), await process.wait()]);
        await stage.runtime.delete(stage.id);
      }
      await stage.note('no program', () => stage.create(['/bin/nowhere']));
      await stage.note('no container', () => stage.runtime.state(stage.id));
    },
  },
  {
    name: 'from create to delete',
    live: async (stage) => {
      const { runtime, id } = stage;
      const process = await stage.create(RUNNING);
      const status = (): string => {
        const state = runtime.state(id);
        return `${state.id === id} ${state.status} ${state.pid === process.pid} ${state.rootfs} ${state.bundle}`;
      };
      await stage.note('created', status);
      await stage.note('again', () => stage.create(RUNNING));
      await stage.note('exec before start', async () => (await stage.exec(['true'])).wait());
      await stage.note('start', () => runtime.start(id));
      await stage.heard('main');
      await stage.note('running', status);
      await stage.note('start again', () => runtime.start(id));
      await stage.note('listed', () => runtime.list().map((one) => `${one.id === id} ${one.status}`));
      await stage.note('pids', () => runtime.pids(id).map((pid) => pid === process.pid));
      await stage.note('delete while it runs', () => runtime.delete(id));
      await stage.note('kill', () => runtime.kill(id, SIGKILL));
      await stage.note('exit', () => process.wait());
      await stage.note('stopped', () => `${runtime.state(id).status} ${runtime.state(id).pid}`);
      await stage.note('kill when stopped', () => runtime.kill(id, SIGKILL));
      await stage.note('delete', () => runtime.delete(id));
      for (const act of ['start', 'kill', 'delete', 'pause', 'state', 'pids', 'spec'] as const)
        await stage.note(`${act} when deleted`, () => runtime[act](id, SIGKILL as never));
      await stage.note('delete by force when deleted', () => runtime.delete(id, { force: true }));
      await stage.note('nothing listed', () => runtime.list().length);
      await stage.note('groups', () => stage.world.groups());
    },
  },
  {
    name: 'deleted before it is started',
    live: async (stage) => {
      const process = await stage.create(RUNNING);
      await stage.note('delete', () => stage.runtime.delete(stage.id));
      await stage.note('gone', () => process.wait().then((code) => code > 0));
      await stage.note('groups', () => stage.world.groups());
    },
  },
  {
    name: 'exec',
    live: async (stage) => {
      await running(stage);
      await stage.note('exit 5', async () => (await stage.exec(['/bin/sh', '-c', 'exit 5'])).wait());
      await stage.note('no program', async () => (await stage.exec(['/bin/nowhere'])).wait());
      const changed = { user: { uid: 1000, gid: 50, additionalGids: [1000] }, cwd: '/data', env: ['PATH=/bin', 'A=b'] };
      const process = await stage.exec(['/bin/sh', '/probe'], changed);
      await stage.note('exit', () => process.wait());
      Object.assign(stage.report, stage.printed('exec'));
      const long = await stage.exec(['/bin/sh', '-c', 'echo here; exec sleep 1000']);
      await stage.heard('exec');
      await stage.note('pids', () => stage.runtime.pids(stage.id).length);
      long.kill(SIGTERM);
      await stage.note('killed', () => long.wait());
    },
  },
  {
    name: 'kill',
    live: async (stage) => {
      const script = 'trap "exit 44" TERM; echo here; while true; do sleep 0.05; done';
      const process = await stage.create(['/bin/sh', '-c', script]);
      await stage.runtime.start(stage.id);
      await stage.heard('main');
      const other = await stage.exec(['sleep', '1000']);
      await stage.note('kill', () => stage.runtime.kill(stage.id, SIGTERM));
      // both at once: a pid namespace's first process cannot end before somebody has waited for the last of the others
      await stage.note('exits', () => Promise.all([process.wait(), other.wait()]));
      await stage.runtime.delete(stage.id);
      const killed = await running(stage);
      await stage.note('no such signal', () => stage.runtime.kill(stage.id, 0));
      await stage.note('kill all', () => stage.runtime.kill(stage.id, SIGKILL, { all: true }));
      await stage.note('all killed', () => killed.wait());
    },
  },
  {
    name: 'pause and resume',
    live: async (stage) => {
      const { runtime, id } = stage;
      const process = await running(stage);
      const status = (): string => runtime.state(id).status;
      await stage.note('resume before pause', () => runtime.resume(id));
      await stage.note('pause', () => runtime.pause(id));
      await stage.note('paused', () => [status(), groupFile(stage, 'freezer.state')]);
      await stage.note('exec', async () => (await stage.exec(['true'])).wait());
      await stage.note('pause again', () => runtime.pause(id));
      await stage.note('resume', () => runtime.resume(id));
      await stage.note('resumed', () => [status(), groupFile(stage, 'freezer.state')]);
      await runtime.pause(id);
      await stage.note('kill while paused', () => runtime.kill(id, SIGKILL));
      await stage.note('exit', () => process.wait());
    },
  },
  {
    name: 'update',
    live: async (stage) => {
      stage.config.linux.resources = { ...stage.config.linux.resources, memory: { limit: 64 * MB } };
      await running(stage);
      const files = ['memory.limit_in_bytes', 'cpu.shares', 'cpu.cfs_quota_us', 'pids.max'];
      const values = (): string[] => files.map((name) => `${name} ${groupFile(stage, name)}`);
      await stage.note('before', values);
      const wish = {
        memory: { limit: 32 * MB },
        cpu: { shares: 512, quota: 20000, period: 100000 },
        pids: { limit: 9 },
      };
      await stage.note('update', () => stage.runtime.update(stage.id, parseResources(wish)));
      await stage.note('after', values);
      await stage.note('remembered', () => stage.runtime.spec(stage.id).linux.resources.pids?.limit);
      const impossible = parseResources({ cpu: { quota: 1, period: 100000 } });
      await stage.note('impossible', () =>
        stage.runtime.update(stage.id, impossible).then(
          () => 'possible',
          (error: { code?: string }) => error.code,
        ),
      );
      await stage.note('after the impossible', values);
    },
  },
];
