import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabInfo, NamespaceKind, ObserveEvent, Snapshot } from '../../engine/api/types.js';
import { type CgroupSetup, subtreeOf } from '../../engine/cgroup/hierarchy.js';
import { realKernel } from '../../engine/kernel/kernel.js';
import { parseMountinfo } from '../../engine/kernel/mountinfo.js';
import { KINDS } from '../../engine/kernel/namespaces/ids.js';
import { parseCgroupFile } from '../../engine/kernel/procfs/cgroup-file.js';
import { Reactor } from '../../engine/kernel/reactor.js';
import { memoryTakesUserAttributes } from '../../engine/labhost/scratch.js';
import { createObserver, type Observer, ownerAccess, rootAccess } from '../../engine/observe/index.js';

/** Before Linux 6.6 no directory of a lower layer can be replaced where the upper one is a tmpfs. */
const replaces = memoryTakesUserAttributes(realKernel);

const isRoot = process.getuid?.() === 0;

/** A stand-in for a lab host: all eight kinds but time are new, its pid 1 is a shell that runs what it is told. */
class TestLab {
  readonly #child: ChildProcess;
  readonly #output: { text: string; wake: (() => void) | null };
  readonly init: number;

  private constructor(child: ChildProcess, output: { text: string; wake: (() => void) | null }, init: number) {
    this.#child = child;
    this.#output = output;
    this.init = init;
  }

  static async make(): Promise<TestLab> {
    const script =
      'mount -t tmpfs t /run && hostname lab && echo ready; while read -r line; do eval "$line"; echo "::$?"; done';
    const child = spawn('unshare', ['-UrmpnuiCf', '--mount-proc', 'sh', '-c', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const output: { text: string; wake: (() => void) | null } = { text: '', wake: null };
    child.stdout?.on('data', (bytes: Buffer) => {
      output.text += bytes.toString();
      output.wake?.();
    });
    await until(output, /ready\n/);
    const init = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0]);
    return new TestLab(child, output, init);
  }

  /** Run a line in the lab's pid 1; its output. Throws when it fails. */
  async run(line: string): Promise<string> {
    this.#output.text = '';
    this.#child.stdin?.write(`${line}\n`);
    await until(this.#output, /::\d+\n$/);
    const [, text, code] = /^([\s\S]*)::(\d+)\n$/.exec(this.#output.text) ?? [];
    assert.equal(code, '0', `${line}: ${text}`);
    return text ?? '';
  }

  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    process.kill(this.init, 'SIGKILL');
    await gone;
  }
}

async function until(output: { text: string; wake: (() => void) | null }, pattern: RegExp): Promise<void> {
  while (!pattern.test(output.text)) await new Promise<void>((resolve) => (output.wake = resolve));
}

function infoOf(init: number): LabInfo {
  return {
    id: 'test',
    hostname: 'lab',
    initHostPid: init,
    startedAt: 0,
    readyMs: 0,
    mode: isRoot ? 'root' : 'one-user',
    cgroupMode: 'none',
    weaknesses: [],
    kept: null,
  };
}

function observe(lab: TestLab, cgroups: CgroupSetup = { mode: 'none', hierarchies: [] }, reactor?: Reactor): Observer {
  return createObserver({
    kernel: realKernel,
    initHostPid: lab.init,
    cgroups,
    labInfo: () => infoOf(lab.init),
    access: isRoot ? rootAccess(realKernel) : ownerAccess(realKernel, lab.init),
    ...(reactor === undefined ? {} : { reactor }),
  });
}

/** Descriptors of this process that hold a namespace or a netlink socket. */
function ownHolds(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return /^(mnt|uts|ipc|pid|net|user|cgroup|time):\[/.test(target) ? [target] : [];
    } catch {
      return []; // the descriptor of the listing itself
    }
  });
}

