/**
 * The engine with its own runtime and with runc: the same request, the same config, and what the container's process sees of it
 * (namespaces, mounts, capabilities, limits, environment, descriptors, decisions of seccomp), or a difference that is listed.
 * And a container of runc has the life of any other: it outlives the engine, and an engine that is killed in its creation.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';
import { parseCreate } from '../../engine/api/docker/bodies/create.js';
import { Query } from '../../engine/api/docker/bodies/query.js';
import { ApiVersion } from '../../engine/api/docker/version.js';
import { type Engine, openEngine } from '../../engine/docker-daemon.js';
import { nativeAbi } from '../../engine/runtime/seccomp/architectures.js';
import { imageArchive } from '../helpers/docker/image.js';
import { compare, isMeant, type MeantDifference, describe as tell } from '../helpers/oci/compare.js';
import { probeReport, type Report } from '../helpers/oci/normalise.js';
import { rawProbe } from '../helpers/oci/raw-probe.js';
import { staleEntries, why } from '../helpers/oci/suite.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { probesOf } from '../helpers/syscall-probes.js';
import { nativeResults, nativeTester } from '../helpers/syscall-tester.js';

const ROOT = '/run/engine-runtimes';
const PROBES = `${ROOT}/probes`;
const OUT = `${ROOT}/out`;
const CHILD = fileURLToPath(new URL('../helpers/engine-child.ts', import.meta.url));
const RUNC_MISSING = why({ name: 'runc', command: ['runc'] });
const GROUP = `glassbox-engine-runtimes-${/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1]}`;
const CALLS = probesOf(nativeAbi(process.arch === 'arm64' ? 'arm64' : 'x64'));

interface Sight {
  readonly name: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly host?: Readonly<Record<string, unknown>>;
  /** Also issue every system call. */
  readonly calls?: boolean;
}

const MB = 1 << 20;

/** Requests as `docker run` makes them. */
const SIGHTS: readonly Sight[] = [
  { name: 'Docker’s defaults', calls: true },
  {
    name: 'a user, capabilities, limits, environment',
    calls: true,
    body: { User: '1000:1000', Env: ['A=b', 'EMPTY='], WorkingDir: '/srv', Hostname: 'named', Domainname: 'of.it' },
    host: {
      CapAdd: ['NET_ADMIN', 'SYS_PTRACE'],
      CapDrop: ['CHOWN', 'MKNOD'],
      GroupAdd: ['2000'],
      Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
      Memory: 64 * MB,
      NanoCpus: 5e8,
      PidsLimit: 50,
      OomScoreAdj: 300,
      Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' },
    },
  },
  {
    name: 'read-only, with file systems of its own',
    host: {
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'size=1m,mode=1777' },
      Binds: [`${PROBES}:/data:ro`],
      SecurityOpt: ['no-new-privileges'],
      ShmSize: 8 * MB,
      Init: true,
    },
  },
  { name: 'privileged, in namespaces of the machine', host: { Privileged: true, PidMode: 'host', IpcMode: 'host' } },
  { name: 'a terminal', body: { Tty: true } },
];

/** Where a container of runc means to be another than ours. */
const MEANT: readonly MeantDifference[] = [
  {
    cases: /./,
    section: /^namespaces$/,
    reference: /^time of the host\ntime_for_children of the host$/,
    subject: /^time new\ntime_for_children new$/,
    reason: 'runc 1.1 knows no time namespace, as it says itself (`runc features`): its config has none',
  },
  {
    cases: /^(?!privileged)/,
    section: /^mounts$/,
    reference: /^ +0:n \/ \/sys\/fs\/cgroup rw,\S* \[\] tmpfs tmpfs rw,mode=755$/,
    subject: /^ +0:n \/ \/sys\/fs\/cgroup ro,\S* \[\] tmpfs tmpfs rw,mode=755$/,
    reason: 'runc 1.1 leaves the tmpfs around cgroup v1 writable where the config asks for `ro`',
  },
  {
    cases: /^(?!privileged)/,
    section: /^paths$/,
    reference: /^(touch: \/sys\/fs\/cgroup: Permission denied)?$/,
    subject: /^touch: \/sys\/fs\/cgroup: Read-only file system$/,
    reason: 'the same tmpfs',
  },
  {
    cases: /defaults|capabilities/,
    section: /^seccomp$/,
    reference: /^(\w+ 4[56]\d: -38\n?)+$/,
    subject: /^(\w+ 4[56]\d: -(1|7|22)\n?)+$/,
    reason:
      "Docker's profile allows calls that runc's libseccomp 2.5.4 has no names for: there they do not exist (ENOSYS)",
  },
  {
    cases: /^a terminal/,
    section: /^fdflags$/,
    subject: /^(\/proc\/n\/fdinfo\/[012]:flags:\t02000002\n?)+$/,
    reason: 'the terminal is opened through its master (TIOCGPTPEER): the flags of that call are shown, and stay open',
  },
];

