import type { SpecUser } from '../../runtime/spec/types.js';
import type { PlacedMount } from '../mounts/types.js';
import type { ContainerConfig, HostConfig } from '../types.js';
import type { DeviceSource } from './devices.js';
import type { DeviceNumber } from './resources.js';

/** What a config depends on of the machine; `machine.ts` reads it. */
export interface SpecMachine {
  readonly architecture: 'x64' | 'arm64';
  readonly kernel: { readonly major: number; readonly minor: number };
  readonly cgroup: 'v1' | 'v2';
  /** Our own bounding set: `CAP_CHOWN` … */
  readonly capabilities: readonly string[];
  readonly inUserNamespace: boolean;
  /** Group 5, `tty` on every Linux, exists in our user namespace: terminals can be its. */
  readonly ttyGroup: boolean;
  readonly seccomp: boolean;
  readonly apparmor: boolean;
  readonly cgroupNamespaces: boolean;
  readonly timeNamespaces: boolean;
  /** mount_setattr(2), Linux 5.12. */
  readonly recursiveReadOnly: boolean;
  /** Those of ours that are set by default, if the kernel has them: `net.ipv4.ping_group_range` … */
  readonly sysctls: ReadonlySet<string>;
  readonly maskedPaths: readonly string[];
  readonly devices: DeviceSource;
  readonly deviceNumber: DeviceNumber;
  /** How the mount that a path lies on spreads, for `shared` and `slave` binds. */
  readonly propagationOf: (path: string) => {
    readonly mountPoint: string;
    readonly shared: boolean;
    readonly slave: boolean;
  };
}

export interface SpecInput {
  readonly id: string;
  /** The image's configuration merged in. */
  readonly config: ContainerConfig;
  /** As `adaptHostConfig` left it. */
  readonly hostConfig: HostConfig;
  /** Path and Args of the container: entrypoint and command. */
  readonly command: readonly string[];
  readonly rootfs: string;
  /** Of the config's `User`, by `resolveUser`. */
  readonly user: SpecUser;
  readonly mounts: readonly PlacedMount[];
  /** Files of the engine that are bound over the image's; absent ones are not. `shm`: the directory for a shared /dev/shm. */
  readonly files: {
    readonly resolvConf?: string;
    readonly hostname?: string;
    readonly hosts?: string;
    readonly shm?: string;
  };
  /** Paths of namespaces to join: the network's own, made before; those of other containers and their pids. */
  readonly join: { readonly network?: string; readonly pid?: string; readonly ipc?: string; readonly user?: string };
  /** `/docker/ID`: `cgroupsPathOf`. */
  readonly cgroupsPath: string;
  /** `NAME=value` lines of `--link`. */
  readonly linkedEnv?: readonly string[];
  /** `--default-ulimit` of the engine. */
  readonly defaultUlimits?: HostConfig['Ulimits'];
  /** `--init` of the engine. */
  readonly defaultInit?: boolean;
  readonly machine: SpecMachine;
}
