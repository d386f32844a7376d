import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canaries, routes } from '../attack.js';
import {
  attacks,
  type Bundle,
  bundle,
  commandLine,
  type How,
  noSwitch,
  onTerminal,
  quoted,
  runtime,
} from './attack.js';
import type { OciConfig } from './docker-defaults.js';
import { perl } from './perl.js';
import { sharedVolume } from './swapper.js';

/** What the process has for a terminal, and what /dev/console is. TIOCGPTPEER and the like are not needed: names and numbers tell. */
const LOOK = perl(`
  my @in = stat STDIN; my @console = stat '/dev/console';
  told 'stdin', sprintf('%s %d', readlink('/proc/self/fd/0'), $in[6] >> 8);
  told 'console', !@console ? name() : -c _ ? sprintf('%d', $console[6] >> 8) : 'no device';
  for (split /\\n/, slurp('/proc/self/mountinfo')) { my @f = split / /; told "mounted $f[4]", $f[3] if / - devpts / }
  told 'victim', -f '/tmp/victim' ? slurp('/tmp/victim') : 'covered';
`);

interface Seen {
  readonly status: number;
  readonly stdout: string;
  readonly said: Map<string, string>;
}

/** `run` with a terminal. */
function runOnTerminal(target: Bundle, how: How = {}): Seen {
  const { status, stdout } = onTerminal(quoted(commandLine(['run', '--bundle', target.directory, target.id])), how);
  if (status !== 0) runtime(['delete', '--force', target.id]);
  assert.ok(status !== null, `it hangs: ${stdout}`);
  return { status, stdout, said: routes(stdout) };
}

function withTerminal(change: (config: OciConfig, rootfs: string) => void): Bundle {
  return bundle((config, rootfs) => {
    config.process.terminal = true;
    config.process.args = LOOK;
    writeFileSync(join(rootfs, 'tmp/victim'), 'untouched');
    change(config, rootfs);
  });
}

/** /dev, or /dev/pts, is a volume with what the attacker put there. */
function withVolume(destination: '/dev' | '/dev/pts', fill: (volume: string) => void): Bundle {
  const { volume } = sharedVolume();
  fill(volume);
  return withTerminal((config) => {
    config.mounts = config.mounts.filter((mount) => mount.destination !== destination);
    config.mounts.splice(destination === '/dev' ? 1 : 2, 0, {
      destination,
      type: 'bind',
      source: volume,
      options: ['rbind', 'rw'],
    });
  });
}

const UNIX98_SLAVES = 136;

/** A start that went well has a terminal of its own devpts at 0 and at exactly /dev/console, and touched no other file. */
function assertHonest({ status, said, stdout }: Seen, what: string): void {
  if (status !== 0) return;
  assert.equal(said.get('victim'), 'untouched', what);
  assert.match(said.get('stdin') ?? '', new RegExp(`^/dev/pts/\\d+ ${UNIX98_SLAVES}$`), `${what}: ${stdout}`);
  assert.equal(said.get('console'), String(UNIX98_SLAVES), `${what}: ${stdout}`);
  assert.match(said.get('mounted /dev/console') ?? '', /^\/\d+$/, `${what}: ${stdout}`);
}

const fakes: Readonly<Record<string, () => Bundle>> = {
  'a regular file as ptmx': () => withVolume('/dev/pts', (volume) => writeFileSync(join(volume, 'ptmx'), 'fake')),
  'a link as ptmx': () => withVolume('/dev/pts', (volume) => symlinkSync('/tmp/victim', join(volume, 'ptmx'))),
  "the machine's ptmx": () => withVolume('/dev/pts', (volume) => symlinkSync('/dev/ptmx', join(volume, 'ptmx'))),
  'a node 5:2 that is in no devpts': () =>
    withVolume('/dev/pts', (volume) => void spawnSync('mknod', [join(volume, 'ptmx'), 'c', '5', '2'])),
  'a link as slave number 0': () =>
    withVolume('/dev/pts', (volume) => {
      spawnSync('mknod', ['-m', '666', join(volume, 'ptmx'), 'c', '5', '2']);
      for (let n = 0; n < 10; n++) symlinkSync('/tmp/victim', join(volume, String(n)));
    }),
};

attacks(import.meta.url, 'R05: false consoles', () => {
  test('R05: an honest container gets its terminal and its console', () => {
    const seen = runOnTerminal(withTerminal(() => undefined));
    assert.equal(seen.status, 0, seen.stdout);
    assertHonest(seen, 'honest');
  });

  for (const [what, make] of Object.entries(fakes))
    test(`CVE-2025-52565: ${what} is refused`, async () => {
      const machine = await canaries();
      try {
        assertHonest(runOnTerminal(make()), what);
        machine.check();
      } finally {
        machine.close();
      }
    });

  /** In the image's own /dev a link lies in wait where the console is going to be mounted. */
  const linkedConsole = (to: string): Bundle =>
    withVolume('/dev', (volume) => {
      for (const [name, major, minor] of [
        ['null', '1', '3'],
        ['zero', '1', '5'],
        ['full', '1', '7'],
        ['random', '1', '8'],
        ['urandom', '1', '9'],
        ['tty', '5', '0'],
      ])
        spawnSync('mknod', ['-m', '666', join(volume, name as string), 'c', major as string, minor as string]);
      spawnSync('mkdir', [join(volume, 'pts'), join(volume, 'shm'), join(volume, 'mqueue')]);
      symlinkSync('pts/ptmx', join(volume, 'ptmx'));
      symlinkSync(to, join(volume, 'console'));
    });

  for (const to of ['/tmp/victim', '/proc/sys/kernel/core_pattern', '/dev/null'])
    test(`CVE-2025-52565: /dev/console that is a link to ${to} is refused or replaced`, async () => {
      const machine = await canaries();
      try {
        assertHonest(runOnTerminal(linkedConsole(to)), to);
        machine.check();
      } finally {
        machine.close();
      }
    });

  test('CVE-2025-52565 twin: unchecked, the console is mounted over what the link leads to', { skip: noSwitch }, () => {
    const seen = runOnTerminal(linkedConsole('/tmp/victim'), { off: ['console-check'] });
    assert.throws(() => assertHonest(seen, 'unchecked'), `${seen.status}: ${seen.stdout}`);
  });
});
