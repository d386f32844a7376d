import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readlinkSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const sh = (command: string): void => void execFileSync('sh', ['-c', command], { stdio: 'pipe' });

/** One planted leak of each kind: how it is made, what the probe must call it, how it is taken away. */
const planted: readonly {
  kind: string;
  plant: () => unknown | Promise<unknown>;
  remove: (made: unknown) => void | Promise<void>;
}[] = [
  {
    kind: 'links',
    plant: () => sh('ip link add leak0 type veth peer name leak1'),
    remove: () => sh('ip link del leak0'),
  },
  {
    kind: 'addresses',
    plant: () => sh('ip addr add 127.9.9.9/32 dev lo'),
    remove: () => sh('ip addr del 127.9.9.9/32 dev lo'),
  },
  {
    kind: 'rules',
    plant: () => sh('iptables -A INPUT -s 127.9.9.9 -j ACCEPT'),
    remove: () => sh('iptables -F; nft flush ruleset'),
  },
  { kind: 'nft', plant: () => sh('nft add table inet leak'), remove: () => sh('nft flush ruleset') },
  { kind: 'mounts', plant: () => sh('mount -t tmpfs leak /mnt'), remove: () => sh('umount /mnt') },
  {
    kind: 'processes',
    plant: () => spawn('sleep', ['60'], { stdio: 'ignore' }),
    remove: (made) =>
      new Promise((resolve) => {
        const child = made as ReturnType<typeof spawn>;
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  },
  {
    kind: 'namespaces',
    plant: () => spawn('unshare', ['--uts', 'sleep', '60'], { stdio: 'ignore' }),
    remove: (made) =>
      new Promise((resolve) => {
        const child = made as ReturnType<typeof spawn>;
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  },
  {
    kind: 'cgroups',
    plant: () => mkdirSync(cgroupName()),
    remove: () => rmdirSync(cgroupName()),
  },
  {
    kind: 'files',
    plant: () => {
      mkdirSync('/run/glassbox/leak', { recursive: true });
      writeFileSync('/run/glassbox/leak/x', '');
    },
    remove: () => rmSync('/run/glassbox', { recursive: true }),
  },
  {
    kind: 'listening',
    plant: () =>
      new Promise((resolve) => {
        const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
      }),
    remove: (made) => new Promise((resolve) => void (made as ReturnType<typeof createServer>).close(() => resolve())),
  },
  { kind: 'descriptors', plant: () => openSync('/etc/passwd', 'r'), remove: (made) => closeSync(made as number) },
  { kind: 'sysctls', plant: () => sh('hostname leaked'), remove: () => sh('hostname sandbox') },
];

function cgroupName(): string {
  const namespace = /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1];
  return `${existsSync('/sys/fs/cgroup/pids') ? '/sys/fs/cgroup/pids' : '/sys/fs/cgroup'}/glassbox-1-1-${namespace}`;
}

if (!inSandbox) {
  test(
    'the leak probe, in a sandbox',
    { skip: isRoot ? false : 'needs root: plants leaks in namespaces of its own', timeout: 600_000 },
    () => rerunInSandbox(import.meta.url),
  );
} else {
  sh('ip link set lo up; hostname sandbox');
  // first use of a tool may set up a table of its own
  machineState();
  for (const { kind, plant, remove } of planted) {
    test(`a planted leak of kind ${kind} is found, and its removal too`, async () => {
      const before = machineState();
      const made = await plant();
      try {
        await new Promise((resolve) => setTimeout(resolve, kind === 'namespaces' ? 300 : 0));
        const found = await leaksSince(before, 0);
        assert.ok(
          found.some((line) => line.startsWith(`+ ${kind}:`)),
          `not found: ${found.join(' | ')}`,
        );
      } finally {
        await remove(made);
      }
      assert.deepEqual(await leaksSince(before), []);
    });
  }

  test('a probe whose tool is missing fails rather than finding nothing', () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      assert.throws(() => machineState(), /ENOENT/);
    } finally {
      process.env['PATH'] = path;
    }
  });
}
