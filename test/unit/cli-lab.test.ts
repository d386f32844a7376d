import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { ExplainedProgram, Snapshot, Story } from '../../engine/api/types.js';
import { runTrials, TRIAL_NAMES } from '../../src/doctor/probe-script.js';
import type { Report } from '../../src/doctor/report.js';
import { type CliOptions, ROOT, runProgram } from '../helpers/run-cli.js';

const trials = await runTrials({ ...process.env, LC_ALL: 'C' });

const isRoot = process.getuid?.() === 0;
const bin = join(ROOT, 'bin', 'glassbox.mjs');
const notBuilt = existsSync(join(ROOT, 'dist', 'src', 'cli', 'main.js'))
  ? false
  : 'dist is not built: run npm start -- --version';
const skip = trials.started ? notBuilt : `no lab can be made here: ${trials.reason}`;
const runCli = (argv: readonly string[], options: CliOptions = {}) =>
  runProgram(process.execPath, [bin, ...argv], options);

/** Processes of the machine that are in one of these namespaces; other tests' labs have their own. */
function processesIn(namespaces: ReadonlySet<string>): string[] {
  const script = 'for p in /proc/[0-9]*; do echo $p $(readlink $p/ns/pid $p/ns/net $p/ns/mnt); done 2>&-';
  const lines = spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout.split('\n');
  assert.ok(lines.length > 1, 'no process was seen');
  return lines.filter((line) => line.split(' ').some((word) => namespaces.has(word)));
}

