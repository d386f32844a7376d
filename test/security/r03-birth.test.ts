import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { realKernel } from '../../engine/kernel/kernel.js';
import type { Program } from '../../engine/kernel/program/builder.js';
import { CLONE, RunningProgram, waitPidfd } from '../../engine/kernel/program/running.js';
import type { Reactor } from '../../engine/kernel/reactor.js';
import { execProgram } from '../../engine/labhost/exec-program.js';
import type { LabHost } from '../../engine/labhost/lab-host.js';
import { withLab } from '../helpers/labs.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { perl, routes, without } from './attack.js';

/**
 * Until it executes, a process that the engine puts into the lab is a copy of the engine: its memory, its descriptors and,
 * for some records, its user id. CVE-2016-9962, CVE-2019-5736: nothing in the lab may look into it in that time.
 */
const LOOK = `
my $pid = shift @ARGV;
for my $what (qw(mem environ maps)) { told $what, opened("/proc/$pid/$what", $what eq 'mem' ? 2 : 0) }
for my $link (qw(exe cwd root)) { told $link, defined readlink("/proc/$pid/$link") ? 'OPENED' : name() }
my $d; told 'fd', opendir($d, "/proc/$pid/fd") ? (scalar(grep { defined readlink("/proc/$pid/fd/$_") } readdir $d) ? 'OPENED' : 'closed') : name();
my $p = sys('pidfd_open', $pid, 0); told 'pidfd', $p =~ /^\\d+$/ ? 'open' : $p;
for my $fd (0 .. 40) { my $got = sys('pidfd_getfd', $p, $fd, 0); if ($got =~ /^\\d+$/) { told 'pidfd_getfd', 'OPENED'; last } told 'pidfd_getfd', $got if $fd == 40 }
my $seized = sys('ptrace', 0x4206, $pid, 0, 0); told 'ptrace', $seized eq '0' ? 'OPENED' : $seized;
`;

/** Step through a start, and let the lab look at the process before each of its records. What it could open, by record. */
async function looks(lab: LabHost, reactor: Reactor, weaken: (program: Program) => Program): Promise<string[]> {
  const { program, pidfdOffset } = execProgram({
    argv: ['true'],
    env: ['PATH=/usr/bin:/bin'],
    cwd: '/',
    stdio: [0, 1, 2],
    session: 'new',
    tty: false,
    initPidfd: lab.pidfd,
    netFd: null,
    manyIds: lab.identity.mode !== 'one-user',
  });
  const running = RunningProgram.start(weaken(program), { flags: CLONE.FILES, step: true }, realKernel);
  const seen: string[] = [];
  let pidfd = -1;
  try {
    const process = program.labels.get('process') as number;
    for (let index = 0; index <= process; index++) running.release(index);
    running.release(process + 1);
    assert.equal(running.wait().exitCode, 0);
    pidfd = running.readData(pidfdOffset, 4).readInt32LE(0);
    const pid = running.result('process') as number;
    const inside = /^NSpid:.*\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] as string;
    for (let index = process + 2; index < program.records.length; index++) {
      if (program.records[index]?.syscall === 'exit_group') break;
      const label = `step-${index}`;
      (running.program.labels as Map<string, number>).set(label, index);
      running.waitHeld(label, { ended: () => waitPidfd(realKernel, pidfd, 1) !== null });
      for (const [route, answer] of routes(await perl(lab, reactor, LOOK, { argv: [inside] }))) {
        if (answer === 'OPENED') seen.push(`before record ${index} (${program.records[index]?.syscall}): ${route}`);
      }
      if (program.records[index]?.syscall === 'execve') break;
      running.release(index);
    }
  } finally {
    if (pidfd >= 0) {
      realKernel.call('pidfd_send_signal', pidfd, 9, null, 0);
      waitPidfd(realKernel, pidfd, 0);
      realKernel.call('close', pidfd);
    }
    running.destroy();
  }
  return seen;
}

if (!inSandbox) {
  test(
    'R03: a process on its way into the lab, in a sandbox',
    { skip: isRoot ? false : 'needs root', timeout: 600_000 },
    () => rerunInSandbox(import.meta.url),
  );
} else {
  test('R03: nothing in the lab can look into a process before it executes, at any of its records', async () => {
    await withLab(async (lab, reactor) => {
      assert.deepEqual(await looks(lab, reactor, (program) => program), []);
    });
  });

  test('R03: nor without root, where it has the same user id all along', {
    skip: isRoot ? false : 'this is without root',
  }, () => {
    const done = spawnSync(
      'setpriv',
      [
        '--reuid=54321',
        '--regid=54321',
        '--clear-groups',
        process.execPath,
        '--import',
        import.meta.resolve('tsx'),
        fileURLToPath(import.meta.url),
      ],
      {
        encoding: 'utf8',
        timeout: 600_000,
        env: { PATH: process.env['PATH'], HOME: '/nonexistent', TMPDIR: '/tmp', GLASSBOX_TEST_SANDBOX: '1' },
      },
    );
    assert.equal(done.status, 0, done.stdout + done.stderr);
    assert.match(done.stdout, /# pass 2/);
  });

  test('R03 twin: dumpable, it lies open', async () => {
    await withLab(async (lab, reactor) => {
      const seen = await looks(lab, reactor, (program) =>
        without(program, ({ syscall, args }) => syscall === 'prctl' && args[0] === 4),
      );
      assert.ok(seen.length > 0);
    });
  });
}
