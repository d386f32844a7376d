import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Config, ConfigDevice, ConfigResources } from '../../helpers/oci/config.js';
import type { Case } from '../../helpers/oci/run.js';
import { ownUserNamespace } from './namespaces.js';

/** Looks at the groups while the container is created and not yet started. */
export const WATCHED: readonly (readonly string[])[] = [
  ['create'],
  ['@groups'],
  ['start', '{id}'],
  ['@wait'],
  ['delete', '{id}'],
];

const MB = 1 << 20;

/** A disk of this machine: major and minor of the first line of /proc/partitions. */
const DISK = (() => {
  const [, major, minor] = /^\s*(\d+)\s+(\d+)\s+\d+/m.exec(readFileSync('/proc/partitions', 'utf8')) ?? [];
  return { major: Number(major), minor: Number(minor) };
})();

const limited = (name: string, resources: ConfigResources, more: Partial<Case> = {}): Case => ({
  name,
  change: (c) => Object.assign(c.linux.resources!, resources),
  steps: WATCHED,
  ...more,
});
const refused = (name: string, resources: ConfigResources): Case => ({
  name,
  change: (c) => Object.assign(c.linux.resources!, resources),
  fails: /./,
});

const LIMIT_CASES: readonly Case[] = [
  limited('memory', { memory: { limit: 64 * MB } }),
  limited('memory and swap', { memory: { limit: 64 * MB, swap: 128 * MB } }),
  limited('memory without a limit', { memory: { limit: -1 } }, { unseen: 'it is that of a new group' }),
  limited('memory reserved', { memory: { limit: 64 * MB, reservation: 32 * MB } }),
  limited('memory of the kernel', { memory: { kernel: 32 * MB } }, { unseen: 'kernels and runc no longer set it' }),
  limited(
    'memory of kernel sockets',
    { memory: { kernelTCP: 16 * MB } },
    { unseen: 'kernels and runc no longer set it' },
  ),
  limited('swappiness', { memory: { swappiness: 10 } }),
  refused('swappiness beyond the scale', { memory: { swappiness: 101 } }),
  limited('no killer of memory hogs', { memory: { limit: 64 * MB, disableOOMKiller: true } }),
  limited('memory of nothing', { memory: { limit: 0 } }, { unseen: '0 means that nothing is said' }),
  refused('memory that is less than what a process needs', { memory: { limit: 1 } }),
  limited('cpu shares', { cpu: { shares: 512 } }),
  limited('cpu shares below the least', { cpu: { shares: 1 } }, { fails: /shares/ }),
  limited('cpu quota and period', { cpu: { quota: 25_000, period: 50_000 } }),
  limited('cpu quota', { cpu: { quota: 20_000 } }),
  limited('cpu period', { cpu: { period: 50_000 } }),
  limited('cpu without a quota', { cpu: { quota: -1 } }, { unseen: 'it is that of a new group' }),
  limited('cpu burst', { cpu: { quota: 20_000, burst: 5000 } }),
  limited('cpu idle', { cpu: { idle: 1 } }, { unseen: 'runc 1.1 does not know it' }),
  limited('cpu shares, quota and period', { cpu: { shares: 100, quota: 10_000, period: 20_000 } }),
  refused('a cpu quota below the least', { cpu: { quota: 10 } }),
  limited('one cpu', { cpu: { cpus: '0' } }),
  limited('cpus and memory nodes', { cpu: { cpus: '0-1', mems: '0' } }, { unseen: 'it is all that there is' }),
  refused('a cpu that is not there', { cpu: { cpus: '99' } }),
  refused('cpus in no form', { cpu: { cpus: 'many' } }),
  limited('cpu in real time', { cpu: { realtimePeriod: 500_000 } }),
  limited('pids', { pids: { limit: 20 } }),
  limited('pids without a limit', { pids: { limit: -1 } }, { unseen: 'it is that of a new group' }),
  limited('pids of nothing', { pids: { limit: 0 } }, { unseen: '0 means that nothing is said' }),
  limited('device bytes per second', {
    blockIO: {
      throttleReadBpsDevice: [{ ...DISK, rate: MB }],
      throttleWriteBpsDevice: [{ ...DISK, rate: 2 * MB }],
    },
  }),
  limited('device operations per second', {
    blockIO: {
      throttleReadIOPSDevice: [{ ...DISK, rate: 100 }],
      throttleWriteIOPSDevice: [{ ...DISK, rate: 200 }],
    },
  }),
  refused('throttling a device that is not there', {
    blockIO: { throttleReadBpsDevice: [{ major: 199, minor: 9, rate: MB }] },
  }),
  limited(
    'block weight where no scheduler has it',
    { blockIO: { weight: 500 } },
    { unseen: 'the kernel has no such file' },
  ),
  refused('huge pages where there is no controller', { hugepageLimits: [{ pageSize: '2MB', limit: 2 * MB }] }),
  limited('unified settings on v1', { unified: { 'pids.max': '5' } }, { fails: /./ }),
  limited('all at once', {
    memory: { limit: 64 * MB },
    cpu: { shares: 300, quota: 20_000, period: 40_000, cpus: '1' },
    pids: { limit: 33 },
  }),
  { name: 'groups of the base', steps: WATCHED, unseen: 'it is the base' },
  {
    name: 'no resources',
    change: (c) => delete c.linux.resources,
    steps: WATCHED,
    unseen: 'devices are denied by default',
  },
  {
    name: 'a limit of pids that is felt',
    change: (c) => {
      c.linux.resources!.pids = { limit: 3 };
      c.process.args = ['/bin/sh', '-c', 'sleep 1 & sleep 1 & sleep 1 & echo all'];
    },
    exit: 2,
  },
  { name: 'a path of the cgroup in several steps', change: (c) => (c.linux.cgroupsPath += '/below/deep') },
  { name: 'a path of the cgroup with dots', change: (c) => (c.linux.cgroupsPath += '/below/../beside') },
  {
    name: 'a path of the cgroup upwards',
    change: (c, w) => {
      c.linux.cgroupsPath = `/../..${w.cgroup}/up`;
    },
  },
];

