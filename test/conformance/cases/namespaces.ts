import { type Config, mountOn, namespace, without } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';

/** A user namespace in which the container's root is 100000 outside; the rootfs and what is written belong to it. */
export function ownUserNamespace(config: Config, size = 65_536): void {
  namespace(config, 'user');
  config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 200_000, size }];
}

/** Each namespace left out, new, and joined by its path; maps of users; time offsets are in `own-features.ts`. */
export const NAMESPACE_CASES: readonly Case[] = [
  { name: 'no pid namespace', change: (c) => without(c, 'pid') },
  { name: 'no network namespace', change: (c) => without(c, 'network') },
  {
    name: 'no uts namespace',
    change: (c) => {
      without(c, 'uts');
      delete c.hostname;
    },
  },
  { name: 'no ipc namespace', change: (c) => without(c, 'ipc') },
  {
    name: 'hostname without a uts namespace is refused',
    change: (c) => without(c, 'uts'),
    fails: /hostname/,
  },
  { name: 'a cgroup namespace', change: (c) => namespace(c, 'cgroup') },
  { name: 'a user namespace', change: (c) => ownUserNamespace(c) },
  {
    name: 'a user namespace of two users',
    change: (c) => {
      ownUserNamespace(c, 2);
      mountOn(c, '/dev/pts').options = ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'];
    },
  },
  {
    name: 'a user namespace too small for the group of its terminals',
    change: (c) => ownUserNamespace(c, 2),
    fails: /devpts/,
  },
  {
    name: 'a user namespace mapped in two pieces',
    change: (c) => {
      ownUserNamespace(c);
      c.linux.uidMappings = [
        { containerID: 0, hostID: 100_000, size: 1000 },
        { containerID: 1000, hostID: 300_000, size: 500 },
      ];
      c.linux.gidMappings = [
        { containerID: 0, hostID: 0, size: 1 },
        { containerID: 1, hostID: 300_001, size: 500 },
      ];
    },
  },
  {
    name: 'a user namespace that maps the machine as it is',
    change: (c) => {
      namespace(c, 'user');
      c.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65_536 }];
      c.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65_536 }];
    },
  },
  {
    name: 'a user of a user namespace',
    change: (c) => {
      ownUserNamespace(c);
      c.process.user = { uid: 1000, gid: 1000, additionalGids: [50] };
    },
  },
  {
    name: 'a user namespace and a cgroup namespace',
    change: (c) => {
      ownUserNamespace(c);
      namespace(c, 'cgroup');
    },
  },
  {
    name: 'a user namespace on the network of the host',
    change: (c) => {
      ownUserNamespace(c);
      without(c, 'network');
      c.mounts = c.mounts.filter(({ destination }) => destination !== '/sys');
    },
  },
  {
    name: 'a user who is not mapped is refused',
    change: (c) => {
      ownUserNamespace(c, 10);
      c.process.user = { uid: 1000, gid: 5 };
    },
    fails: /invalid argument|not mapped|setuid|cannot set/,
  },
  {
    name: 'maps without a user namespace',
    change: (c) => {
      c.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 10 }];
    },
    unseen: 'they mean nothing then',
  },
  {
    name: 'a user namespace without maps',
    change: (c) => namespace(c, 'user'),
    fails: /map/,
  },
  ...(['network', 'uts', 'ipc', 'pid', 'cgroup'] as const).map(
    (type): Case => ({
      name: `the ${type} namespace of another process`,
      change: (c, world) => {
        namespace(c, type, world.held(type === 'network' ? 'net' : type));
        if (type === 'uts') c.hostname = 'renamed';
      },
    }),
  ),
  {
    name: 'network, uts and ipc of another process at once',
    change: (c, world) => {
      for (const [type, kind] of [
        ['network', 'net'],
        ['uts', 'uts'],
        ['ipc', 'ipc'],
      ] as const)
        namespace(c, type, world.held(kind));
      delete c.hostname;
    },
  },
  {
    name: 'a path of the own namespace',
    change: (c) => namespace(c, 'network', '/proc/self/ns/net'),
  },
  {
    name: 'a namespace path that is not there',
    change: (c) => namespace(c, 'network', '/run/oci/nowhere'),
    fails: /nowhere/,
  },
  {
    name: 'a namespace path of another kind',
    change: (c, world) => namespace(c, 'network', world.held('uts')),
    fails: /./,
  },
  {
    name: 'a namespace path that is a file',
    change: (c, world) => namespace(c, 'network', `${world.host}/file`),
    fails: /./,
  },
  {
    name: 'a namespace twice is refused',
    change: (c) => c.linux.namespaces.push({ type: 'uts' }),
    fails: /uts|duplicated/,
  },
  {
    name: 'a namespace of an unknown kind is refused',
    change: (c) => c.linux.namespaces.push({ type: 'planet' }),
    fails: /planet/,
  },
  {
    name: 'no hostname',
    change: (c) => {
      delete c.hostname;
    },
  },
  {
    name: 'a long hostname',
    change: (c) => {
      c.hostname = 'h'.repeat(64);
    },
  },
  {
    name: 'a hostname that is too long',
    change: (c) => {
      c.hostname = 'h'.repeat(65);
    },
    fails: /invalid argument|hostname/,
  },
  {
    name: 'sysctls of the namespaces',
    change: (c) => {
      c.linux.sysctl = {
        'net.ipv4.ip_forward': '1',
        'net.ipv4.ip_unprivileged_port_start': '80',
        'net.ipv4.ping_group_range': '0 2147483647',
        'net.core.somaxconn': '77',
        'kernel.msgmax': '4096',
        'kernel.shm_rmid_forced': '1',
        'kernel.sem': '250 32000 32 64',
        'fs.mqueue.msg_max': '5',
      };
    },
  },
  {
    name: 'a sysctl with slashes',
    change: (c) => {
      c.linux.sysctl = { 'net/core/somaxconn': '78' };
    },
  },
  {
    name: 'the domain name as a sysctl',
    change: (c) => {
      c.linux.sysctl = { 'kernel.domainname': 'domain.example' };
    },
  },
  {
    name: 'a sysctl of the whole machine is refused',
    change: (c) => {
      c.linux.sysctl = { 'vm.swappiness': '1' };
    },
    fails: /swappiness/,
  },
  {
    name: 'a sysctl of the network without its namespace is refused',
    change: (c) => {
      without(c, 'network');
      c.linux.sysctl = { 'net.core.somaxconn': '79' };
    },
    fails: /somaxconn|net/,
  },
  {
    name: 'a sysctl that is not there',
    change: (c) => {
      c.linux.sysctl = { 'net.ipv4.nothing': '1' };
    },
    fails: /no such file/,
  },
  {
    name: 'a sysctl with a wrong value',
    change: (c) => {
      c.linux.sysctl = { 'net.ipv4.ip_forward': 'perhaps' };
    },
    fails: /invalid argument/,
  },
];
