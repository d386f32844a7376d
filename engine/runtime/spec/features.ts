import { CAPABILITIES } from './names.js';
import { HOOK_KINDS, NAMESPACE_TYPES } from './types.js';

export interface SeccompFeatures {
  readonly actions: readonly string[];
  readonly operators: readonly string[];
  readonly archs: readonly string[];
  readonly knownFlags: readonly string[];
  readonly supportedFlags: readonly string[];
}

export interface Features {
  readonly ociVersionMin: string;
  readonly ociVersionMax: string;
  readonly hooks: readonly string[];
  readonly mountOptions: readonly string[];
  readonly linux: {
    readonly namespaces: readonly string[];
    readonly capabilities: readonly string[];
    readonly cgroup: Readonly<Record<'v1' | 'v2' | 'systemd' | 'systemdUser' | 'rdma', boolean>>;
    readonly seccomp: SeccompFeatures & { readonly enabled: boolean };
    readonly apparmor: { readonly enabled: boolean };
    readonly selinux: { readonly enabled: boolean };
    readonly intelRdt: { readonly enabled: boolean };
    readonly mountExtensions: { readonly idmap: { readonly enabled: boolean } };
    readonly netDevices: { readonly enabled: boolean };
  };
  readonly annotations: Readonly<Record<string, string>>;
}

/** What only the whole runtime can say of itself. */
export interface FeatureOptions {
  readonly seccomp: SeccompFeatures;
  readonly mountOptions: readonly string[];
  readonly version: string;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  readonly idmap: boolean;
}

/** The document of `features` (runtime-spec features.md): what this runtime knows, whatever the machine offers. */
export function features(options: FeatureOptions): Features {
  return {
    ociVersionMin: '1.0.0',
    ociVersionMax: '1.2.0',
    hooks: HOOK_KINDS,
    mountOptions: options.mountOptions.toSorted(),
    linux: {
      namespaces: [...NAMESPACE_TYPES].sort(),
      capabilities: CAPABILITIES,
      cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: true },
      seccomp: { enabled: true, ...options.seccomp },
      apparmor: { enabled: options.apparmor },
      selinux: { enabled: options.selinux },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: options.idmap } },
      netDevices: { enabled: false },
    },
    annotations: {
      'org.opencontainers.runc.checkpoint.enabled': 'false',
      'dev.glassbox.runtime.version': options.version,
    },
  };
}
