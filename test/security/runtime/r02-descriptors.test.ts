import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { canaries, routes } from '../attack.js';
import { attacks, type Bundle, bundle, type How, noSwitch, printed, type Ran, runtime, started } from './attack.js';
import { manyRuns } from './many.js';
import { perl } from './perl.js';

/** What a process holds: its descriptors without the one that it looks with, its directory, and the canary in that. */
const HELD = perl(`
  opendir(my $d, '/proc/self/fd') or die $!;
  for (sort { $a <=> $b } grep { /^\\d+$/ } readdir $d) {
    my $target = readlink("/proc/self/fd/$_") // next;
    told "fd $_", $target unless $target =~ m{^/proc/\\d+/fd$};
  }
  told 'cwd', readlink('/proc/self/cwd') // name();
  told 'secret', -e './secret' ? 'OPENED' : name();
`);
const ALLOWED = /^(\/dev\/null|pipe:\[\d+\]|socket:\[\d+\]|\/run\/attack\/b\d+\/output)$/;

/** Twenty descriptors of a directory of the machine, none of them close-on-exec once the runtime inherits them. */
async function withDirectories(attack: (descriptors: readonly number[]) => Promise<void>): Promise<void> {
  const machine = await canaries();
  const descriptors = Array.from({ length: 20 }, () => openSync(machine.directory, 'r'));
  try {
    await attack(descriptors);
    machine.check();
  } finally {
    for (const fd of descriptors) closeSync(fd);
    machine.close();
  }
}

function inDirectory(cwd: string): Bundle {
  return bundle((config) => {
    config.process.args = HELD;
    config.process.cwd = cwd;
  });
}

/** True when it ran in a directory of the machine. */
const escaped = ({ stdout }: Pick<Ran, 'stdout'>): boolean => /^secret: OPENED$/m.test(stdout);

attacks(import.meta.url, 'R02: descriptors and directories of the machine', () => {
  test('R02: a process holds its three descriptors and nothing else, in run and in exec', async () => {
    await withDirectories((descriptors) => {
      const how: How = { descriptors };
      const container = started(
        bundle((config) => {
          config.process.args = ['sleep', '60'];
        }),
        how,
      );
      try {
        for (const said of [printed(inDirectory('/'), how), container.exec(HELD, [], how).stdout]) {
          const held = [...routes(said)].filter(([route]) => route.startsWith('fd '));
          assert.deepEqual(
            held.map(([route]) => route),
            ['fd 0', 'fd 1', 'fd 2'],
          );
          for (const [route, target] of held) assert.match(target, ALLOWED, route);
        }
      } finally {
        container.stop();
      }
      return Promise.resolve();
    });
  });

  test('CVE-2024-21626: no working directory named through a descriptor is entered, in run', async () => {
    await withDirectories(async (descriptors) => {
      const targets = Array.from({ length: 65 }, (_, n) => inDirectory(`/proc/self/fd/${n}`));
      targets.push(inDirectory('/proc/1/fd/7'), inDirectory('/proc/self/task/1/fd/9'));
      const results = await manyRuns(targets, { descriptors });
      assert.equal(results.length, targets.length);
      for (const [n, { status, stdout }] of results.entries()) {
        assert.equal(escaped({ stdout }), false, `descriptor ${n} led out`);
        assert.notEqual(status, 0, `descriptor ${n} was taken for a directory: ${stdout}`);
      }
    });
  });

  test('CVE-2024-21626: nor in exec', async () => {
    await withDirectories((descriptors) => {
      const container = started(
        bundle((config) => {
          config.process.args = ['sleep', '60'];
        }),
        { descriptors },
      );
      try {
        for (const n of [0, 3, 4, 5, 6, 7, 8, 9, 12, 16, 20, 24]) {
          for (const cwd of [`/proc/self/fd/${n}`, ...(n === 7 ? ['/proc/1/fd/7'] : [])]) {
            const done = container.exec(HELD, ['--cwd', cwd], { descriptors });
            assert.equal(escaped(done), false, `${cwd} led out`);
            assert.notEqual(done.status, 0, `${cwd}: ${done.stdout}`);
          }
        }
      } finally {
        container.stop();
      }
      return Promise.resolve();
    });
  });

  test('CVE-2024-21626 twin: inherited and unchecked, a descriptor is a working directory', {
    skip: noSwitch,
  }, async () => {
    await withDirectories(async (descriptors) => {
      const targets = Array.from({ length: 65 }, (_, n) => inDirectory(`/proc/self/fd/${n}`));
      const results = await manyRuns(targets, { descriptors, off: ['close-range', 'cwd-check', 'in-root-open'] });
      assert.ok(results.some(escaped), 'none of them led out');
    });
  });

  test('R02 twin: without close_range the descriptors are there', { skip: noSwitch }, async () => {
    await withDirectories((descriptors) => {
      const held = [...routes(printed(inDirectory('/'), { descriptors, off: ['close-range'] })).keys()];
      assert.ok(held.filter((route) => route.startsWith('fd ')).length > 3, 'nothing was inherited');
      return Promise.resolve();
    });
  });

  /** A session keyring with a key in it, for whatever is executed after it. */
  const WITH_KEY = perl(`
    sys('keyctl', 1, "starter-$$") =~ /^\\d+$/ or die 'no session keyring';
    sys('add_key', 'user', 'canary', 'secret', 6, -3) =~ /^\\d+$/ or die 'no key';
    exec @ARGV or die $!;
  `);
  const READ_KEY = perl(`
    my $key = sys('keyctl', 10, -3, 'user', 'canary', 0);
    my $text = "\\0" x 16; sys('keyctl', 11, $key, $text, 16) if $key =~ /^\\d+$/;
    told 'key', $key =~ /^\\d+$/ ? "READ $text" : $key;
  `);
  const keys = (): Bundle =>
    bundle((config) => {
      config.process.args = READ_KEY;
    });

  test('R02: the keys of the starter are not possessed in the container, in run and in exec', () => {
    assert.match(printed(keys(), { prefix: WITH_KEY }), /^key: (ENOKEY|EACCES|EPERM)/m);
    const container = started(
      bundle((config) => {
        config.process.args = ['sleep', '60'];
      }),
      { prefix: WITH_KEY },
    );
    try {
      assert.match(container.exec(READ_KEY, [], { prefix: WITH_KEY }).stdout, /^key: (ENOKEY|EACCES|EPERM)/m);
    } finally {
      container.stop();
    }
  });

  test("R02 twin: with the starter's session keyring they are", () => {
    const target = keys();
    const done = runtime(['run', '--no-new-keyring', '--bundle', target.directory, target.id], { prefix: WITH_KEY });
    assert.match(done.stdout, /^key: READ secret/m, done.stderr);
  });
});
