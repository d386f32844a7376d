import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { execInLab } from '../../engine/labhost/exec.js';
import { findHierarchies } from '../../engine/labhost/subtree.js';
import { withLab } from '../helpers/labs.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { canaries, MACHINE_SETTINGS, perl, routes, runDirectory, sh, withWeakLab } from './attack.js';

if (!inSandbox) {
  test('R10: writes to the machine, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  test('R18: no write through the root overlay, by any call, reaches the machine, not even an access time', async () => {
    const machine = await canaries();
    try {
      await withLab(async (lab, reactor) => {
        const { directory } = machine;
        const said = await sh(
          lab,
          reactor,
          `cd ${directory} && cat plain secret && echo changed > plain && chmod 777 secret && chown 12:34 secret && touch -d 2001-01-01 plain &&
          ln plain hard && mv secret moved && mkdir d && rm -f plain && mknod p p && setfattr -n user.x -v y moved 2>/dev/null; ls; cat /bin/sh > /dev/null;
          echo x >> /etc/passwd; echo x > /etc/hostname; cp /bin/true /bin/sh; echo '#!' > ${process.execPath}; sync`,
        );
        assert.match(said, /untouched/);
        assert.match(said, /hard\nmoved/);
        machine.check();
      });
      machine.check();
    } finally {
      machine.close();
    }
  });

  test('R18 twin: the same without a lab, and the canaries tell', async () => {
    const machine = await canaries();
    try {
      for (const write of [
        'echo changed > plain',
        'chmod 644 secret',
        'touch -d 2001-01-01 plain',
        'ln plain hard',
        'rm -f plain',
      ]) {
        spawnSync('sh', ['-c', write], { cwd: machine.directory });
        assert.throws(() => machine.check(), `${write} was not noticed`);
      }
    } finally {
      machine.close();
    }
  });

  test('R18: settings of the whole machine cannot be written, its own text neither', async () => {
    const machine = await canaries();
    try {
      await withLab(async (lab, reactor) => {
        const files = [
          ...MACHINE_SETTINGS.map((name) => `/proc/sys/${name}`),
          '/proc/sysrq-trigger',
          '/proc/kcore',
          '/proc/kmsg',
          '/proc/kallsyms',
          '/proc/timer_list',
          '/proc/irq/default_smp_affinity',
          '/proc/mtrr',
          '/proc/1/oom_adj',
          '/proc/scsi/scsi',
          '/proc/acpi/wakeup',
          '/sys/kernel/uevent_helper',
          '/sys/power/state',
          '/sys/kernel/mm/transparent_hugepage/enabled',
          '/sys/fs/cgroup/release_agent',
          '/sys/module/kernel/parameters/panic',
          '/sys/block/vda/queue/scheduler',
          '/sys/bus/pci/rescan',
          '/sys/devices/system/cpu/cpu1/online',
          '/sys/kernel/debug/x',
          '/sys/kernel/security/x',
          '/sys/fs/bpf/x',
          '/sys/kernel/profiling',
          '/sys/class/net/lo/../../../kernel/rcu_expedited',
          '/sys/kernel/kexec_crash_size',
        ];
        const script = files.map((file) => `told '${file}', opened('${file}', 1);`).join('\n');
        const opened = [...routes(await perl(lab, reactor, script))].filter(
          ([file, answer]) => answer === 'OPENED' && file !== '/proc/1/oom_adj',
        );
        assert.deepEqual(opened, []);
        const remounted = await sh(
          lab,
          reactor,
          'mount -o remount,rw /proc 2>&1; mkdir -p /mnt/p; mount -t proc x /mnt/p && (: >> /mnt/p/sys/kernel/core_pattern) 2>&1; umount /proc; (: >> /proc/sys/kernel/core_pattern) 2>&1; mount -t sysfs x /mnt && (: >> /mnt/kernel/uevent_helper) 2>&1; true',
        );
        assert.match(remounted, /(denied|No such file)/);
        machine.check();
      });
      machine.check();
    } finally {
      machine.close();
    }
  });

  test("R18 twin: with the machine's own root id mapped to the lab's, the settings open", async () => {
    // only looked at: opening for writing writes nothing
    const done = spawnSync('perl', ['-e', 'sysopen(my $h, "/proc/sys/kernel/core_pattern", 1) and print "OPENED"'], {
      encoding: 'utf8',
    });
    assert.equal(done.stdout, 'OPENED', "not even the machine's root could: the test above proves nothing");
  });

  test('R18: calls that reach the whole machine are refused', async () => {
    await withLab(async (lab, reactor) => {
      const answers = routes(
        await perl(
          lab,
          reactor,
          `
        my ($nothing, $name) = ("", "x");
        told 'init_module', sys('init_module', $nothing, 0, $nothing);
        told 'delete_module', sys('delete_module', 'dummy', 0);
        told 'kexec_load', sys('kexec_load', 0, 0, 0, 0);
        told 'swapon', sys('swapon', '/etc/passwd', 0);
        told 'acct', sys('acct', '/tmp/acct');
        told 'settimeofday', sys('settimeofday', pack('qq', 1, 0), 0);
        told 'syslog clear', sys('syslog', 5, 0, 0);
        told 'mknod block', sys('mknodat', -100, '/tmp/vda', 0060600, 254 << 8);
        told 'mknod mem', sys('mknodat', -100, '/tmp/mem', 0020600, (1 << 8) | 1);
        told 'mount block', sys('mount', '/dev/vda', '/mnt', 'ext4', 0, 0);
        told 'mount debugfs', sys('mount', 'x', '/mnt', 'debugfs', 0, 0);
        told 'mount tracefs', sys('mount', 'x', '/mnt', 'tracefs', 0, 0);
        told 'mount securityfs', sys('mount', 'x', '/mnt', 'securityfs', 0, 0);
        told 'mount devtmpfs', sys('mount', 'x', '/mnt', 'devtmpfs', 0, 0);
        told 'mount configfs', sys('mount', 'x', '/mnt', 'configfs', 0, 0);
        told 'quotactl', sys('quotactl', 0x80000200, '/dev/vda', 0, 0);
        told 'fanotify_init', sys('fanotify_init', 0x4, 0);
        told 'negative priority outside', sys('setpriority', 2, 0, -5);
        told 'chmod device', chmod(0777, '/dev/null') ? 0 : name();
        told 'chown device', chown(1, 1, '/dev/null') ? 0 : name();
      `,
        ),
      );
      for (const [route, answer] of answers) {
        if (route === 'negative priority outside') continue; // PRIO_USER: only processes of its own pid namespace are found
        assert.match(
          answer,
          /^(EPERM|EACCES|ENODEV|ENOSYS|ENOTBLK|EINVAL|ENXIO|EROFS|ENOENT)$/,
          `${route} answered ${answer}`,
        );
      }
      assert.equal(answers.get('mknod block'), 'EPERM');
      assert.equal(answers.get('mknod mem'), 'EPERM');
    });
  });

  test("R18: a device of the machine is bound read-only: its times are the machine's too", async () => {
    const before = statSync('/dev/full').mtimeMs;
    await withLab(async (lab, reactor) => {
      await sh(lab, reactor, 'touch /dev/full; touch -d 2001-01-01 /dev/full; echo x > /dev/null');
    });
    assert.equal(statSync('/dev/full').mtimeMs, before);
  });

  test('CVE-2022-0492: no release agent can be set, in no hierarchy, remounted or made anew', async () => {
    const before = agents();
    await withLab(async (lab, reactor) => {
      const said = await sh(
        lab,
        reactor,
        `
        for d in /sys/fs/cgroup/*/; do [ -e "$d/release_agent" ] && echo "file $d"; echo 1 > "$d/notify_on_release" 2>/dev/null && echo "notify $d"; done
        mkdir -p /tmp/cg; for c in memory cpu pids rdma devices misc; do mount -t cgroup -o $c x /tmp/cg 2>/dev/null && { ls /tmp/cg/release_agent 2>/dev/null; echo /tmp/pwn > /tmp/cg/release_agent; umount /tmp/cg; }; done
        for c in memory rdma pids; do mount -t cgroup -o $c,release_agent=/tmp/pwn x /tmp/cg 2>/dev/null && echo "mounted with agent $c"; done
        unshare -UrCm sh -c 'for c in memory rdma pids; do mount -t cgroup -o $c x /tmp/cg 2>/dev/null && { (echo /tmp/pwn > /tmp/cg/release_agent) && echo "written $c"; umount /tmp/cg; }; done' 2>/dev/null
        true`,
      );
      assert.doesNotMatch(said, /mounted with agent|written|release_agent/);
    });
    assert.deepEqual(agents(), before);
  });

  test('R18: of its cgroup the lab can change what is delegated and nothing above it', async () => {
    const { usable } = findHierarchies();
    await withLab(async (lab, reactor) => {
      assert.ok(lab.subtree !== null, 'no cgroup here');
      const kept = lab.subtree.directories.map((directory) => ({
        directory,
        pids: read(join(directory, 'pids.max')),
        own: statSync(join(directory, '..')).uid,
      }));
      const said = await sh(
        lab,
        reactor,
        `
        find /sys/fs/cgroup -name cgroup.procs | while read -r f; do d=\${f%/cgroup.procs}; [ -e "$d/../cgroup.procs" ] && echo "$d"; done
        for f in /sys/fs/cgroup/pids/pids.max $([ -e /sys/fs/cgroup/cgroup.controllers ] && echo /sys/fs/cgroup/pids.max) /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/freezer/freezer.state /sys/fs/cgroup/devices/devices.allow; do
          (echo max > $f) 2>/dev/null && echo "wrote $f"; chown 0 $f 2>/dev/null && echo "owned $f"; chmod 666 $f 2>/dev/null && echo "opened $f"; done
        cat /proc/self/cgroup`,
      );
      assert.doesNotMatch(said, /wrote|owned|opened/);
      for (const line of said.split('\n').filter((text) => /^\d+:/.test(text)))
        assert.match(line, /:\/$|:\/\.\.|:\/host$/, 'the lab sees where it stands in the machine');
      for (const { directory, pids, own } of kept) {
        assert.equal(read(join(directory, 'pids.max')), pids);
        assert.equal(own, 0);
      }
      // it cannot leave: no file of a group above is within reach, and moving a process by number finds only its own
      await sh(
        lab,
        reactor,
        'for d in /sys/fs/cgroup/*/; do echo 1 > $d/../cgroup.procs; echo $$ > $d/../../cgroup.procs; done 2>/dev/null; true',
      );
      const init = readFileSync(`/proc/${lab.info.initHostPid}/cgroup`, 'utf8');
      for (const { name } of usable)
        assert.ok(
          init.split('\n').some((line) => line.includes(`:${name}:`) && line.includes('glassbox')),
          `pid 1 left ${name}`,
        );
    });
  });

  test("R16: a setuid program in a kept lab is nobody's way to root", async () => {
    const stateDir = runDirectory('state');
    const lab = (use: Parameters<typeof withWeakLab>[1]) => withWeakLab({ stateDir, options: { keep: 'mine' } }, use);
    await lab(async (host, reactor) => {
      await sh(
        host,
        reactor,
        'cp /bin/sh /suid && chmod 4755 /suid && mkdir -m 1777 /open && cp /bin/cat /open/cat && chmod 6755 /open/cat',
      );
    });
    const found = spawnSync('find', [stateDir, '-perm', '/6000', '-printf', '%U %p\\n'], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n');
    assert.equal(found.length, 2, 'nothing was kept');
    for (const line of found) {
      const [uid, path] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
      assert.ok(Number(uid) >= 1_000_000, `${path} belongs to ${uid}`);
      assert.notEqual(
        spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c', `${path} -c id`], {
          encoding: 'utf8',
        }).status,
        0,
        `${path} can be run by nobody`,
      );
    }
    // Twin: with the directory open it can be run: its mode is what protects.
    chmodSync(join(stateDir, 'labs'), 0o755);
    const path = (found[0] as string).slice((found[0] as string).indexOf(' ') + 1);
    const run = spawnSync('setpriv', [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      'sh',
      '-c',
      `${path} -c id </dev/null; ${path} --version`,
    ]);
    assert.equal(run.stderr.includes('Permission denied'), false);
  });

  test('R09: a kept lab whose directories were made links leads to nothing of the machine, and starts or says why', async () => {
    const stateDir = runDirectory('links');
    const machine = await canaries();
    try {
      for (const name of ['dev', 'proc', 'run', 'sys', 'etc', 'tmp']) {
        const keep = `link-${name}`;
        const upper = join(stateDir, 'labs', keep, 'upper', 'root');
        mkdirSync(upper, { recursive: true, mode: 0o700 });
        spawnSync('sh', [
          '-c',
          `ln -s ${machine.directory} ${upper}/${name}; chown -hR 1000000:1000000 ${stateDir}/labs/${keep}`,
        ]);
        try {
          await withWeakLab({ stateDir, options: { keep } }, async (lab, reactor) => {
            await execInLab(lab, reactor, {
              argv: ['sh', '-c', `echo pwned > /${name}/plain; echo pwned > /${name}/new; ls /${name}`],
              cwd: '/',
            });
          });
        } catch (error) {
          assert.match(String(error), /mkdirat|mount|openat|symlinkat|EngineError|SyscallError/);
        }
        machine.check();
      }
    } finally {
      machine.close();
    }
  });

  function agents(): string[] {
    return spawnSync('sh', ['-c', 'cat /sys/fs/cgroup/*/release_agent 2>/dev/null'], { encoding: 'utf8' }).stdout.split(
      '\n',
    );
  }

  function read(path: string): string | null {
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  }
}
