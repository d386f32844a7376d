/**
 * Changes of a valid config.json that break a rule, with what the validator answers, and what runc 1.1.5 answers to the same file
 * where that differs: `accepts` with the reason why we are stricter, or `fails later` when it is a system call that fails there.
 */
export interface RuleCase {
  readonly name: string;
  /** Dotted paths and what to put there; undefined removes. */
  readonly change: Readonly<Record<string, unknown>>;
  readonly rootless?: boolean;
  /** Part of the message. */
  readonly refused: string;
  readonly runc?: { readonly accepts: string } | { readonly failsLater: string } | { readonly refuses: string };
}

const NAMESPACES = ['pid', 'ipc', 'uts', 'mount', 'network'];
const without = (...types: string[]): { type: string }[] =>
  NAMESPACES.filter((type) => !types.includes(type)).map((type) => ({ type }));
const withMore = (...more: object[]): object[] => [...without(), ...more];
const MAP = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const USER = { 'linux.namespaces': withMore({ type: 'user' }), 'linux.uidMappings': MAP, 'linux.gidMappings': MAP };
const PROC = { destination: '/proc', type: 'proc', source: 'proc' };
const mounted = (mount: object): Record<string, unknown> => ({ mounts: [PROC, mount] });
const ONE = [{ containerID: 0, hostID: 1000, size: 1 }];
/** What a user with the id 1000 may ask for. */
const ROOTLESS = {
  ...mounted({ destination: '/x', type: 'tmpfs', source: 'tmpfs' }),
  'linux.namespaces': withMore({ type: 'user' }),
  'linux.uidMappings': ONE,
  'linux.gidMappings': ONE,
  'linux.resources': undefined,
};
const filter = (more: object): Record<string, unknown> => ({
  'linux.seccomp': { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [], ...more },
});
const rule = (more: object): Record<string, unknown> =>
  filter({ syscalls: [{ names: ['getcwd'], action: 'SCMP_ACT_ERRNO', ...more }] });
const sysctl = (key: string, value = '1'): Record<string, unknown> => ({ 'linux.sysctl': { [key]: value } });

