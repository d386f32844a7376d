import type { Spec, SpecSeccomp } from '../runtime/spec/types.js';
import {
  DEFAULT_PATH,
  DEVICE_RULES,
  MASKED_PATHS,
  MOUNTS,
  NAMESPACES,
  NAMESPACES_V2,
  NETWORK_SYSCTLS,
  POLICIES,
  type PolicyName,
  READONLY_PATHS,
  thermalThrottlePaths,
} from './docker-defaults.js';
import { dockerSeccompProfile, resolveProfile, runningKernel } from './seccomp-profile.js';

export interface DefaultSpecOptions {
  readonly rootfs: string;
  readonly args: readonly string[];
  /** Which cgroups the container's limits are in: with v2 it gets a cgroup namespace. */
  readonly cgroup: 'v1' | 'v2';
  readonly cgroupsPath?: string;
  readonly policy?: PolicyName;
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly hostname?: string;
  readonly terminal?: boolean;
  readonly readonlyRootfs?: boolean;
  /** Instead of Docker's profile; null: none. */
  readonly seccomp?: SpecSeccomp | null;
  /** False for runtimes that know no time namespace (runc before 1.2). */
  readonly timeNamespace?: boolean;
  readonly architecture?: 'x64' | 'arm64';
  readonly kernel?: { readonly major: number; readonly minor: number };
}

/** The config that `docker run` makes when nothing is asked for, without the files that the daemon binds (resolv.conf …). */
export function dockerDefaultSpec(options: DefaultSpecOptions): Spec {
  const policy = POLICIES[options.policy ?? 'docker'];
  const { capabilities } = policy;
  const namespaces = (options.cgroup === 'v2' ? NAMESPACES_V2 : NAMESPACES).filter(
    (type) => type !== 'time' || options.timeNamespace !== false,
  );
  const seccomp =
    options.seccomp === undefined
      ? resolveProfile(dockerSeccompProfile(), {
          architecture: options.architecture ?? (process.arch as 'x64' | 'arm64'),
          capabilities,
          kernel: options.kernel ?? runningKernel(),
        })
      : (options.seccomp ?? undefined);
  return {
    ociVersion: '1.0.2',
    root: { path: options.rootfs, ...(options.readonlyRootfs === true ? { readonly: true } : {}) },
    process: {
      ...(options.terminal === true ? { terminal: true } : {}),
      user: { uid: 0, gid: 0, additionalGids: [0] },
      args: options.args,
      env: [DEFAULT_PATH, ...(options.terminal === true ? ['TERM=xterm'] : []), ...(options.env ?? [])],
      cwd: options.cwd ?? '/',
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
        inheritable: [],
        ambient: [],
      },
      rlimits: [],
      ...(policy.noNewPrivileges ? { noNewPrivileges: true } : {}),
      oomScoreAdj: 0,
    },
    ...(options.hostname === undefined ? {} : { hostname: options.hostname }),
    mounts: MOUNTS,
    hooks: {
      prestart: [],
      createRuntime: [],
      createContainer: [],
      startContainer: [],
      poststart: [],
      poststop: [],
    },
    annotations: {},
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      uidMappings: [],
      gidMappings: [],
      timeOffsets: {},
      devices: [],
      ...(options.cgroupsPath === undefined ? {} : { cgroupsPath: options.cgroupsPath }),
      resources: {
        devices: DEVICE_RULES,
        ...(policy.pidsLimit === null ? {} : { pids: { limit: policy.pidsLimit } }),
        hugepageLimits: [],
        rdma: {},
        unified: {},
      },
      ...(seccomp === undefined ? {} : { seccomp }),
      sysctl: NETWORK_SYSCTLS,
      maskedPaths: [...MASKED_PATHS, ...thermalThrottlePaths()],
      readonlyPaths: READONLY_PATHS,
    },
  };
}
