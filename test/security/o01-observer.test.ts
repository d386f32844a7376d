import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { LayerDir, Snapshot } from '../../engine/api/types.js';
import { realKernel } from '../../engine/kernel/kernel.js';
import { openInRoot } from '../../engine/kernel/namespaces/open-in-root.js';
import type { Reactor } from '../../engine/kernel/reactor.js';
import { startInLab } from '../../engine/labhost/exec.js';
import type { LabHost } from '../../engine/labhost/lab-host.js';
import { observedCgroups } from '../../engine/labhost/subtree.js';
import { FirewallReader } from '../../engine/observe/firewall-reader.js';
import { createObserver, type Observer, rootAccess } from '../../engine/observe/index.js';
import { scanLayer } from '../../engine/observe/layer-scan.js';
import { parseIptablesSave } from '../../engine/observe/network/iptables-save.js';
import { readOverlays } from '../../engine/observe/overlays.js';
import { Problems } from '../../engine/observe/problems.js';
import { cpuTimer } from '../helpers/cpu-time.js';
import { withLab } from '../helpers/labs.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { perl, sh } from './attack.js';

/** Bound on one look at an attacked lab, generous for a busy machine: what is guarded against takes minutes or never ends. */
const LONGEST_MS = 10_000;

async function withEyes<T>(
  use: (lab: LabHost, reactor: Reactor, look: () => Promise<Snapshot>, eyes: Observer) => Promise<T>,
): Promise<T> {
  return withLab(async (lab, reactor) => {
    const eyes = createObserver({
      kernel: realKernel,
      initHostPid: lab.info.initHostPid,
      access: rootAccess(realKernel),
      labInfo: () => ({ ...lab.info, readyMs: 0 }),
      reactor,
      cgroups: observedCgroups(lab.subtree, lab.info.cgroupMode),
      ...(lab.rootUpper === null ? {} : { rootUpper: `/proc/self/fd/${lab.rootUpper}` }),
    });
    try {
      const look = async (): Promise<Snapshot> => {
        const spent = cpuTimer();
        const snapshot = await eyes.snapshot();
        assert.ok(spent() < LONGEST_MS, `a look took ${Math.round(spent())} ms`);
        return snapshot;
      };
      await look();
      return await use(lab, reactor, look, eyes);
    } finally {
      eyes.close();
    }
  });
}

const reasons = (snapshot: Snapshot): string =>
  snapshot.problems.map(({ part, reason }) => `${part}: ${reason}`).join('\n');