const rules = (c: Config, ...devices: NonNullable<ConfigResources['devices']>): void => {
  c.linux.resources = { devices };
};
const DENY = { allow: false, access: 'rwm' };

const RULE_CASES: readonly Case[] = [
  { name: 'device rules: none', change: (c) => rules(c), steps: WATCHED, unseen: 'devices are denied by default' },
  { name: 'device rules: all allowed', change: (c) => rules(c, { allow: true, access: 'rwm' }), steps: WATCHED },
  {
    name: 'device rules: one more allowed',
    change: (c) => rules(c, DENY, { allow: true, type: 'b', major: 7, minor: 0, access: 'rwm' }),
    steps: WATCHED,
  },
  {
    name: 'device rules: a whole major',
    change: (c) => rules(c, DENY, { allow: true, type: 'b', major: 7, access: 'rm' }),
    steps: WATCHED,
  },
  {
    name: 'device rules: any major and minor',
    change: (c) => rules(c, DENY, { allow: true, type: 'b', major: -1, minor: -1, access: 'm' }),
    steps: WATCHED,
    unseen: 'making any node is allowed by default',
  },
  {
    name: 'device rules: allowed and taken back',
    change: (c) =>
      rules(
        c,
        DENY,
        { allow: true, type: 'b', major: 7, minor: 0, access: 'rw' },
        { allow: false, type: 'b', major: 7, minor: 0, access: 'w' },
      ),
    steps: WATCHED,
  },
  {
    name: 'device rules: all but one',
    change: (c) =>
      rules(c, { allow: true, access: 'rwm' }, { allow: false, type: 'c', major: 1, minor: 7, access: 'rwm' }),
    steps: WATCHED,
  },
  {
    name: 'device rules: a default device is denied',
    change: (c) => rules(c, DENY, { allow: false, type: 'c', major: 1, minor: 3, access: 'rwm' }),
    steps: WATCHED,
    unseen: 'the default devices come after the rules',
  },
  {
    name: 'device rules: an odd access',
    change: (c) => rules(c, { allow: true, type: 'c', major: 1, minor: 3, access: 'q' }),
    unseen: 'it is passed over',
  },
  {
    name: 'device rules: an odd type',
    change: (c) => rules(c, { allow: true, type: 'z', major: 1, minor: 3, access: 'r' }),
    fails: /./,
  },
];

