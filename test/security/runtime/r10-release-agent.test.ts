import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { canaries, routes } from '../attack.js';
import { attacks, type Bundle, bundle, printed } from './attack.js';
import type { OciConfig } from './docker-defaults.js';
import { perl } from './perl.js';

/**
 * CVE-2022-0492: release_agent of cgroup v1 is a path that the kernel runs on the machine. Every way to one: the mount that
 * the container has, that one made writable, a new one, one in a user namespace. An agent that can be reached is written with
 * the text that it has.
 */
const AGENT = `
sub agent { my ($route, $directory) = @_; my $text = slurp("$directory/release_agent");
  open(my $h, '>', "$directory/release_agent") or return told $route, name();
  told $route, syswrite($h, $text eq '' ? "\\n" : $text) ? 'WRITTEN' : name() }
sub mounted { my ($route, $type, $option) = @_; mkdir '/tmp/cg';
  my $r = sys('mount', 'cgroup', '/tmp/cg', $type, 0, $option); told "mount $route", $r eq '0' ? 'MOUNTED' : $r;
  if ($r eq '0') { agent($route, '/tmp/cg'); sys('umount2', '/tmp/cg', 2) } }
sub ways { my ($name) = @_;
  for (glob '/sys/fs/cgroup/*') { agent("$name there $_", $_) if -d }
  my $r = sys('mount', 'none', '/sys/fs/cgroup', '', 0x1020, ''); told "$name remount", $r eq '0' ? 'MOUNTED' : $r;
  mounted("$name new $_", 'cgroup', $_) for qw(memory rdma pids devices freezer cpuset perf_event misc);
  mounted("$name unified", 'cgroup2', '');
}
ways('plain');
for my $flags (0x10000000 | 0x20000, 0x10000000 | 0x20000 | 0x02000000) {
  my $pid = fork; next if $pid && waitpid($pid, 0);
  my $r = sys('unshare', $flags); told 'unshare', $r;
  if ($r eq '0') { ways("user $flags") }
  exit 0;
}
`;

const target = (change: (config: OciConfig) => void = () => undefined): Bundle =>
  bundle((config) => {
    config.process.args = perl(AGENT);
    change(config);
  });

const written = (said: Map<string, string>): string[] =>
  [...said].filter(([, answer]) => answer === 'WRITTEN').map(([route]) => route);

function agents(): string {
  return spawnSync('sh', ['-c', 'grep -s . /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/*/notify_on_release'], {
    encoding: 'utf8',
  }).stdout;
}

attacks(import.meta.url, 'R10: the release agent', () => {
  test('CVE-2022-0492: by no way a release agent is written, with and without a cgroup namespace', async () => {
    const machine = await canaries();
    const before = agents();
    try {
      for (const cgroup of [false, true]) {
        const said = routes(
          printed(target((config) => void (cgroup && config.linux.namespaces.push({ type: 'cgroup' })))),
        );
        assert.ok(said.size > 10, 'the attack did nothing');
        assert.deepEqual(written(said), [], [...said].join('\n'));
        const plain = [...said].filter(([route]) => route.startsWith('mount plain') || route === 'plain remount');
        for (const [route, answer] of plain) assert.equal(answer, 'EPERM', route);
      }
      assert.equal(agents(), before);
      machine.check();
    } finally {
      machine.close();
    }
  });

  test('CVE-2022-0492 twin: with CAP_SYS_ADMIN it is written', () => {
    const before = agents();
    const said = routes(
      printed(
        target((config) => {
          for (const set of ['bounding', 'effective', 'permitted'] as const)
            config.process.capabilities?.[set]?.push('CAP_SYS_ADMIN');
        }),
      ),
    );
    assert.notDeepEqual(written(said), [], [...said].join('\n'));
    assert.equal(agents(), before, 'it was to be written with its own text');
  });
});
