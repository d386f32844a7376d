import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { namespace } from '../helpers/oci/config.js';
import type { Report } from '../helpers/oci/normalise.js';
import { type Case, runCase } from '../helpers/oci/run.js';
import { CRUN, RUNC, subject, why } from '../helpers/oci/suite.js';
import { World } from '../helpers/oci/world.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { WATCHED } from './cases/resources.js';

/** What runc 1.1 does not have: what must be seen inside, and the sections that must be those of crun where crun has it. */
interface Feature extends Case {
  readonly sees: readonly (readonly [section: string, pattern: RegExp])[];
  readonly crun?: readonly string[];
}

const IDMAP = [{ containerID: 0, hostID: 1000, size: 10 }];
const MKDIR = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' };

const FEATURES: readonly Feature[] = [
  {
    name: 'a time namespace with offsets',
    change: (c) => {
      namespace(c, 'time');
      c.linux.timeOffsets = { monotonic: { secs: 86_400, nanosecs: 5 }, boottime: { secs: -10, nanosecs: 0 } };
    },
    more: 'cut -d" " -f1 /proc/uptime',
    sees: [
      ['namespaces', /^time new$/m],
      ['timens', /^monotonic\s+86400\s+5$/m],
      ['timens', /^boottime\s+-10\s+0$/m],
    ],
  },
  {
    name: 'the time namespace of another process',
    change: (c, world) => namespace(c, 'time', world.held('time')),
    sees: [['namespaces', /^time joined$/m]],
  },
  {
    name: 'a domain name',
    change: (c) => Object.assign(c, { domainname: 'domain.example' }),
    sees: [['uts', /^domain\.example$/m]],
    crun: ['uts'],
  },
  {
    name: 'the scheduler for batches',
    change: (c) => Object.assign(c.process, { scheduler: { policy: 'SCHED_BATCH', nice: 5 } }),
    sees: [
      ['sched', /policy 3/],
      ['stat', /nice 5/],
    ],
  },
  {
    name: 'the idle scheduler',
    change: (c) => Object.assign(c.process, { scheduler: { policy: 'SCHED_IDLE' } }),
    sees: [['sched', /policy 5/]],
  },
  {
    name: 'an io priority',
    change: (c) => Object.assign(c.process, { ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 } }),
    sees: [['ionice', /best-effort: prio 6/]],
  },
  {
    name: 'the idle class of io',
    change: (c) => Object.assign(c.process, { ioPriority: { class: 'IOPRIO_CLASS_IDLE', priority: 0 } }),
    sees: [['ionice', /idle/]],
  },
  {
    name: 'the personality of 32 bits, as crun has it',
    change: (c) => Object.assign(c.linux, { personality: { domain: 'LINUX32' } }),
    sees: [
      ['arch', /^i686$/m],
      ['raw', /^personality 8$/m],
    ],
    crun: ['arch'],
  },
  {
    name: 'a mount with ids of its own',
    change: (c, world) =>
      c.mounts.push({
        destination: '/mnt',
        type: 'bind',
        source: `${world.host}/dir`,
        options: ['bind', 'idmap'],
        uidMappings: IDMAP,
        gidMappings: IDMAP,
      }),
    more: 'stat -c "%n %u:%g" /mnt /mnt/inner; touch /mnt/of-root 2>&1',
    sees: [
      ['mounts', / \/mnt rw\S*,idmapped /],
      ['more', /\/mnt\/inner 1000:1000/],
    ],
    crun: ['more'],
  },
  {
    name: 'recursive options on a tmpfs',
    change: (c) => c.mounts.push({ destination: '/mnt', type: 'tmpfs', source: 'tmpfs', options: ['rro', 'rnoexec'] }),
    sees: [['mounts', / \/mnt ro,noexec/]],
  },
  {
    name: 'the idle cpu group',
    change: (c) => Object.assign(c.linux.resources!, { cpu: { idle: 1 } }),
    steps: WATCHED,
    sees: [['2 @groups: groups', /cpu\.idle: 1/]],
  },
  {
    name: 'bursts of the cpu',
    change: (c) => Object.assign(c.linux.resources!, { cpu: { quota: 20_000, burst: 5000 } }),
    steps: WATCHED,
    sees: [['2 @groups: groups', /cpu\.cfs_burst_us: 5000/]],
  },
  {
    name: 'flags of seccomp',
    change: (c) => {
      c.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
        syscalls: [MKDIR],
      };
    },
    more: 'mkdir /tmp/made; echo "mkdir $?"',
    sees: [
      ['status', /^Seccomp:\t2$/m],
      ['more', /mkdir 1/],
    ],
  },
];

if (!inSandbox) {
  test('features that runc 1.1 does not have', { skip: why(RUNC), timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  let world: World;
  before(async () => {
    world = await World.make();
  });
  after(() => world.dispose());

  /** crun 1.8 refuses a hybrid machine: it is shown one without the unified hierarchy, and lets the groups be. */
  const legacy = [
    'unshare',
    '-m',
    'sh',
    '-c',
    'umount /sys/fs/cgroup/unified; exec crun --cgroup-manager=disabled "$@"',
  ];
  const crun = { ...CRUN, command: [...legacy, 'crun'] };
  const noCrun = spawnSync('which', ['crun']).status === 0 ? false : 'crun is not installed';

  for (const feature of FEATURES) {
    test(feature.name, { timeout: 600_000 }, async () => {
      const report = await runCase(subject(), world, feature);
      for (const [section, pattern] of feature.sees)
        assert.match((report[section] ?? []).join('\n'), pattern, `${section} of ${JSON.stringify(report)}`);
      for (const left of ['processes', 'mounts', 'groups', 'state'])
        assert.deepEqual(report[`left: ${left}`], [], `what is left: ${left}`);
    });

    if (feature.crun !== undefined) {
      test(`${feature.name}: crun shows the same`, { timeout: 600_000, skip: noCrun }, async () => {
        const reports: Report[] = [await runCase(crun, world, feature), await runCase(subject(), world, feature)];
        for (const section of feature.crun ?? []) {
          assert.ok(reports[0]![section] !== undefined, `crun shows no ${section}: ${JSON.stringify(reports[0])}`);
          assert.deepEqual(reports[1]![section], reports[0]![section], section);
        }
      });
    }
  }

  test('the cpus of an exec', { timeout: 600_000 }, async () => {
    const report = await runCase(subject(), world, {
      name: 'affinity',
      change: (c) => Object.assign(c.process, { args: ['/bin/sleep', '1000'], execCPUAffinity: { final: '0' } }),
      steps: [['create'], ['start', '{id}'], ['exec', '{id}', '/bin/sh', '/probe'], ['delete', '--force', '{id}']],
    });
    assert.match((report['3 exec {id} /bin/sh /probe: status'] ?? []).join('\n'), /^Cpus_allowed_list:\t0$/m);
  });
}