if (!inSandbox) {
  test('O01: an observer under attack, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  test('O01: layers made of links, FIFOs, sockets, strange and very many names: counted, never followed, never waited for', {
    timeout: 600_000,
  }, async () => {
    writeFileSync('/run/canary', 'x'.repeat(12_345));
    await withEyes(async (lab, reactor, look) => {
      await sh(
        lab,
        reactor,
        `mkdir -p /tmp/o/{l,u,w,m}; cd /tmp/o; mount -t overlay -o lowerdir=l,upperdir=u,workdir=w,userxattr o m
        cd u; ln -s /etc etc; ln -s /proc/1/root/etc root; ln -s / slash; mkfifo fifo; perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack("S", 1) . "socket")'
        perl -e 'open(my $f, ">", $_) for "\\xff\\xfe", "a\\nb", "\\e[31mred", "x" x 255, "\\xe2\\x80\\xae" . "txt", "--", " "'; mkdir -p mnt; mount -t proc p mnt; echo 1 > one`,
      );
      // a look is bounded in time: on a busy machine the first may not get through the layer
      let upper: LayerDir | undefined;
      for (let tries = 0; tries < 20 && !upper?.entries.some(({ path }) => path === 'one'); tries++) {
        upper = (await look()).overlays
          .find(({ mountPoint }) => mountPoint === '/tmp/o/m')
          ?.layers.find(({ role }) => role === 'upper');
      }
      assert.ok(upper !== undefined, 'the layer was not seen');
      const types = new Map(upper.entries.map(({ path, type }) => [path, type]));
      assert.deepEqual(
        ['etc', 'root', 'slash', 'fifo', 'socket', 'one'].map((name) => types.get(name)),
        ['symlink', 'symlink', 'symlink', 'other', 'other', 'file'],
      );
      assert.equal(upper.files, 8, 'a name that is not UTF-8 was passed over');
      assert.ok(
        !upper.entries.some(({ path }) => path.startsWith('mnt/') || path.includes('passwd')),
        'a link was followed or another mount entered',
      );
      assert.equal(upper.truncated, true, 'that something is mounted in it was not told');
    });
  });

  test('O01: a directory replaced by a link to the machine while it is read leads nowhere', {
    timeout: 600_000,
  }, async () => {
    mkdirSync('/run/private');
    writeFileSync('/run/private/of-the-machine', 'secret');
    await withEyes(async (lab, reactor, look) => {
      await sh(
        lab,
        reactor,
        'mkdir -p /tmp/o/{l,u,w,m}/d; mount -t overlay -o lowerdir=/tmp/o/l,upperdir=/tmp/o/u,workdir=/tmp/o/w,userxattr o /tmp/o/m',
      );
      const swapper = startInLab(lab, reactor, {
        argv: [
          'perl',
          '-e',
          'symlink "/run/private", "/tmp/o/link"; symlink "/proc/1/root/run/private", "/tmp/o/u/link"; while (1) { rename "/tmp/o/u", "/tmp/o/real"; rename "/tmp/o/link", "/tmp/o/u"; rename "/tmp/o/u", "/tmp/o/link"; rename "/tmp/o/real", "/tmp/o/u"; rename "/tmp/o/u/d", "/tmp/o/u/e"; rename "/tmp/o/u/link", "/tmp/o/u/d"; rename "/tmp/o/u/d", "/tmp/o/u/link"; rename "/tmp/o/u/e", "/tmp/o/u/d" }',
        ],
        env: ['PATH=/usr/bin:/bin'],
        cwd: '/',
        stdio: [0, 1, 2],
        session: 'new',
        tty: false,
        netFd: null,
      });
      try {
        for (let n = 0; n < 60; n++) assert.doesNotMatch(JSON.stringify((await look()).overlays), /of-the-machine/);
      } finally {
        swapper.kill(9);
        await swapper.ended;
      }
    });
  });

  test('O01 twin: with links followed, the file of the machine is listed', () => {
    const root = mkdtempSync('/run/root-');
    symlinkSync('/run/private', `${root}/u`);
    // what openInRoot refuses an ordinary open does
    assert.throws(() => openInRoot(realKernel, root, '/u', 0o200000), /openat2.*ENOENT/);
    const fd = realKernel.call('openat', -100, `${root}/u`, 0o200000, 0);
    assert.match(JSON.stringify(scanLayer(realKernel, fd)), /of-the-machine/);
    realKernel.call('close', fd);
    rmSync(root, { recursive: true });
  });

  test("O01: layers are not read through a process whose number is another's by now", () => {
    const mounts = [
      {
        id: 1,
        parent: 0,
        device: '0:99',
        root: '/',
        mountPoint: '/m',
        options: ['rw'],
        propagation: [],
        fsType: 'overlay',
        source: 'o',
        superOptions: ['lowerdir=/run/private', 'upperdir=/run/private', 'workdir=/run/private'],
      },
    ];
    const own = /\[(\d+)\]/.exec(JSON.stringify(readlink('/proc/self/ns/mnt')))?.[0];
    const problems = new Problems();
    const read = (ns: string) =>
      readOverlays(
        realKernel,
        [{ ns: ns as `mnt:[1]`, hostPid: process.pid, text: '', mounts, cut: false }],
        [],
        problems,
        new Set(),
      );
    assert.doesNotMatch(JSON.stringify(read('mnt:[1]')), /of-the-machine/);
    assert.match(JSON.stringify(problems.list()), /has ended/);
    // twin: were it the process that it was taken for, they would be
    assert.match(JSON.stringify(read(`mnt:${own}`)), /of-the-machine/);
  });

  test('O01: a directory of 150,000 names and 400 layers are told of in part, at once, and it is said', {
    timeout: 600_000,
  }, async () => {
    await withEyes(async (lab, reactor, look) => {
      await perl(
        lab,
        reactor,
        `
        mkdir "/tmp/o"; mkdir "/tmp/o/$_" for qw(l u w m); chdir "/tmp/o/u"; for my $n (1 .. 150_000) { open(my $f, '>', $n) }
        system "mount -t overlay -o lowerdir=/tmp/o/l,upperdir=/tmp/o/u,workdir=/tmp/o/w,userxattr o /tmp/o/m";
        mkdir "/tmp/p"; chdir "/tmp/p"; for my $n (1 .. 400) { mkdir $n; mkdir "$n/$_" for 1 .. 200 } mkdir "m"; system 'mount -t overlay -o lowerdir=' . join(':', 1 .. 400) . ' o m';
      `,
        { timeoutMs: 60_000 },
      );
      const spent = cpuTimer();
      const snapshot = await look();
      assert.ok(spent() < 4_000, `took ${spent()} ms`);
      const big = snapshot.overlays.find(({ mountPoint }) => mountPoint === '/tmp/o/m')?.layers[0];
      assert.equal(big?.truncated, true);
      const many = snapshot.overlays.find(({ mountPoint }) => mountPoint === '/tmp/p/m');
      assert.equal(many?.layers.length, 400);
      assert.match(reasons(snapshot), /overlays: the layers are too many/);
    });
  });

  test('O01: hostile strings in overlay options are told as they are', { timeout: 600_000 }, async () => {
    await withEyes(async (lab, reactor, look) => {
      await sh(
        lab,
        reactor,
        `mkdir -p /tmp/o && cd /tmp/o && mkdir 'a,b' 'c:d' 'e\\f' $'g\\nh' 'i j' ',upperdir=/etc' u w m
        mount -t overlay -o 'lowerdir=/tmp/o/a\\,b:/tmp/o/c\\:d:/tmp/o/i j,upperdir=/tmp/o/u,workdir=/tmp/o/w,userxattr' o m
        mkdir m2 && mount -t overlay -o 'lowerdir=/tmp/o/\\,upperdir=/etc:/tmp/o/u' o m2 2>/dev/null; true`,
      );
      const snapshot = await look();
      const stack = snapshot.overlays.find(({ mountPoint }) => mountPoint === '/tmp/o/m');
      assert.deepEqual(
        stack?.layers.filter(({ role }) => role === 'lower').map(({ path }) => path),
        ['/tmp/o/a,b', '/tmp/o/c:d', '/tmp/o/i j'],
      );
      const second = snapshot.overlays.find(({ mountPoint }) => mountPoint === '/tmp/o/m2');
      assert.ok(
        second === undefined || second.layers.every(({ role }) => role !== 'upper'),
        'a lower directory was taken for an upper one',
      );
    });
  });

  test('O01: processes that call themselves anything are told as what they are', { timeout: 600_000 }, async () => {
    const names = ['x) R 1 (y', 'a b', '\\e[2J\\e[31m', 'new\\nline', ')', '((', '\\xff\\xfe', 'Uid:\\t0', ''];
    await withEyes(async (lab, reactor, look) => {
      await sh(
        lab,
        reactor,
        names
          .map(
            (name) =>
              `perl -e 'open(my $c, ">", "/proc/self/comm"); syswrite $c, "${name}"; close $c; sleep 60' </dev/null >/dev/null 2>&1 &`,
          )
          .join('\n') + '\nsleep 0.3',
      );
      const snapshot = await look();
      const found = new Set(snapshot.processes.map(({ comm }) => comm));
      for (const name of ['x) R 1 (y', 'a b', 'new\nline', ')', '((', 'Uid:\t0'])
        assert.ok(found.has(name), `${JSON.stringify(name)} is not told: ${JSON.stringify([...found])}`);
      for (const { comm, uid, pid, state } of snapshot.processes)
        if (comm !== 'glassbox-init')
          assert.ok(uid === 0 && pid > 1 && /^[SRD]$/.test(state), JSON.stringify({ comm, uid, pid, state }));
    });
  });

  test('O01: 2,000 processes with megabytes of arguments, 3,000 descriptors: a look is bounded and says what is left out', {
    timeout: 600_000,
  }, async () => {
    await withEyes(async (lab, reactor, look) => {
      const crowd = startInLab(lab, reactor, {
        argv: [
          'perl',
          '-e',
          'if (@ARGV) { for (1 .. 1500) { my $p = fork; last unless defined $p; unless ($p) { sleep 120; exit } } open(my $r, ">", "/tmp/ready"); sleep 120 } exec $^X, "-e", $ENV{SELF}, map { "x" x 100_000 } 1 .. 18',
        ],
        env: [
          'PATH=/usr/bin:/bin',
          'SELF=for (1 .. 1500) { my $p = fork; last unless defined $p; unless ($p) { sleep 120; exit } } my @h; for (1 .. 3000) { my $h; open($h, "<", "/dev/null") and push @h, $h } open(my $r, ">", "/tmp/ready"); close $r; sleep 120',
        ],
        cwd: '/',
        stdio: [0, 1, 2],
        session: 'new',
        tty: false,
        netFd: null,
      });
      try {
        await sh(lab, reactor, 'for i in $(seq 200); do [ -e /tmp/ready ] && exit; sleep 0.1; done; exit 1');
        const before = process.memoryUsage().rss;
        const snapshot = await look();
        assert.ok(snapshot.processes.length > 1000, `${snapshot.processes.length} processes`);
        assert.match(reasons(snapshot), /more threads or descriptors than are looked at/);
        const grown = (process.memoryUsage().rss - before) / (1 << 20);
        assert.ok(grown < 400, `the observer grew by ${grown} MiB`);
        assert.ok(
          JSON.stringify(snapshot).length < 32 << 20,
          'the snapshot is larger than a reader of the stream is waited for',
        );
      } finally {
        crowd.kill(9);
        await crowd.ended;
      }
    });
  });

  test('O01: 10,000 mounts and 300 network namespaces: bounded, and said', { timeout: 600_000 }, async () => {
    await withEyes(async (lab, reactor, look) => {
      await perl(
        lab,
        reactor,
        `
        mkdir "/tmp/m"; system "mount -t tmpfs 'a b\\\\nc' /tmp/m"; mkdir "/tmp/m/\\n\\e[1m x"; my ($t, $none) = ("/tmp/m/\\n\\e[1m x", "none");
        for (1 .. 10_000) { sys('mount', '/tmp/m', $t, $none, 4096, 0) eq '0' or last }
      `,
        { timeoutMs: 60_000 },
      );
      const mounted = await look();
      assert.match(reasons(mounted), /mounts: there are more than 8192 mounts/);
      assert.ok(mounted.mountTables[0]?.mounts.some(({ mountPoint }) => mountPoint === '/tmp/m/\n\u001b[1m x'));
      await sh(
        lab,
        reactor,
        'for i in $(seq 300); do ip netns add n$i; done; for i in $(seq 2 2 40); do ip link add v$i netns n$i type veth peer name w$i netns n$((i-1)); done',
        { timeoutMs: 60_000 },
      );
      const snapshot = await look();
      assert.doesNotMatch(reasons(snapshot), /namespaces/);
      assert.ok(snapshot.namespaces.filter(({ kind }) => kind === 'net').length >= 300);
    });
  });

  test('O01: descriptors swapped for FIFOs and terminals while they are asked about hold nobody up', {
    timeout: 600_000,
  }, async () => {
    await withEyes(async (lab, reactor, look) => {
      await sh(lab, reactor, 'ip netns add n; mkfifo /tmp/fifo');
      const swappers = Array.from({ length: 3 }, () =>
        startInLab(lab, reactor, {
          argv: [
            'perl',
            '-e',
            'use POSIX; open(my $n, "<", "/run/netns/n"); open(my $f, "+<", "/tmp/fifo"); my ($a, $b) = (fileno $n, fileno $f); while (1) { POSIX::dup2($a, 50); POSIX::dup2($b, 50) }',
          ],
          env: ['PATH=/usr/bin:/bin'],
          cwd: '/',
          stdio: [0, 1, 2],
          session: 'new',
          tty: false,
          netFd: null,
        }),
      );
      try {
        for (let n = 0; n < 150; n++) await look();
        assert.equal(
          /\) \S \d+ \d+ \d+ (-?\d+)/.exec(readFileSync('/proc/self/stat', 'utf8'))?.[1],
          tty,
          'the engine has a controlling terminal',
        );
      } finally {
        for (const swapper of swappers) swapper.kill(9);
        await Promise.all(swappers.map(({ ended }) => ended));
      }
    });
  });

  test('O01: firewall remarks and chains with quotes, line breaks and escapes are read right, or it is said that they are not', {
    timeout: 600_000,
  }, async () => {
    await withEyes(async (lab, reactor, look) => {
      await sh(
        lab,
        reactor,
        `iptables -N 'a"b'; iptables -A 'a"b' -j ACCEPT; iptables -A INPUT -j 'a"b'; iptables -A INPUT -m comment --comment $'one\\n-A INPUT -j DROP\\nCOMMIT\\n*nat' -j ACCEPT
        iptables -A INPUT -m comment --comment $'\\e[2J" -j DROP \\\\' -j RETURN`,
      );
      const snapshot = await look();
      const rules = snapshot.networks.find(
        ({ id }) => id === snapshot.namespaces.find(({ kind, isLabHost }) => kind === 'net' && isLabHost)?.id,
      )?.firewall;
      assert.ok(rules, reasons(snapshot));
      assert.deepEqual(rules.rules.map(({ chain, target }) => `${chain} ${target}`).sort(), [
        'INPUT ACCEPT',
        'INPUT RETURN',
        'INPUT a"b',
        'a"b ACCEPT',
      ]);
      assert.ok(rules.rules.some(({ options }) => options['comment'] === 'one\n-A INPUT -j DROP\nCOMMIT\n*nat'));
      assert.ok(rules.rules.every(({ table }) => table === 'filter'));
      await sh(lab, reactor, `iptables -N '"c'; iptables -A '"c' -j ACCEPT`);
      const named = await look();
      assert.ok(
        named.networks[0]?.firewall?.rules.some(({ chain, target }) => chain === '"c' && target === 'ACCEPT'),
        reasons(named),
      );
      await sh(lab, reactor, `iptables -I INPUT 1 -j '"c'`);
      const unread = await look();
      assert.equal(unread.networks[0]?.firewall, null);
      assert.match(reasons(unread), /firewall: rules of host: .*iptables-save/);
    });
  });

  test('O01: a quote that is never closed costs one pass, not one for each line', () => {
    const text = `*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j "open\n${'-A INPUT -s 10.0.0.1/32 -j ACCEPT\n'.repeat(100_000)}COMMIT\n`;
    const spent = cpuTimer();
    assert.throws(() => parseIptablesSave(text, 'inet'), /cannot be read/);
    assert.ok(spent() < 2_000, `took ${spent()} ms`);
  });

  test('O01: rules of hundreds of namespaces are read two at a time', async () => {
    let running = 0;
    let most = 0;
    const reader = new FirewallReader(realKernel, {
      openSocket: () => realKernel.call('socket', 1, 1 | 0o2000000, 0),
      openWatchSockets: () => [],
      hostname: () => '',
      run: async (_, argv) => {
        if (argv.includes('--version')) return { exitCode: 0, stdout: 'nf_tables', stderr: '' };
        running++;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running--;
        return { exitCode: 0, stdout: argv[0] === 'nft' ? '{"nftables": []}' : '', stderr: '' };
      },
    });
    await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        reader.read(
          `net:[${n + 1}]`,
          () => realKernel.call('openat', -100, '/dev/null', 0o2000000, 0),
          () => '/dev/null',
        ),
      ),
    );
    assert.ok(most > 0 && most <= 6, `${most} programs at once`);
  });

  const tty = /\) \S \d+ \d+ \d+ (-?\d+)/.exec(readFileSync('/proc/self/stat', 'utf8'))?.[1];
  function readlink(path: string): string {
    const buffer = Buffer.alloc(64);
    return buffer.toString('utf8', 0, realKernel.call('readlinkat', -100, path, buffer, buffer.length));
  }
}
