/** A container to try the runtime on, in the sandbox's own /run: busybox and nothing else. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
} from 'node:fs';
import { after, afterEach } from 'node:test';
import { dockerDefaultSpec } from '../../engine/policy/default-spec.js';
import { Runtime, type RuntimeOptions } from '../../engine/runtime/runtime.js';
import type { Spec, SpecHooks } from '../../engine/runtime/spec/types.js';
import type { ContainerProcess, CreateOptions } from '../../engine/runtime/types.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';

export const AREA = '/run/box';
export const STATE = `${AREA}/state`;
export const OUTPUT = `${AREA}/output`;
const ROOTFS = `${AREA}/rootfs`;
const CGROUPS = '/sys/fs/cgroup';
const namespace = /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? '';

/** For a `describe`: the box and a runtime. A test leaves no container, all of them together nothing on the machine. */
export function openBox(options: Partial<RuntimeOptions> = {}): Runtime {
  prepare();
  streams();
  const machine = machineState();
  const runtime = newRuntime(options);
  afterEach(async () => {
    const left = existsSync(STATE) ? readdirSync(STATE) : [];
    for (const id of left) await runtime.delete(id, { force: true });
    assert.deepEqual(left, [], 'a container was left');
  });
  after(async () => {
    runtime.close();
    assert.deepEqual(await leaksSince(machine), []);
    closeStreams();
  });
  return runtime;
}

function prepare(): void {
  for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp']) mkdirSync(`${ROOTFS}/${name}`, { recursive: true });
  const busybox = `${ROOTFS}/bin/busybox`;
  cpSync(execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim(), busybox);
  for (const applet of ['sh', 'true', 'sleep', 'cat', 'ps', 'kill', 'stty', 'tty'])
    if (!existsSync(`${ROOTFS}/bin/${applet}`)) symlinkSync('busybox', `${ROOTFS}/bin/${applet}`);
}

/** Groups of a container: named after it and this pid namespace, so that no other test has them. */
export function groupOf(id: string): string {
  return `glassbox-box-${id}-${namespace}`;
}

export interface Box extends Partial<CreateOptions> {
  readonly terminal?: boolean;
  readonly hooks?: Partial<SpecHooks>;
  readonly change?: (spec: Spec) => Spec;
}

/** What `create` is given to run a command, or a line of shell. Its output goes to `OUTPUT`. */
export function boxed(id: string, command: string | readonly string[], box: Box = {}): CreateOptions {
  const { terminal, hooks, change, ...options } = box;
  const spec = dockerDefaultSpec({
    rootfs: ROOTFS,
    args: typeof command === 'string' ? ['/bin/sh', '-c', command] : command,
    cgroup: existsSync(`${CGROUPS}/cgroup.controllers`) ? 'v2' : 'v1',
    cgroupsPath: `/${groupOf(id)}`,
    hostname: 'box',
    terminal: terminal === true,
  });
  const hooked: Spec = { ...spec, hooks: { ...spec.hooks, ...hooks } };
  return { id, bundle: AREA, spec: change === undefined ? hooked : change(hooked), stdio: streams(), ...options };
}

let open: readonly [number, number, number] | undefined;

/** Null device, and a file for what the container says. */
export function streams(): readonly [number, number, number] {
  if (open === undefined) {
    const output = openSync(OUTPUT, 'a');
    open = [openSync('/dev/null', 'r'), output, output];
  }
  return open;
}

function closeStreams(): void {
  for (const fd of new Set(open)) closeSync(fd);
  open = undefined;
}

/** What containers have said since it was asked last. */
export function said(): string {
  const text = readFileSync(OUTPUT, 'utf8');
  truncateSync(OUTPUT, 0);
  return text;
}

export function newRuntime(options: Partial<RuntimeOptions> = {}): Runtime {
  return new Runtime({ root: STATE, ...options });
}

/** Create and start. */
export async function run(runtime: Runtime, options: CreateOptions): Promise<ContainerProcess> {
  const process = await runtime.create(options);
  await runtime.start(options.id);
  return process;
}

export async function until(what: string, isSo: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`in ${timeoutMs} ms it did not come to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Directories of control groups of a container, in every hierarchy. */
export function groupsOf(id: string): string[] {
  return [CGROUPS, ...readdirSync(CGROUPS).map((name) => `${CGROUPS}/${name}`)]
    .map((directory) => `${directory}/${groupOf(id)}`)
    .filter((path) => existsSync(path));
}

/** `name state` of every process here, by pid. */
export function processes(): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const end = stat.lastIndexOf(')');
      found.set(Number(name), `${stat.slice(stat.indexOf('(') + 1, end)} ${stat[end + 2]}`);
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return found;
}
