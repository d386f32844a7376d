import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { openSync, readFileSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import type { LabInfo, Snapshot } from '../../engine/api/types.js';
import { type Arg, type Kernel, realKernel } from '../../engine/kernel/kernel.js';
import {
  identifyNamespace,
  namespaceType,
  openOwner,
  openParent,
  withFd,
} from '../../engine/kernel/namespaces/ioctl.js';
import { createObserver, ownerAccess, rootAccess } from '../../engine/observe/index.js';

/** Pid 1 of a lab: a Perl program that keeps a network namespace by one socket alone. */
const HOLDER = `
use Socket;
my $number = $ARGV[0];
open(my $home, '<', '/proc/self/ns/net') or die;
syscall($number, 0x40000000) == 0 or die "unshare: $!";
socket(my $kept, AF_INET, SOCK_DGRAM, 0) or die;
syscall($ARGV[1], fileno($home), 0x40000000) == 0 or die "setns: $!";
close($home);
$| = 1; print "ready\\n"; sleep 100;
`;
const [UNSHARE, SETNS] = process.arch === 'arm64' ? ['97', '268'] : ['272', '308'];

/** Pid 1 of another: one of its threads alone is in a uts namespace of its own. */
const THREADED = `
const { Worker } = require('node:worker_threads');
const unshare = 'const k = require(' + JSON.stringify(process.argv[1]) + ');' +
  "const call = k.load(null).func('long syscall(long number, ...)');" +
  "require('node:worker_threads').parentPort.postMessage(Number(call(" + process.argv[2] + ", 'long', 0x04000000)));" +
  'setInterval(() => {}, 1e6)';
new Worker(unshare, { eval: true }).on('message', (result) => console.log(result === 0 ? 'ready' : 'failed'));
`;

const can = ((): boolean => {
  try {
    execFileSync('unshare', ['-Urmpnuif', '--mount-proc', 'perl', '-e', '1'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe('namespaces in the less visible places', {
  skip: can ? false : 'needs user namespaces and perl',
  timeout: 600_000,
}, () => {
  let child: ChildProcess;
  let init = 0;

  before(async () => {
    child = spawn('unshare', ['-Urmpnuif', '--mount-proc', 'perl', '-e', HOLDER, UNSHARE, SETNS], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
    init = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
  });

  after(async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    process.kill(init, 'SIGKILL');
    await gone;
  });

  function look(kernel: Kernel, pid1 = init): Promise<Snapshot> {
    const info: LabInfo = {
      id: 't',
      hostname: 't',
      initHostPid: pid1,
      startedAt: 0,
      readyMs: 0,
      mode: 'root',
      cgroupMode: 'none',
      weaknesses: [],
      kept: null,
    };
    const access = process.getuid?.() === 0 ? rootAccess(realKernel) : ownerAccess(realKernel, pid1);
    const observer = createObserver({
      kernel,
      initHostPid: pid1,
      access,
      cgroups: { mode: 'none', hierarchies: [] },
      labInfo: () => info,
    });
    return observer.snapshot().finally(() => observer.close());
  }

  it('are found behind a socket, though nothing else is left of them', async () => {
    const snapshot = await look(realKernel);
    const kept = snapshot.namespaces.filter(({ heldBy }) => heldBy.some(({ how }) => how === 'socket'));
    assert.equal(kept.length, 1);
    assert.equal(kept[0]?.kind, 'net');
    assert.deepEqual(kept[0]?.members, []);
    assert.equal(kept[0]?.heldBy[0]?.pid, 1);
    // It cannot be entered, so its network is not measured; and that is said.
    assert.ok(
      snapshot.problems.some(({ part, reason }) => part === 'network' && reason.includes('nothing that can be opened')),
    );
  });

  it('are found in a thread that left its process', async () => {
    const koffi = createRequire(import.meta.url).resolve('koffi');
    const argv = ['-Urmpnuif', '--mount-proc', process.execPath, '-e', THREADED, koffi, UNSHARE as string];
    const other = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = await new Promise<string>((resolve) =>
      other.stdout?.once('data', (bytes: Buffer) => resolve(bytes.toString())),
    );
    const pid1 = Number(readFileSync(`/proc/${other.pid}/task/${other.pid}/children`, 'utf8').trim());
    try {
      assert.equal(said, 'ready\n');
      const uts = (await look(realKernel, pid1)).namespaces.filter(({ kind }) => kind === 'uts');
      assert.equal(uts.length, 2);
      const own = uts.find(({ isLabHost }) => !isLabHost);
      assert.deepEqual(own?.members, []);
      assert.deepEqual(own?.heldBy, [{ how: 'thread', pid: 1 }]);
      assert.equal(own?.owner, uts.find(({ isLabHost }) => isLabHost)?.owner);
    } finally {
      const gone = new Promise((resolve) => other.once('exit', resolve));
      process.kill(pid1, 'SIGKILL');
      await gone;
    }
  });

  it('become a problem, not an empty list, when the kernel refuses an answer', async () => {
    const refusing: Kernel = {
      call: (name, ...args: Arg[]) =>
        name === 'pidfd_getfd' ? -1 : name === 'ioctl' ? -5 : realKernel.call(name, ...args),
    };
    const snapshot = await look(refusing);
    const reasons = snapshot.problems.map(({ part, reason }) => `${part}: ${reason}`).join('\n');
    assert.match(reasons, /namespaces: sockets of .*pidfd_getfd: EPERM/);
    assert.match(reasons, /namespaces: relations of .*NS_GET_USERNS.*EIO/);
    assert.ok(snapshot.namespaces.some(({ kind, isLabHost }) => kind === 'net' && isLabHost));
  });

  it('tell their kind, owner and parent', () => {
    withFd(openSync(`/proc/${init}/ns/pid`, 'r'), (fd) => {
      assert.equal(namespaceType(realKernel, fd), 0x2000_0000);
      const owner = openOwner(realKernel, fd);
      const parent = openParent(realKernel, fd);
      assert.ok(owner !== null && parent !== null);
      assert.equal(
        withFd(owner, (at) => identifyNamespace(realKernel, at)),
        readlinkSync(`/proc/${init}/ns/user`),
      );
      assert.equal(
        withFd(parent, (at) => identifyNamespace(realKernel, at)),
        readlinkSync('/proc/self/ns/pid'),
      );
    });
    withFd(openSync('/proc/self/ns/net', 'r'), (fd) =>
      assert.throws(() => openParent(realKernel, fd), { errno: 'EINVAL' }),
    );
    withFd(openSync('/dev/null', 'r'), (fd) => assert.equal(identifyNamespace(realKernel, fd), null));
  });
});
