/** Plans in which every section of a container's program has something to do. Descriptors are numbers that nobody opens. */
import { fileURLToPath } from 'node:url';
import type { PlannedGroup } from '../../engine/cgroup/plan.js';
import { dockerDefaultSpec } from '../../engine/policy/default-spec.js';
import type { ContainerPlan } from '../../engine/runtime/plan.js';
import { planMounts } from '../../engine/runtime/planning/mounts.js';
import { planProcess } from '../../engine/runtime/planning/process.js';
import type { ExecPlan } from '../../engine/runtime/program/exec.js';
import type { Spec, SpecHook } from '../../engine/runtime/spec/types.js';

/** Any directory without an /etc/passwd. */
const ROOTFS = fileURLToPath(new URL('../fixtures', import.meta.url));
const HOOK: SpecHook = { path: '/bin/hook', args: ['hook', 'x'], env: [], timeout: 2 };
const CLONE_NEWNS = 0x20000;

export function fullSpec(): Spec {
  const spec = dockerDefaultSpec({ rootfs: ROOTFS, args: ['sh'], cgroup: 'v1', hostname: 'box', terminal: true });
  const { process } = spec;
  if (process === undefined) throw new Error('the default spec has a process');
  return {
    ...spec,
    domainname: 'example.org',
    root: { ...spec.root, readonly: true },
    process: {
      ...process,
      user: { uid: 1000, gid: 100, additionalGids: [5, 6] },
      oomScoreAdj: 500,
      noNewPrivileges: false,
      apparmorProfile: 'docker-default',
      consoleSize: { height: 24, width: 80 },
      rlimits: [{ type: 'RLIMIT_CORE', soft: 0n, hard: 0xffff_ffff_ffff_ffffn }],
      ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 4 },
      scheduler: { policy: 'SCHED_BATCH', flags: [], nice: 1 },
      capabilities: { ...process.capabilities!, ambient: ['CAP_CHOWN'], inheritable: ['CAP_CHOWN'] },
    },
    mounts: [
      ...spec.mounts,
      {
        destination: '/etc/hosts',
        type: 'bind',
        source: '/etc/hosts',
        options: ['rbind', 'rprivate', 'ro'],
        uidMappings: [],
        gidMappings: [],
      },
      {
        destination: '/read-only',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['ro', 'size=1m'],
        uidMappings: [],
        gidMappings: [],
      },
      {
        destination: '/merged',
        type: 'overlay',
        source: 'overlay',
        options: [`lowerdir=${'/layer:'.repeat(60)}/l`],
        uidMappings: [],
        gidMappings: [],
      },
    ],
    linux: { ...spec.linux, personality: { domain: 'LINUX32', flags: [] } },
  };
}

export function fullContainerPlan(overrides: Partial<ContainerPlan> = {}): ContainerPlan {
  const spec = fullSpec();
  const groups = [{ path: '/sys/fs/cgroup/memory/box/tasks', fd: 40 }];
  const planned: readonly PlannedGroup[] = [
    {
      version: 1,
      name: 'cpu,cpuacct',
      controllers: ['cpu', 'cpuacct'],
      mountPoint: '/sys/fs/cgroup/cpu,cpuacct',
      directory: '/sys/fs/cgroup/cpu,cpuacct/box',
      path: '/box',
    },
  ];
  return {
    id: 'box',
    spec,
    process: planProcess(spec.process!, {
      root: ROOTFS,
      seccomp: spec.linux.seccomp,
      setgroups: true,
      preserveFds: 0,
      stdio: [0, 1, 2],
      inUserNamespace: false,
      warn: () => undefined,
    }),
    rootfs: ROOTFS,
    namespaces: {
      clone: CLONE_NEWNS,
      user: true,
      cgroup: true,
      time: 'monotonic 10 0\n',
      join: [{ type: 'network', flag: 0x40000000, fd: 41, path: '/run/netns/a' }],
      setgroups: true,
      loopback: true,
    },
    groups,
    birthGroup: null,
    mounts: planMounts(spec, {
      bundle: '/nowhere',
      rootfs: ROOTFS,
      planned,
      groups: planned,
      cgroupNamespace: true,
      trees: new Map(),
    }),
    propagation: 0,
    ownDev: true,
    hasKcore: true,
    devices: [
      { path: '/dev/null', type: 'c', major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0, bind: false },
      { path: '/dev/dm/disk', type: 'b', major: 253, minor: 300, mode: 0o660, uid: 0, gid: 6, bind: false },
      { path: '/dev/full', type: 'c', major: 1, minor: 7, mode: 0o666, uid: 0, gid: 0, bind: true },
    ],
    pivot: 'pivot_root',
    rootParent: '/',
    wholeKernelMounts: ['/proc'],
    sysctl: [['/proc/sys/net/ipv4/ip_forward', '1']],
    keyring: '_ses.box',
    hooks: { runtime: true, env: [], createContainer: [HOOK], startContainer: [HOOK] },
    sourcesInside: false,
    shim: true,
    guard: { pipe: 44, directories: ['/sys/fs/cgroup/memory/box'], files: ['/run/state', '/run/'] },
    fds: {
      region: 10,
      parent: 11,
      stdio: [20, 21, 22],
      state: 12,
      status: -1,
      console: 13,
      shimConsole: 14,
      exit: 15,
      reaper: -1,
      output: null,
    },
    ...overrides,
  };
}

export function fullExecPlan(): ExecPlan {
  const plan = fullContainerPlan();
  return {
    id: plan.id,
    process: plan.process,
    target: 30,
    namespaces: 0x7c020000,
    entersUser: true,
    groups: plan.groups,
    keyring: plan.keyring,
    fds: { region: 10, parent: 11, stdio: [20, 21, 22], status: 31, console: 13 },
  };
}