const canUnshare = ((): boolean => {
  try {
    execFileSync('unshare', ['-UrmpnuiCf', '--mount-proc', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
const skip = canUnshare ? false : 'this machine does not let us make user namespaces';

describe('a snapshot of a lab', { skip, timeout: 600_000 }, () => {
  let lab: TestLab;
  let observer: Observer;
  let snapshot: Snapshot;

  before(async () => {
    lab = await TestLab.make();
    await lab.run('ip link set lo up; ip netns add r1; ip netns add r2');
    await lab.run(
      'ip link add veth1.1 type veth peer name veth1.2; ip link set veth1.2 netns r1; ip -n r1 link set veth1.2 name eth0',
    );
    await lab.run(
      'ip addr add 10.1.0.1/24 dev veth1.1; ip link set veth1.1 up; ip -n r1 addr add 10.1.0.2/24 dev eth0; ip -n r1 link set eth0 up',
    );
    await lab.run('iptables -t nat -A POSTROUTING -s 10.1.0.0/24 -j MASQUERADE');
    // Nested: a user and pid namespace two levels down, a network namespace kept by a descriptor alone, one by a thread alone.
    await lab.run('unshare -Urpf --kill-child sh -c "unshare -Urpf --kill-child sleep 300" & sleep 0.5');
    await lab.run(
      'mkfifo /run/go; unshare -n sh -c "cat /run/go" & sleep 0.3; exec 7</proc/$!/ns/net; echo > /run/go; sleep 0.3',
    );
    await lab.run('unshare -m sh -c "mount -t tmpfs inner /mnt; exec sleep 301" & sleep 0.3');
    await lab.run(
      'mkdir /run/l /run/u /run/w /run/m /run/l/d; echo one > /run/l/a; echo two > /run/l/b; touch /run/l/d/old; cd /run; mount -t overlay o -o userxattr,lowerdir=l,upperdir=u,workdir=w m; cd /',
    );
    await lab.run('rm /run/m/a; echo three >> /run/m/b; touch /run/m/new');
    if (replaces) await lab.run('rm -r /run/m/d; mkdir /run/m/d');
    observer = observe(lab);
    snapshot = await observer.snapshot();
  });

  after(async () => {
    observer.close();
    await lab.end();
  });

  it('has no problem', () => {
    assert.deepEqual(snapshot.problems, []);
    assert.equal(snapshot.hostname, 'lab');
  });

  it('lists the processes that ps lists inside, with the same numbers', async () => {
    const ps = (await lab.run('ps -eo pid= --no-headers')).trim().split('\n').map(Number);
    const ours = snapshot.processes.map(({ pid }) => pid);
    for (const pid of ours) assert.ok(ps.includes(pid), `pid ${pid} is not in ps`);
    // ps itself is there a moment later.
    assert.ok(ps.length - ours.length <= 1, `${ps.length} against ${ours.length}`);
    const deep = snapshot.processes.find(({ nspid }) => nspid.length === 3);
    assert.equal(deep?.comm, 'sleep');
    assert.equal(deep?.nspid.at(-1), 1);
    assert.equal(snapshot.processes[0]?.pid, 1);
    assert.equal(snapshot.processes[0]?.uid, 0);
  });

  it('has every namespace that lsns finds inside, with the same members count', async () => {
    const lines = (await lab.run('lsns -rno NS,TYPE,NPROCS')).trim().split('\n');
    for (const line of lines) {
      const [inode, kind, count] = line.split(' ') as [string, NamespaceKind, string];
      const ours = snapshot.namespaces.find(({ id }) => id === `${kind}:[${inode}]`);
      assert.ok(ours !== undefined, `${kind}:[${inode}] is missing`);
      // lsns counts itself in the lab host's own.
      assert.ok(
        Number(count) - ours.members.length <= (ours.isLabHost ? 1 : 0),
        `${ours.id}: ${count} against ${ours.members.length}`,
      );
    }
    for (const kind of KINDS)
      assert.ok(
        snapshot.namespaces.some((one) => one.kind === kind && one.isLabHost),
        kind,
      );
  });

  it('names bind-mounted namespaces once, though a nested mount namespace has them too', () => {
    const r1 = snapshot.namespaces.filter(({ names }) => names.includes('r1'));
    assert.equal(r1.length, 1);
    assert.deepEqual(r1[0]?.heldBy, [{ how: 'bind-mount', path: '/run/netns/r1' }]);
    assert.deepEqual(r1[0]?.members, []);
  });

  it('finds a namespace that only a descriptor keeps', () => {
    const held = snapshot.namespaces.filter(
      ({ kind, heldBy }) => kind === 'net' && heldBy.every(({ how }) => how === 'fd') && heldBy.length > 0,
    );
    assert.equal(held.length, 1);
    assert.deepEqual(held[0]?.heldBy[0], { how: 'fd', pid: 1, fd: 7 });
  });

  it('knows owners and parents', () => {
    const users = snapshot.namespaces.filter(({ kind }) => kind === 'user');
    const host = users.find(({ isLabHost }) => isLabHost);
    const child = users.find(({ parent }) => parent === host?.id);
    const grandchild = users.find(({ parent }) => parent === child?.id);
    assert.ok(child !== undefined && grandchild !== undefined);
    const pids = snapshot.namespaces.filter(({ kind }) => kind === 'pid');
    const inner = pids.find(({ owner }) => owner === grandchild.id);
    assert.equal(pids.find(({ id }) => id === inner?.parent)?.owner, child.id);
    assert.equal(host?.parent, null);
  });

  it('shows the id map of a nested user namespace as one inside sees it', async () => {
    const nested = snapshot.processes.find(({ nspid, comm }) => nspid.length === 2 && comm === 'sh');
    assert.ok(nested !== undefined);
    const inside = (await lab.run(`cat /proc/${nested.pid}/uid_map`)).trim().split(/\s+/).map(Number);
    assert.deepEqual(
      nested.uidMap.map(({ inside: i, outside, count }) => [i, outside, count]),
      [inside],
    );
  });

  it('has the links, addresses and routes that ip has, and the peer in the other namespace', async () => {
    for (const [label, prefix] of [
      ['host', 'ip'],
      ['r1', 'ip -n r1'],
    ] as const) {
      const net = snapshot.networks.find((one) => one.label === label);
      const theirs = JSON.parse(await lab.run(`${prefix} -j addr`)) as {
        ifname: string;
        addr_info: { local: string; prefixlen: number }[];
      }[];
      assert.deepEqual(net?.links.map(({ name }) => name).sort(), theirs.map(({ ifname }) => ifname).sort());
      for (const { ifname, addr_info } of theirs) {
        const ours = net?.links
          .find(({ name }) => name === ifname)
          ?.addresses.map(({ address, prefix: bits }) => `${address}/${bits}`);
        for (const { local, prefixlen } of addr_info.filter(({ local: text }) => !text.startsWith('fe80')))
          assert.ok(ours?.includes(`${local}/${prefixlen}`), local);
      }
    }
    const host = snapshot.networks.find(({ label }) => label === 'host');
    const r1 = snapshot.networks.find(({ label }) => label === 'r1');
    assert.deepEqual(host?.links.find(({ name }) => name === 'veth1.1')?.peer?.name, 'eth0');
    assert.equal(host?.links.find(({ name }) => name === 'veth1.1')?.peer?.ns, r1?.id);
    assert.ok(host?.routes.some(({ destination }) => destination === '10.1.0.0/24'));
    assert.deepEqual(
      host?.firewall?.rules.map(({ text }) => text),
      ['-A POSTROUTING -s 10.1.0.0/24 -j MASQUERADE'],
    );
    assert.deepEqual(r1?.firewall?.rules, []);
  });

  it('has the mounts that findmnt has, in each mount namespace', async () => {
    const theirs = (await lab.run('findmnt -rno TARGET'))
      .trim()
      .split('\n')
      .map((path) => path.replace(/\\x20/g, ' '));
    const host = snapshot.mountTables.find(({ label }) => label === 'host');
    assert.deepEqual(host?.mounts.map(({ mountPoint }) => mountPoint).sort(), theirs.sort());
    const nested = snapshot.mountTables.find(({ mounts }) => mounts.some(({ source }) => source === 'inner'));
    assert.match(nested?.label ?? '', /^pid \d+$/);
  });

  it('takes an overlay apart, though its directories were given relative to where the mounter stood', () => {
    assert.equal(snapshot.overlays.length, 1);
    const [upper, lower, work] = snapshot.overlays[0]?.layers ?? [];
    assert.equal(snapshot.overlays[0]?.mountPoint, '/run/m');
    assert.deepEqual(
      upper?.entries.map(({ path, type }) => `${type} ${path}`),
      ['whiteout a', 'file b', ...(replaces ? ['opaque-directory d'] : []), 'file new'],
    );
    assert.equal(upper?.bytes, 10);
    assert.equal(lower?.files, 3);
    assert.equal(work?.role, 'work');
  });

  it('keeps nothing of the lab alive', async () => {
    assert.deepEqual(ownHolds(), []);
    await lab.run('ip netns del r2');
    await sleep(300);
    const after_ = await observer.snapshot();
    assert.equal(
      after_.namespaces.some(({ names }) => names.includes('r2')),
      false,
    );
  });

  it('is refused once the lab is gone', async () => {
    const other = await TestLab.make();
    const eyes = observe(other);
    await eyes.snapshot();
    await other.end();
    await assert.rejects(eyes.snapshot(), { code: 'NotFound' });
    eyes.close();
    await assert.rejects(eyes.snapshot(), { code: 'FailedPrecondition' });
  });
});

describe('the stream of changes', { skip, timeout: 600_000 }, () => {
  let lab: TestLab;
  let observer: Observer;
  let reactor: Reactor;
  const events: ObserveEvent[] = [];

  before(async () => {
    lab = await TestLab.make();
    reactor = new Reactor();
    observer = observe(lab, undefined, reactor);
    observer.watch((event) => events.push(event));
    while (events.length === 0) await sleep(10);
  });

  after(async () => {
    observer.close();
    reactor.close();
    await lab.end();
  });

  /** Do something and wait for a change that matches. */
  async function see(line: string, pattern: RegExp): Promise<number> {
    const from = events.length;
    await lab.run(line);
    const done = performance.now();
    const text = (): string[] =>
      events
        .slice(from)
        .flatMap(({ changes }) =>
          changes.map(({ kind, object, place, name }) => `${kind} ${object} ${place}: ${name}`),
        );
    while (!text().some((one) => pattern.test(one))) {
      assert.ok(performance.now() - done < 45_000, `${line}: no ${pattern} in ${JSON.stringify(text())}`);
      await sleep(5);
    }
    return performance.now() - done;
  }

  it('begins with a snapshot and no changes', () => {
    assert.equal(events[0]?.changes.length, 0);
  });

  it('tells what each command did', async () => {
    await see('hostname other', /^changed hostname host: other$/);
    await see('ip netns add a', /^added namespace .*: a$/);
    await see('ip link add v0 type veth peer name v1', /^added link host: v0$/);
    await see('ip link set v1 netns a', /^changed link a: v1$/);
    await see('ip -n a link set v1 name eth0', /^changed link a: eth0$/);
    await see('ip -n a addr add 10.9.0.2/24 dev eth0', /^added address a: 10.9.0.2\/24$/);
    await see('iptables -A INPUT -p tcp --dport 99 -j DROP', /^added firewall-rule host: -A INPUT/);
    await see('sysctl -qw net.ipv4.ip_forward=1', /^changed sysctl host: net.ipv4.ip_forward$/);
    await see(
      'sysctl -qw net.ipv4.ip_unprivileged_port_start=80',
      /^changed sysctl host: net.ipv4.ip_unprivileged_port_start$/,
    );
    await see('mkdir /run/x; mount -t tmpfs x /run/x', /^added mount host: \/run\/x$/);
    await see('umount /run/x', /^removed mount host: \/run\/x$/);
    await see('sleep 302 & echo $! > /run/pid', /^added process host: sleep$/);
    await see('kill $(cat /run/pid)', /^(removed|changed) process host: sleep$/); // a zombie until the shell looks
    await see('ip netns del a', /^removed link host: v0$/);
  });

  it('lets a deleted network namespace go at once, with the veth in it', async () => {
    await see('ip netns add b', /added namespace/);
    await see('ip link add w0 type veth peer name w1 netns b', /added link host: w0/);
    await see('ip netns del b', /removed link host: w0/);
    // The same names again, right away: nothing of ours may hold the old ones.
    await lab.run(
      'for i in 1 2 3; do ip netns add c; ip link add x0 type veth peer name x1 netns c; ip netns del c; for t in 1 2 3 4 5 6 7 8 9 10; do ip link show x0 >/dev/null 2>&1 || break; sleep 0.05; done; done',
    );
  });

  it('hears of a namespace whose inode number was used before', async () => {
    for (let round = 0; round < 5; round++) {
      await see(`ip netns add again`, /^added namespace .*: again$/);
      await see(`ip -n again link add d${round} type bridge`, new RegExp(`^added link again: d${round}$`));
      await see('ip netns del again', /^removed namespace .*: again$/);
    }
  });

  it('says nothing when nothing happens', async () => {
    await sleep(1_500);
    const from = events.length;
    await sleep(2_500);
    assert.deepEqual(
      events.slice(from).flatMap(({ changes }) => changes.map(({ object, name }) => `${object} ${name}`)),
      [],
    );
  });

  it('keeps no namespace open between two looks', () => {
    assert.deepEqual(ownHolds(), []);
  });
});

describe('the lab’s control groups', { timeout: 600_000 }, () => {
  const name = `glassbox-observe-test-${process.pid}`;
  const setup = subtreeOf(
    parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')),
    parseCgroupFile(readFileSync('/proc/self/cgroup', 'utf8')),
  );
  const v1 = setup.hierarchies.filter(
    ({ version, controllers }) => version === 1 && ['memory', 'pids', 'cpu'].includes(controllers.join()),
  );
  const reason = !isRoot
    ? 'needs root'
    : v1.length < 3
      ? 'this machine has no v1 hierarchies of memory, pids and cpu'
      : skip;
  let lab: TestLab;
  let observer: Observer;
  const directories = v1.map(({ directory }) => `${directory}/${name}`);

  before(async () => {
    if (reason !== false) return;
    for (const directory of directories) mkdirSync(directory);
    lab = await TestLab.make();
    for (const directory of directories) writeFileSync(`${directory}/cgroup.procs`, String(lab.init));
    const hierarchies = v1.map((one, at) => ({
      ...one,
      directory: directories[at] as string,
      path: one.path === '/' ? `/${name}` : `${one.path}/${name}`,
    }));
    observer = observe(lab, { mode: 'v1', hierarchies });
  });

  after(async () => {
    if (reason !== false) return;
    observer.close();
    await lab.end();
    for (const directory of directories) {
      for (let tries = 0; tries < 50 && existsSync(directory); tries++) {
        try {
          for (const child of ['web']) if (existsSync(`${directory}/${child}`)) rmdirSync(`${directory}/${child}`);
          rmdirSync(directory);
        } catch {
          await sleep(50); // EBUSY until the last process has left
        }
      }
      assert.equal(existsSync(directory), false, directory);
    }
  });

  it('are read with limits and members, relative to the lab’s own root', { skip: reason }, async () => {
    const empty = await observer.snapshot();
    assert.deepEqual(empty.problems, []);
    assert.deepEqual(
      empty.cgroups.groups.map(({ path }) => path),
      v1.map(() => '/'),
    );
    assert.deepEqual(
      empty.processes[0]?.cgroups,
      Object.fromEntries(v1.map(({ name: hierarchy }) => [hierarchy, '/'])),
    );
    const at = (controller: string): string =>
      directories[v1.findIndex(({ controllers }) => controllers[0] === controller)] as string;
    for (const directory of directories) mkdirSync(`${directory}/web`);
    writeFileSync(`${at('memory')}/web/memory.limit_in_bytes`, String(64 << 20));
    writeFileSync(`${at('pids')}/web/pids.max`, '17');
    writeFileSync(`${at('cpu')}/web/cpu.shares`, '512');
    await lab.run('sleep 303 & sleep 0.2');
    const moved = (await observer.snapshot()).processes.find(({ argv }) => argv[1] === '303');
    assert.ok(moved !== undefined);
    writeFileSync(`${at('pids')}/web/cgroup.procs`, String(moved.hostPid));
    const full = await observer.snapshot();
    const web = (controller: string) =>
      full.cgroups.groups.find(({ path, hierarchy }) => path === '/web' && hierarchy === controller);
    assert.equal(web('memory')?.memory?.limit, 64 << 20);
    assert.equal(web('pids')?.pids?.max, 17);
    assert.equal(web('pids')?.pids?.current, 1);
    assert.deepEqual(web('pids')?.procs, [moved.pid]);
    assert.equal(web('cpu')?.cpu?.shares, 512);
  });
});
