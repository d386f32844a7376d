import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { withLab } from '../helpers/labs.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { canaries, perl, routes, sh } from './attack.js';

const KINDS = ['user', 'mnt', 'pid', 'net', 'uts', 'ipc', 'cgroup'] as const;

/** Every known way from a root that was pivoted to what lies outside; prints `LEAK` with the way that worked. `$1` is a file that only the machine has. */
const WAYS_OUT = `
probe() { [ -e "$2/$1" ] && grep -q machine-only "$2/$1" 2>/dev/null && echo "LEAK $3"; }
f=$1
mkdir -p /tmp/w && cd /tmp/w
# chroot without chdir, then upwards
perl -e 'mkdir "x"; chroot "x"; for (1..64) { chdir ".." } chroot "."; exit(-e $ARGV[0] ? 0 : 1)' "$f" && echo "LEAK chroot"
# a descriptor kept across chroot
perl -e 'opendir(my $d, "/"); mkdir "y"; chroot "y"; chdir $d; for (1..64) { chdir ".." } chroot "."; exit(-e $ARGV[0] ? 0 : 1)' "$f" && echo "LEAK fchdir"
for p in /proc/1/root /proc/1/cwd /proc/self/root /proc/1/root/.. /proc/1/task/1/root; do probe "$f" $p $p; done
# what the lab's root mount hides: the mounts below, above, moved, unmounted
unshare -m sh -c 'umount -l / 2>/dev/null; [ -e "$1" ] && echo "LEAK umount /"' sh "$f"
unshare -m sh -c 'mount --make-rshared / ; mkdir -p /tmp/m; mount --move / /tmp/m 2>/dev/null; ls /tmp/m >/dev/null; [ -e "/tmp/m$1" ] && [ -e "$1" ] && echo "LEAK move"' sh "$f"
unshare -m sh -c 'mkdir -p /tmp/n/old; mount --rbind / /tmp/n; cd /tmp/n; pivot_root . tmp/n/old 2>/dev/null || pivot_root . . 2>/dev/null; cd /; for i in 1 2 3 4; do umount -l . 2>/dev/null; [ -e "$1" ] && echo "LEAK pivot $i"; done' sh "$f"
for i in 1 2 3 4 5 6; do unshare -m sh -c 'for p in / /etc/hosts /etc/hostname /dev /sys /proc /run /tmp; do umount -l $p 2>/dev/null; done; [ -e "$1" ] && echo "LEAK umount all"' sh "$f"; done
# symbolic links of the lab's own cannot name anything else
ln -s / up; probe "$f" up/.. link; ln -s /proc/1/root/../../../.. far; probe "$f" far far
true
`;

