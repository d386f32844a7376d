import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readRanges } from '../../src/doctor/gather.js';
import { readHierarchies } from '../../src/doctor/gather-cgroups.js';
import { parseTrials, runTrials, TRIAL_NAMES } from '../../src/doctor/probe-script.js';
import { findProgram, isDynamic, loadPackageTable } from '../../src/doctor/programs.js';
import { renderReport } from '../../src/doctor/render.js';
import { makeReport, type Report } from '../../src/doctor/report.js';
import type { Facts, Row } from '../../src/doctor/types.js';
import type { Feature } from '../../src/lesson/types.js';
import { goodFacts, goodLab, noLab } from '../helpers/doctor-facts.js';
import { ROOT } from '../helpers/run-cli.js';

const packages = loadPackageTable();
const report = (change: Partial<Facts> = {}): Report => makeReport(goodFacts(change), packages, []);

function row(change: Partial<Facts>, id: string): Row {
  const found = report(change).rows.find((one) => one.id === id);
  assert.ok(found, `no row ${id}`);
  return found;
}

const refused = (reason: string): Facts['trials'] => ({ started: false, reason });

describe('the verdict', () => {
  it('is ready when all is there, and no row then asks for anything', () => {
    const { verdict, rows } = report();
    assert.deepEqual(
      rows.filter((one) => one.status !== 'ok' && one.id !== 'idmapped-mounts').map((one) => one.id),
      [],
    );
    assert.equal(verdict, 'weaker', 'a plain user has no idmapped mounts');
    const asRoot = report({
      system: { ...goodFacts().system, uid: 0 },
      status: { capEff: (1n << 41n) - 1n, noNewPrivs: false, seccomp: 0 },
      lab: goodLab({ mode: 'root' }),
    });
    assert.equal(asRoot.verdict, 'ready');
  });

  it('is cannot exactly when no lab could be made', () => {
    assert.equal(report({ lab: noLab }).verdict, 'cannot');
    assert.equal(report({ system: { ...goodFacts().system, cpus: 1 } }).verdict, 'weaker');
  });
});

