import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type CgroupSetup, modeOf, mountedHierarchies, subtreeOf } from '../../engine/cgroup/hierarchy.js';
import { readCgroups } from '../../engine/cgroup/read.js';
import { parseMountinfo } from '../../engine/kernel/mountinfo.js';
import { parseCgroupFile } from '../../engine/kernel/procfs/cgroup-file.js';

const root = mkdtempSync(join(tmpdir(), 'cgroup-test-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A tree of control files as the kernel would show it. */
function tree(name: string, files: Record<string, string>): string {
  const directory = join(root, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

function v2(directory: string): CgroupSetup {
  return {
    mode: 'v2',
    hierarchies: [
      { version: 2, name: '', controllers: [], directory, path: '/lab', mountPoint: '/sys/fs/cgroup', writable: true },
    ],
  };
}

const labPid = (pid: number): number | null => (pid >= 1000 ? pid - 999 : null);

describe('cgroup v2', () => {
  const directory = tree('v2', {
    'cgroup.procs': '1000\n77\n',
    'cgroup.controllers': 'cpu memory pids\n',
    'cpu.stat': 'usage_usec 9\nuser_usec 5\n',
    'web/cgroup.procs': '1003\n1001\n',
    'web/memory.current': '1048576\n',
    'web/memory.max': '67108864\n',
    'web/memory.peak': '2097152\n',
    'web/memory.swap.max': 'max\n',
    'web/memory.swap.current': '0\n',
    'web/memory.events': 'low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n',
    'web/cpu.max': '50000 100000\n',
    'web/cpu.weight': '200\n',
    'web/cpu.stat':
      'usage_usec 123456\nuser_usec 1\nsystem_usec 2\nnr_periods 10\nnr_throttled 3\nthrottled_usec 4500\n',
    'web/pids.current': '2\n',
    'web/pids.max': '10\n',
    'web/pids.events': 'max 4\n',
    'web/cpuset.cpus': '\n',
    'web/cpuset.mems': '\n',
    'web/cpuset.cpus.effective': '0-1\n',
    'web/cgroup.freeze': '1\n',
    'web/cgroup.events': 'populated 1\nfrozen 1\n',
    'web/io.stat':
      '8:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n',
    'web/idle/cgroup.procs': '',
  });

  it('reads limits and usage into the model', () => {
    const { view, problems } = readCgroups(v2(directory), labPid);
    assert.deepEqual(problems, []);
    assert.deepEqual(view.hierarchies[0]?.controllers, ['cpu', 'memory', 'pids']);
    assert.deepEqual(
      view.groups.map(({ path }) => path),
      ['/', '/web', '/web/idle'],
    );
    const web = view.groups[1];
    assert.deepEqual(web?.procs, [2, 4]);
    assert.deepEqual(web?.memory, {
      usage: 1048576,
      limit: 67108864,
      peak: 2097152,
      failcnt: 12,
      oomKills: 1,
      underOom: false,
      swapLimit: null,
      swapUsage: 0,
    });
    assert.deepEqual(web?.cpu, {
      shares: null,
      weight: 200,
      quotaUs: 50000,
      periodUs: 100000,
      usageUs: 123456,
      nrPeriods: 10,
      nrThrottled: 3,
      throttledUs: 4500,
    });
    assert.deepEqual(web?.pids, { current: 2, max: 10, hitMax: 4 });
    assert.deepEqual(web?.cpuset, { cpus: '', mems: '', effectiveCpus: '0-1' });
    assert.deepEqual(web?.freezer, { frozen: true, state: 'FROZEN' });
    assert.deepEqual(web?.io, { readBytes: 101, writeBytes: 202 });
  });

  it('has no section where the controller is not enabled, and leaves out processes that are not the lab’s', () => {
    const { view } = readCgroups(v2(directory), labPid);
    assert.deepEqual(view.groups[0]?.procs, [1]);
    assert.equal(view.groups[0]?.memory, null);
    assert.equal(view.groups[0]?.cpu?.usageUs, 9);
    assert.equal(view.groups[2]?.pids, null);
    assert.equal(view.groups[2]?.cpu, null);
  });

  it('says so when the subtree is not there', () => {
    const { view, problems } = readCgroups(v2(join(root, 'nowhere')), labPid);
    assert.deepEqual(view.groups, []);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /cgroup v2: .*ENOENT/);
  });
});

describe('cgroup v1', () => {
  it('reads each hierarchy, knows "unlimited", and puts cpu time beside the shares', () => {
    const memory = tree('v1/memory', {
      'cgroup.procs': '',
      'a/cgroup.procs': '1000\n',
      'a/memory.usage_in_bytes': '4096\n',
      'a/memory.limit_in_bytes': '9223372036854771712\n',
      'a/memory.max_usage_in_bytes': '8192\n',
      'a/memory.failcnt': '3\n',
      'a/memory.oom_control': 'oom_kill_disable 0\nunder_oom 1\noom_kill 2\n',
      'a/memory.memsw.limit_in_bytes': '9223372036854771712\n',
      'a/memory.memsw.usage_in_bytes': '5096\n',
    });
    const cpu = tree('v1/cpu', {
      'cgroup.procs': '',
      'a/cgroup.procs': '1000\n',
      'a/cpu.shares': '512\n',
      'a/cpu.cfs_quota_us': '-1\n',
      'a/cpu.cfs_period_us': '100000\n',
      'a/cpu.stat': 'nr_periods 5\nnr_throttled 1\nthrottled_time 7000\n',
    });
    const cpuacct = tree('v1/cpuacct', {
      'cgroup.procs': '',
      'a/cgroup.procs': '1000\n',
      'a/cpuacct.usage': '5000999\n',
    });
    const hierarchy = (name: string, directory: string) => ({
      version: 1 as const,
      name,
      controllers: [name],
      directory,
      path: '/',
      mountPoint: `/sys/fs/cgroup/${name}`,
      writable: true,
    });
    const { view, problems } = readCgroups(
      { mode: 'v1', hierarchies: [hierarchy('memory', memory), hierarchy('cpu', cpu), hierarchy('cpuacct', cpuacct)] },
      labPid,
    );
    assert.deepEqual(problems, []);
    const at = (name: string) => view.groups.find(({ hierarchy: h, path }) => h === name && path === '/a');
    assert.deepEqual(at('memory')?.memory, {
      usage: 4096,
      limit: null,
      peak: 8192,
      failcnt: 3,
      oomKills: 2,
      underOom: true,
      swapLimit: null,
      swapUsage: 1000,
    });
    assert.deepEqual(at('cpu')?.cpu, {
      shares: 512,
      weight: null,
      quotaUs: null,
      periodUs: 100000,
      usageUs: 5000,
      nrPeriods: 5,
      nrThrottled: 1,
      throttledUs: 7,
    });
    assert.equal(at('cpu')?.memory, null);
  });
});

describe('finding the hierarchies', () => {
  const v1 = [
    '30 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct',
    '31 25 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
    '32 25 0:28 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory',
  ];
  const v2Line = '33 25 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw';

  it('tells v1, v2 and hybrid apart', () => {
    const mode = (lines: string[]) => modeOf(mountedHierarchies(parseMountinfo(lines.join('\n'))));
    assert.equal(mode(v1), 'v1');
    assert.equal(mode([...v1, v2Line]), 'hybrid');
    assert.equal(mode([v2Line]), 'v2');
    assert.equal(mode([]), 'none');
  });

  it('finds a process’s directory in each, also where a part of the tree is mounted, whatever the controllers’ order', () => {
    const setup = subtreeOf(
      parseMountinfo([...v1, v2Line].join('\n')),
      parseCgroupFile('4:memory:/docker/x/lab\n3:cpuacct,cpu:/\n2:name=systemd:/s\n0::/u\n'),
    );
    const found = new Map(setup.hierarchies.map((one) => [one.name, one]));
    assert.equal(found.get('memory')?.directory, '/sys/fs/cgroup/memory/lab');
    assert.equal(found.get('memory')?.writable, false);
    assert.equal(found.get('cpuacct,cpu')?.directory, '/sys/fs/cgroup/cpu,cpuacct');
    assert.deepEqual(found.get('name=systemd')?.controllers, []);
    assert.equal(found.get('')?.directory, '/sys/fs/cgroup/unified/u');
  });
});