const node = (name: string, device: ConfigDevice, more: Partial<Case> = {}): Case => ({
  name: `device node: ${name}`,
  change: (c) => {
    c.linux.devices = [device];
    c.linux.resources!.devices!.push({ allow: true, access: 'rwm' });
  },
  ...more,
});

const NODE_CASES: readonly Case[] = [
  node('character', { path: '/dev/custom', type: 'c', major: 1, minor: 5, fileMode: 0o640, uid: 1000, gid: 50 }),
  node('without a mode', { path: '/dev/custom', type: 'c', major: 1, minor: 5 }),
  node('block', { path: '/dev/loop', type: 'b', major: 7, minor: 0, fileMode: 0o600 }),
  node('fifo', { path: '/dev/fifo', type: 'p', fileMode: 0o622 }),
  node('unbuffered', { path: '/dev/custom', type: 'u', major: 1, minor: 5, fileMode: 0o666 }),
  node('in a directory that is made', {
    path: '/dev/deep/below/custom',
    type: 'c',
    major: 1,
    minor: 5,
    fileMode: 0o666,
  }),
  node('outside of /dev', { path: '/data/custom', type: 'c', major: 1, minor: 5, fileMode: 0o666 }),
  node('instead of a default one', { path: '/dev/null', type: 'c', major: 1, minor: 5, fileMode: 0o600 }),
  node('on /dev/console', { path: '/dev/console', type: 'c', major: 1, minor: 3, fileMode: 0o600 }),
  node('on /dev/ptmx', { path: '/dev/ptmx', type: 'c', major: 5, minor: 2, fileMode: 0o666 }),
  node('of an unknown type', { path: '/dev/custom', type: 'x', major: 1, minor: 5 }, { fails: /./ }),
  node('with a relative path', { path: 'custom', type: 'c', major: 1, minor: 5 }),
  node('with a set-user-id bit', { path: '/dev/custom', type: 'c', major: 1, minor: 5, fileMode: 0o4755 }),
  {
    name: 'device nodes: two',
    change: (c) => {
      c.linux.devices = [
        { path: '/dev/a', type: 'c', major: 1, minor: 3, fileMode: 0o600 },
        { path: '/dev/b', type: 'c', major: 1, minor: 7, fileMode: 0o660, gid: 50 },
      ];
    },
  },
  {
    name: 'device nodes in a user namespace',
    fails: /no such file/,
    change: (c) => {
      ownUserNamespace(c);
      c.linux.devices = [{ path: '/dev/custom', type: 'c', major: 1, minor: 5, fileMode: 0o666 }];
    },
  },
  {
    name: 'device nodes on a bound /dev',
    change: (c, w) => {
      c.mounts = c.mounts.filter((m) => !m.destination.startsWith('/dev'));
      c.mounts.push({ destination: '/dev', type: 'bind', source: `${w.host}/empty`, options: ['bind'] });
    },
    prepare: (w) => execFileSync('mknod', ['-m', '666', `${w.host}/empty/null`, 'c', '1', '3']),
  },
];

export const RESOURCE_CASES: readonly Case[] = [...LIMIT_CASES, ...RULE_CASES, ...NODE_CASES];
