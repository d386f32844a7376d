/** Containers of a lab's own engine, seen from outside: names, whose each kernel object is, what they write, and their end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change, Container, LedgerEntry, OverlayStack, Snapshot } from '../../engine/api/types.js';
import { connectEngine } from '../../src/engine-client.js';
import { plainSnapshot } from '../../src/plain/snapshot.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const DATA = '/root/.local/share/glassbox';

if (!inSandbox) {
  test('containers of a lab, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  const engine = await connectEngine();
  const lab = await engine.createLab();
  test.after(() => engine.close());

  const run = async (line: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await lab.exec({ argv: ['sh', '-c', line], timeoutMs: 60_000 });
    assert.equal(exitCode, 0, `${line}: ${stdout}${stderr}`);
    return stdout;
  };
  const named = (snapshot: Snapshot, name: string): Container => {
    const found = snapshot.containers?.find((one) => one.name === name);
    assert.ok(found !== undefined, `container ${name} among ${snapshot.containers?.map((one) => one.name).join(' ')}`);
    return found;
  };
  /** Look until it is so: the machine may be busy. */
  const see = async (what: string, holds: (snapshot: Snapshot) => boolean): Promise<Snapshot> => {
    for (let tries = 0; ; tries++) {
      const snapshot = await lab.snapshot();
      if (holds(snapshot)) return snapshot;
      assert.ok(tries < 200, `${what}: ${JSON.stringify(snapshot.containers)} ${JSON.stringify(snapshot.problems)}`);
      await sleep(50);
    }
  };
  const stackOf = (snapshot: Snapshot, id: string): OverlayStack => {
    const found = snapshot.overlays.find((one) => one.container === id);
    assert.ok(found !== undefined, `layers of ${id}`);
    return found;
  };
  const wrote = (snapshot: Snapshot, id: string): string[] =>
    stackOf(snapshot, id).layers.flatMap(({ role, entries }) =>
      role === 'upper' ? entries.map(({ path }) => path) : [],
    );

  test('a lab in which no engine was used has none', async () => {
    const snapshot = await lab.snapshot();
    assert.deepEqual([snapshot.containers, snapshot.containerNetworks, snapshot.problems], [[], [], []]);
  });

  test('a running container: what is its own in the kernel carries its name', async () => {
    await run('docker run -d --name web -p 8080:80 -m 64m --pids-limit 20 busybox sleep 1000');
    const snapshot = await see('web runs', (one) => one.containers?.[0]?.state === 'running');
    const web = named(snapshot, 'web');
    const pid = Number(await run("docker inspect -f '{{.State.Pid}}' web"));
    assert.equal(web.id, (await run("docker inspect -f '{{.Id}}' web")).trim());
    assert.deepEqual([web.image, web.pid, web.processes, web.networkMode], ['busybox', pid, [pid], 'bridge']);
    for (const kind of ['mnt', 'pid', 'net', 'uts', 'ipc'] as const) {
      const id = (await run(`readlink /proc/${pid}/ns/${kind}`)).trim();
      const own = snapshot.namespaces.find((one) => one.id === id);
      assert.deepEqual(own?.containers, ['web'], kind);
    }
    for (const one of snapshot.namespaces.filter(({ isLabHost }) => isLabHost))
      assert.equal(one.containers, undefined, `${one.id} is the lab host's`);
    const network = snapshot.networks.find(({ label }) => label === 'container web');
    const address = (await run("docker inspect -f '{{.NetworkSettings.IPAddress}}' web")).trim();
    assert.ok(
      network?.links.some(({ addresses }) => addresses.some((one) => one.address === address)),
      address,
    );
    assert.ok(web.cgroup !== null, 'it has a control group');
    const groups = snapshot.cgroups.groups.filter(({ path }) => path === web.cgroup);
    assert.ok(
      groups.some(({ pids }) => pids?.max === 20),
      'the limit of the control group is its own',
    );
    assert.equal(stackOf(snapshot, web.id).mounted, undefined, 'its layers are mounted');
    assert.deepEqual(snapshot.containerNetworks?.map(({ name, bridge }) => [name, bridge]).sort(), [
      ['bridge', 'docker0'],
      ['host', null],
      ['none', null],
    ]);
    const text = plainSnapshot(snapshot, { lang: 'en' }).join('\n');
    assert.match(text, /port mapping: tcp :8080 → [\d.]+:80 \(web\)/);
    assert.match(text, /interface veth\w+: veth, up, port of docker0, wired to eth0 in container web/);
  });

  test('what it writes appears in its writable layer, and stays when it ends', async () => {
    const { id } = named(await lab.snapshot(), 'web');
    assert.deepEqual(wrote(await lab.snapshot(), id), []);
    await run("docker exec web sh -c 'echo hello >/newfile; rm /etc/passwd 2>/dev/null; true'");
    await see('the file', (one) => wrote(one, id).includes('newfile'));
    await run('docker pause web');
    await see('paused', (one) => named(one, 'web').state === 'paused');
    await run('docker unpause web && docker stop -t 0 web');
    const ended = await see('ended', (one) => named(one, 'web').exitCode === 137);
    const { state, pid, processes, namespaces, cgroup } = named(ended, 'web');
    assert.deepEqual(
      { state, pid, processes, namespaces, cgroup },
      { state: 'exited', pid: null, processes: [], namespaces: {}, cgroup: null },
    );
    assert.equal(stackOf(ended, id).mounted, false);
    assert.ok(wrote(ended, id).includes('newfile'), 'what it wrote is still there');
    const image = stackOf(ended, id).layers.filter(({ role }) => role === 'lower');
    assert.ok(image.length >= 2 && image.every(({ files }) => files !== null), 'the layers of its image are read too');
    assert.ok(!ended.networks.some(({ label }) => label.startsWith('container ')), 'its network is gone');
  });

  test('whose network it is, is said of those that share one and of those in the host’s', async () => {
    await run('docker start web && docker run -d --name db --network container:web busybox sleep 1000');
    await run('docker run -d --name hosty --network host busybox sleep 1000');
    await run('docker network create mine && docker run -d --name app --network mine busybox sleep 1000');
    const snapshot = await see(
      'all run',
      (one) => one.containers?.filter(({ state }) => state === 'running').length === 4,
    );
    const net = named(snapshot, 'web').namespaces.net;
    assert.equal(named(snapshot, 'db').namespaces.net, net);
    assert.deepEqual(snapshot.namespaces.find(({ id }) => id === net)?.containers, ['web', 'db']);
    const host = snapshot.namespaces.find(({ kind, isLabHost }) => kind === 'net' && isLabHost);
    assert.equal(named(snapshot, 'hosty').namespaces.net, host?.id);
    const bridge = snapshot.containerNetworks?.find(({ name }) => name === 'mine')?.bridge;
    assert.ok(
      snapshot.networks[0]?.links.some(({ name }) => name === bridge),
      `bridge ${bridge} is in the lab host`,
    );
    const text = plainSnapshot(snapshot, { lang: 'zh' }).join('\n');
    assert.match(text, /容器：db（[0-9a-f]{12}），busybox，运行中，使用 web 的网络/);
    assert.match(text, /容器：hosty（[0-9a-f]{12}），busybox，运行中，使用实验主机的网络/);
    await run('docker rm -f db hosty app && docker network rm mine');
  });

  test('its coming and going are changes and entries of the ledger', async () => {
    const changes: Change[] = [];
    const entries: LedgerEntry[] = [];
    let looks = 0;
    const stop = [
      lab.watch((event) => {
        looks += 1;
        changes.push(...event.changes);
      }),
      lab.watchLedger((entry) => entries.push(entry)),
    ];
    const until = async (what: string, holds: () => boolean): Promise<void> => {
      for (let tries = 0; !holds(); tries++) {
        assert.ok(
          tries < 400,
          `${what}: ${changes.map(({ kind, object, name }) => `${kind} ${object} ${name}`).join(', ')}`,
        );
        await sleep(25);
      }
    };
    await until('the first look', () => looks > 0);
    await sleep(300);
    await run('docker run -d --name brief busybox sleep 1000');
    const is = (kind: string): boolean =>
      changes.some((one) => one.object === 'container' && one.kind === kind && one.name === 'brief');
    await until('it came', () => is('added') && changes.some(({ place }) => place === 'container brief'));
    await run('docker exec brief touch /mark');
    const layer = 'container brief upper layer';
    await until('it wrote', () => changes.some(({ name, place }) => name === 'mark' && place === layer));
    const own = (): Change[] => changes.filter(({ place }) => place === 'container brief');
    const mounted = (): Change[] => own().filter(({ object }) => object === 'mount');
    await until('what it has mounted', () => mounted().length > 10);
    await run('docker rm -f brief');
    await until('it went', () => is('removed'));
    await until('the ledger', () => entries.some(({ command }) => command === 'docker rm brief'));
    for (const end of stop) end();
    // Looks may fall anywhere into its start. What one of them finds mounted is told at once, fewer than 4 one by one; what
    // it finds changed, in three ways: moved, with another propagation, with other options.
    const mounts = mounted();
    for (const moment of new Set(mounts.map(({ at }) => at))) {
      const count = (kind: string): number => mounts.filter((one) => one.at === moment && one.kind === kind).length;
      const once = (kind: string): number => (count(kind) < 4 ? count(kind) : 1);
      const overlays = own().filter(({ at, object }) => at === moment && object === 'overlay').length;
      const most = once('added') + once('removed') + Math.min(count('changed'), 9) + overlays;
      const acts = entries
        .filter(({ at, subject, domain }) => at === moment && subject === 'container brief' && domain === 'mount')
        .map(({ act }) => act);
      assert.ok(
        acts.length > 0 && acts.length <= most,
        `at most ${most} entries at once for its mounts: ${acts.join()}`,
      );
    }
    assert.ok(
      entries.every(({ explanation }) => explanation.zh !== '' && explanation.en !== ''),
      'both languages',
    );
  });

  test('records that somebody in the lab has made are bounded, and lead nowhere', async () => {
    const { id } = named(await lab.snapshot(), 'web');
    const at = (n: number): string => `${DATA}/containers/${String(n).repeat(64)}`;
    await run(`for n in 1 2 3 4 5 6; do mkdir -p ${DATA}/containers/$(printf "%064d" 0 | tr 0 $n); done`);
    await run(`mkfifo ${at(1)}/container.json`);
    await run(`ln -s /etc/passwd ${at(2)}/container.json`);
    await run(`head -c 3000000 /dev/zero > ${at(3)}/container.json`);
    await run(
      `printf '{"serial":1,"record":{"id":"%s","name":"\\\\u001b[2J","config":{"Image":7}}}' ${'4'.repeat(64)} > ${at(4)}/container.json`,
    );
    await run(
      `rmdir ${at(5)} && ln -s /etc ${at(5)}; rmdir ${at(6)} && mkdir -p /tmp/t && mount -t tmpfs t /tmp/t && mkdir ${at(6)} && mount --bind /tmp/t ${at(6)}`,
    );
    const snapshot = await see(
      'the odd one',
      (one) => one.containers?.some((container) => container.id === '4'.repeat(64)) === true,
    );
    assert.equal(named(snapshot, '4'.repeat(12)).image, '');
    assert.equal(named(snapshot, 'web').id, id, 'the others are seen as before');
    assert.equal(snapshot.containers?.length, 2);
    const problems = snapshot.problems.filter(({ part }) => part === 'containers');
    assert.ok(problems.length > 0, 'what could not be read is said');
    assert.ok(
      problems.every(({ reason }) => reason.length < 300),
      JSON.stringify(problems),
    );
    await run(
      `umount ${at(6)}; rm -rf ${[1, 2, 3, 4, 5, 6].map(at).join(' ')}; for i in $(seq 300); do mkdir ${DATA}/containers/$(printf %064d $i) ${DATA}/containers/x$i; done`,
    );
    const many = await see('too many', (one) => one.problems.some(({ reason }) => /more than 256/.test(reason)));
    assert.ok((many.containers?.length ?? 0) <= 256, 'no more than the bound');
    await run(`for i in $(seq 300); do rmdir ${DATA}/containers/$(printf %064d $i) ${DATA}/containers/x$i; done`);
    await see(
      'mended',
      (one) => one.problems.length === 0 && one.containers?.[0]?.id === id && one.containers[0].state === 'running',
    );
  });

  test('an engine that was killed comes again and takes away what ran meanwhile, its mounts too', async () => {
    await run('docker run -d --name orphan busybox sleep 1000');
    const id = (await run("docker inspect -f '{{.Id}}' orphan")).trim();
    await run("kill -9 $(pgrep -f '[g]lassbox.mjs engine')");
    assert.equal((await run("docker inspect -f '{{.State.Running}}' orphan")).trim(), 'true');
    await run('docker rm -f orphan');
    assert.equal(await run(`grep -F ${id} /proc/self/mountinfo || true`), '', 'mounts are left');
    assert.equal(await run(`ls ${DATA}/image/overlay/incomplete`), '');
  });
}
