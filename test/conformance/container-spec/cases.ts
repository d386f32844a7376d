import type { Wish } from './wishes.js';

const M = 1 << 20;
/** Made before the cases run; it lies on the sandbox's own /run, which spreads to nobody. */
export const SHARED = '/run/glassbox-conformance/shared';
export const SOURCE = '/run/glassbox-conformance/source';
/** A container that runs, to be joined. */
export const RUNNING = 'joined';

/** Wishes whose config must be what dockerd makes of them. */
export const CASES: readonly Wish[] = [
  { name: 'nothing' },
  { name: 'a command with arguments', config: { Entrypoint: ['echo', 'a b'], Cmd: ['$x', ''] } },
  { name: 'a terminal', config: { Tty: true, OpenStdin: true } },
  { name: 'a terminal with a size', config: { Tty: true }, host: { ConsoleSize: [24, 80] } },
  { name: 'a host name', config: { Hostname: 'web' } },
  { name: 'a host and domain name', config: { Hostname: 'web', Domainname: 'example.org' } },
  { name: 'an environment', config: { Env: ['A=1', 'B=', 'PATH=/bin', 'A=2'] } },
  { name: 'variables taken away', config: { Env: ['PATH', 'HOSTNAME', 'C'], Tty: true } },
  { name: 'a working directory', config: { WorkingDir: '/srv/../tmp/' } },
  { name: 'a user by name', config: { User: 'app' } },
  { name: 'a user by number', config: { User: '1000' } },
  { name: 'a user that passwd does not have', config: { User: '1234' } },
  { name: 'user and group by number', config: { User: '1234:5678' } },
  { name: 'user and group by name', config: { User: 'app:extra' } },
  { name: 'root with a group', config: { User: '0:more' } },
  { name: 'groups added', config: { User: 'app' }, host: { GroupAdd: ['more', '4242'] } },
  { name: 'a capability more', host: { CapAdd: ['net_admin', 'CAP_SYS_TIME'] } },
  { name: 'a capability less', host: { CapDrop: ['MKNOD', 'chown'] } },
  { name: 'no capability but one', host: { CapDrop: ['ALL'], CapAdd: ['CHOWN'] } },
  { name: 'a capability for a user', config: { User: '1000' }, host: { CapAdd: ['NET_ADMIN'] } },
  { name: 'no seccomp', host: { SecurityOpt: ['seccomp=unconfined'] } },
  {
    name: 'a seccomp profile',
    host: {
      SecurityOpt: [
        'seccomp={"defaultAction":"SCMP_ACT_ALLOW","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]}],"syscalls":[{"names":["chmod","fchmodat"],"action":"SCMP_ACT_ERRNO"},{"names":["mount"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_SYS_ADMIN"]}},{"names":["reboot"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_BOOT"]}}]}',
      ],
    },
  },
  { name: 'no new privileges', host: { SecurityOpt: ['no-new-privileges'] } },
  {
    name: 'no new privileges, said and taken back',
    host: { SecurityOpt: ['no-new-privileges:true', 'no-new-privileges=false'] },
  },
  { name: 'a label option', host: { SecurityOpt: ['label=disable'] } },
  { name: 'nothing masked', host: { MaskedPaths: [], ReadonlyPaths: [] } },
  { name: 'other paths masked', host: { MaskedPaths: ['/proc/kcore'], ReadonlyPaths: ['/proc/sys'] } },
  { name: 'privileged', host: { Privileged: true } },
  { name: 'privileged and read-only', host: { Privileged: true, ReadonlyRootfs: true } },
  {
    name: 'a device',
    host: { Devices: [{ PathOnHost: '/dev/full', PathInContainer: '/dev/brim', CgroupPermissions: 'rw' }] },
  },
  {
    name: 'a directory of devices',
    host: { Devices: [{ PathOnHost: '/dev/net', PathInContainer: '/dev/nets', CgroupPermissions: 'rwm' }] },
  },
  { name: 'device rules', host: { DeviceCgroupRules: ['c 42:* rmw', 'b 8:0 r', 'a *:* m'] } },
  {
    name: 'ulimits',
    host: {
      Ulimits: [
        { Name: 'nofile', Soft: 100, Hard: 200 },
        { Name: 'memlock', Soft: -1, Hard: -1 },
      ],
    },
  },
  {
    name: 'sysctls',
    host: { Sysctls: { 'net.core.somaxconn': '128', 'kernel.shmmax': '1048576', 'net.ipv4.ping_group_range': '1 0' } },
  },
  { name: 'an oom score', host: { OomScoreAdj: 500 } },
  { name: "the machine's pids", host: { PidMode: 'host' } },
  { name: "another container's pids", host: { PidMode: `container:${RUNNING}` } },
  { name: "the machine's ipc", host: { IpcMode: 'host' } },
  { name: 'ipc to share', host: { IpcMode: 'shareable' } },
  { name: 'no shared memory', host: { IpcMode: 'none' } },
  { name: "another container's ipc", host: { IpcMode: `container:${RUNNING}` } },
  { name: "the machine's host name", host: { UTSMode: 'host' } },
  { name: "the machine's network", host: { NetworkMode: 'host' } },
  { name: "another container's network", host: { NetworkMode: `container:${RUNNING}` } },
  { name: 'a cgroup namespace', host: { CgroupnsMode: 'private' } },
  { name: "the machine's cgroups", host: { CgroupnsMode: 'host' } },
  { name: 'read-only', host: { ReadonlyRootfs: true } },
  { name: 'a tmpfs', host: { Tmpfs: { '/scratch': '' } } },
  {
    name: 'a tmpfs with options',
    host: { Tmpfs: { '/scratch': 'rw,size=64m,mode=1770,exec,nosuid', '/scratch/deep': 'ro' } },
  },
  {
    name: 'a tmpfs by mount',
    host: {
      Mounts: [
        { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 64 * M, Mode: 0o1777 } },
        { Type: 'tmpfs', Target: '/u', ReadOnly: true, TmpfsOptions: { SizeBytes: 1000 } },
      ],
    },
  },
  { name: 'shared memory of a size', host: { ShmSize: 128 * M } },
  { name: 'binds', host: { Binds: [`${SOURCE}:/a/b/c`, `${SOURCE}:/a:ro`, `${SOURCE}/:/z/:Z,rw`] } },
  { name: 'binds that spread', host: { Binds: [`${SHARED}:/s:shared`, `${SHARED}:/t:rslave,ro`] } },
  {
    name: 'a bind by mount',
    host: {
      Mounts: [
        {
          Type: 'bind',
          Source: SOURCE,
          Target: '/m',
          ReadOnly: true,
          BindOptions: { NonRecursive: true, Propagation: 'private' },
        },
      ],
    },
  },
  { name: 'a file of the engine covered', host: { Binds: [`${SOURCE}/file:/etc/hosts`, `${SOURCE}:/dev/shm`] } },
  { name: 'all of /dev covered', host: { Binds: [`${SOURCE}:/dev`] } },
  {
    name: 'volumes',
    host: {
      Binds: ['vol:/v', 'vol:/w:ro'],
      Mounts: [{ Type: 'volume', Source: 'other', Target: '/x', VolumeOptions: { NoCopy: true } }],
    },
  },
  { name: 'a memory limit', host: { Memory: 64 * M } },
  {
    name: 'memory and swap',
    host: { Memory: 64 * M, MemorySwap: 96 * M, MemoryReservation: 32 * M, MemorySwappiness: 10 },
  },
  { name: 'swap without limit', host: { Memory: 64 * M, MemorySwap: -1 } },
  { name: 'no killing for want of memory', host: { Memory: 64 * M, OomKillDisable: true } },
  { name: 'half a processor', host: { NanoCpus: 500_000_000 } },
  { name: 'period, quota and shares', host: { CpuPeriod: 50_000, CpuQuota: 20_000, CpuShares: 512 } },
  { name: 'few shares', host: { CpuShares: 1 } },
  { name: 'one processor', host: { CpusetCpus: '0', CpusetMems: '0' } },
  { name: 'few processes', host: { PidsLimit: 20 } },
  { name: 'no limit of processes', host: { PidsLimit: -1 } },
  { name: 'block io', host: { BlkioWeight: 300 } },
  { name: 'a group of its own', host: { CgroupParent: '/glassbox-other' } },
  { name: 'a relative group', host: { CgroupParent: 'glassbox-other/below' } },
  { name: 'no network at all', config: { NetworkDisabled: true } },
  { name: 'init', host: { Init: false } },
];
