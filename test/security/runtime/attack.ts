import assert from 'node:assert/strict';
import { execFileSync, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
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
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inSandbox, isRoot, rerunInSandbox } from '../../helpers/sandbox.js';
import { dockerConfig, type OciConfig } from './docker-defaults.js';

const other = process.env['GLASSBOX_TEST_RUNTIME'];
const COMMAND: readonly [string, ...string[]] =
  other === undefined
    ? [process.execPath, fileURLToPath(new URL('../../../bin/glassbox-runtime.mjs', import.meta.url))]
    : [other];

/** False, or why a twin that needs our runtime's switch is skipped: for `{ skip: noSwitch }`. */
export const noSwitch: false | string = other === undefined ? false : `${other} has no switch for its guards`;
/** True when the attacks are aimed at our own runtime. */
export const isOurs = other === undefined;

const AREA = '/run/attack';
/** The runtime's state directory in these tests. */
export const STATE = `${AREA}/state`;

/** How often a race is run: `usual` times, or as many times more as GLASSBOX_ATTACK_ROUNDS says. */
export function rounds(usual: number): number {
  return Math.ceil(usual * Number(process.env['GLASSBOX_ATTACK_ROUNDS'] ?? 1));
}

/**
 * Declare a file of attacks: run again in a sandbox, or, in it, the attacks themselves and then a look at what they left.
 */
