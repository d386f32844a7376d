/**
 * What a group is limited to: `linux.resources` of runtime-spec's config.json by its own names, as the validated
 * configuration of the runtime has it. Bytes, microseconds and counts; -1 means unlimited; 0 means "leave as it is".
 * https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#control-groups
 */
export interface Resources {
  readonly devices: readonly DeviceRule[];
  readonly memory?: {
    readonly limit?: bigint;
    readonly reservation?: bigint;
    /** Memory and swap together, as v1 counts. */
    readonly swap?: bigint;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
    readonly checkBeforeUpdate?: boolean;
  };
  readonly cpu?: {
    readonly shares?: bigint;
    readonly quota?: bigint;
    readonly burst?: bigint;
    readonly period?: bigint;
    readonly realtimeRuntime?: bigint;
    readonly realtimePeriod?: bigint;
    readonly cpus?: string;
    readonly mems?: string;
    readonly idle?: number;
  };
  readonly pids?: { readonly limit: bigint };
  readonly blockIO?: {
    readonly weight?: number;
    readonly leafWeight?: number;
    readonly weightDevice: readonly { major: number; minor: number; weight?: number; leafWeight?: number }[];
    readonly throttleReadBpsDevice: readonly ThrottleDevice[];
    readonly throttleWriteBpsDevice: readonly ThrottleDevice[];
    readonly throttleReadIOPSDevice: readonly ThrottleDevice[];
    readonly throttleWriteIOPSDevice: readonly ThrottleDevice[];
  };
  readonly hugepageLimits: readonly { readonly pageSize: string; readonly limit: bigint }[];
  readonly network?: {
    readonly classID?: number;
    readonly priorities: readonly { readonly name: string; readonly priority: number }[];
  };
  readonly rdma: Readonly<Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>>;
  /** v2 file name -> content. */
  readonly unified: Readonly<Record<string, string>>;
}

export interface ThrottleDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate: bigint;
}

export interface DeviceRule {
  readonly allow: boolean;
  /** Absent: all (`a`). */
  readonly type?: 'a' | 'b' | 'c';
  /** Absent or -1: any. */
  readonly major?: number;
  readonly minor?: number;
  /** Letters of `rwm`; empty: none. */
  readonly access?: string;
}