const ATTACH = { stdin: true, stdout: true, stderr: true, logs: false, stream: true, detachKeys: null };
const EXEC = {
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  DetachKeys: null,
  Tty: false,
  Env: [],
  Privileged: false,
  User: '',
  WorkingDir: '',
  ConsoleSize: null,
};

let engine: Engine;

async function made(
  name: string,
  runtime: string,
  cmd: readonly string[],
  sight: Omit<Sight, 'name'>,
): Promise<string> {
  const body = {
    Image: 'box',
    Cmd: cmd,
    Hostname: 'box',
    ...sight.body,
    HostConfig: { NetworkMode: 'none', Runtime: runtime, ...sight.host },
  };
  const { request } = parseCreate(new Query(`name=${name}`), body, ApiVersion.negotiate(null));
  return (await engine.services.containers.create(request)).Id;
}

async function logged(id: string): Promise<string> {
  const options = { stdout: true, stderr: true, follow: false, since: 0, until: 0, tail: null };
  const { lines } = await engine.services.containers.logs(id, options);
  const chunks: Uint8Array[] = [];
  for await (const { bytes } of lines) chunks.push(bytes);
  return Buffer.concat(chunks).toString('latin1');
}

/** What a container shows of itself, without what is each container's own: its id, its layers. */
async function look(runtime: string, sight: Sight): Promise<Report> {
  const { containers } = engine.services;
  rmSync(`${OUT}/calls`, { force: true });
  const first = sight.calls === true ? '/calls >/out/calls; ' : '';
  const binds = [`${PROBES}/raw-probe:/raw-probe:ro`, `${PROBES}/probe.sh:/probe.sh:ro`, `${PROBES}/calls:/calls:ro`];
  const own = (sight.host?.['Binds'] ?? []) as readonly string[];
  const host = { ...sight.host, Binds: [...binds, `${OUT}:/out`, ...own] };
  const id = await made('looker', runtime, ['sh', '-c', `${first}exec sh /probe.sh`], { ...sight, host });
  try {
    const ended = containers.wait(id, 'next-exit');
    await containers.start(id);
    const { StatusCode } = await ended;
    const text = (await logged(id))
      .replaceAll(id, 'ID')
      .replaceAll(/\/engine-runtimes\/exec\/\S+\/docker-init/g, '…/docker-init')
      .replace(/\b(lowerdir|upperdir|workdir)=[^, ]+/g, '$1=…');
    const known = new Map(
      readdirSync('/proc/self/ns').map((kind) => [readlinkSync(`/proc/self/ns/${kind}`), 'of the host'] as const),
    );
    const report = probeReport(text, known);
    assert.ok(report['end'] !== undefined, `${runtime}: the probe did not reach its end (${StatusCode}): ${text}`);
    report['raw'] = (report['raw'] ?? []).map((line) => line.replace(id, 'ID'));
    return { ...report, exit: [String(StatusCode)], ...(sight.calls === true ? { seccomp: decisions() } : {}) };
  } finally {
    await containers.remove(id, { force: true, volumes: true, link: false });
  }
}

/** What became of each call: the errno, or that it was let through and did something. */
function decisions(): string[] {
  const results = nativeResults(readFileSync(`${OUT}/calls`), CALLS);
  return CALLS.map(({ name }, n) => `${name}: ${(results[n] ?? 0) < 0 ? results[n] : 'done'}`);
}

