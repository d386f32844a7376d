import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import { Reactor } from '../../engine/kernel/reactor.js';
import { execInLab, LabTerminal } from '../../engine/labhost/exec.js';
import { startLab, withLab } from '../helpers/labs.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const sh = (command: string) => ({ argv: ['sh', '-c', command] });

if (!inSandbox) {
  test('the lab host, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  machineState();

  test('root inside is an ordinary id outside, in seven namespaces of its own', async () => {
    const before = machineState();
    await withLab(async (lab, reactor) => {
      const { stdout } = await execInLab(
        lab,
        reactor,
        sh(
          'id -u; cat /proc/self/uid_map; echo $$; hostname; for n in user mnt pid net uts ipc cgroup; do readlink /proc/self/ns/$n; done',
        ),
      );
      const [uid, map, , hostname, ...namespaces] = stdout.trim().split('\n');
      assert.equal(uid, '0');
      assert.match(map as string, /^\s*0\s+1000000\s+1000000$/);
      assert.equal(hostname, 'glassbox');
      const own = ['user', 'mnt', 'pid', 'net', 'uts', 'ipc', 'cgroup'].map((kind) =>
        execFileSync('readlink', [`/proc/self/ns/${kind}`], { encoding: 'utf8' }).trim(),
      );
      for (const [n, namespace] of namespaces.entries()) assert.notEqual(namespace, own[n], `${own[n]} is shared`);
      assert.match(readFileSync(`/proc/${lab.info.initHostPid}/status`, 'utf8'), /^Uid:\t1000000\t/m);
    });
    assert.deepEqual(await leaksSince(before), []);
  });

  test('pid 1 is two pages that reap orphans and cannot be killed from inside', async () => {
    await withLab(async (lab, reactor) => {
      const { stdout } = await execInLab(
        lab,
        reactor,
        sh(
          'kill -9 1; sh -c "sleep 0.1 & exec true"; sleep 0.4; ps -eo pid,stat,comm --no-headers | grep -c Z; cat /proc/1/comm; ls /proc/1/fd | wc -l',
        ),
      );
      assert.deepEqual(stdout.trim().split('\n'), ['0', 'glassbox-init', '4']);
      const rollup = readFileSync(`/proc/${lab.info.initHostPid}/smaps_rollup`, 'utf8');
      const pss = Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]);
      assert.ok(pss <= 64, `pid 1 takes ${pss} KiB`);
    });
  });

  test('rm -rf / and every other write stay in the lab', async () => {
    const canary = mkdtempSync('/var/tmp/canary-');
    writeFileSync(join(canary, 'file'), 'untouched');
    const before = machineState();
    try {
      await withLab(async (lab, reactor) => {
        await execInLab(lab, reactor, {
          ...sh(
            'echo changed > /etc/passwd; echo 1 > /proc/sys/net/ipv4/ip_forward; dd if=/dev/zero of=/dev/vda bs=512 count=1; echo c > /proc/sysrq-trigger; rm -rf --no-preserve-root /; true',
          ),
          timeoutMs: 60_000,
        });
        const { stdout } = await execInLab(lab, reactor, { argv: ['/bin/sh', '-c', 'echo'] });
        assert.equal(stdout, '', 'the lab has no shell any more');
      });
      assert.equal(readFileSync(join(canary, 'file'), 'utf8'), 'untouched');
      assert.match(readFileSync('/etc/passwd', 'utf8'), /^root:/);
      assert.deepEqual(await leaksSince(before), []);
    } finally {
      rmSync(canary, { recursive: true });
    }
  });

  test('the tools of the machine work inside: bridge, veth, netns, iptables, overlay, nested namespaces', async () => {
    await withLab(async (lab, reactor) => {
      const script = `set -e
        ip netns add r1; ip link add veth0 type veth peer name veth1; ip link set veth1 netns r1
        ip addr add 10.1.0.1/24 dev veth0; ip link set veth0 up
        ip netns exec r1 ip addr add 10.1.0.2/24 dev veth1; ip netns exec r1 ip link set veth1 up
        ping -c1 -W2 10.1.0.2 >/dev/null
        ip link add br0 type bridge; ip link set br0 up
        iptables -t nat -A POSTROUTING -s 10.1.0.0/24 -j MASQUERADE
        echo 1 > /proc/sys/net/ipv4/ip_forward
        cd /root; mkdir l u w m; echo low > l/f; mount -t overlay -o lowerdir=l,upperdir=u,workdir=w,userxattr overlay m; echo up > m/f; test "$(cat l/f)" = low
        unshare -Urpf --mount-proc sh -c 'test $$ = 1'
        busybox true
        mkdir /sys/fs/cgroup/pids/g 2>/dev/null || mkdir /sys/fs/cgroup/g
        echo done`;
      const done = await execInLab(lab, reactor, sh(script));
      assert.deepEqual([done.stdout, done.stderr, done.exitCode], ['done\n', '', 0]);
    });
  });

  test('exit codes, signals, missing programs, time-outs and large output are as a shell would have them', async () => {
    await withLab(async (lab, reactor) => {
      const code = async (argv: string[], more = {}): Promise<(number | boolean | string | null)[]> => {
        const done = await execInLab(lab, reactor, { argv, ...more });
        return [done.exitCode, done.signal, done.timedOut, done.truncated];
      };
      assert.deepEqual(await code(['sh', '-c', 'exit 3']), [3, null, false, false]);
      assert.deepEqual(await code(['sh', '-c', 'kill -TERM $$']), [143, 'SIGTERM', false, false]);
      assert.deepEqual(await code(['no-such-program']), [127, null, false, false]);
      assert.deepEqual(await code(['/etc/hostname']), [126, null, false, false]);
      assert.deepEqual(await code(['sh', '-c', 'exit 127']), [127, null, false, false]);
      assert.deepEqual(await code(['sleep', '60'], { timeoutMs: 100 }), [137, 'SIGKILL', true, false]);
      assert.deepEqual(await code(['sh', '-c', 'yes | head -c 3000000'], { maxOutputBytes: 1000 }), [
        0,
        null,
        false,
        true,
      ]);
      assert.equal((await execInLab(lab, reactor, { argv: ['cat'], stdin: '你好' })).stdout, '你好');
    });
  });

  test('a terminal is one of the lab, is resized, and hangs up when it is closed', async () => {
    await withLab(async (lab, reactor) => {
      const terminal = LabTerminal.open(lab, reactor, { argv: ['bash', '--norc', '-i'], cols: 91, rows: 33 });
      let seen = '';
      terminal.stream.on('data', (bytes: Buffer) => {
        seen += bytes.toString();
      });
      terminal.stream.on('error', () => undefined);
      terminal.stream.write('tty; stty size; echo mark-$((40+2))\n');
      await until(() => seen.includes('mark-42'));
      assert.match(seen, /\/dev\/pts\/0\r?\n33 91/);
      terminal.resize(100, 40);
      terminal.stream.write('stty size; echo again-$((1+1))\n');
      await until(() => seen.includes('again-2'));
      assert.match(seen, /40 100/);
      terminal.stream.write('sleep 100\n');
      await new Promise((resolve) => setTimeout(resolve, 200));
      terminal.stream.write('\x03echo rc-$?\n');
      await until(() => seen.includes('rc-130'));
      terminal.stream.destroy();
      const { exitCode } = await terminal.process.ended;
      assert.ok(exitCode > 0, 'the shell was hung up');
    });
  });

  test('twelve labs at once do not see each other', async () => {
    const before = machineState();
    const reactor = new Reactor();
    const labs = Array.from({ length: 12 }, () => startLab());
    try {
      const answers = await Promise.all(
        labs.map((lab, n) =>
          execInLab(
            lab,
            reactor,
            sh(
              `hostname h${n}; ip link add d${n} type veth peer name e${n}; echo ${n} > /etc/only; sleep 0.2; hostname; ls /sys/class/net | wc -l; cat /etc/only`,
            ),
          ),
        ),
      );
      for (const [n, { stdout }] of answers.entries()) assert.deepEqual(stdout.split('\n'), [`h${n}`, '3', `${n}`, '']);
    } finally {
      await Promise.all(labs.map((lab) => lab.close()));
      reactor.close();
    }
    assert.deepEqual(await leaksSince(before), []);
  });

  test('a full file system, no more processes: one clear message, the lab lives on', async () => {
    await withLab(
      async (lab, reactor) => {
        const full = await execInLab(
          lab,
          reactor,
          // a lab on disk is bounded by the engine's watch alone; /run is memory in every lab
          sh('dd if=/dev/zero of=/run/big bs=64k 2>&1 | grep -c "No space left"; rm /run/big; echo ok'),
        );
        assert.equal(full.stdout, '1\nok\n');
        if (lab.subtree !== null && lab.info.cgroupMode !== 'none') {
          const many = await execInLab(lab, reactor, {
            ...sh(
              'for i in $(seq 60); do sleep 5 & done 2>&1 | grep -c -i "cannot fork\\|resource"; kill $(jobs -p) 2>/dev/null; true',
            ),
            timeoutMs: 20_000,
          });
          assert.equal(many.timedOut, false);
          const after = await execInLab(lab, reactor, { argv: ['true'] }).catch((error: unknown) => error);
          assert.ok(after instanceof Error || (after as { exitCode: number }).exitCode >= 0, 'an answer came');
        }
      },
      { tmpfsBytes: 1 << 20, pidsMax: 20 },
    );
  });

  test('no terminal left: one clear message', async () => {
    await withLab(async (lab, reactor) => {
      const limit = await execInLab(
        lab,
        reactor,
        sh('busybox mount -o remount,max=1,ptmxmode=0666 devpts /dev/pts && echo ok'),
      );
      assert.equal(limit.stdout, 'ok\n', limit.stderr);
      const first = LabTerminal.open(lab, reactor, { argv: ['cat'], cols: 80, rows: 24 });
      first.stream.on('error', () => undefined);
      try {
        assert.throws(
          () => LabTerminal.open(lab, reactor, { argv: ['cat'], cols: 80, rows: 24 }),
          (error: unknown) =>
            error instanceof EngineError &&
            error.code === 'ResourceExhausted' &&
            /no terminal is left/.test(error.message),
        );
      } finally {
        first.stream.destroy();
        await first.process.ended;
      }
    });
  });

  test('a kept lab has its changes again, and they belong to nobody of the machine', async () => {
    const state = mkdtempSync(join(tmpdir(), 'kept-'));
    const reactor = new Reactor();
    try {
      for (const expected of ['', 'kept\n']) {
        const lab = startLab({ keep: 'mine' }, undefined, state);
        try {
          assert.equal(
            (await execInLab(lab, reactor, sh('cat /etc/kept 2>/dev/null; echo kept > /etc/kept'))).stdout,
            expected,
          );
        } finally {
          await lab.close();
        }
      }
      const owner = execFileSync('stat', ['-c', '%u', join(state, 'labs/mine/upper/root/etc/kept')], {
        encoding: 'utf8',
      }).trim();
      assert.equal(owner, '1000000');
      assert.throws(() => startLab({ keep: '../../etc' }, undefined, state), /does not match/);
    } finally {
      reactor.close();
      rmSync(state, { recursive: true, force: true });
    }
  });

  test('frozen groups with processes in them are no obstacle to the end', {
    skip: existsSync('/sys/fs/cgroup/freezer') ? false : 'no cgroup v1 freezer here',
  }, async () => {
    const before = machineState();
    await withLab(async (lab, reactor) => {
      const done = await execInLab(
        lab,
        reactor,
        sh(
          'mkdir -p /sys/fs/cgroup/freezer/a/b; setsid sleep 100 >/dev/null 2>&1 & echo $! > /sys/fs/cgroup/freezer/a/b/cgroup.procs; echo FROZEN > /sys/fs/cgroup/freezer/a/freezer.state; cat /sys/fs/cgroup/freezer/a/b/freezer.state',
        ),
      );
      assert.match(done.stdout, /FR/);
    });
    assert.deepEqual(await leaksSince(before), []);
  });
}

async function until(holds: () => boolean, timeoutMs = 45_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) assert.fail('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