describe('user namespaces', () => {
  const refusal = { lab: noLab, trials: refused('unshare: unshare failed: Operation not permitted') };

  it('names the setting of Debian that refuses them, and the command', () => {
    const found = row({ ...refusal, sysctls: { 'kernel.unprivileged_userns_clone': '0' } }, 'userns');
    assert.equal(found.status, 'missing');
    assert.equal(found.command, 'sudo sysctl -w kernel.unprivileged_userns_clone=1');
  });

  it("names Ubuntu's AppArmor restriction", () => {
    const found = row({ ...refusal, sysctls: { 'kernel.apparmor_restrict_unprivileged_userns': '1' } }, 'userns');
    assert.match(found.found.en, /AppArmor/);
    assert.equal(found.command, 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0');
  });

  it('does not blame a setting that is only for plain users when root is refused', () => {
    const system = { ...goodFacts().system, uid: 0 };
    const found = row({ ...refusal, system, sysctls: { 'kernel.unprivileged_userns_clone': '0' } }, 'userns');
    assert.match(found.found.en, /Operation not permitted/);
    assert.equal(found.command, null);
  });

  it('leaves what it could not try unknown, with the reason', () => {
    const found = row(refusal, 'veth');
    assert.equal(found.status, 'unknown');
    assert.match(found.found.en, /Operation not permitted/);
  });

  it('finds a limit of zero', () => {
    const found = row({ sysctls: { 'user.max_net_namespaces': '0' } }, 'namespace-limits');
    assert.equal(found.status, 'missing');
    assert.match(found.command ?? '', /sysctl -w user\.max_net_namespaces=15000/);
  });
});

describe('ranges of ids', () => {
  it('asks for newuidmap, then for a range, then that it works', () => {
    assert.match(
      row({ programs: { newuidmap: null, newgidmap: null } }, 'id-ranges').command ?? '',
      /apt-get install .*uidmap/,
    );
    assert.match(row({ subgid: [] }, 'id-ranges').command ?? '', /usermod --add-subuids .* ada/);
    const broken = row({ autoMap: { outcome: 'failed', detail: 'newuidmap: write to uid_map failed' } }, 'id-ranges');
    assert.equal(broken.status, 'weaker');
    assert.match(broken.found.en, /write to uid_map failed/);
    assert.equal(row({}, 'id-ranges').found.en, '65536 ids');
  });

  it('reads the lines of this user only, by name or by number', () => {
    const text = 'ada:100000:65536\nbob:165536:65536\n1000:300000:10\nada:x:1\n# ada\n\nada:5\n';
    const user = { username: 'ada', uid: 1000 };
    assert.deepEqual(readRanges('', user, text), [
      { start: 100000, count: 65536 },
      { start: 300000, count: 10 },
    ]);
    assert.deepEqual(readRanges('', user, null), []);
  });
});

describe('control groups', () => {
  const v1 = [
    '30 25 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755',
    '31 30 0:27 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory',
    '32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct',
    '33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ].join('\n');
  const membership = '5:memory:/user/ada\n4:cpu,cpuacct:/\n1:name=systemd:/x\n0::/user.slice\n';

  it('reads a hybrid machine: own group of each hierarchy, writable or not', () => {
    const found = readHierarchies({
      mountinfo: v1,
      membership,
      isWritable: (path) => !path.startsWith('/sys/fs/cgroup/unified'),
      read: () => 'hugetlb\n',
    });
    assert.deepEqual(
      found.map((one) => [one.version, one.controllers, one.ownGroup, one.writable]),
      [
        [1, ['memory'], '/sys/fs/cgroup/memory/user/ada', true],
        [1, ['cpu', 'cpuacct'], '/sys/fs/cgroup/cpu,cpuacct', false],
        [2, ['hugetlb'], '/sys/fs/cgroup/unified/user.slice', false],
      ],
    );
  });

  it('finds our group below the root of a mount that shows a part of the hierarchy', () => {
    const mountinfo = '31 30 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory';
    const [one] = readHierarchies({
      mountinfo,
      membership: '5:memory:/docker/abc/in\n',
      isWritable: () => true,
      read: () => '',
    });
    assert.equal(one?.ownGroup, '/sys/fs/cgroup/memory/in');
  });

  it('says how to get v2 controllers delegated, and which lessons-features are away', () => {
    const hierarchies = [
      {
        controllers: ['memory', 'pids'],
        version: 2 as const,
        mountPoint: '/sys/fs/cgroup',
        ownGroup: '/sys/fs/cgroup/a',
        writable: false,
      },
    ];
    const change = { lab: noLab, hierarchies };
    assert.equal(row(change, 'cgroup-create').status, 'missing');
    assert.match(row(change, 'cgroup-create').command ?? '', /systemd-run --user --scope -p Delegate=yes/);
    assert.equal(row(change, 'cgroup-cpu').status, 'missing');
    assert.equal(row(change, 'cgroup-freezer').status, 'ok', 'version 2 freezes without a controller');
  });

  it('believes the lab more than the files: a controller that it did not get is missing', () => {
    const lab = goodLab({ cgroupControllers: ['memory'] });
    assert.equal(row({ lab }, 'cgroup-memory').status, 'ok');
    assert.equal(row({ lab }, 'cgroup-cpu').status, 'missing');
  });

  it('has none', () => {
    assert.equal(
      row({ hierarchies: [], lab: goodLab({ cgroupMode: 'none', cgroupControllers: [] }) }, 'cgroup-version').status,
      'missing',
    );
  });
});

describe('the rest of the machine', () => {
  it('knows the kernels that are too old, weaker and enough', () => {
    const kernel = (release: string) => row({ system: { ...goodFacts().system, kernel: release } }, 'kernel').status;
    assert.deepEqual(['4.19.0', '5.4.0', '5.10.0-28', '5.15.0', '5.19.0', '6.1.0', '10.0.1'].map(kernel), [
      'missing',
      'missing',
      'weaker',
      'weaker',
      'ok',
      'ok',
      'ok',
    ]);
  });

  it('names the package of a program that is missing, without sudo for root and without apt elsewhere', () => {
    const programs = { brctl: null };
    assert.equal(
      row({ programs }, 'program-brctl').command,
      'sudo apt-get install --no-install-recommends bridge-utils',
    );
    assert.equal(
      row({ programs, system: { ...goodFacts().system, uid: 0 } }, 'program-brctl').command,
      'apt-get install --no-install-recommends bridge-utils',
    );
    const elsewhere = row({ programs, system: { ...goodFacts().system, apt: false } }, 'program-brctl');
    assert.equal(elsewhere.command, null);
    assert.match(elsewhere.remedy?.en ?? '', /package manager/);
  });

  it('tells a terminal that is small, dumb, colourless and not UTF-8', () => {
    const terminal = { isTerminal: true, columns: 20, rows: 6, term: 'dumb', colors: 2, utf8: false };
    for (const id of ['terminal-size', 'terminal-type', 'terminal-colours', 'terminal-utf8'])
      assert.equal(row({ terminal }, id).status, 'weaker', id);
    assert.equal(row({ terminal: { ...terminal, isTerminal: false } }, 'terminal-size').status, 'unknown');
  });

  it('shows what a trial printed, as the reason', () => {
    const trials = {
      started: true as const,
      trials: { vxlan: { outcome: 'failed' as const, detail: 'Error: Unknown device type.' } },
    };
    assert.deepEqual(
      [row({ trials }, 'vxlan').status, row({ trials }, 'vxlan').found.en],
      ['missing', 'Error: Unknown device type.'],
    );
    assert.equal(row({ trials }, 'veth').status, 'unknown');
  });

  it('says what the lab itself says is weaker', () => {
    const weakness = {
      what: 'no-idmap' as const,
      text: { en: 'files of root belong to nobody', zh: 'root 的文件属于 nobody' },
      remedy: { en: 'use kernel 5.19', zh: '使用 5.19 内核' },
    };
    const found = row({ lab: goodLab({ weaknesses: [weakness] }) }, 'lab');
    assert.equal(found.status, 'weaker');
    assert.match(found.found.en, /belong to nobody/);
    assert.equal(found.remedy?.zh, '使用 5.19 内核');
  });
});

describe('which lessons run', () => {
  const lesson = (features: Feature[], tools: string[] = []) => ({
    id: 'x',
    title: { en: 'x', zh: 'x' },
    features,
    tools,
  });
  const judge = (change: Partial<Facts>, features: Feature[], tools: string[] = []) =>
    makeReport(goodFacts(change), packages, [lesson(features, tools)]).lessons[0]!;

  it('runs when everything that it names works inside the lab', () => {
    const wanted: Feature[] = ['userns', 'veth', 'cgroup-v2', 'cgroup-memory'];
    assert.deepEqual(judge({}, wanted, ['ip']), { id: 'x', title: { en: 'x', zh: 'x' }, runs: 'yes', missing: [] });
  });

  it('names what is missing inside by its row', () => {
    assert.deepEqual(judge({ lab: goodLab({ tools: [] }) }, [], ['ip']).missing, ['program-ip']);
    assert.deepEqual(judge({}, ['cgroup-v1']).missing, ['cgroup-v1'], 'the other cgroup version has no row');
    assert.deepEqual(judge({ lab: goodLab({ features: [] }) }, ['swap', 'cgroup-memory']).missing, [
      'swap',
      'cgroup-memory',
    ]);
  });

  it('never runs without a lab, and then the rows name what else is missing', () => {
    const one = judge({ lab: noLab, programs: { ip: null } }, ['veth'], ['ip']);
    assert.deepEqual([one.runs, one.missing], ['no', ['lab', 'program-ip']]);
  });

  it('has a row for every feature that lesson.yaml may name', () => {
    const schema = JSON.parse(readFileSync(join(ROOT, 'assets/lesson.schema.json'), 'utf8')) as {
      $defs: { feature: { enum: Feature[] } };
    };
    const v1 = {
      hierarchies: [{ controllers: ['memory'], version: 1 as const, mountPoint: '/c', ownGroup: '/c', writable: true }],
    };
    const known = new Set([...report().rows, ...report(v1).rows].flatMap((one) => one.features));
    assert.deepEqual(
      schema.$defs.feature.enum.filter((feature) => !known.has(feature)),
      [],
    );
  });
});

describe('the text', () => {
  it('gives purpose and command of whatever is not ok, in both languages, and never colour alone', () => {
    const found = report({ programs: { brctl: null }, lab: noLab });
    for (const language of ['en', 'zh'] as const) {
      const plain = renderReport(found, { language, color: false });
      assert.ok(plain.includes('apt-get install --no-install-recommends bridge-utils'));
      assert.doesNotMatch(plain, /\u001b/);
      assert.equal(renderReport(found, { language, color: true }).replace(/\u001b\[\d+m/g, ''), plain);
    }
    assert.match(renderReport(found, { language: 'en', color: false }), /MISSING {2}a lab host/);
  });

  it('fits 80 columns wherever the machine does not decide the words', () => {
    for (const line of renderReport(report(), { language: 'en', color: false }).split('\n'))
      assert.ok(line.length <= 100, line);
  });
});

describe('measuring', () => {
  it('reads what the trials print and drops what a terminal would obey', () => {
    assert.deepEqual(parseTrials('veth\tok\t\nvxlan\tfailed\tError: \u001b[31mno\u0007\nnonsense\nx\tmaybe\t\n'), {
      veth: { outcome: 'ok', detail: '' },
      vxlan: { outcome: 'failed', detail: 'Error: [31mno' },
    });
  });

  it('gets an answer to every trial where the child starts, and a reason where it does not', async () => {
    const found = await runTrials({ ...process.env, LC_ALL: 'C' });
    if (found.started) assert.deepEqual(Object.keys(found.trials).sort(), [...TRIAL_NAMES].sort());
    else assert.ok(found.reason.length > 0);
  });

  it('has a reason also without unshare', async () => {
    const found = await runTrials({ PATH: '/nonexistent' });
    assert.equal(found.started, false);
  });

  it('tells a static program from a dynamic one', () => {
    assert.equal(isDynamic(process.execPath), true);
    const busybox = findProgram('busybox', process.env);
    if (busybox !== null) assert.equal(typeof isDynamic(busybox), 'boolean');
    assert.equal(findProgram('no-such-program-here', process.env), null);
  });
});
