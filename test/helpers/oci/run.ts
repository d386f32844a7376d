import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Config } from './config.js';
import { groupFiles } from './group-files.js';
import { cleanAfter, leftovers, outside } from './leftovers.js';
import { errorKind, plain, probeReport, type Report, UNCOMPARED } from './normalise.js';
import { decodeRaw } from './raw-probe.js';
import { Terminal } from './terminal.js';
import type { World } from './world.js';

/** A runtime to test: its name and the command line that starts it. */
export interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
}

/** One bundle and what is done with it. */
export interface Case {
  readonly name: string;
  /** The difference from the base config. */
  readonly change?: (config: Config, world: World) => unknown;
  /** More than the config: files of the rootfs, mounts outside; what it returns undoes what is not in the bundle. */
  readonly prepare?: (world: World) => unknown;
  /** Shell commands that the probe runs at its end, inside. */
  readonly more?: string;
  /** Options before the command, of `run` or `create`; `{out}` is a directory for their files. */
  readonly global?: readonly string[];
  readonly options?: readonly string[];
  /** Commands instead of `run`; `{id}` is the container. `@wait` waits for its end, `@groups` reads its cgroups. */
  readonly steps?: readonly (readonly string[])[];
  /** A command in front of the runtime's, such as setpriv. */
  readonly prefix?: readonly string[];
  /** A terminal is received over a console socket; `later`: it is a step that names the socket, `{out}/console`. */
  readonly terminal?: boolean | 'later';
  /** More in the runtime's environment, and how many files it gets as descriptors from 3 on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly fds?: number;
  /** Text of config.json instead of the config as JSON. */
  readonly text?: (json: string) => string;
  /** The reference runtime must refuse, in these words. */
  readonly fails?: RegExp;
  /** Exit code that is expected of `run`; 0 if nothing is said. */
  readonly exit?: number;
  /** Why this bundle's report may be the base's: a case whose change nobody can see proves nothing. */
  readonly unseen?: string;
  /** Read after the run: files whose contents belong to the report (`{host}/shared/log`). */
  readonly reads?: readonly string[];
}

