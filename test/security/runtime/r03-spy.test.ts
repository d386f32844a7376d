import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attacks, type Bundle, bundle, created, type How, noSwitch, type Running, rounds, started } from './attack.js';
import { DOCKER_CAPABILITIES } from './docker-defaults.js';
import { perl } from './perl.js';

/**
 * CVE-2016-9962: what enters a container is looked at from inside before it executes. The spy opens everything of every
 * process that it sees; only afterwards it asks what that process was. What executes a program of /usr is the container's own.
 */
const SPY = `
my %seen; my $looked = 0;
print "ready: yes\\n";
until (-e '/stop') {
  for my $pid (grep { $_ ne $$ && $_ ne '1' && /^\\d+$/ } do { opendir(my $d, '/proc'); readdir $d }) {
    my (%open, $text, $byte); $looked++; no warnings 'portable';
    # of a process that is ending, these open and are empty
    my $h = opened("/proc/$pid/environ", 0); $open{environ} = 1 if ref $h && sysread($h, $byte, 1);
    my $maps = opened("/proc/$pid/maps", 0);
    if (ref $maps && sysread($maps, $text, 100) && $text =~ /^([0-9a-f]+)-/) {
      my $at = hex $1; $open{maps} = 1; my $mem = opened("/proc/$pid/mem", 2);
      $open{mem} = 1 if ref $mem && sysseek($mem, $at, 0) && sysread($mem, $byte, 1);
    }
    for my $link (qw(cwd root)) { $open{$link} = 1 if defined readlink "/proc/$pid/$link" }
    if (opendir(my $d, "/proc/$pid/fd")) { my @fds = grep { defined readlink "/proc/$pid/fd/$_" } readdir $d; $open{fd} = 1 if @fds }
    my $exe = readlink("/proc/$pid/exe") // name();
    next if $exe =~ m{^/usr/} || $exe =~ /^(ENOENT|ESRCH)$/;
    next if slurp("/proc/$pid/status") !~ /^State:\\s+[^ZX]/m; # it was its program, and has ended since
    $open{exe} = 1 unless $exe =~ /^E[A-Z]+$/;
    for (sort keys %open) { told $_, "LEAKED $exe" unless $seen{$_}++ }
  }
}
print "looked: $looked\\nend: yes\\n";
`;

/** In a user namespace the spy is its almighty root; without one it has Docker's capabilities. */
function spyBundle(user: boolean, args: string[], join?: { pid: number }): Bundle {
  const target = bundle((config) => {
    config.process.args = args;
    if (join !== undefined)
      config.linux.namespaces = config.linux.namespaces.map(({ type }) =>
        type === 'pid' ? { type, path: `/proc/${join.pid}/ns/pid` } : { type },
      );
    if (!user) return;
    delete config.linux.sysctl['net.ipv4.ping_group_range']; // its groups are not in the namespace
    config.mounts = config.mounts.filter(({ destination }) => destination !== '/sys/fs/cgroup');
    config.linux.namespaces.push({
      type: 'user',
      ...(join === undefined ? {} : { path: `/proc/${join.pid}/ns/user` }),
    });
    config.linux.uidMappings = [{ containerID: 0, hostID: 1_000_000, size: 65_536 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: 1_000_000, size: 65_536 }];
    for (const set of ['bounding', 'effective', 'permitted'] as const)
      config.process.capabilities = {
        ...config.process.capabilities,
        [set]: [...DOCKER_CAPABILITIES, 'CAP_SYS_PTRACE', 'CAP_SYS_ADMIN'],
      };
  });
  if (user) spawnSync('chown', ['-hR', '1000000:1000000', target.rootfs]);
  return target;
}

async function spied(user: boolean, how: How, meanwhile: (spy: Running) => void | Promise<void>): Promise<string> {
  const target = spyBundle(user, perl(SPY));
  const spy = started(target);
  try {
    await spy.says('ready: yes');
    await meanwhile(spy);
    writeFileSync(join(target.rootfs, 'stop'), '');
    await spy.says('end: yes');
    assert.doesNotMatch(spy.output(), /looked: 0$/m, `the spy saw no process: ${JSON.stringify(how)}`);
    return spy.output();
  } finally {
    spy.stop();
  }
}

/** A container is created in the spy's pid namespace and waits there for its start. */
const creates =
  (user: boolean, how: How) =>
  async (spy: Running): Promise<void> => {
    const victim = created(spyBundle(user, ['true'], spy), how);
    await new Promise((resolve) => setTimeout(resolve, 300));
    victim.stop();
  };

const executes =
  (how: How) =>
  (spy: Running): void => {
    for (let round = 0; round < rounds(10); round++) assert.equal(spy.exec(['true'], [], how).status, 0);
  };

attacks(import.meta.url, 'R03: looking into what enters', () => {
  for (const user of [false, true]) {
    const where = user ? "with the spy as a user namespace's root" : 'with the spy as root of the machine';
    test(`R03: a created container that waits for its start cannot be looked into, ${where}`, async () => {
      assert.doesNotMatch(await spied(user, {}, creates(user, {})), /LEAKED/);
    });
    test(`R03: nor a command on its way in, ${where}`, async () => {
      assert.doesNotMatch(await spied(user, {}, executes({})), /LEAKED/);
    });
    test(`R03 twin: it sees everything of what it may see, ${where}`, async () => {
      const seen = await spied(user, {}, async (spy) => {
        // a program of the container that is not one of /usr: nothing else tells it from one that is on its way in
        assert.equal(spy.exec(['cp', '/usr/bin/sleep', '/tmp/sleep']).status, 0);
        assert.equal(spy.exec(['/tmp/sleep', '0.3']).status, 0);
        await Promise.resolve();
      });
      for (const what of ['cwd', 'environ', 'exe', 'fd', 'maps', 'mem', 'root'])
        assert.match(seen, new RegExp(`^${what}: LEAKED /tmp/sleep$`, 'm'));
    });
  }
  // as a user namespace's root it changes its ids, by which the kernel itself makes it non-dumpable
  test('R03 twin: dumpable, they lie open', { skip: noSwitch }, async () => {
    const how = { off: ['non-dumpable'] };
    assert.match(await spied(false, how, creates(false, how)), /LEAKED/);
    assert.match(await spied(false, how, executes(how)), /LEAKED/);
  });
});
