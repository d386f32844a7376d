import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { dockerDefaultSpec } from '../../engine/policy/default-spec.js';
import type { Spec, SpecHook } from '../../engine/runtime/spec/types.js';
import type { CreateOptions } from '../../engine/runtime/types.js';
import { isOfTestRun } from './leak-probe.js';

/** Where these tests work, in a /run that the sandbox made for them. */
export const AREA = '/run/crash';
export const STATE = `${AREA}/state`;
export const CONSOLE = `${AREA}/console.sock`;
export const ROOTFS = `${AREA}/rootfs`;
const CGROUPS = '/sys/fs/cgroup';

const namespace = /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1] ?? '';

/** What a container's start is tried with. */
export interface Variant {
  readonly name: string;
  readonly change?: (spec: Spec) => Spec;
  readonly options?: Partial<CreateOptions>;
}

/** A rootfs with a shell, and every directory that a container mounts on: a user namespace may not make them. */
export function prepareRootfs(): void {
  for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp', 'data', 'etc'])
    mkdirSync(`${ROOTFS}/${name}`, { recursive: true });
  mkdirSync(`${AREA}/bound`, { recursive: true });
  cpSync(execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim(), `${ROOTFS}/bin/busybox`);
  for (const applet of ['sh', 'true', 'sleep', 'cat']) {
    if (!existsSync(`${ROOTFS}/bin/${applet}`)) symlinkSync('busybox', `${ROOTFS}/bin/${applet}`);
  }
  for (const path of [AREA, ROOTFS]) chmodSync(path, 0o755);
}

/** What `create` is given for a container of a variant. Its groups are named after it and this pid namespace. */
export function createOptions(id: string, variant: Variant, args: readonly string[] = ['/bin/true']): CreateOptions {
  const spec = dockerDefaultSpec({
    rootfs: ROOTFS,
    args,
    cgroup: existsSync(`${CGROUPS}/cgroup.controllers`) ? 'v2' : 'v1',
    cgroupsPath: `/${groupOf(id)}`,
    hostname: 'crash',
    terminal: variant.options?.console !== undefined,
  });
  return {
    id,
    bundle: AREA,
    spec: variant.change === undefined ? spec : variant.change(spec),
    stdio: [0, 1, 2],
    ...variant.options,
  };
}

export function groupOf(id: string): string {
  return `glassbox-crash-${id}-${namespace}`;
}

const hook = (path = '/bin/true'): SpecHook[] => [{ path, args: [path], env: [], timeout: 20 }];

/** Docker's default, and what takes other records than it does. */
export const VARIANTS = {
  docker: { name: 'docker' },
  user: {
    name: 'user',
    change: (spec) => ({
      ...spec,
      linux: {
        ...spec.linux,
        namespaces: [...spec.linux.namespaces, { type: 'user' }],
        uidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
        gidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
        sysctl: {},
      },
    }),
  },
  terminal: { name: 'terminal', options: { console: { kind: 'socket', path: CONSOLE } } },
  hooks: {
    name: 'hooks',
    change: (spec) => ({
      ...spec,
      hooks: { ...spec.hooks, createRuntime: hook(), createContainer: hook(), startContainer: hook() },
    }),
  },
  shim: { name: 'shim', options: { shim: true } },
  full: {
    name: 'full',
    options: { init: true },
    change: (spec) => ({
      ...spec,
      root: { ...spec.root, readonly: true },
      domainname: 'crash.test',
      process: {
        ...(spec.process as NonNullable<Spec['process']>),
        user: { uid: 1000, gid: 1000, additionalGids: [50] },
        capabilities: {
          bounding: ['CAP_CHOWN', 'CAP_KILL'],
          effective: ['CAP_KILL'],
          permitted: ['CAP_KILL'],
          inheritable: ['CAP_KILL'],
          ambient: ['CAP_KILL'],
        },
        rlimits: [{ type: 'RLIMIT_CORE', soft: 0n, hard: 0n }],
        noNewPrivileges: true,
        oomScoreAdj: 500,
      },
      mounts: [
        ...spec.mounts,
        {
          destination: '/data',
          type: 'bind',
          source: `${AREA}/bound`,
          options: ['rbind', 'ro', 'rprivate'],
          uidMappings: [],
          gidMappings: [],
        },
      ],
      linux: {
        ...spec.linux,
        namespaces: [...spec.linux.namespaces, { type: 'cgroup' }],
        timeOffsets: { monotonic: { secs: 60, nanosecs: 0 } },
        rootfsPropagation: 'private',
        personality: { domain: 'LINUX', flags: [] },
      },
    }),
  },
} as const satisfies Record<string, Variant>;

function reading(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

/** `name state` of a process, empty when it is gone. */
export function describeProcess(pid: number | string): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))} ${stat.slice(stat.lastIndexOf(')') + 2)[0]}`;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

export function groupsLeft(): string[] {
  return [CGROUPS, ...reading(CGROUPS).map((name) => `${CGROUPS}/${name}`)].flatMap((directory) =>
    reading(directory)
      .filter((name) => name.startsWith('glassbox-crash-') && name.endsWith(`-${namespace}`))
      .map((name) => `${directory}/${name}`),
  );
}

/** What these tests could leave, as lines: processes, groups, states, mounts, our own descriptors, regions and threads. Cheap enough to ask after each fault. */
export function census(): string[] {
  return [
    ...reading('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        const what = describeProcess(pid);
        return what === '' ? [] : [`process ${pid} ${what.endsWith(' Z') ? what : what.slice(0, -2)}`];
      }),
    ...groupsLeft().map((path) => `group ${path}`),
    ...reading(STATE).map((name) => `state ${name}`),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .trim()
      .split('\n')
      .map((line) => `mount ${line.split(' ').slice(2, 5).join(' ')}`),
    ...reading('/proc/self/fd').flatMap((fd) => {
      const target = linkOf(`/proc/self/fd/${fd}`);
      return target === '' || target.startsWith('/proc/') || isOfTestRun(target) ? [] : [`descriptor ${target}`];
    }),
    ...readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((line) => line.includes(STATE))
      .map((line) => `mapping ${line}`),
    `threads ${reading('/proc/self/task').length}`,
  ].sort();
}

/** What is there that was not, once it has settled: what is being torn down gets `waitMs`. */
export async function leftSince(before: readonly string[], waitMs = 20_000): Promise<string[]> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const known = [...before];
    const more = census().filter((line) => {
      const at = known.indexOf(line);
      if (at >= 0) known.splice(at, 1);
      return at < 0;
    });
    if (more.length === 0 || performance.now() > deadline) return more;
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}
