import { TRIAL_NAMES } from '../../src/doctor/probe-script.js';
import type { Facts, Trial } from '../../src/doctor/types.js';

const ok: Trial = { outcome: 'ok', detail: '' };

export type RanLab = Extract<Facts['lab'], { ran: true }>;

/** A Debian 12 machine with everything, started by a plain user; a test changes what it is about. */
export function goodFacts(change: Partial<Facts> = {}): Facts {
  return {
    system: {
      platform: 'linux',
      arch: 'x64',
      kernel: '6.1.0-18-amd64',
      node: '20.11.0',
      uid: 1000,
      user: 'ada',
      apt: true,
      cpus: 4,
      memoryAvailable: 8 * 1024 ** 3,
      tmpAvailable: 10 * 1024 ** 3,
      swapTotal: 1024 ** 3,
    },
    sysctls: { 'user.max_user_namespaces': '63000', 'user.max_net_namespaces': '63000' },
    namespaceKinds: ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'],
    status: { capEff: 0n, noNewPrivs: false, seccomp: 0 },
    seccompActions: ['kill_process', 'errno', 'allow'],
    lsm: ['capability', 'apparmor'],
    subuid: [{ start: 100000, count: 65536 }],
    subgid: [{ start: 100000, count: 65536 }],
    trials: { started: true, trials: Object.fromEntries(TRIAL_NAMES.map((name) => [name, ok])) },
    autoMap: ok,
    hierarchies: [
      {
        controllers: ['cpu', 'cpuset', 'io', 'memory', 'pids'],
        version: 2,
        mountPoint: '/sys/fs/cgroup',
        ownGroup: '/sys/fs/cgroup/user.slice',
        writable: true,
      },
    ],
    devices: { '/dev/kvm': 'usable', '/dev/net/tun': 'usable' },
    programs: {
      ip: '/usr/sbin/ip',
      busybox: '/usr/bin/busybox',
      newuidmap: '/usr/bin/newuidmap',
      newgidmap: '/usr/bin/newgidmap',
    },
    iptablesVariant: 'nf_tables',
    dynamicPrograms: [],
    terminal: { isTerminal: true, columns: 120, rows: 40, term: 'xterm-256color', colors: 256, utf8: true },
    lab: {
      ran: true,
      readyMs: 60,
      mode: 'subuid',
      cgroupMode: 'v2',
      weaknesses: [],
      cgroupControllers: ['cpu', 'cpuset', 'io', 'memory', 'pids'],
      features: ['userns', 'netns', 'veth', 'cgroup', 'cgroup-v2', 'cgroup-memory'],
      tools: ['ip'],
    },
    ...change,
  };
}

/** The good machine's lab with a difference. */
export function goodLab(change: Partial<RanLab>): RanLab {
  const { lab } = goodFacts();
  if (!lab.ran) throw new Error('the good machine makes labs');
  return { ...lab, ...change };
}

export const noLab: Facts['lab'] = { ran: false, reason: { en: 'no lab', zh: '没有实验室' } };