export const RULES: readonly RuleCase[] = [
  { name: 'no root', change: { root: undefined }, refused: 'root must be specified' },
  { name: 'no process', change: { process: undefined }, refused: 'process property must not be empty' },
  { name: 'no cwd', change: { 'process.cwd': undefined }, refused: 'Cwd property must not be empty' },
  { name: 'relative cwd', change: { 'process.cwd': 'tmp' }, refused: 'Cwd must be an absolute path' },
  { name: 'no args', change: { 'process.args': [] }, refused: 'args must not be empty' },
  {
    name: 'SELinux label',
    change: { 'process.selinuxLabel': 'system_u:system_r:svirt_lxc_net_t:s0:c124,c675' },
    refused: 'selinux label is specified in config, but selinux is disabled or not supported',
  },
  {
    name: 'AppArmor profile',
    change: { 'process.apparmorProfile': 'docker-default' },
    refused: 'unable to apply apparmor profile: apparmor: config provided but apparmor not supported',
    runc: { refuses: 'unable to apply apparmor profile: apparmor' },
  },
  { name: 'variable without =', change: { 'process.env': ['A'] }, refused: 'invalid environment variable: "A"' },
  {
    name: 'variable without a name',
    change: { 'process.env': ['=b'] },
    refused: `environment variable name can't be empty: "=b"`,
  },
  {
    name: 'unknown rlimit',
    change: { 'process.rlimits': [{ type: 'RLIMIT_X', soft: 1, hard: 1 }] },
    refused: 'wrong rlimit value: RLIMIT_X',
  },
  {
    name: 'soft above hard',
    change: { 'process.rlimits': [{ type: 'RLIMIT_NOFILE', soft: 20, hard: 10 }] },
    refused: 'process.rlimits: the soft limit 20 of RLIMIT_NOFILE is above the hard limit 10',
    runc: { failsLater: 'error setting rlimit type 7: invalid argument' },
  },
  {
    name: 'rlimit twice',
    change: {
      'process.rlimits': [
        { type: 'RLIMIT_NOFILE', soft: 10, hard: 20 },
        { type: 'RLIMIT_NOFILE', soft: 10, hard: 20 },
      ],
    },
    refused: 'RLIMIT_NOFILE is there twice',
    runc: { accepts: 'config.md: duplicates MUST be an error' },
  },
  {
    name: 'uid outside of the range',
    change: { 'process.user.uid': 2 ** 31 },
    refused: 'process.user.uid is 2147483648',
    runc: { refuses: 'uids and gids must be in range 0-2147483647' },
  },
  {
    name: 'uid -1',
    change: { 'process.user.uid': 2 ** 32 - 1 },
    refused: 'process.user.uid is 4294967295',
    runc: { refuses: 'uids and gids must be in range 0-2147483647' },
  },
  {
    name: 'supplementary gid outside of the range',
    change: { 'process.user.additionalGids': [2 ** 31] },
    refused: 'process.user.additionalGids[0] is 2147483648',
    runc: { refuses: 'uids and gids must be in range 0-2147483647' },
  },
  {
    name: 'oomScoreAdj outside of the range',
    change: { 'process.oomScoreAdj': 1001 },
    refused: 'process.oomScoreAdj is 1001',
    runc: { failsLater: 'Invalid argument' },
  },
  {
    name: 'uid as a string',
    change: { 'process.user.uid': '0' },
    refused: 'process.user.uid is "0"',
    runc: { refuses: 'cannot unmarshal' },
  },
  {
    name: 'uid as a fraction',
    change: { 'process.user.uid': 0.5 },
    refused: 'process.user.uid is 0.5',
    runc: { refuses: 'cannot unmarshal' },
  },
  {
    name: 'unmapped user',
    change: { ...USER, 'process.user.uid': 70_000 },
    refused: 'cannot set uid to unmapped user in user namespace',
  },
  {
    name: 'unmapped group',
    change: { ...USER, 'process.user.gid': 70_000 },
    refused: 'cannot set gid to unmapped user in user namespace',
  },
  {
    name: 'namespace twice',
    change: { 'linux.namespaces': withMore({ type: 'pid' }) },
    refused: 'malformed spec file: duplicated ns {"pid" ""}',
  },
  {
    name: 'unknown namespace',
    change: { 'linux.namespaces': withMore({ type: 'moon' }) },
    refused: 'linux.namespaces[5].type is "moon"',
    runc: { refuses: 'namespace {"moon" ""} does not exist' },
  },
  {
    name: 'namespace path that is not there',
    change: { 'linux.namespaces': [...without('uts'), { type: 'uts', path: '/nowhere' }] },
    refused: 'namespace path: lstat /nowhere: no such file or directory',
  },
  {
    name: 'hostname without uts',
    change: { 'linux.namespaces': without('uts') },
    refused: 'unable to set hostname without a private UTS namespace',
  },
  {
    name: 'domainname without uts',
    change: { hostname: undefined, domainname: 'x', 'linux.namespaces': without('uts') },
    refused: 'unable to set domainname without a private UTS namespace',
    runc: { accepts: 'runc 1.1 does not know the field; the rule and its text are those of runc 1.2' },
  },
  {
    name: 'masked paths without mount',
    change: { 'linux.namespaces': without('mount') },
    refused: 'unable to restrict sys entries without a private MNT namespace',
  },
  {
    name: 'user namespace without maps',
    change: { 'linux.namespaces': withMore({ type: 'user' }) },
    refused: 'User namespaces enabled, but no uid mappings found.',
  },
  {
    name: 'user namespace without a gid map',
    change: { ...USER, 'linux.gidMappings': undefined },
    refused: 'User namespaces enabled, but no gid mappings found.',
  },
  {
    name: 'user namespace without root',
    change: { ...USER, 'linux.uidMappings': [{ containerID: 1, hostID: 1, size: 10 }] },
    refused: 'User namespaces enabled, but no user mapping found.',
  },
  {
    name: 'user namespace without root group',
    change: { ...USER, 'linux.gidMappings': [{ containerID: 1, hostID: 1, size: 10 }] },
    refused: 'User namespaces enabled, but no group mapping found.',
  },
  {
    name: 'overlapping maps',
    change: { ...USER, 'linux.uidMappings': [...MAP, { containerID: 5, hostID: 300_000, size: 1 }] },
    refused: 'linux.uidMappings: two mappings share containerID 5',
    runc: { failsLater: 'Invalid argument' },
  },
  {
    name: 'empty map',
    change: { ...USER, 'linux.uidMappings': [...MAP, { containerID: 70_000, hostID: 300_000, size: 0 }] },
    refused: 'linux.uidMappings: a mapping of size 0',
    runc: { failsLater: 'Invalid argument' },
  },
  {
    name: 'time offsets without time namespace',
    change: { 'linux.timeOffsets': { boottime: { secs: 10 } } },
    refused: "time namespace offsets specified, but time namespace isn't enabled in the config",
    runc: { accepts: 'runc 1.1 does not know the field; the rule and its text are those of runc 1.2' },
  },
  {
    name: 'ipc sysctl of the machine',
    change: { ...sysctl('kernel.sem'), 'linux.namespaces': without('ipc') },
    refused: 'sysctl "kernel.sem" is not allowed in the hosts ipc namespace',
  },
  {
    name: 'mqueue sysctl of the machine',
    change: { ...sysctl('fs.mqueue.msg_max'), 'linux.namespaces': without('ipc') },
    refused: 'sysctl "fs.mqueue.msg_max" is not allowed in the hosts ipc namespace',
  },
  {
    name: 'net sysctl of the machine',
    change: { ...sysctl('net.ipv4.ip_forward'), 'linux.namespaces': without('network') },
    refused: 'sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
  },
  {
    name: 'net sysctl through a path to our own',
    change: {
      ...sysctl('net.ipv4.ip_forward'),
      'linux.namespaces': [...without('network'), { type: 'network', path: '/proc/self/ns/net' }],
    },
    refused: 'sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
  },
  {
    name: 'ipc sysctl through a path to our own',
    change: {
      ...sysctl('kernel.shmmni', '4096'),
      'linux.namespaces': [...without('ipc'), { type: 'ipc', path: '/proc/self/ns/ipc' }],
    },
    refused: 'sysctl "kernel.shmmni" is not allowed in the hosts ipc namespace',
    runc: { accepts: "runc compares only the network namespace; this would set the machine's" },
  },
  {
    name: 'hostname as a sysctl',
    change: sysctl('kernel.hostname', 'x'),
    refused: 'sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field',
  },
  {
    name: 'domainname sysctl of the machine',
    change: { ...sysctl('kernel.domainname', 'x'), hostname: undefined, 'linux.namespaces': without('uts') },
    refused: 'sysctl "kernel.domainname" is not in a separate kernel namespace',
  },
  {
    name: 'sysctl of the machine',
    change: sysctl('kernel.core_pattern', 'x'),
    refused: 'sysctl "kernel.core_pattern" is not in a separate kernel namespace',
  },
  {
    name: 'sysctl of the machine with slashes',
    change: sysctl('kernel/core_pattern', 'x'),
    refused: 'sysctl "kernel.core_pattern" is not in a separate kernel namespace',
  },
  {
    name: 'sysctl smuggled with + and =',
    change: sysctl('kernel.shm_rmid_forced=1+kernel.core_pattern', '/x'),
    refused: 'is not the name of a sysctl',
    runc: { refuses: 'is not in a separate kernel namespace' },
  },
  {
    name: 'net sysctl with =',
    change: sysctl('net.ipv4.ip_forward=1', '1'),
    refused: 'is not the name of a sysctl',
    runc: { failsLater: 'no such file or directory' },
  },
  {
    name: 'sysctl with a newline',
    change: sysctl('net.ipv4.ip_forward\nkernel.core_pattern'),
    refused: 'is not the name of a sysctl',
    runc: { failsLater: 'no such file or directory' },
  },
  {
    name: 'sysctl with .. between slashes',
    change: sysctl('net/../kernel/core_pattern'),
    refused: 'is not the name of a sysctl',
    runc: { failsLater: 'no such file or directory' },
  },
  {
    name: 'sysctl with // between dots',
    change: sysctl('net.//.kernel.core_pattern'),
    refused: 'is not the name of a sysctl',
    runc: { failsLater: 'no such file or directory' },
  },
  {
    name: 'empty sysctl',
    change: sysctl(''),
    refused: 'sysctl "" is not the name of a sysctl',
    runc: { refuses: 'sysctl "" is not in a separate kernel namespace' },
  },
  {
    name: 'sysctl value of two lines',
    change: sysctl('kernel.shm_rmid_forced', '1\n1'),
    refused: 'has more than one line',
    runc: { accepts: 'the kernel takes the first line and the rest is silently lost' },
  },
  {
    name: 'unknown propagation',
    change: { 'linux.rootfsPropagation': 'x' },
    refused: 'rootfsPropagation=x is not supported',
  },
  {
    name: 'unknown device type',
    change: { 'linux.devices': [{ path: '/dev/x', type: 'x' }] },
    refused: 'linux.devices[0].type is "x"',
    runc: { refuses: 'invalid device type "x"' },
  },
  {
    name: 'device with a wildcard',
    change: { 'linux.devices': [{ path: '/dev/x', type: 'c', major: -1, minor: 0 }] },
    refused: 'linux.devices[0].major is -1',
    runc: { failsLater: 'cannot mkdev() device with wildcards' },
  },
  {
    name: 'device number with more bits than a dev_t',
    change: { 'linux.devices': [{ path: '/dev/x', type: 'c', major: 2 ** 32 + 1, minor: 3 }] },
    refused: 'linux.devices[0].major is 4294967297',
    runc: { accepts: 'the kernel would cut it down and make another device' },
  },
  {
    name: 'unknown rule type',
    change: { 'linux.resources.devices': [{ allow: true, type: 'p', access: 'r' }] },
    refused: 'linux.resources.devices[0].type is "p"',
    runc: { refuses: 'invalid cgroup device type "p"' },
  },
  {
    name: 'rule without access',
    change: { 'linux.resources.devices': [{ allow: true }] },
    refused: 'device access at 0 field cannot be empty',
  },
  {
    name: 'unified on v1',
    change: { 'linux.resources.unified': { 'memory.max': '1' } },
    refused: 'invalid configuration: cannot use unified on cgroup v1',
  },
  {
    name: 'swappiness above 100',
    change: { 'linux.resources.memory': { swappiness: 101 } },
    refused: 'linux.resources.memory.swappiness is 101',
    runc: { refuses: 'invalid memory swappiness value: 101 (valid range is 0-100)' },
  },
  {
    name: 'swap below the limit',
    change: { 'linux.resources.memory': { limit: 104_857_600, swap: 52_428_800 } },
    refused: 'memory+swap limit should be >= memory limit',
    runc: { failsLater: 'invalid argument' },
  },
  {
    name: 'page size as a path',
    change: { 'linux.resources.hugepageLimits': [{ pageSize: '../x', limit: 1 }] },
    refused: 'linux.resources.hugepageLimits[0].pageSize',
    runc: { failsLater: '' },
  },
  {
    name: 'Intel RDT',
    change: { 'linux.intelRdt': { l3CacheSchema: 'L3:0=1' } },
    refused: 'linux.intelRdt is an object; expected nothing, for Intel RDT is not supported',
    runc: { refuses: 'intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled' },
  },
  {
    name: 'unknown seccomp action',
    change: filter({ defaultAction: 'SCMP_ACT_X' }),
    refused: 'string SCMP_ACT_X is not a valid action for seccomp',
  },
  {
    name: 'unknown action of a rule',
    change: rule({ action: 'X' }),
    refused: 'string X is not a valid action for seccomp',
  },
  {
    name: 'unknown seccomp architecture',
    change: filter({ architectures: ['SCMP_ARCH_Z80'] }),
    refused: 'string SCMP_ARCH_Z80 is not a valid arch for seccomp',
  },
  {
    name: 'unknown seccomp operator',
    change: rule({ args: [{ index: 0, value: 1, op: 'SCMP_CMP_X' }] }),
    refused: 'string SCMP_CMP_X is not a valid operator for seccomp',
  },
  {
    name: 'seccomp index',
    change: rule({ args: [{ index: 6, value: 1, op: 'SCMP_CMP_EQ' }] }),
    refused:
      'error creating seccomp syscall condition for syscall getcwd: syscalls only have up to 6 arguments (6 given)',
  },
  {
    name: 'empty name of a system call',
    change: rule({ names: [''] }),
    refused: 'empty string is not a valid syscall',
  },
  {
    name: 'unknown seccomp flag',
    change: filter({ flags: ['X'] }),
    refused: 'seccomp flag X is not known',
    runc: { refuses: 'seccomp flags are not yet supported by runc' },
  },
  {
    name: 'notify by default',
    change: filter({ defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/x' }),
    refused: 'SCMP_ACT_NOTIFY cannot be used as default action',
  },
  {
    name: 'notify for write',
    change: rule({ action: 'SCMP_ACT_NOTIFY', names: ['write'] }),
    refused: 'SCMP_ACT_NOTIFY cannot be used for the write syscall',
  },
  {
    name: 'notify without a listener',
    change: rule({ action: 'SCMP_ACT_NOTIFY' }),
    refused: 'listenerPath is not set',
  },
  { name: 'root that is not there', change: { 'root.path': 'nowhere' }, refused: 'invalid rootfs: stat' },
  {
    name: 'root that is a link',
    change: { 'root.path': 'link' },
    refused: 'invalid rootfs: not an absolute path, or a symlink',
  },
  {
    name: 'root behind a link',
    change: { 'root.path': 'link/sub' },
    refused: 'invalid rootfs: not an absolute path, or a symlink',
  },
  {
    name: 'mount without a type',
    change: mounted({ destination: '/x', source: 'tmpfs' }),
    refused: 'invalid mount "/x": it has neither a type nor the option bind',
    runc: { failsLater: 'no such device' },
  },
  {
    name: 'bind mount without a source',
    change: mounted({ destination: '/x', type: 'bind', options: ['bind'] }),
    refused: 'invalid mount "/x": a bind mount needs a source',
    runc: { accepts: 'it would bind the bundle' },
  },
  {
    name: 'mount inside /proc',
    change: mounted({ destination: '/proc/self/attr', type: 'bind', source: '/tmp', options: ['bind'] }),
    refused: '"/proc/self/attr" cannot be mounted because it is inside /proc',
    runc: { refuses: 'cannot be mounted because it is inside /proc' },
  },
  {
    name: 'tmpfs inside /proc',
    change: mounted({ destination: '/proc/../proc/acpi/', type: 'tmpfs', source: 'tmpfs' }),
    refused: '"/proc/acpi" cannot be mounted because it is inside /proc',
    runc: { accepts: 'CVE-2025-52881: a file of /proc that is not one' },
  },
  {
    name: 'bind mount over /proc',
    change: mounted({ destination: '/proc', type: 'bind', source: '/tmp', options: ['bind'] }),
    refused: '"/proc" cannot be mounted because it is not of type proc',
    runc: { refuses: 'cannot be mounted because it is not of type proc' },
  },
  {
    name: 'id-mapped mount that is no bind mount',
    change: mounted({ destination: '/x', type: 'tmpfs', uidMappings: MAP, gidMappings: MAP }),
    refused: 'invalid mount "/x": id-mapped mounts are only supported for bind-mounts',
    runc: { accepts: 'runc 1.1 ignores the fields; the rule and its text are those of runc 1.2' },
  },
  {
    name: 'id-mapped mount with one map',
    change: mounted({ destination: '/x', source: '/tmp', options: ['bind'], uidMappings: MAP }),
    refused: 'id-mapped mounts must have both uid and gid mappings specified',
    runc: { accepts: 'runc 1.1 ignores the fields; the rule and its text are those of runc 1.2' },
  },
  {
    name: 'id-mapped mount without any map',
    change: mounted({ destination: '/x', source: '/tmp', options: ['bind', 'idmap'] }),
    refused: 'id-mapped mounts must have both uid and gid mappings specified',
    runc: { accepts: 'runc 1.1 ignores the option of a bind mount; the rule and its text are those of runc 1.2' },
  },
  {
    name: 'hook with a relative path',
    change: { hooks: { poststop: [{ path: 'true' }] } },
    refused: 'hooks.poststop[0].path must be an absolute path',
    runc: { accepts: 'config.md: it MUST be absolute' },
  },
  {
    name: 'hook without time',
    change: { hooks: { poststop: [{ path: '/bin/true', timeout: 0 }] } },
    refused: 'hooks.poststop[0].timeout is 0',
    runc: { accepts: 'config.md: it MUST be above zero, and such a hook is always killed' },
  },
  {
    name: 'long hostname',
    change: { hostname: 'x'.repeat(65) },
    refused: 'hostname is 65 bytes long; expected at most 64',
    runc: { failsLater: 'invalid argument' },
  },
  {
    name: 'scheduler without a policy',
    change: { 'process.scheduler': {} },
    refused: 'scheduler policy is required',
    runc: { accepts: 'runc 1.1 does not know the field; the rule and its text are those of runc 1.2' },
  },
  {
    name: 'unknown scheduler',
    change: { 'process.scheduler': { policy: 'SCHED_ISO' } },
    refused: 'invalid scheduler policy: SCHED_ISO',
    runc: { accepts: 'runc 1.1 does not know the field' },
  },
  {
    name: 'nice outside of the range',
    change: { 'process.scheduler': { policy: 'SCHED_OTHER', nice: 20 } },
    refused: 'invalid scheduler.nice: 20 when scheduler.policy is SCHED_OTHER',
    runc: { accepts: 'runc 1.1 does not know the field' },
  },
  {
    name: 'priority of the wrong scheduler',
    change: { 'process.scheduler': { policy: 'SCHED_OTHER', priority: 1 } },
    refused: 'scheduler.priority can only be specified for SchedFIFO or SchedRR policy',
    runc: { accepts: 'runc 1.1 does not know the field' },
  },
  {
    name: 'deadline of the wrong scheduler',
    change: { 'process.scheduler': { policy: 'SCHED_OTHER', runtime: 1 } },
    refused: 'scheduler runtime/deadline/period can only be specified for SchedDeadline policy',
    runc: { accepts: 'runc 1.1 does not know the field' },
  },
  {
    name: 'unknown flag of a scheduler',
    change: { 'process.scheduler': { policy: 'SCHED_OTHER', flags: ['X'] } },
    refused: 'invalid scheduler flag: X',
    runc: { accepts: 'runc 1.1 does not know the field' },
  },
  {
    name: 'io priority outside of the range',
    change: { 'process.ioPriority': { class: 'IOPRIO_CLASS_BE', priority: 8 } },
    refused: 'invalid ioPriority.Priority: 8',
    runc: { accepts: 'runc 1.1 does not know the field' },
  },
  {
    name: 'unknown personality',
    change: { 'linux.personality': { domain: 'X' } },
    refused: 'linux.personality.domain is "X"',
    runc: { accepts: 'runc 1.1 does not know the field' },
  },
  {
    name: 'flags of a personality',
    change: { 'linux.personality': { domain: 'LINUX', flags: ['X'] } },
    refused: 'additional flags are not supported for the personality',
    runc: { accepts: 'runc 1.1 does not know the field; none is defined' },
  },
  {
    name: 'no mount namespace',
    change: { 'linux.namespaces': without('mount'), 'linux.maskedPaths': undefined, 'linux.readonlyPaths': undefined },
    refused: 'a container without a mount namespace is not supported',
    runc: { accepts: 'its mounts would be those of the machine' },
  },
  {
    name: 'rootless without a user namespace',
    change: {},
    rootless: true,
    refused: 'rootless container requires user namespaces',
  },
  {
    name: 'rootless with an unmapped gid option',
    change: {
      ...ROOTLESS,
      ...mounted({ destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['gid=70000'] }),
    },
    rootless: true,
    refused: 'cannot specify gid= mount options for unmapped gid in rootless containers',
  },
  {
    name: 'rootless with an unmapped uid option',
    change: {
      ...ROOTLESS,
      ...mounted({ destination: '/x', type: 'tmpfs', source: 'tmpfs', options: ['uid=70000,size=1m'] }),
    },
    rootless: true,
    refused: 'cannot specify uid= mount options for unmapped uid in rootless containers',
  },
  {
    name: 'rootless with groups',
    change: { ...ROOTLESS, 'process.user.additionalGids': [5] },
    rootless: true,
    refused: 'cannot set any additional groups in a rootless container',
  },
];

/** Files that runc takes; so do we. */
export const FINE: readonly {
  readonly name: string;
  readonly change: Readonly<Record<string, unknown>>;
  readonly warns?: string;
}[] = [
  { name: 'as it is', change: {} },
  { name: 'a user namespace', change: USER },
  { name: 'no ociVersion', change: { ociVersion: undefined }, warns: 'ociVersion "" is not a 1.x version' },
  {
    name: 'null for what is optional',
    change: {
      hooks: null,
      annotations: null,
      'linux.seccomp': null,
      'linux.resources': null,
      'process.capabilities': null,
      'process.env': null,
    },
  },
  {
    name: 'maps without a user namespace',
    change: { 'linux.uidMappings': MAP, 'linux.gidMappings': MAP },
    warns: 'linux.uidMappings and linux.gidMappings are ignored without a user namespace',
  },
  { name: 'no user', change: { 'process.user': undefined } },
  { name: 'unknown members', change: { x: 1, 'process.x': [1.5], 'linux.x': { y: null } } },
  {
    name: 'a relative mount',
    change: mounted({ destination: 'x', type: 'tmpfs', source: 'tmpfs' }),
    warns: 'mount destination x is not absolute',
  },
  {
    name: 'an unknown capability',
    change: { 'process.capabilities.bounding': ['CAP_X'] },
    warns: 'ignoring unknown or unavailable capabilities: [CAP_X]',
  },
  {
    name: 'kernel memory',
    change: { 'linux.resources.memory': { kernel: 100_000_000 } },
    warns: 'Kernel memory settings are ignored and will be removed',
  },
  { name: 'empty seccomp', change: { 'linux.seccomp': { defaultAction: '' } } },
  {
    name: 'seccomp',
    change: rule({ errnoRet: 5, args: [{ index: 5, value: 1, valueTwo: 2, op: 'SCMP_CMP_MASKED_EQ' }] }),
  },
  { name: 'ipc sysctl', change: sysctl('kernel.shm_rmid_forced') },
  { name: 'net sysctl', change: sysctl('net.ipv4.ip_forward', '0') },
  { name: 'net sysctl with slashes', change: sysctl('net/ipv4/ip_forward', '0') },
  { name: 'domainname as a sysctl', change: sysctl('kernel.domainname', 'x') },
  { name: 'mqueue sysctl', change: sysctl('fs.mqueue.msg_max', '20') },
  { name: 'propagation', change: { 'linux.rootfsPropagation': 'rslave' } },
  {
    name: 'a device',
    change: {
      'linux.devices': [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o20666, uid: 0, gid: 0 }],
    },
  },
  { name: 'a FIFO', change: { 'linux.devices': [{ path: '/dev/fifo', type: 'p' }] } },
  {
    name: 'a relative hook argument',
    change: { hooks: { poststop: [{ path: '/bin/true', args: ['true'], timeout: 5 }] } },
  },
  { name: 'a cgroup path with dots', change: { 'linux.cgroupsPath': '/glassbox-spec-test/../glassbox-spec-test/x' } },
  { name: 'a root behind the bundle', change: { 'root.path': 'rootfs/' } },
];

/** A copy of `base` with the members at the dotted paths replaced. */
export function changed(base: object, change: Readonly<Record<string, unknown>>): object {
  const copy = structuredClone(base) as Record<string, unknown>;
  for (const [path, value] of Object.entries(change)) {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    let into = copy;
    for (const key of keys) {
      into[key] ??= {};
      into = into[key] as Record<string, unknown>;
    }
    if (value === undefined) delete into[last];
    else into[last] = value;
  }
  return copy;
}