interface Done {
  readonly exit: number | string;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** The section that a probe has which began and did not end. */
export const CUT_SHORT = 'cut short';

const TIMEOUT_MS = 20_000;

/** Run a case's bundle once with a runtime, and tell what was seen inside, said outside, and left behind. */
export async function runCase(runtime: Runtime, world: World, one: Case): Promise<Report> {
  const config = world.reset();
  one.change?.(config, world);
  const json = JSON.stringify(config, null, 1);
  writeFileSync(`${world.bundle}/config.json`, one.text?.(json) ?? json);
  if (one.more !== undefined) writeFileSync(`${world.rootfs}/probe-more`, one.more);
  const undo: unknown = await one.prepare?.(world);
  const before = outside(world);
  const terminal = one.terminal ? await Terminal.listen(`${world.output}/console`) : null;
  try {
    const report: Record<string, readonly string[]> = {};
    const steps = one.steps ?? (terminal === null ? [['run']] : [['run', '--detach'], ['@wait'], ['delete', '{id}']]);
    for (const [index, step] of steps.entries()) {
      const label = one.steps === undefined ? '' : `${index + 1} ${step.join(' ')}: `;
      const seen = step[0]?.startsWith('@')
        ? await builtIn(step, world, one, terminal)
        : said(await execute(commandLine(runtime, world, one, step), world, one), world);
      for (const [name, lines] of Object.entries(seen)) report[label + name] = lines;
    }
    for (const file of one.reads ?? []) {
      const path = fill(file, world);
      report[`file ${file}`] = existsSync(path) ? logLines(readFileSync(path, 'utf8'), world) : ['is not there'];
    }
    report['rootfs afterwards'] = entries(world.rootfs);
    Object.assign(report, await leftovers(world, before));
    return report;
  } finally {
    terminal?.close();
    await cleanAfter(world, before);
    if (typeof undo === 'function') undo();
  }
}

const fill = (text: string, world: World): string =>
  text.replaceAll('{id}', world.id).replaceAll('{out}', world.output).replaceAll('{host}', world.host);

/** `PREFIX RUNTIME --root … run|create OPTIONS --bundle … ID`, or any other command as it is. */
function commandLine(runtime: Runtime, world: World, one: Case, step: readonly string[]): string[] {
  const front = [...(one.prefix ?? []), ...runtime.command, '--root', world.state, ...(one.global ?? [])];
  const creates = step[0] === 'run' || step[0] === 'create';
  const options = creates
    ? [
        ...(one.options ?? []),
        ...(one.terminal === true ? ['--console-socket', `${world.output}/console`] : []),
        ...(step[0] === 'create' || step.includes('--detach') ? ['--pid-file', `${world.output}/pid`] : []),
        '--bundle',
        world.bundle,
        '{id}',
      ]
    : [];
  return [...front, ...step, ...options].map((text) => fill(text, world));
}

/** What a command said. A failure's text is told by its kind; the text itself is kept for those who read a difference. */
function said({ exit, stdout, stderr }: Done, world: World): Record<string, readonly string[]> {
  const report: Record<string, readonly string[]> = { exit: [String(exit)] };
  if (stderr.trim() !== '') report[UNCOMPARED] = stderr.trim().split('\n');
  if (exit !== 0) report['error'] = [errorKind(stderr)];
  return { ...report, ...(json(stdout) ?? shown(stdout, world)) };
}

/** JSON in a form of its own: what matters is what it says. */
function json(stdout: Buffer): Record<string, readonly string[]> | null {
  const text = stdout.toString();
  if (!/^\s*[[{]/.test(text)) return null;
  return { json: canonical(JSON.parse(text)).map((line) => plain(line.replace(/^(\d+): [1-9]\d*$/, '$1: n'))) };
}

/** `path.to.key: value`, sorted by key. */
function canonical(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [`${path}: ${JSON.stringify(value)}`];
  const keys = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  if (keys.length === 0) return [`${path}: ${JSON.stringify(value)}`];
  return keys.flatMap(([key, below]) => canonical(below, path === '' ? key : `${path}.${key}`));
}

/** What hooks wrote: lines, among them `state` and a container's state as JSON. */
function logLines(text: string, world: World): string[] {
  const known = world.namespaces();
  return text.split('\n').flatMap((line) => {
    if (line.startsWith('state {')) return canonical(JSON.parse(line.slice(6))).map((item) => plain(`state ${item}`));
    return [plain(line.replace(/\b[a-z_]+:\[\d{10}\]/g, (link) => known.get(link) ?? 'a new one'))];
  });
}

function shown(stdout: Buffer, world: World): Record<string, readonly string[]> {
  const report = probeReport(decodeRaw(stdout), world.namespaces());
  if (report['argv'] !== undefined && report['end'] === undefined) report[CUT_SHORT] = [];
  return report;
}

/** Run a command to its end. What a container that goes on prints later is read from the same file by `@wait`. */
async function execute(command: readonly string[], world: World, one: Case): Promise<Done> {
  const [program = '', ...args] = command;
  const detached = args.includes('create') || args.includes('--detach');
  const file = `${world.output}/stdout`;
  const errors = `${world.output}/stderr`;
  const stdout = detached ? openSync(file, 'w+') : 'pipe';
  const stderr = openSync(errors, 'w+');
  const passed = Array.from({ length: one.fds ?? 0 }, (_, index) => openSync(`${world.output}/passed-${index}`, 'w+'));
  const child = spawn(program, args, {
    cwd: '/',
    env: { PATH: process.env['PATH'], XDG_RUNTIME_DIR: world.state, ...one.env },
    stdio: ['ignore', stdout, detached ? stderr : 'pipe', ...passed],
  });
  for (const fd of passed) closeSync(fd);
  const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  child.stdout?.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  const exit = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? `killed by ${signal}`));
  });
  clearTimeout(timer);
  closeSync(stderr);
  if (typeof stdout === 'number') closeSync(stdout);
  return detached
    ? { exit, stdout: Buffer.alloc(0), stderr: readFileSync(errors, 'utf8') }
    : { exit, stdout: Buffer.concat(chunks.stdout), stderr: Buffer.concat(chunks.stderr).toString() };
}

/** Steps that are the test's own: `@wait`, `@groups`. */
async function builtIn(
  [name]: readonly string[],
  world: World,
  one: Case,
  terminal: Terminal | null,
): Promise<Record<string, readonly string[]>> {
  if (name === '@terminal' && terminal !== null) return shown(await terminal.output(), world);
  const file = `${world.output}/pid`;
  if (!existsSync(file)) return { pid: ['no pid file was written'] };
  const pid = readFileSync(file, 'utf8');
  if (!/^\d+$/.test(pid)) return { pid: [`the pid file holds ${JSON.stringify(pid)}`] };
  if (name === '@groups') return { groups: groupFiles(world, pid) };
  if (name !== '@wait') throw new Error(`no step is called ${name}`);
  const deadline = performance.now() + TIMEOUT_MS;
  while (existsSync(`/proc/${pid}`)) {
    if (performance.now() > deadline) return { end: ['it does not end'] };
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  const own = readFileSync(`${world.output}/stdout`);
  return shown(one.terminal === true && terminal !== null ? await terminal.output() : own, world);
}

/** Type, mode, owner and target of all below a directory, on its file system. */
function entries(root: string, prefix = '', device = lstatSync(root).dev): string[] {
  return readdirSync(root + prefix, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${prefix}/${entry.name}`;
      const { mode, uid, gid, rdev, dev } = lstatSync(root + path);
      if (dev !== device) return [`${path} is a mount`];
      const line = `${path} ${mode.toString(8)} ${uid}:${gid}${rdev === 0 ? '' : ` device ${rdev}`}`;
      if (entry.isDirectory()) return [line, ...entries(root, path, device)];
      return [entry.isSymbolicLink() ? `${line} -> ${readlinkSync(root + path)}` : line];
    });
}
