import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attacks, type Bundle, bundle, noSwitch, removeGroups, rounds, run, started } from './attack.js';
import { manyRuns, type Result } from './many.js';

/**
 * Who a process is: numbers that overflow (CVE-2024-40635), names that exec takes for numbers (CVE-2026-30892), and the
 * container's own /etc/passwd as a trap (CVE-2024-9676, CVE-2026-47262).
 */
const ID = ['sh', '-c', 'echo "uid: $(id -u)"; echo "gid: $(id -g)"; echo "home: $HOME"'];

function asUser(uid: unknown, gid: unknown = 0): Bundle {
  return bundle((config) => {
    config.process.args = ID;
    config.process.user = { uid, gid };
  });
}

const refused = (done: Result, what: string): void => {
  assert.notEqual(done.status, 0, `${what} was taken: ${done.stdout}`);
  assert.doesNotMatch(done.stdout, /uid:/, `${what} ran all the same`);
};

const BAD_NUMBERS: readonly unknown[] = [
  -1,
  -2,
  4294967295, // (uid_t)-1: setresuid(2) takes it for "leave it as it is"
  4294967296,
  4294967297,
  1e30,
  1.5,
  '0',
  '0x0',
  ' 0',
  [0],
  true,
];

/** More than the largest id that useradd(8) and runc know; the kernel takes them. */
const BAD_USERS = ['-1', '2147483648', '4294967295', '4294967296', '4294967297', '0x0', ' 0', '1:', 'a:b:c', '1.5', ''];

attacks(import.meta.url, 'R12: identities', () => {
  test('CVE-2024-40635: a user or group that is no 32-bit number is refused, and nobody becomes root by it', async () => {
    const cases: [what: string, target: Bundle][] = [
      ...BAD_NUMBERS.map((value): [string, Bundle] => [`uid ${JSON.stringify(value)}`, asUser(value)]),
      ...[-1, 4294967295, 4294967296, '0'].map((value): [string, Bundle] => [`gid ${value}`, asUser(1000, value)]),
      ...[-1, 4294967296, '0'].map((value): [string, Bundle] => [
        `additional group ${value}`,
        bundle((config) => {
          config.process.args = ID;
          config.process.user.additionalGids = [value];
        }),
      ]),
    ];
    const results = await manyRuns(
      cases.map(([, target]) => target),
      {},
    );
    for (const [n, [what]] of cases.entries()) refused(results[n] as Result, what);
  });

  test('R12: a large number is that number and no other', () => {
    for (const value of [2147483647, 2147483648, 4294967294]) {
      const done = run(asUser(value, value));
      if (done.status === 0) assert.match(done.stdout, new RegExp(`^uid: ${value}\\ngid: ${value}$`, 'm'));
      else assert.doesNotMatch(done.stdout, /uid:/);
    }
  });

  test('CVE-2026-30892: exec --user takes numbers only, and only whole ones', () => {
    const container = started(
      bundle((config) => {
        config.process.args = ['sleep', '60'];
      }),
    );
    try {
      for (const user of BAD_USERS) {
        const done = container.exec(ID, ['--user', user]);
        if (done.status === 0) {
          // empty: nobody was named. Beyond that, what ran must be whom the number names.
          const ran = /^uid: (\d+)$/m.exec(done.stdout)?.[1];
          assert.equal(ran, user === '' ? '0' : user, `--user ${JSON.stringify(user)} became ${ran}`);
        }
      }
      assert.match(container.exec(ID, ['--user', '1000:1000']).stdout, /^uid: 1000\ngid: 1000$/m);
    } finally {
      container.stop();
    }
  });

  const traps: Readonly<Record<string, (path: string) => void>> = {
    'a FIFO': (path) => void spawnSync('mkfifo', [path]),
    'a link to /dev/zero': (path) => symlinkSync('/dev/zero', path),
    'a link to a terminal': (path) => symlinkSync('/dev/tty', path),
    'a link to itself': (path) => symlinkSync('passwd', path),
    'a directory': (path) => mkdirSync(path),
    'the socket of nobody': (path) =>
      void spawnSync('python3', ['-c', `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(path)})`]),
    'a sparse file of a gigabyte': (path) => {
      writeFileSync(path, 'root:x:0:0::/root:/bin/sh\n');
      truncateSync(path, 1 << 30);
    },
    'one endless line': (path) => writeFileSync(path, 'x'.repeat(32 << 20)),
    'a home with a line break': (path) => writeFileSync(path, 'root:x:0:0::/root\nLD_PRELOAD=/x:/bin/sh\n'),
  };

  function trapped(make: (path: string) => void): Bundle {
    return bundle((config, rootfs) => {
      rmSync(join(rootfs, 'etc/passwd'));
      make(join(rootfs, 'etc/passwd'));
      config.process.args = ID;
      config.process.user = { uid: 1000, gid: 1000 };
    });
  }

  for (const [what, make] of Object.entries(traps))
    test(`CVE-2024-9676: ${what} as /etc/passwd does not hold up the start`, () => {
      const done = run(trapped(make), { timeoutMs: 40_000 });
      assert.equal(done.timedOut, false, 'it hangs');
      if (done.status === 0) assert.match(done.stdout, /^uid: 1000$/m);
    });

  test('CVE-2026-47262: a gigabyte of /etc/passwd is not read into memory', () => {
    const make = traps['a sparse file of a gigabyte'];
    assert.ok(make !== undefined, 'no such trap');
    const done = run(trapped(make), { prefix: ['/usr/bin/env', 'python3', '-c', MEASURE], timeoutMs: 60_000 });
    const peak = Number(/^peak: (\d+)$/m.exec(done.stderr)?.[1]);
    assert.ok(peak > 0, done.stderr);
    assert.ok(peak < 300_000, `it took ${peak} KiB`);
  });

  test('CVE-2024-40635 twin: unbounded, 2^32 is root', { skip: noSwitch }, () => {
    const done = run(asUser(4294967296, 4294967296), { off: ['user-bounds'] });
    assert.match(done.stdout, /^uid: 0$/m, done.stderr);
  });

  test('CVE-2024-9676 twin: opened like any file, the FIFO holds up the start', { skip: noSwitch }, () => {
    const make = traps['a FIFO'];
    assert.ok(make !== undefined && rounds(1) > 0, 'no such trap');
    const target = trapped(make);
    assert.equal(run(target, { off: ['passwd-bounds'], timeoutMs: 3_000 }).timedOut, true);
    removeGroups(target.id);
  });
});

/** Runs the rest of its command line and says, in KiB, how much memory the largest of its processes had. */
const MEASURE = `
import os, resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
sys.stderr.write("peak: %d\\n" % resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
`;
