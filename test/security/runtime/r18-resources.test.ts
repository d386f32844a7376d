import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { routes } from '../attack.js';
import { attacks, type Bundle, bundle, commandLine, printed, rounds, run } from './attack.js';
import type { OciConfig } from './docker-defaults.js';
import { perl } from './perl.js';

function target(args: string[], change: (config: OciConfig, rootfs: string) => void = () => undefined): Bundle {
  return bundle((config, rootfs) => {
    config.process.args = args;
    change(config, rootfs);
  });
}

/** A set-user-id program of the image, started by an ordinary user. */
const suid = (noNewPrivileges: boolean): Bundle =>
  target(['/suid', '-u'], (config, rootfs) => {
    copyFileSync('/usr/bin/id', join(rootfs, 'suid'));
    chmodSync(join(rootfs, 'suid'), 0o4755);
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.noNewPrivileges = noNewPrivileges;
  });

/** The machine's own disk by its number, made anew; opened and not read. */
function disk(): readonly [number, number] {
  const line = readFileSync('/proc/partitions', 'utf8')
    .split('\n')
    .map((text) => text.trim().split(/\s+/))
    .find(([major]) => /^\d+$/.test(major ?? ''));
  return [Number(line?.[0] ?? 8), Number(line?.[1] ?? 0)];
}
const [major, minor] = disk();
const DEVICES = perl(
  `my ($major, $minor) = @ARGV; my $number = ($minor & 255) | ($major << 8);
   told 'make', sys('mknodat', -100, '/disk', 0060600, $number);
   told 'disk', opened('/disk', 0);
   told 'make mem', sys('mknodat', -100, '/mem', 0020600, (1 << 8) | 1); told 'mem', opened('/mem', 0);
   told 'make fuse', sys('mknodat', -100, '/fuse', 0020600, (10 << 8) | 229); told 'fuse', opened('/fuse', 0);
   told 'null', opened('/dev/null', 2);`,
  String(major),
  String(minor),
);

/** Children that stay, until the kernel refuses one; all of them end with the first. */
const FORKS = perl(`
  my $n = 0; for (1 .. 300) { my $pid = fork; last unless defined $pid; unless ($pid) { sleep 30; exit } $n++ }
  print "forked: $n\\n"; kill 'KILL', -1;
`);
const HOG = perl(
  `my $x = "x" x (64 << 20); my $y = "y" x (128 << 20); print "held: ", length($x) + length($y), "\\n";`,
);

attacks(import.meta.url, 'R18: privileges, devices and exhaustion', () => {
  test('R18: with no_new_privs a set-user-id program gives nothing', () => {
    assert.equal(printed(suid(true)).trim(), '1000');
  });
  test('R18 twin: without, it makes root', () => {
    assert.equal(printed(suid(false)).trim(), '0');
  });

  test('R18: nodes of the machine can be made and not opened', () => {
    const said = routes(printed(target(DEVICES)));
    assert.equal(said.get('make'), '0', 'it could not even be made: the test proves nothing');
    for (const device of ['disk', 'mem', 'fuse']) assert.equal(said.get(device), 'EPERM', device);
    assert.equal(said.get('null'), 'OPENED');
  });
  test('R18 twin: with every device allowed they open', () => {
    const said = routes(
      printed(
        target(DEVICES, (config) => {
          config.linux.resources.devices = [{ allow: true, access: 'rwm' }];
        }),
      ),
    );
    const others = ['disk', 'mem', 'fuse'].filter((device) => said.get(device) !== 'EPERM');
    assert.notDeepEqual(others, [], 'this machine itself refuses all three: the test above proves nothing');
  });

  test('R18: a fork bomb ends at its limit', () => {
    const said = printed(
      target(FORKS, (config) => {
        config.linux.resources.pids = { limit: 64 };
      }),
    );
    const forked = Number(/^forked: (\d+)/m.exec(said)?.[1]);
    assert.ok(forked > 0 && forked < 64, `${forked} children`);
  });
  test('R18 twin: without a limit it goes on', () => {
    assert.match(printed(target(FORKS)), /^forked: 300$/m);
  });

  test('R18: a memory hog is ended at its limit, and nothing else is', () => {
    const done = run(
      target(HOG, (config) => {
        config.linux.resources.memory = { limit: 64 << 20, swap: 64 << 20 };
      }),
    );
    assert.doesNotMatch(done.stdout, /held/);
    assert.equal(done.status, 137, `${done.stderr}`);
  });
  test('R18 twin: without a limit it has what it wants', () => {
    assert.match(printed(target(HOG)), /^held: 201326592$/m);
  });

  /** How much memory, in KiB, the largest process of a command line had. */
  function peak(words: readonly string[], shell = '"$@"'): { kib: number; status: number | null } {
    const file = '/run/attack/peak';
    const measure = `import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
open(${JSON.stringify(file)}, 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)`;
    const sink = openSync('/dev/null', 'w');
    const done = spawnSync('python3', ['-c', measure, 'sh', '-c', shell, 'sh', ...words], {
      stdio: ['ignore', sink, 'pipe'],
      timeout: 600_000,
    });
    assert.ok(existsSync(file), String(done.stderr));
    return { kib: Number(readFileSync(file, 'utf8')), status: done.status };
  }

  const printing = (megabytes: number, terminal: boolean): readonly string[] => {
    const made = target(['sh', '-c', `head -c ${megabytes}M /dev/zero | tr '\\0' x`], (config) => {
      config.process.terminal = terminal;
    });
    return commandLine(['run', '--bundle', made.directory, made.id]);
  };

  for (const terminal of [false, true])
    test(`R18: a line of many megabytes ${terminal ? 'on a terminal ' : ''}does not make the runtime grow`, () => {
      const onTerminal = (words: readonly string[]): ReturnType<typeof peak> =>
        terminal ? peak([words.join(' ')], 'script -qec "$1" /dev/null') : peak(words);
      const little = onTerminal(printing(1, terminal));
      const much = onTerminal(printing(rounds(64), terminal));
      assert.deepEqual([little.status, much.status], [0, 0]);
      assert.ok(much.kib - little.kib < 20 << 10, `${little.kib} KiB became ${much.kib}`);
    });
});
