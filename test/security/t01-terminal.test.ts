import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../engine/kernel/errors.js';
import { type LabProcess, LabTerminal, startInLab } from '../../engine/labhost/exec.js';
import { withLab } from '../helpers/labs.js';
import { openPty } from '../helpers/pty.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { kernelWith, sh, withWeakLab } from './attack.js';

const APP = fileURLToPath(new URL('./terminal-app.ts', import.meta.url));

function legacyAllowed(): boolean {
  try {
    return readFileSync('/proc/sys/dev/tty/legacy_tiocsti', 'utf8').trim() === '1';
  } catch {
    return true; // before Linux 6.2 it always was
  }
}

async function onTerminal(...args: string[]): Promise<string> {
  const pty = openPty([process.execPath, '--import', import.meta.resolve('tsx'), APP, ...args], {
    columns: 80,
    rows: 24,
  });
  let said = '';
  pty.onData((bytes) => {
    said += Buffer.from(bytes).toString();
  });
  assert.equal(await pty.exited, 0, said);
  return said;
}

if (!inSandbox) {
  test('T01: terminals, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  test('R17: a command on our terminal cannot type into it (CVE-2017-5226, CVE-2019-10063)', async () => {
    const said = await onTerminal('strong', 'group');
    assert.match(said, /exit 0/);
    assert.match(said, /stdin: 0 Operation not permitted/);
    assert.match(said, /\/dev\/tty: 0 Operation not permitted/);
    assert.match(said, /wide command: -1/);
    assert.match(said, /console: -1/);
    assert.match(said, /typed: ""/);
  });

  test('R17 twin: without the filter it types', {
    skip: legacyAllowed() ? false : 'this kernel refuses TIOCSTI to everybody',
  }, async () => {
    assert.match(await onTerminal('weak', 'group'), /typed: "(injected\\n)+x?/);
  });

  test('R17: a command in a session of its own has no controlling terminal and cannot type either', async () => {
    const said = await onTerminal('strong', 'new');
    assert.match(said, /exit 0/);
    assert.match(said, /stdin: 0 /);
    assert.match(said, /\/dev\/tty: none/);
    assert.match(said, /typed: ""/);
  });

  test("R17: a terminal of the lab is on a devpts of its own and not the engine's controlling terminal", async () => {
    await withLab(async (lab, reactor) => {
      const terminal = LabTerminal.open(lab, reactor, { argv: ['sleep', '30'], cols: 80, rows: 24 });
      try {
        while (readFileSync(`/proc/${terminal.process.pid}/comm`, 'utf8') !== 'sleep\n')
          await new Promise((resolve) => setTimeout(resolve, 5));
        assert.match(readlinkSync(`/proc/${terminal.process.pid}/fd/0`), /^\/dev\/pts\/0$|^\/0$/);
        const tty = (pid: number): string | undefined =>
          /\) . \d+ \d+ \d+ (-?\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
        assert.notEqual(tty(terminal.process.pid), '0');
        assert.notEqual(tty(process.pid), tty(terminal.process.pid));
      } finally {
        terminal.process.kill(9);
        await terminal.process.ended;
        terminal.stream.destroy();
      }
    });
  });

  const FAKES = {
    "a link to the machine's multiplexer": 'ln -s /dev/ptmx /dev/pts/ptmx',
    "a link to the machine's multiplexer through proc": 'ln -s /proc/1/root/dev/pts/ptmx /dev/pts/ptmx',
    'a link to a file of the machine': 'ln -s /etc/passwd /dev/pts/ptmx',
    'a FIFO': 'mkfifo /dev/pts/ptmx',
    'a regular file': 'echo > /dev/pts/ptmx',
    'another device': 'touch /dev/pts/ptmx; mount --bind /dev/null /dev/pts/ptmx',
    'a terminal': 'touch /dev/pts/ptmx; mount --bind "$slave" /dev/pts/ptmx',
    nothing: 'true',
  };
  for (const [what, make] of Object.entries(FAKES)) {
    test(`R05: no terminal is opened when ${what} is in the multiplexer's place (CVE-2025-52565)`, {
      timeout: 600_000,
    }, async () => {
      await withLab(async (lab, reactor) => {
        await sh(lab, reactor, `slave=/dev/zero; umount -l /dev/pts; ${make}; ls -l /dev/pts`);
        assert.throws(
          () => LabTerminal.open(lab, reactor, { argv: ['true'], cols: 80, rows: 24 }),
          (error: unknown) => {
            assert.ok(error instanceof EngineError);
            assert.equal(error.code, 'Unavailable');
            return true;
          },
        );
      });
    });
  }

  test('R05 twin: with links followed and no look at what was found, the lab gets a terminal of the machine', async () => {
    const trusting = kernelWith({
      openat2: (kernel, [root]) => kernel.call('openat', root as number, 'dev/pts/ptmx', 0o12000000, 0),
      fstatfs: (_, [, system]) => {
        (system as Buffer).writeBigInt64LE(0x1cd1n, 0);
        return 0;
      },
    });
    await withWeakLab({ kernel: trusting }, async (lab, reactor) => {
      await sh(lab, reactor, 'umount -l /dev/pts; ln -s /dev/ptmx /dev/pts/ptmx');
      const terminal = LabTerminal.open(lab, reactor, { argv: ['sleep', '30'], cols: 80, rows: 24 });
      terminal.process.kill(9);
      await terminal.process.ended;
      terminal.stream.destroy();
    });
  });

  test("R05: a second devpts over the first is the lab's own matter: a terminal opens there", async () => {
    await withLab(async (lab, reactor) => {
      await sh(lab, reactor, 'mount -t devpts -o newinstance,ptmxmode=0666 x /dev/pts');
      const terminal = LabTerminal.open(lab, reactor, { argv: ['true'], cols: 80, rows: 24 });
      assert.equal((await terminal.process.ended).exitCode, 0);
      terminal.stream.destroy();
    });
  });

  test("A04: a process that has ended is never signalled again: the number of its pidfd is another's by then", async () => {
    await withLab(async (lab, reactor) => {
      for (let round = 0; round < 20; round++) {
        const first = LabTerminal.open(lab, reactor, { argv: ['true'], cols: 80, rows: 24 });
        await first.process.ended;
        first.stream.destroy();
        const second = LabTerminal.open(lab, reactor, { argv: ['sleep', '30'], cols: 80, rows: 24 });
        first.process.kill(9);
        const ended = await Promise.race([
          second.process.ended,
          new Promise((resolve) => setTimeout(() => resolve('runs'), 20)),
        ]);
        assert.equal(ended, 'runs');
        second.process.kill(9);
        await second.process.ended;
        second.stream.destroy();
      }
    });
  });

  test('A04 twin: by the number of its pidfd it would have been another', async () => {
    await withLab(async (lab, reactor) => {
      const start = (argv: [string, ...string[]]): LabProcess =>
        startInLab(lab, reactor, {
          argv,
          env: ['PATH=/usr/bin:/bin'],
          cwd: '/',
          stdio: [0, 1, 2],
          session: 'new',
          tty: false,
          netFd: null,
        });
      const first = start(['true']);
      await first.ended;
      const others = Array.from({ length: 8 }, () => start(['sleep', '30']));
      const reused = others.find(({ pidfd }) => pidfd === first.pidfd);
      assert.ok(reused !== undefined, 'the number was not given again: the test above proves nothing');
      lab.kernel.call('pidfd_send_signal', first.pidfd, 9, null, 0);
      assert.equal((await reused.ended).signal, 9);
      for (const other of others) other.kill(9);
      await Promise.all(others.map(({ ended }) => ended));
    });
  });

  test('J01: stopping whatever appears in the lab does not stop the engine', { timeout: 600_000 }, async () => {
    await withLab(async (lab, reactor) => {
      const stopper = LabTerminal.open(lab, reactor, {
        argv: [
          'perl',
          '-e',
          'my $me = $$; while (1) { opendir my $d, "/proc"; for (readdir $d) { kill "STOP", $_ if /^\\d+$/ && $_ > 1 && $_ != $me } }',
        ],
        cols: 80,
        rows: 24,
      });
      try {
        let worst = 0;
        for (let n = 0; n < 20; n++) {
          const begun = performance.now();
          const victim = LabTerminal.open(lab, reactor, { argv: ['true'], cols: 80, rows: 24 });
          worst = Math.max(worst, performance.now() - begun);
          victim.process.kill(9);
          await victim.process.ended;
          victim.stream.destroy();
        }
        assert.ok(worst < 20_000, `the engine stood still for ${worst} ms`);
      } finally {
        stopper.process.kill(9);
        await stopper.process.ended;
        stopper.stream.destroy();
      }
    });
  });
}