describe('glassbox play -- CMD', { skip }, () => {
  const play = (script: string, stdin = '') => runCli(['play', '--', 'sh', '-c', script], { stdin });

  it('passes input, output, errors and exit status through, byte for byte', async () => {
    const bytes = `${'line\n'.repeat(5000)}no newline at the end`;
    const { code, stdout, stderr } = await play('cat; echo to the side >&2; exit 7', bytes);
    assert.equal(code, 7);
    assert.equal(stdout, bytes);
    assert.equal(stderr, 'to the side\n');
  });

  it('is root in a host of its own', async () => {
    const { stdout } = await play('id -u; hostname; echo $$; ip -br link | cut -d" " -f1');
    const [uid, host, pid, ...links] = stdout.trim().split('\n');
    assert.deepEqual([uid, host, links], ['0', 'glassbox', ['lo']]);
    assert.ok(Number(pid) < 50);
  });

  it('answers 127 for a command that is not there, 126 for one that cannot be executed, 128+n for a signal', async () => {
    const absent = await runCli(['play', '--', 'no-such-command']);
    assert.deepEqual([absent.code, absent.stdout], [127, '']);
    assert.match(absent.stderr, /no-such-command/);
    const refused = await runCli(['play', '--', '/etc/passwd']);
    assert.equal(refused.code, 126);
    assert.match(refused.stderr, /\/etc\/passwd/);
    assert.equal((await play('kill -TERM $$')).code, 143);
    assert.equal((await play('kill -KILL $$')).code, 137);
  });

  it('hands a signal that it gets to the command', async () => {
    const child = spawn(
      process.execPath,
      [bin, 'play', '--', 'sh', '-c', "trap 'echo heard; exit 9' TERM; echo ready; while :; do sleep 0.1; done"],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let out = '';
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString();
      if (out === 'ready\n') child.kill('SIGTERM');
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.deepEqual([code, out], [9, 'ready\nheard\n']);
  });

  it('leaves nothing behind: no process, no link, no mount of the lab', async () => {
    const look = () =>
      spawnSync('sh', ['-c', 'cat /proc/self/mountinfo; ls /sys/class/net'], { encoding: 'utf8' }).stdout.split('\n');
    const before = new Set(look());
    const { stdout } = await play(
      'ip link add br0 type bridge; mount -t tmpfs x /mnt; sleep 100 & readlink /proc/self/ns/pid /proc/self/ns/net /proc/self/ns/mnt',
    );
    const namespaces = new Set(stdout.trim().split('\n'));
    assert.equal(namespaces.size, 3);
    assert.deepEqual(processesIn(namespaces), []);
    assert.deepEqual(
      look().filter((line) => !before.has(line)),
      [],
    );
  });

  it('needs no colour, no locale and no home', async () => {
    const { code, stdout } = await runCli(['play', '--', 'echo', 'x'], {
      env: { TERM: 'dumb', LANG: 'C', NO_COLOR: '1', HOME: '/nonexistent' },
    });
    assert.deepEqual([code, stdout], [0, 'x\n']);
  });

  it('reads commands from standard input with --plain; what they start speaks the same language', async () => {
    const { code, stdout } = await runCli(['play', '--plain', '--lang', 'zh'], {
      stdin: 'hostname\necho $GLASSBOX_LANG\nexit 4\n',
    });
    assert.deepEqual([code, stdout], [4, 'glassbox\nzh\n']);
  });
});

describe('without root', { skip: skip || (isRoot ? false : 'the other tests are without root already') }, () => {
  const asNobody = (argv: readonly string[]) =>
    runProgram('setpriv', ['--reuid=54321', '--regid=54321', '--clear-groups', process.execPath, bin, ...argv]);

  it('a lab runs, and the doctor says what is weaker', async () => {
    const lab = await asNobody(['play', '--', 'sh', '-c', 'id -u; touch /root-can-write && echo written']);
    assert.equal(lab.stderr, '');
    assert.deepEqual([lab.code, lab.stdout], [0, '0\nwritten\n']);
    assert.equal(existsSync('/root-can-write'), false);
    const doctor = await asNobody(['doctor', '--json']);
    assert.equal(doctor.code, 0);
    const report = JSON.parse(doctor.stdout) as Report;
    assert.equal(report.rows.find((row) => row.id === 'id-ranges')?.status, 'weaker');
  });
});

describe('where the kernel refuses user namespaces', { skip }, () => {
  /** A user namespace whose root has set its own limit of further ones to zero (user_namespaces(7)). */
  const refused = (argv: string) =>
    runProgram('unshare', [
      '--user',
      '--map-root-user',
      'sh',
      '-c',
      `echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$1" ${argv}`,
      process.execPath,
      bin,
    ]);

  it('play answers 125 with one sentence', async () => {
    const { code, stdout, stderr } = await refused('play -- true');
    assert.deepEqual([code, stdout], [125, '']);
    assert.match(stderr, /^glassbox: [^\n]+\n$/);
  });

  it('doctor answers 1 and names the limit with its command', async () => {
    const { code, stdout } = await refused('doctor --json');
    assert.equal(code, 1);
    const report = JSON.parse(stdout) as Report;
    assert.equal(report.verdict, 'cannot');
    const row = report.rows.find((one) => one.id === 'userns');
    assert.deepEqual([row?.status, row?.command], ['missing', 'sysctl -w user.max_user_namespaces=15000']);
    assert.ok(report.lessons.every((lesson) => lesson.runs === 'no' && lesson.missing[0] === 'lab'));
  });
});

describe('glassbox doctor', { skip }, () => {
  it('prints a report of a stable shape, with 0 where a lab runs', async () => {
    const { code, stdout } = await runCli(['doctor', '--json']);
    assert.equal(code, 0);
    const report = JSON.parse(stdout) as Report;
    assert.deepEqual(Object.keys(report), ['version', 'verdict', 'rows', 'lessons']);
    for (const row of report.rows) {
      assert.deepEqual(Object.keys(row), [
        'id',
        'group',
        'name',
        'status',
        'found',
        'purpose',
        'remedy',
        'command',
        'essential',
        'features',
      ]);
      assert.match(row.status, /^(ok|weaker|missing|unknown)$/);
    }
    assert.equal(new Set(report.rows.map((row) => row.id)).size, report.rows.length);
    assert.ok(trials.started && TRIAL_NAMES.every((name) => trials.trials[name] !== undefined));
  });

  it('speaks Chinese', async () => {
    const { stdout } = await runCli(['doctor', '--lang', 'zh']);
    assert.match(stdout, /^实验室\n/);
    assert.match(stdout, /命名空间/);
  });
});

describe('glassbox observe and explain', { skip }, () => {
  it('observes what a command made; what the command prints goes to standard error', async () => {
    const { code, stdout, stderr } = await runCli([
      'observe',
      '--json',
      '--',
      'sh',
      '-c',
      'ip link add br0 type bridge && echo made',
    ]);
    assert.deepEqual([code, stderr], [0, 'made\n']);
    const snapshot = JSON.parse(stdout) as Snapshot;
    const links = snapshot.networks.flatMap((network) => network.links.map((link) => [link.name, link.kind]));
    assert.deepEqual(links, [
      ['lo', 'loopback'],
      ['br0', 'bridge'],
    ]);
  });

  it('passes on the status of the command, and prints lines without --json', async () => {
    const { code, stdout } = await runCli(['observe', '--', 'sh', '-c', 'exit 5']);
    assert.equal(code, 5);
    assert.match(stdout, /interface lo: loopback/);
  });

  it('watches while the command runs', async () => {
    const { stdout } = await runCli(['observe', '--watch', '--', 'sh', '-c', 'ip link add br0 type bridge; sleep 0.5']);
    assert.match(stdout, /added interface br0/);
  });

  it('draws', async () => {
    assert.match((await runCli(['observe', '--wiring', 'mermaid'])).stdout, /^(flowchart|graph) /);
  });

  it('explains every call that made the lab', async () => {
    const { stdout } = await runCli(['explain', '--lab', '--json']);
    const programs = JSON.parse(stdout) as ExplainedProgram[];
    const calls = programs.flatMap((program) => program.records.map((record) => record.syscall));
    for (const call of ['pivot_root', 'execveat'])
      assert.ok(calls.includes(call), `${call} among ${calls.length} calls`);
    assert.match((await runCli(['explain', '--lang', 'zh'])).stdout, /pivot_root\(2\) {2}.*[\u4e00-\u9fff]/);
  });

  it('tells in a lab what a docker command made the engine do, and lists what there was', async () => {
    const script = [
      'docker volume create vol1',
      'glassbox explain --last --json',
      'glassbox explain',
      'glassbox explain vol1 --lang zh',
      'glassbox explain nobody',
    ].join(' && ');
    const { code, stdout, stderr } = await runCli(['play', '--', 'sh', '-c', script], { timeoutMs: 120_000 });
    assert.match(stderr, /nobody/);
    assert.equal(code, 1, 'of what was never there something is told');
    const json = /^vol1\n(\[.*?^\])$/ms.exec(stdout)?.[1];
    assert.ok(json !== undefined, stdout);
    const [story] = JSON.parse(json) as Story[];
    assert.equal(story?.title.en, 'docker volume create vol1');
    assert.match(story?.entries.map(({ act }) => act).join() ?? '', /mkdir\(".*\/volumes\/vol1\/_data"\)/);
    assert.match(stdout, /^ +\d+ {2}[\d:]{8} +\d+ {2}docker volume create vol1$/m);
    assert.match(stdout, /创建卷的目录/);
  });

  it('ends quietly when its reader goes away', async () => {
    const { stdout } = await runProgram('bash', [
      '-c',
      `"$0" "$1" explain --json | head -c 1; echo " \${PIPESTATUS[0]}"`,
      process.execPath,
      bin,
    ]);
    assert.match(stdout, /^\[ (0|141)\n$/);
  });
});