if (!inSandbox) {
  test('R08: ways out of a lab, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  /** A file that exists in the machine's view and in no lab's: it stands on a tmpfs, which labs are not shown. */
  const only = '/run/machine-only';

  test("R08: no way leads from the lab's root to the machine's", { timeout: 600_000 }, async () => {
    writeFileSync(only, 'machine-only');
    const machine = await canaries();
    try {
      await withLab(async (lab, reactor) => {
        assert.doesNotMatch(await sh(lab, reactor, `set -- ${only}; ${WAYS_OUT}`, { timeoutMs: 50_000 }), /LEAK/);
        machine.check();
      });
    } finally {
      machine.close();
    }
  });

  test('R08 twin: in a chroot instead of a pivoted root, the same ways lead out', { timeout: 600_000 }, () => {
    writeFileSync(only, 'machine-only');
    const script = `mount --bind / /mnt && mount -t proc proc /mnt/proc && mount --bind /dev /mnt/dev && mount -t tmpfs t /mnt/tmp && exec chroot /mnt bash -c '${WAYS_OUT.replaceAll("'", "'\\''")}' sh ${only}`;
    const done = spawnSync('unshare', ['-mpf', '--kill-child', 'sh', '-c', script], {
      encoding: 'utf8',
      timeout: 600_000,
    });
    assert.match(done.stdout, /LEAK chroot/, done.stderr);
    assert.match(done.stdout, /LEAK fchdir/);
  });

  test('R08: no namespace of the machine can be entered, nor named', async () => {
    await withLab(async (lab, reactor) => {
      const said = await sh(
        lab,
        reactor,
        'for p in /proc/[0-9]*; do for n in user mnt pid net uts ipc cgroup time pid_for_children; do readlink $p/ns/$n; done; done | sort -u',
      );
      for (const kind of KINDS) {
        assert.doesNotMatch(
          said,
          new RegExp(readlinkSync(`/proc/self/ns/${kind}`).replace(/[[\]]/g, '\\$&')),
          `the machine's ${kind} namespace can be reached`,
        );
      }
      const answers = routes(
        await perl(
          lab,
          reactor,
          `
        for my $pid (${process.pid}, ${process.ppid}) { next if -d "/proc/$pid"; told "nsenter $pid", system("nsenter -a -t $pid true 2>/dev/null") == 0 ? 'OPENED' : 'refused' }
        # the parent of the lab's user and pid namespaces: NS_GET_PARENT 0xb702, NS_GET_USERNS 0xb701
        for my $kind (qw(user pid)) { open(my $ns, '<', "/proc/1/ns/$kind"); told "parent of $kind", sys('ioctl', fileno $ns, 0xb702, 0) }
        open(my $ns, '<', "/proc/1/ns/user"); told 'owner of user', sys('ioctl', fileno $ns, 0xb701, 0);
        for my $kind (qw(user mnt net)) { open(my $own, '<', "/proc/self/ns/$kind"); told "setns own $kind", sys('setns', fileno $own, 0) }
      `,
        ),
      );
      for (const [route, answer] of answers) {
        if (route.startsWith('setns own')) continue;
        assert.match(answer, /^(EPERM|refused)$/, `${route} answered ${answer}`);
      }
    });
  });

  test('R08: file handles, clones of trees and attributes of mounts open nothing of the machine (CVE-2014-shocker)', async () => {
    await withLab(async (lab, reactor) => {
      const answers = routes(
        await perl(
          lab,
          reactor,
          `
        # inode 2 is the root of every ext file system; 128 that of xfs; 256 that of btrfs
        for my $path (qw(/ /etc/hosts /dev/null /proc /usr /dev/tty)) { for my $ino (1, 2, 128, 256) {
          open(my $at, '<', $path) or next;
          my $handle = pack('LlQ', 8, 1, $ino); my $r = sys('open_by_handle_at', fileno $at, $handle, 0); told "handle $path $ino", $r =~ /^\\d+$/ ? 'OPENED' : $r;
        } }
        told 'clone /dev/null', do { my $r = sys('open_tree', -100, '/dev/null', 1); $r =~ /^\\d+$/ ? 'own' : $r };
        my $attr = pack('QQQQ', 0, 1, 0, 0); told 'writable device', sys('mount_setattr', -100, '/dev/null', 0, $attr, 32);
      `,
        ),
      );
      for (const [route, answer] of answers) {
        if (route.startsWith('handle') && answer === 'OPENED') assert.fail(`${route} opened something`);
      }
    });
  });

  test('R15: no socket of the machine answers: abstract, by path, by port', async () => {
    const machine = await canaries();
    const abstract = createServer((socket) => socket.end('machine')).listen('\0glassbox-canary');
    const named = createServer((socket) => socket.end('machine')).listen(`${machine.directory}/socket`);
    for (const server of [abstract, named])
      if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
    try {
      await withLab(async (lab, reactor) => {
        const answers = routes(
          await perl(
            lab,
            reactor,
            `
          use Socket;
          for my $path ("\\0glassbox-canary", "${machine.directory}/socket") {
            socket(my $s, AF_UNIX, SOCK_STREAM, 0); my $shown = $path; $shown =~ s/\\0/@/;
            told $shown, connect($s, pack('S', 1) . $path) ? 'OPENED' : name();
          }
          for my $address ('127.0.0.1', '0.0.0.0') { socket(my $s, AF_INET, SOCK_STREAM, 0); told "port $address", connect($s, sockaddr_in(${machine.port}, inet_aton($address))) ? 'OPENED' : name() }
          open(my $u, '<', '/proc/net/unix'); my $all = join '', <$u>; told 'listed', $all =~ /glassbox/ ? 'OPENED' : 'no';
          socket(my $v, 40, SOCK_STREAM, 0) or told('vsock', name());
        `,
          ),
        );
        for (const [route, answer] of answers) assert.notEqual(answer, 'OPENED', route);
        assert.equal(answers.get('@glassbox-canary'), 'ECONNREFUSED');
      });
      // twin: the same sockets answer to whoever is in the machine's namespaces
      const heard = await new Promise((resolve, reject) => {
        const client = connect('\0glassbox-canary');
        client.on('data', (bytes: Buffer) => resolve(bytes.toString())).on('error', reject);
      });
      assert.equal(heard, 'machine');
    } finally {
      abstract.close();
      named.close();
      machine.close();
    }
  });

  test("R08: netlink changes the lab's own network alone", async () => {
    const links = (): string =>
      readFileSync('/proc/net/dev', 'utf8')
        .split('\n')
        .slice(2)
        .map((line) => line.split(':')[0])
        .join(' ');
    const before = links();
    await withLab(async (lab, reactor) => {
      await sh(
        lab,
        reactor,
        `ip link del lo; ip link set lo netns 1; ip link add d0 type dummy; ip link set d0 netns ${process.pid}; ip link set d0 netns 1; iptables -A INPUT -j DROP; ip link add v0 type veth peer name v1 netns ${process.ppid}; ip link add v2 type veth peer name v3; true`,
      );
    });
    assert.equal(links(), before);
  });
}