async function open(root = ROOT): Promise<Engine> {
  return openEngine(
    parseDaemonOptions([
      ...['--data-root', `${root}/data`, '--exec-root', `${root}/exec`, '--cgroup-parent', `/${GROUP}`],
      ...['--config-file', `${ROOT}/daemon.json`],
    ]),
  );
}

/** Shims, groups, and what the engine and runc keep of containers. */
function left(root: string): string[] {
  const lines = (program: string, ...args: string[]): string[] =>
    execFileSync(program, args, { encoding: 'utf8' }).split('\n').filter(Boolean);
  const places = ['exec/runtime', 'exec/runtimes', 'data/containers'].map((name) => `${root}/${name}`);
  return [
    ...lines('find', ...places.filter(existsSync), '-regextype', 'posix-extended', '-regex', '.*/[0-9a-f]{64}'),
    ...lines('find', '/sys/fs/cgroup', '-ignore_readdir_race', '-mindepth', '2', '-path', `*${GROUP}/*`, '-type', 'd'),
    ...lines('ps', '-eo', 'comm,args').filter((line) => /glassbox-(shim|runt)|runc|sleep 1000/.test(line)),
  ];
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 200_000; !(await isSo()); ) {
    assert.ok(performance.now() < deadline, `it did not come to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function compared(): void {
  const used = new Set<MeantDifference>();
  for (const sight of SIGHTS)
    test(sight.name, { timeout: 600_000 }, async () => {
      const expected = await look('runc', sight);
      const found = await look('glassbox', sight);
      const unexplained = compare(expected, found).filter((difference) => {
        const entries = MEANT.filter((entry) => isMeant(sight.name, difference, entry));
        for (const entry of entries) used.add(entry);
        return entries.length === 0;
      });
      assert.ok(unexplained.length === 0, `runc (-) and glassbox (+) differ:\n${tell(unexplained)}`);
    });
  test('every difference that is said to be meant is still there', () =>
    assert.deepEqual(staleEntries(MEANT, SIGHTS, used), []));
}

async function life(): Promise<void> {
  const script = 'echo begun; read line; echo "got $line"; cat; exit 7';
  const id = await made('liver', 'runc', ['sh', '-c', script], { body: { OpenStdin: true, StdinOnce: true } });
  const { containers: first } = engine.services;
  await first.start(id);
  const { Pid } = (await first.inspect(id)).State;
  await first.pause(id);
  assert.equal((await first.inspect(id)).State.Status, 'paused');
  await first.unpause(id);
  const { Id } = await first.exec(id, { ...EXEC, Cmd: ['sh', '-c', 'exit 5'] });
  await first.startExec(Id, { detach: true, tty: false, consoleSize: null });
  await until('the exec has ended', async () => (await first.inspectExec(Id)).ExitCode === 5);
  await first.update(id, { resources: { Memory: 64 * MB, MemorySwap: 64 * MB }, restartPolicy: null });
  assert.deepEqual((await first.top(id, [])).Processes.length, 1, 'the processes of the container');
  await assert.rejects(first.explain(id), {
    code: 'NotImplemented',
    message: /^runc cannot give its system calls: use/,
  });
  await engine.close({ stop: false });

  engine = await open();
  const { containers } = engine.services;
  const taken = await containers.inspect(id);
  assert.deepEqual([taken.State.Status, taken.State.Pid, taken.HostConfig.Runtime], ['running', Pid, 'runc']);
  const ended = containers.wait(id, 'next-exit');
  const attached = await containers.attach(id, ATTACH);
  await attached.write(Buffer.from('a line\nmore\n'));
  attached.closeInput();
  assert.equal((await ended).StatusCode, 7);
  attached.close();
  assert.equal(await logged(id), 'begun\ngot a line\nmore\n');
  await containers.remove(id, { force: false, volumes: true, link: false });
  assert.deepEqual(left(ROOT), []);
}

async function killed(): Promise<void> {
  const root = `${ROOT}/killed`;
  const armed = `${root}/armed`;
  const runtime = `${root}/killer`;
  mkdirSync(root);
  writeFileSync(armed, '');
  // the engine is the parent of the shim, the shim of this; what dies with the engine is this too
  writeFileSync(
    runtime,
    `#!/bin/sh
case " $* " in *" create "*) ;; *) exec runc "$@" ;; esac
[ -e ${armed} ] || exec runc "$@"
rm ${armed}
runc "$@" || exit
kill -9 "$(cut -d' ' -f4 "/proc/$PPID/stat")"
exec sleep 1000
`,
    { mode: 0o755 },
  );
  const env = { ...process.env, GLASSBOX_RUNTIME: runtime };
  const done = spawnSync(process.execPath, ['--import', 'tsx', CHILD, root, GROUP, 'container'], {
    encoding: 'utf8',
    timeout: 600_000,
    killSignal: 'SIGTERM',
    env,
  });
  assert.equal(done.signal, 'SIGKILL', done.stderr);
  assert.ok(left(root).length > 0, 'the killed engine left nothing: it was not killed in a creation');
  // an engine that no longer knows the name finds what was left all the same
  const stranger = await open(root);
  await stranger.close({ stop: true });
  assert.deepEqual(
    left(root).filter((line) => !line.includes('/data/')),
    [],
  );
  process.env['GLASSBOX_RUNTIME'] = runtime;
  const next = await open(root);
  try {
    const { containers } = next.services;
    const [found] = await containers.list({ all: true, limit: 0, size: false, filters: {} });
    const { State, HostConfig } = await containers.inspect(found?.Id ?? '');
    assert.deepEqual([State.Status, State.Pid, HostConfig.Runtime], ['created', 0, runtime]);
    const ended = containers.wait(found?.Id ?? '', 'next-exit');
    await containers.start(found?.Id ?? '');
    assert.equal((await ended).StatusCode, 3);
    await containers.remove(found?.Id ?? '', { force: true, volumes: true, link: false });
    assert.deepEqual(left(root), []);
  } finally {
    delete process.env['GLASSBOX_RUNTIME'];
    await next.close({ stop: true });
  }
}

async function refusals(): Promise<void> {
  await assert.rejects(made('none', 'nosuch', ['true'], {}), {
    code: 'InvalidArgument',
    message: 'unknown or invalid runtime name: nosuch',
  });
  const id = await made('absent', 'crun', ['true'], {});
  const crun = spawnSync('crun', ['--version'], { encoding: 'utf8' });
  const hybrid = existsSync('/sys/fs/cgroup/unified/cgroup.controllers');
  const begin = engine.services.containers.start(id);
  const why =
    /: OCI runtime create failed: (exec: "crun": executable file not found in \$PATH|cannot use the runtime crun: crun takes no container where cgroup v1 and v2 .*): unknown$/;
  if (crun.status === 0 && !hybrid) await begin;
  else await assert.rejects(begin, { code: 'InvalidArgument', message: why });
  await engine.services.containers.remove(id, { force: true, volumes: true, link: false });
}

if (inSandbox) {
  before(async () => {
    for (const place of [PROBES, OUT]) mkdirSync(place, { recursive: true });
    chmodSync(OUT, 0o777);
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    writeFileSync(`${ROOT}/daemon.json`, '{}');
    writeFileSync(`${PROBES}/raw-probe`, rawProbe(), { mode: 0o755 });
    writeFileSync(`${PROBES}/calls`, nativeTester(CALLS), { mode: 0o755 });
    copyFileSync(fileURLToPath(new URL('../helpers/oci/probe.sh', import.meta.url)), `${PROBES}/probe.sh`);
    engine = await open();
    const archive = imageArchive(ROOT);
    await engine.services.images.import(
      (async function* () {
        yield archive;
      })(),
      { reference: 'box' },
    );
  });
  after(() => engine.close({ stop: true }));
  describe('what a process sees with runc and with ours', compared);
  test('a container of runc has the life of any other, and outlives the engine', { timeout: 600_000 }, life);
  test('an engine is killed when runc has made a container', { timeout: 600_000 }, killed);
  test('a name that nobody knows is refused, and a runtime that cannot be had said so', { timeout: 600_000 }, refusals);
} else {
  test('an engine with runc, in a sandbox', { skip: RUNC_MISSING, timeout: 1_200_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 1_200_000 }),
  );
}