export function attacks(url: string, what: string, declare: () => void): void {
  if (!inSandbox) {
    test(`${what}, in a sandbox`, { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
      rerunInSandbox(url, { timeoutMs: 600_000 }),
    );
    return;
  }
  declare();
  test(`${what}: nothing is left behind`, nothingLeft);
}

export interface Bundle {
  readonly id: string;
  readonly directory: string;
  readonly rootfs: string;
}

let next = 1;
const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
const groupName = (id: string): string => `glassbox-attack-${id}-${namespace}`;

/**
 * A bundle with Docker's configuration and a root file system that has the machine's /usr, read-only: any Debian has
 * perl and coreutils there. `change` may alter both before the runtime sees them.
 */
export function bundle(change: (config: OciConfig, rootfs: string) => void = () => undefined): Bundle {
  const id = `b${next++}`;
  const directory = join(AREA, id);
  const rootfs = join(directory, 'rootfs');
  for (const name of ['usr', 'proc', 'dev', 'sys', 'etc', 'tmp', 'root'])
    mkdirSync(join(rootfs, name), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(rootfs, name));
  writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n');
  writeFileSync(join(rootfs, 'etc/group'), 'root:x:0:\nuser:x:1000:\n');
  const config = dockerConfig(rootfs, `/${groupName(id)}`);
  change(config, rootfs);
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  return { id, directory, rootfs };
}

export interface How {
  /** Guards of our runtime that are taken away. */
  readonly off?: readonly string[];
  readonly timeoutMs?: number;
  readonly input?: string;
  /** Put in front of the runtime's command: `setpriv …`, `strace …`. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** State directory, if not the usual one. */
  readonly state?: string;
  /** Descriptors of ours that the runtime inherits as 3, 4, … */
  readonly descriptors?: readonly number[];
}

export type Ran = SpawnSyncReturns<string> & { readonly timedOut: boolean };

function environment({ off = [], env = {} }: How): NodeJS.ProcessEnv {
  return { ...process.env, ...env, GLASSBOX_TEST_GUARDS_OFF: off.join(',') };
}

/** The words of a command line of the runtime. */
export function commandLine(
  args: readonly string[],
  prefix: readonly string[] = [],
  state = STATE,
): [string, ...string[]] {
  return [...prefix, ...COMMAND, '--root', state, ...args] as unknown as [string, ...string[]];
}

/** Run the runtime's command line to its end. */
export function runtime(args: readonly string[], how: How = {}): Ran {
  const [program, ...words] = commandLine(args, how.prefix, how.state);
  const done = spawnSync(program, words, {
    encoding: 'utf8',
    timeout: how.timeoutMs ?? 30_000,
    killSignal: 'SIGKILL',
    maxBuffer: 256 << 20,
    env: environment(how),
    stdio: [how.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...(how.descriptors ?? [])],
    ...(how.input === undefined ? {} : { input: how.input }),
  });
  return { ...done, timedOut: (done.error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT' };
}

/** `run` of a bundle; what a failed or killed run may have left is deleted. */
export function run(target: Bundle, how: How = {}): Ran {
  const done = runtime(['run', '--bundle', target.directory, target.id], how);
  if (done.status !== 0) runtime(['delete', '--force', target.id], how.state === undefined ? {} : { state: how.state });
  return done;
}

/** `run` that must end with 0: what it printed. */
export function printed(target: Bundle, how: How = {}): string {
  const done = run(target, how);
  assert.equal(done.status, 0, `the attack itself failed: ${done.stderr} ${done.stdout}`);
  return done.stdout;
}

export interface Running {
  readonly id: string;
  /** On the machine's side. */
  readonly pid: number;
  output(): string;
  /** Wait until its output has `text`. */
  says(text: string): Promise<void>;
  exec(argv: readonly string[], options?: readonly string[], how?: How): Ran;
  stop(): void;
}

/** `create` without `start`. Standard output and errors go to a file. */
export function created(target: Bundle, how: How = {}): Running {
  const file = join(target.directory, 'output');
  const out = openSync(file, 'a');
  const pidFile = join(target.directory, 'pid');
  const [program, ...words] = commandLine(
    ['create', '--bundle', target.directory, '--pid-file', pidFile, target.id],
    how.prefix,
  );
  const done = spawnSync(program, words, {
    stdio: ['ignore', out, out, ...(how.descriptors ?? [])],
    timeout: how.timeoutMs ?? 30_000,
    killSignal: 'SIGKILL',
    env: environment(how),
  });
  closeSync(out);
  const output = (): string => readFileSync(file, 'utf8');
  if (done.status !== 0) runtime(['delete', '--force', target.id]);
  assert.equal(done.status, 0, `create failed: ${output()}`);
  return {
    id: target.id,
    pid: Number(readFileSync(pidFile, 'utf8')),
    output,
    says: async (text) => {
      const deadline = performance.now() + 45_000;
      while (!output().includes(text)) {
        assert.ok(performance.now() < deadline, `waited in vain for "${text}", it says: ${output()}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    exec: (argv, options = [], more = {}) => runtime(['exec', ...options, target.id, ...argv], more),
    stop: () => {
      const ended = runtime(['delete', '--force', target.id]);
      assert.equal(ended.status, 0, `delete --force failed: ${ended.stderr}`);
    },
  };
}

/** `create` and `start`. */
export function started(target: Bundle, how: How = {}): Running {
  const container = created(target, how);
  const done = runtime(['start', target.id], how);
  if (done.status !== 0) container.stop();
  assert.equal(done.status, 0, `start failed: ${done.stderr}`);
  return container;
}

/**
 * Run a command on a terminal of its own, as a person has one: script(1), whose input never ends, for it would type an end of
 * file otherwise.
 */
export function onTerminal(line: string, how: How = {}): { readonly status: number | null; readonly stdout: string } {
  const silence = `${AREA}/silence`;
  if (!existsSync(silence)) {
    mkdirSync(AREA, { recursive: true });
    execFileSync('mkfifo', [silence]);
  }
  const stdin = openSync(silence, 'r+');
  try {
    const done = spawnSync('script', ['-qec', line, '/dev/null'], {
      encoding: 'utf8',
      timeout: how.timeoutMs ?? 30_000,
      killSignal: 'SIGKILL',
      stdio: [stdin, 'pipe', 'pipe'],
      env: environment(how),
    });
    return { status: done.status, stdout: done.stdout.replaceAll('\r', '') };
  } finally {
    closeSync(stdin);
  }
}

/** Words for a shell's command line. */
export function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}

/** A helper process of the attacker on the machine's side, where an attack does not depend on which side it runs: ended by `stop`. */
export function beside(argv: readonly [string, ...string[]]): { readonly pid: number; stop(): Promise<void> } {
  const [program, ...words] = argv;
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    pid: child.pid as number,
    stop: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

/** Groups of these tests that still stand, in any hierarchy. */
export function groupsLeft(): string[] {
  const roots = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)];
  return roots.flatMap((root) => {
    try {
      return readdirSync(root)
        .filter((name) => name.startsWith('glassbox-attack-') && name.endsWith(`-${namespace}`))
        .map((name) => `${root}/${name}`);
    } catch (error) {
      if (['ENOTDIR', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  });
}

/** Remove what a runtime that was killed half-way may have left of a container: its groups are empty. */
export function removeGroups(id: string): void {
  for (const path of groupsLeft().filter((one) => one.endsWith(`/${groupName(id)}`))) rmdirSync(path);
}

function nothingLeft(): void {
  assert.deepEqual(groupsLeft(), [], 'groups stayed');
  const listed = runtime(['list', '--quiet']);
  assert.equal(listed.status, 0, listed.stderr);
  assert.equal(listed.stdout.trim(), '', 'containers stayed');
}
