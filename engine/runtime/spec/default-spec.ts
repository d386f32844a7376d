/** What config-linux.md's example and `runc spec` keep: enough for a shell that listens below 1024. */
const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

export interface DefaultSpecOptions {
  /** All controllers are on cgroup v2: then the container gets a cgroup namespace. */
  readonly unifiedCgroups: boolean;
  /** For a user without privileges: these ids become root in a user namespace. */
  readonly rootless?: { readonly uid: number; readonly gid: number };
}

/** The text of config.json that `spec` writes: byte for byte that of runc 1.1.5, with tabs and without a newline at the end. */
export function defaultSpec(options: DefaultSpecOptions): string {
  return JSON.stringify(document(options), null, '\t');
}

/** Members in the order in which runc's Go structures have them. */
function document({ unifiedCgroups, rootless }: DefaultSpecOptions): object {
  return {
    ociVersion: '1.0.2-dev',
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: {
        bounding: CAPABILITIES,
        effective: CAPABILITIES,
        permitted: CAPABILITIES,
        ambient: CAPABILITIES,
      },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'runc',
    mounts: mounts(rootless !== undefined),
    linux: {
      ...(rootless === undefined ? {} : idMappings(rootless)),
      ...(rootless === undefined ? { resources: { devices: [{ allow: false, access: 'rwm' }] } } : {}),
      namespaces: [
        'pid',
        ...(rootless === undefined ? ['network'] : []),
        'ipc',
        'uts',
        'mount',
        ...(unifiedCgroups ? ['cgroup'] : []),
        ...(rootless === undefined ? [] : ['user']),
      ].map((type) => ({ type })),
      maskedPaths: [
        '/proc/acpi',
        '/proc/asound',
        '/proc/kcore',
        '/proc/keys',
        '/proc/latency_stats',
        '/proc/timer_list',
        '/proc/timer_stats',
        '/proc/sched_debug',
        '/sys/firmware',
        '/proc/scsi',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

/** Without a network namespace of its own a user cannot mount a sysfs, so /sys is bound; nor can a group 5 be given away. */
function mounts(rootless: boolean): object[] {
  const mount = (destination: string, type: string, source: string, ...options: string[]): object => ({
    destination,
    type,
    source,
    ...(options.length === 0 ? {} : { options }),
  });
  const pts = ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'];
  return [
    mount('/proc', 'proc', 'proc'),
    mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
    mount('/dev/pts', 'devpts', 'devpts', ...pts, ...(rootless ? [] : ['gid=5'])),
    mount('/dev/shm', 'tmpfs', 'shm', 'nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'),
    mount('/dev/mqueue', 'mqueue', 'mqueue', 'nosuid', 'noexec', 'nodev'),
    rootless
      ? mount('/sys', 'none', '/sys', 'rbind', 'nosuid', 'noexec', 'nodev', 'ro')
      : mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', 'ro'),
    mount('/sys/fs/cgroup', 'cgroup', 'cgroup', 'nosuid', 'noexec', 'nodev', 'relatime', 'ro'),
  ];
}

function idMappings({ uid, gid }: { uid: number; gid: number }): object {
  return {
    uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
  };
}
