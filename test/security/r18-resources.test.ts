import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { execInLab, startInLab } from '../../engine/labhost/exec.js';
import { Guard } from '../../engine/labhost/guard.js';
import { findHierarchies } from '../../engine/labhost/subtree.js';
import { withLab } from '../helpers/labs.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { kernelWith, perl, runDirectory, sh, withWeakLab } from './attack.js';

const mebibytes = (): number => process.memoryUsage().rss / (1 << 20);

if (!inSandbox) {
  test('R18: exhaustion, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  machineState();
  const BOMB =
    'my $n = 0; while ($n < 600) { my $p = fork; if (!defined $p) { last } if ($p == 0) { sleep 60; exit } $n++ } open(my $f, ">", "/tmp/forked"); print $f $n; close $f; sleep 60';

  async function forked(pidsMax: number, weak: boolean): Promise<number> {
    const use: Parameters<typeof withLab<number>>[0] = async (lab, reactor) => {
      const bomb = startInLab(lab, reactor, {
        argv: ['perl', '-e', BOMB],
        env: ['PATH=/usr/bin:/bin'],
        cwd: '/',
        stdio: [0, 1, 2],
        session: 'new',
        tty: false,
        netFd: null,
      });
      let said = '';
      while (said === '') {
        await new Promise((resolve) => setTimeout(resolve, 50));
        // the engine's own commands still run: a move into a group is not bounded, only a fork is
        said = (await execInLab(lab, reactor, { argv: ['cat', '/tmp/forked'], cwd: '/' })).stdout;
      }
      bomb.kill(9);
      await bomb.ended;
      return Number(said);
    };
    return weak
      ? withWeakLab({ cgroups: { mode: 'none', usable: [] }, options: { pidsMax } }, use)
      : withLab(use, { pidsMax });
  }

  test("R18: a fork bomb ends at the lab's bound, and the lab can still be used and ended", {
    timeout: 600_000,
  }, async () => {
    const before = machineState();
    const n = await forked(64, false);
    assert.ok(n > 16 && n <= 64, `${n} processes were made`);
    assert.deepEqual(await leaksSince(before), []);
  });

  test('R18 twin: without its group the bomb goes on', { timeout: 600_000 }, async () => {
    assert.equal(await forked(64, true), 600);
  });

  test('R18: a 1 GiB line through a command and a byte at a time: the engine does not grow', {
    timeout: 600_000,
  }, async () => {
    await withLab(async (lab, reactor) => {
      const before = mebibytes();
      let most = 0;
      const timer = setInterval(() => {
        most = Math.max(most, mebibytes());
      }, 20);
      const big = await execInLab(lab, reactor, {
        argv: ['perl', '-e', '$| = 1; my $b = "x" x 1048576; print $b for 1 .. 1024'],
        cwd: '/',
        timeoutMs: 60_000,
      });
      assert.deepEqual([big.truncated, big.stdout.length, big.exitCode], [true, 1 << 20, 0]);
      const small = await execInLab(lab, reactor, {
        argv: ['perl', '-e', '$| = 1; for (1 .. 400_000) { syswrite STDOUT, "x" }'],
        cwd: '/',
        timeoutMs: 60_000,
      });
      assert.equal(small.stdout.length, 400_000);
      clearInterval(timer);
      assert.ok(most - before < 150, `grew by ${Math.round(most - before)} MiB`);
    });
  });

  test('R18 twin: with its bound raised the engine does keep what is printed', { timeout: 600_000 }, async () => {
    await withLab(async (lab, reactor) => {
      const kept = await execInLab(lab, reactor, {
        argv: ['perl', '-e', 'print "x" x 50_000_000'],
        cwd: '/',
        maxOutputBytes: 64 << 20,
      });
      assert.equal(kept.stdout.length, 50_000_000);
    });
  });

  test('R18: full file systems: the lab says so, the machine keeps its room', { timeout: 600_000 }, async () => {
    await withLab(
      async (lab, reactor) => {
        const free = (): number =>
          Number(spawnSync('df', ['--output=avail', '-B1M', '/var/lib'], { encoding: 'utf8' }).stdout.split('\n')[1]);
        const before = free();
        const said = await sh(
          lab,
          reactor,
          'for d in / /tmp /run /root /dev /dev/shm /var/lib; do dd if=/dev/zero of=$d/full bs=1M count=200 2>&1 | grep -o "No space left"; done; true',
          { timeoutMs: 50_000 },
        );
        assert.match(said, /No space left/);
        assert.ok(before - free() < 64 || lab.scratch !== null, 'what the lab wrote stands on the machine');
        assert.match(await sh(lab, reactor, 'rm -f /full /tmp/full; echo works > /tmp/x && cat /tmp/x'), /works/);
      },
      { tmpfsBytes: 32 << 20 },
    );
  });

  test('R18: thousands of sockets, watches, keys and namespaces are freed with the lab', {
    timeout: 600_000,
  }, async () => {
    const before = machineState();
    await withLab(async (lab, reactor) => {
      await perl(
        lab,
        reactor,
        `
        use Socket; my @all; for (1 .. 2000) { my $s; socket($s, AF_UNIX, SOCK_STREAM, 0) and push @all, $s }
        for (1 .. 300) { sys('add_key', 'user', "k$_", 'x', 1, -2) }
        for (1 .. 100) { my $p = fork; if ($p == 0) { sys('unshare', 0x7e000000); sleep 60; exit } }
        sleep 1;
      `,
      );
      await sh(
        lab,
        reactor,
        'for i in $(seq 60); do ip netns add n$i; ip link add v$i type veth peer name w$i; done; for i in $(seq 200); do mount -t tmpfs x /mnt; done',
      );
    });
    assert.deepEqual(await leaksSince(before), []);
  });

  test('R18: groups nested deeper than a path can name are removed with the lab', { timeout: 600_000 }, async () => {
    const before = machineState();
    let directories: readonly string[] = [];
    await withLab(async (lab, reactor) => {
      directories = lab.subtree?.directories ?? [];
      const made = await perl(
        lab,
        reactor,
        `
        my ($base) = grep { -d } '/sys/fs/cgroup/pids', '/sys/fs/cgroup'; chdir $base; my $n = 0; my $name = 'd' x 200;
        while ($n < 40) { mkdir $name or last; chdir $name or last; $n++ } print $n;
      `,
      );
      assert.equal(made, '40');
    });
    for (const directory of directories) assert.equal(existsSync(directory), false, `${directory} is left`);
    assert.deepEqual(await leaksSince(before), []);
  });

  test('R18: and by the guard when the engine is killed', { timeout: 600_000 }, async () => {
    const directory = join(
      findHierarchies().usable.find(({ name }) => name === 'pids' || name === '')?.base ?? '',
      `glassbox-${process.pid}-0-1`,
    );
    mkdirSync(directory);
    spawnSync('perl', [
      '-e',
      'chdir $ARGV[0]; my $name = "d" x 200; for (1 .. 40) { mkdir $name; chdir $name }',
      directory,
    ]);
    // the guard is made here and its pipe ends without a word, as when the engine is killed
    const silent = kernelWith({
      write: (kernel, args) => (args[2] === 1 ? 1 : kernel.call('write', ...args)),
    });
    Guard.start(
      { runtimeDir: runDirectory('guarded/1-1-1'), scratchDir: '/run/nowhere/x', cgroupDirs: [directory] },
      silent,
    ).dismiss();
    for (let n = 0; n < 100 && existsSync(directory); n++) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(existsSync(directory), false);
  });

  test('R18: 1,500 groups in every hierarchy are removed with the lab', { timeout: 600_000 }, async () => {
    const before = machineState();
    await withLab(async (lab, reactor) => {
      await perl(
        lab,
        reactor,
        'for my $h (glob("/sys/fs/cgroup/*")) { next unless -d $h && !-l $h; for (1 .. 150) { mkdir "$h/g$_"; mkdir "$h/g$_/x" } }',
        { timeoutMs: 60_000 },
      );
    });
    assert.deepEqual(await leaksSince(before), []);
  });

  test('R18: the engine has as many descriptors after 300 attacks as before', { timeout: 600_000 }, async () => {
    const count = (): number => readdirSync('/proc/self/fd').length;
    await withLab(async (lab, reactor) => {
      for (let n = 0; n < 10; n++) await execInLab(lab, reactor, { argv: ['true'], cwd: '/' });
      const before = count();
      for (let n = 0; n < 100; n++) {
        await execInLab(lab, reactor, { argv: ['no-such-program'], cwd: '/' });
        await execInLab(lab, reactor, { argv: ['true'], cwd: '/no/such/directory' });
        await execInLab(lab, reactor, { argv: ['sh', '-c', 'sleep 60 & echo x'], cwd: '/', timeoutMs: 5_000 });
      }
      assert.ok(count() <= before + 4, `${count() - before} descriptors were left open`);
      assert.ok(readFileSync(join('/proc', String(lab.info.initHostPid), 'comm'), 'utf8').startsWith('glassbox'));
    });
  });
}
