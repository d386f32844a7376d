import assert from 'node:assert/strict';
import { mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { F } from '../../engine/kernel/constants.js';
import { realKernel } from '../../engine/kernel/kernel.js';
import { execInLab, LabTerminal } from '../../engine/labhost/exec.js';
import { execProgram } from '../../engine/labhost/exec-program.js';
import { withLab } from '../helpers/labs.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { kernelWith, perl, routes, runProgramInLab, sh, tamper, without, withWeakLab } from './attack.js';

const SECRET = 'the-secret-of-the-engine';
const LIST = 'for f in /proc/self/fd/*; do readlink $f; done';

/** Descriptors of a process by number, as the machine sees them. */
function descriptors(pid: number): Record<string, string> {
  return Object.fromEntries(
    readdirSync(`/proc/${pid}/fd`).map((fd) => [
      fd,
      readlinkSync(`/proc/${pid}/fd/${fd}`)
        .replace(/\[\d+\]/, '')
        .replace(/\/\d+$/, '/N'),
    ]),
  );
}

/** Is it sleep(1), in the system call in which it waits? */
function isAsleep(pid: number): boolean {
  const NANOSLEEP = process.arch === 'arm64' ? /^(101|115) / : /^(35|230) /;
  return (
    readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n' &&
    NANOSLEEP.test(readFileSync(`/proc/${pid}/syscall`, 'utf8'))
  );
}

if (!inSandbox) {
  test('R02: secrets of the engine, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  // as if whoever started the engine had left descriptors open, and a secret in its environment
  process.env['GLASSBOX_CANARY'] = SECRET;
  mkdirSync('/run/secret');
  writeFileSync('/run/secret/file', SECRET);
  for (let n = 0; n < 20; n++) {
    const fd = openSync(n % 2 === 0 ? '/' : '/run/secret/file', 'r');
    realKernel.call('fcntl', fd, F.SETFD, 0);
  }

  test('R02: pid 1, a command and a terminal have their standard descriptors and no other (CVE-2024-21626)', async () => {
    await withLab(async (lab, reactor) => {
      const { 5: docker, ...standard } = descriptors(lab.info.initHostPid);
      assert.deepEqual(standard, { 0: '/dev/null', 1: '/dev/null', 2: '/dev/null' });
      assert.match(docker ?? '', /^socket:/, 'pid 1 keeps the docker socket, made in the lab, and nothing else');
      const { stdout } = await execInLab(lab, reactor, {
        argv: ['sh', '-c', 'ls -1 /proc/self/fd | wc -l; readlink /proc/$$/fd/*'],
        cwd: '/',
      });
      assert.match(stdout, /^4\n\/dev\/null\npipe:\[\d+\]\npipe:\[\d+\]\n$/);
      const terminal = LabTerminal.open(lab, reactor, { argv: ['sleep', '30'], cols: 80, rows: 24 });
      // asleep in its one system call: before, its loader has libraries open
      while (!isAsleep(terminal.process.pid)) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.deepEqual(descriptors(terminal.process.pid), { 0: '/dev/pts/N', 1: '/dev/pts/N', 2: '/dev/pts/N' });
      terminal.process.kill(9);
      await terminal.process.ended;
      terminal.stream.destroy();
      for (let n = 0; n < 64; n++) {
        const inside = await execInLab(lab, reactor, { argv: ['pwd'], cwd: `/proc/self/fd/${n}` });
        assert.doesNotMatch(inside.stdout, /secret/);
        if (inside.exitCode === 0) assert.fail(`the working directory ${n} was given: ${inside.stdout}`);
        n += n < 10 ? 0 : 5;
      }
    });
  });

  test('R02 twin: without close_range a command has them, and so has pid 1', async () => {
    const keep = ({ syscall }: { syscall: string }): boolean => syscall === 'close_range';
    await withLab(async (lab) => {
      const { exitCode } = await runProgramInLab(
        lab,
        twin(lab.pidfd, keep, `test "$(ls /proc/self/fd | wc -l)" -gt 10 && ${LIST} | grep -q /run/secret/file`),
      );
      assert.equal(exitCode, 0);
    });
    await withWeakLab({ weaken: (running) => tamper(running, keep, 0, 0x7fffffff) }, (lab) => {
      assert.ok(Object.values(descriptors(lab.info.initHostPid)).includes('/run/secret/file'));
      return Promise.resolve();
    });
  });

  function twin(initPidfd: number, remove: (record: { syscall: string }) => boolean, script: string) {
    const built = execProgram({
      argv: ['sh', '-c', script],
      env: ['PATH=/usr/bin:/bin'],
      cwd: '/',
      stdio: [0, 1, 2],
      session: 'new',
      tty: false,
      initPidfd,
      netFd: null,
      manyIds: true,
    });
    return { ...built, program: without(built.program, remove) };
  }

  test('R02: nothing of the engine is in an environment or in the memory of pid 1', async () => {
    await withLab(async (lab, reactor) => {
      const said = await sh(
        lab,
        reactor,
        'cat /proc/1/environ | tr "\\0" "\\n"; cat /proc/self/environ | tr "\\0" "\\n"; echo; cat /proc/1/cmdline; cat /proc/1/maps',
      );
      assert.doesNotMatch(said, new RegExp(SECRET));
      assert.doesNotMatch(said, /node|koffi|\/home|\/work/);
      assert.match(said, /memfd:glassbox-init/);
      const memory = await perl(
        lab,
        reactor,
        `
        open(my $maps, '<', '/proc/1/maps') or die; open(my $mem, '<', '/proc/1/mem') or die;
        my $all = '';
        while (<$maps>) { next unless /^([0-9a-f]+)-([0-9a-f]+) r/ and !/vsyscall|vvar/; my ($from, $to) = (hex $1, hex $2); seek($mem, $from, 0); read($mem, my $part, $to - $from); $all .= $part // '' }
        print length($all) > 4096 ? "read " : "nothing ", index($all, "${SECRET.slice(0, 10)}" . "${SECRET.slice(10)}") >= 0 ? "found" : "clean";
      `,
      );
      assert.equal(memory, 'read clean');
    });
  });

  test('R02: no process of the machine can be named, traced, read or signalled', async () => {
    await withLab(async (lab, reactor) => {
      const answers = routes(
        await perl(
          lab,
          reactor,
          `
          my $engine = ${process.pid}; my $buffer = "\\0" x 16; my $iov = pack('QQ', unpack('Q', pack('p', $buffer)), 16); my $remote = pack('QQ', 0x400000, 16);
          for my $pid ($engine, ${process.ppid}, ${lab.info.initHostPid}) {
            next if -d "/proc/$pid";
            told "kill $pid", kill(0, $pid) ? 'OPENED' : name();
            told "ptrace $pid", sys('ptrace', 0x4206, $pid, 0, 0);
            told "read $pid", sys('process_vm_readv', $pid, $iov, 1, $remote, 1, 0);
            told "write $pid", sys('process_vm_writev', $pid, $iov, 1, $remote, 1, 0);
            told "pidfd $pid", sys('pidfd_open', $pid, 0);
            told "kcmp $pid", sys('kcmp', $$, $pid, 2, 0, 0);
            told "getsid $pid", sys('getsid', $pid);
          }
          told 'parent', getppid();
        `,
        ),
      );
      assert.equal(answers.get('parent'), '0');
      answers.delete('parent');
      assert.ok(answers.size >= 7, 'the numbers were taken in the lab');
      for (const [route, answer] of answers) assert.equal(answer, 'ESRCH', route);
    });
  });

  test('R02: kill(-1) and kill(0) by the lab end nobody outside', async () => {
    await withLab(async (lab, reactor) => {
      await execInLab(lab, reactor, { argv: ['perl', '-e', 'kill 9, -1; kill 9, 0; kill 9, -$$; sleep 1'], cwd: '/' });
      assert.equal(lab.gone, false);
      assert.equal((await execInLab(lab, reactor, { argv: ['true'], cwd: '/' })).exitCode, 0);
    });
  });

  // keyctl(2): 1 join a session keyring, 10 search, 11 read; @s is -3
  const addKey = (): boolean =>
    realKernel.call('keyctl', 1, null) >= 0 &&
    realKernel.call('add_key', 'user', 'glassbox-canary', Buffer.from(SECRET), SECRET.length, -3) >= 0;
  const SEARCH = `my $r = sys('keyctl', 10, -3, "user", "glassbox-canary", 0); print "$r\\n"; if ($r =~ /^\\d+$/) { my $b = "\\0" x 64; syscall($nr{keyctl}, 11, $r + 0, $b, 64); print $b }`;
  const hasKeys = addKey();

  test('R02 twin: with the session keyring of the engine, a lab reads its keys', {
    skip: hasKeys ? false : 'this kernel has no keys, or no room for one',
  }, async () => {
    assert.ok(addKey());
    await withWeakLab({ kernel: kernelWith({ keyctl: () => 0 }) }, async (lab, reactor) => {
      assert.match(await perl(lab, reactor, SEARCH), new RegExp(SECRET));
    });
  });

  test("R02: the keys of whoever started the engine are not a lab's", {
    skip: hasKeys ? false : 'this kernel has no keys, or no room for one',
  }, async () => {
    assert.ok(addKey());
    // a kernel object of its own, as that of the tests above has left the keyring already
    await withWeakLab({ kernel: kernelWith({}) }, async (lab, reactor) => {
      assert.match(await perl(lab, reactor, SEARCH), /^(ENOKEY|EACCES|ENOTDIR)\n$/);
    });
  });
}
