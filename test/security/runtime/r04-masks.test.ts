import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canaries, routes } from '../attack.js';
import { attacks, type Bundle, bundle, type How, noSwitch, type Ran, rounds, run } from './attack.js';
import { manyRuns } from './many.js';
import { perl } from './perl.js';
import { exchange, sharedVolume } from './swapper.js';

/**
 * CVE-2025-31133: what covers a masked file is a bind mount of the container's /dev/null. Whoever replaces that chooses what
 * is mounted there, writable, or, by taking it away, that nothing is.
 */
const MASKED = '/proc/timer_list';
const LOOK = perl(
  `my @s = stat '${MASKED}'; my $h = opened('${MASKED}', 0); my $text = '';
   sysread($h, $text, 20) if ref $h;
   told 'mask', !@s ? name() : -c _ && $s[6] == 259 && $text eq '' ? 'INTACT' : "OTHER $text";
   my ($line) = grep { (split / /)[4] eq '${MASKED}' } split /\\n/, slurp('/proc/self/mountinfo');
   told 'root', $line ? (split / /, $line)[3] : 'unmounted';`,
);

/** A container whose /dev is the volume, in which the attacker has put what it likes. */
function target(volume: string): Bundle {
  return bundle((config) => {
    config.process.args = LOOK;
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    config.mounts.splice(1, 0, { destination: '/dev', type: 'bind', source: volume, options: ['rbind', 'rw'] });
    config.linux.maskedPaths = [MASKED];
    config.linux.readonlyPaths = [];
  });
}

const nulls: Readonly<Record<string, (path: string) => void>> = {
  'a link to core_pattern': (path) => symlinkSync('/proc/sys/kernel/core_pattern', path),
  'a link to a file of the container': (path) => symlinkSync('/etc/passwd', path),
  'a regular file': (path) => writeFileSync(path, 'fake'),
  'another device': (path) => void spawnSync('mknod', [path, 'c', '1', '5']),
  'a directory': (path) => mkdirSync(path),
  nothing: () => undefined,
};

/** The mask did not come out as it should, in a container that started all the same. */
function broken({ status, stdout }: Pick<Ran, 'status' | 'stdout'>): boolean {
  return status === 0 && routes(stdout).get('mask') !== 'INTACT';
}

function withNull(make: (path: string) => void, how: How): Ran {
  const { volume } = sharedVolume();
  make(join(volume, 'null'));
  return run(target(volume), how);
}

attacks(import.meta.url, 'R04: the null device that masks', () => {
  for (const [what, make] of Object.entries(nulls))
    test(`CVE-2025-31133: with ${what} as /dev/null the start fails or the mask is intact`, async () => {
      const machine = await canaries();
      try {
        const done = withNull(make, {});
        assert.equal(broken(done), false, done.stdout);
        machine.check();
      } finally {
        machine.close();
      }
    });

  test('CVE-2025-31133: exchanged during the start, neither', async () => {
    const { volume } = sharedVolume();
    spawnSync('mknod', ['-m', '666', join(volume, 'null'), 'c', '1', '3']);
    symlinkSync('/proc/sys/kernel/core_pattern', join(volume, 'link'));
    const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
    const swapper = exchange(volume, 'null', 'link');
    try {
      const results = await manyRuns(
        Array.from({ length: rounds(100) }, () => target(volume)),
        {},
      );
      for (const done of results) assert.equal(broken(done), false, done.stdout);
      assert.ok(
        results.some(({ status }) => status === 0),
        `not one start came through: ${results[0]?.stderr}`,
      );
    } finally {
      await swapper.stop();
      rmSync(join(volume, 'link'), { force: true });
    }
    assert.equal(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'), before);
  });

  test('CVE-2025-31133 twin: unchecked, what is called /dev/null is mounted there', { skip: noSwitch }, () => {
    for (const what of ['a link to core_pattern', 'a regular file', 'another device']) {
      const make = nulls[what];
      assert.ok(make !== undefined, what);
      const done = withNull(make, { off: ['mask-null-check'] });
      assert.equal(broken(done), true, `${what}: ${done.stdout} ${done.stderr}`);
    }
  });
});
