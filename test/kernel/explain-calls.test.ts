/** What GET /glassbox/v1/explain tells of requests, held against what the kernel shows; and that a story that leaves a part out is found. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';
import { type DockerServer, serveDocker } from '../../engine/api/docker/server.js';
import type { Story, StorySummary } from '../../engine/api/types.js';
import { type Engine, openEngine } from '../../engine/docker-daemon.js';
import { call } from '../helpers/api/client.js';
import { whyNot } from '../helpers/docker/programs.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { differencesOf, type KernelFacts, kernelFacts } from '../helpers/story-checks.js';

const PROGRAMS = ['ip', 'iptables', 'iptables-save', 'nsenter', 'busybox'];
/** What must never be told, whatever it was sent as. */
const SECRET = 'hunter2';

if (inSandbox) declare();
else
  test('stories of requests, in a sandbox', { skip: whyNot(PROGRAMS) ?? false, timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );

function declare(): void {
  const group = `glassbox-stories-${/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1]}`;
  let root: string;
  let engine: Engine;
  let server: DockerServer;
  let socket: string;
  let id: string;
  let facts: KernelFacts;

  const ask = async (method: string, path: string, json?: unknown, headers: Record<string, string> = {}) =>
    call(socket, method, `/v1.50${path}`, { ...(json === undefined ? {} : { json }), headers });
  const stories = async <T = Story>(query: string): Promise<readonly T[]> => {
    const { status, json } = await ask('GET', `/glassbox/v1/explain${query}`);
    assert.equal(status, 200, JSON.stringify(json));
    return (json as { stories: readonly T[] }).stories;
  };
  const last = async (): Promise<Story> => (await stories('?last=1'))[0] as Story;
  const acts = (story: Story): string[] => story.entries.map(({ act }) => act);
  const tells = (story: Story, pattern: RegExp): void =>
    assert.ok(
      acts(story).some((act) => pattern.test(act)),
      `${story.title.en} does not tell ${pattern}:\n${acts(story).join('\n').slice(0, 4000)}`,
    );

  before(async () => {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    root = mkdtempSync('/run/stories-');
    socket = join(root, 'docker.sock');
    const words = ['--data-root', `${root}/data`, '--exec-root', `${root}/exec`, '--cgroup-parent', `/${group}`];
    engine = await openEngine(parseDaemonOptions(words));
    server = await serveDocker(engine.services, [{ unix: socket }]);
    const made = await ask('POST', '/containers/create?name=web', {
      Image: 'busybox',
      Cmd: ['sleep', '1000'],
      Env: [`PASSWORD=${SECRET}`],
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { Memory: 64 << 20, PidsLimit: 50, PortBindings: { '80/tcp': [{ HostPort: '18080' }] } },
    });
    assert.equal(made.status, 201, JSON.stringify(made.json));
    ({ Id: id } = made.json as { Id: string });
    assert.equal((await ask('POST', `/containers/${id}/start`)).status, 204);
    const shown = await engine.services.containers.inspect(id);
    const address = shown.NetworkSettings.Networks['bridge']?.IPAddress ?? '';
    facts = kernelFacts({ id, pid: shown.State.Pid, address, roots: [`${root}/data/image`, `${root}/exec/netns`] });
  });
  after(async () => {
    try {
      await ask('DELETE', '/containers/web?force=1');
      await server.close();
    } finally {
      await engine.close({ stop: true });
      rmSync(root, { recursive: true, force: true });
    }
  });

  test('a start is told as the kernel shows it, both ways', async () => {
    assert.ok(facts.veths.length === 1 && facts.rules.length >= 3 && facts.groups.length >= 1, JSON.stringify(facts));
    assert.ok(facts.mounts.length >= 2 && facts.inside.length >= 10, JSON.stringify(facts));
    assert.deepEqual(differencesOf(await stories('?object=web'), facts), []);
  });

  test('a story without one of its parts is found', async () => {
    const whole = await stories('?object=web');
    const without = (leftOut: (entry: Story['entries'][number]) => boolean): readonly Story[] =>
      whole.map((story) => ({ ...story, entries: story.entries.filter((entry) => !leftOut(entry)) }));
    for (const domain of ['netlink', 'firewall', 'cgroup', 'mount'] as const) {
      const differences = differencesOf(
        without((entry) => entry.domain === domain),
        facts,
      );
      assert.ok(differences.length > 0, `nobody misses ${domain}`);
    }
    const lied = whole.map((story) => ({
      ...story,
      entries: story.entries.map((entry) => ({ ...entry, act: entry.act.replace('"67108864"', '"1048576"') })),
    }));
    assert.match(differencesOf(lied, facts).join('\n'), /memory\.\S+ is 67108864, not "1048576"/);
  });

  test('every line has its sentence in both languages, a man page, its time and its call', async () => {
    const told = (await stories('?object=web')).flatMap(({ entries, calls }) =>
      entries.map((entry) => ({ entry, numbers: calls.map(({ number }) => number) })),
    );
    assert.ok(told.length > 200, `${told.length} lines`);
    for (const { entry, numbers } of told) {
      assert.ok(entry.explanation.en.length > 3 && /[\u4e00-\u9fff]/.test(entry.explanation.zh), entry.act);
      assert.match(entry.man ?? '', /^[\w.-]+\(\d\)$/, entry.act);
      assert.ok(numbers.includes(entry.call), `${entry.act} is of call ${entry.call}`);
    }
    const phases = new Set(told.map(({ entry }) => entry.phase));
    for (const phase of ['create.record', 'start.rootfs', 'start.network', 'start.create'])
      assert.ok(phases.has(phase), `${phase} among ${[...phases].join()}`);
    const program = told.filter(({ entry }) => entry.place?.startsWith('container') === true);
    assert.ok(
      program.some(({ entry }) => entry.act.startsWith('pivot_root(') && (entry.durationNs ?? 0) > 0),
      'a call has no time',
    );
    assert.ok(
      program.some(({ entry }) => entry.act.startsWith('execve(') && entry.result.ok),
      "the container's program is not told to its end",
    );
  });

  test('no secret is kept: variables, passwords, what registries are given', async () => {
    const auth = Buffer.from(JSON.stringify({ username: 'u', password: SECRET, auth: SECRET })).toString('base64');
    await ask('POST', '/auth', { username: 'u', password: SECRET, serveraddress: '127.0.0.1:1' });
    await ask('POST', '/images/127.0.0.1:1%2fx/push?tag=1', undefined, { 'X-Registry-Auth': auth });
    await ask('POST', '/images/create?fromImage=127.0.0.1:1/x&tag=1', undefined, { 'X-Registry-Auth': auth });
    const { Id } = (
      await ask('POST', '/containers/web/exec', {
        Cmd: ['true', '--password', SECRET, `token=${SECRET}`],
        Env: [`A=${SECRET}`],
      })
    ).json as { Id: string };
    await ask('POST', `/exec/${Id}/start`, { Detach: true });
    await ask('POST', '/volumes/create', {
      Name: 'share',
      DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: `password=${SECRET},size=1m` },
    });
    await ask('POST', `/commit?container=web&repo=c&changes=${encodeURIComponent(`ENV X=${SECRET}`)}`);
    const all = await stories<StorySummary>('?limit=1000');
    for (const { number } of all) {
      const text = JSON.stringify(await stories(`?number=${number}`));
      assert.ok(
        !text.includes(SECRET) && !text.includes(auth),
        text.slice(Math.max(0, text.indexOf(SECRET) - 300)).slice(0, 400),
      );
    }
    assert.ok(all.length > 5, 'they were not told at all');
    await ask('DELETE', '/volumes/share');
  });

  test('what else changes something is told: networks, volumes, images, a refused start', async () => {
    await ask('POST', '/networks/create', { Name: 'net1' });
    tells(await last(), /^RTM_NEWLINK\(ifname=br-.*kind=bridge/);
    await ask('DELETE', '/networks/net1');
    tells(await last(), /^RTM_DELLINK\(dev=br-/);
    await ask('POST', '/volumes/create', { Name: 'vol1' });
    tells(await last(), /^mkdir\(".*\/volumes\/vol1\/_data"/);
    await ask('DELETE', '/volumes/vol1');
    tells(await last(), /^remove\(".*\/volumes\/vol1"/);
    await ask('POST', '/images/busybox/tag?repo=other&tag=1');
    tells(await last(), /repositories\.json/);
    await ask('POST', '/containers/web/update', { Memory: 32 << 20, MemorySwap: -1 });
    tells(await last(), /^write\(".*memory.*", "33554432"\)/);
    await ask('POST', '/containers/web/pause');
    tells(await last(), /^write\(".*(freezer\.state|cgroup\.freeze)"/);
    await ask('POST', '/containers/web/unpause');
    await ask('GET', '/containers/json');
    assert.match((await last()).title.en, /unpause/, 'a request that only asks is told');

    await ask('POST', '/containers/create?name=bad', { Image: 'busybox', Cmd: ['/no/such/program'] });
    assert.equal((await ask('POST', '/containers/bad/start')).status, 400);
    const refused = await last();
    assert.match(refused.calls[0]?.failure ?? '', /no such file or directory/);
    const undone = refused.entries.filter(({ undo }) => undo).map(({ act }) => act);
    for (const pattern of [/^rmdir\(".*"/, /^umount2\(".*netns/, /^umount2\(".*merged"/])
      assert.ok(
        undone.some((act) => pattern.test(act)),
        `${pattern} among what was taken back: ${undone.join('; ')}`,
      );
    await ask('DELETE', '/containers/bad');
    assert.equal((await ask('POST', '/containers/absent/attach?stream=1&stdout=1')).status, 404);
    assert.equal((await last()).calls[0]?.failure, 'No such container: absent');
    await ask('POST', `/images/create?fromSrc=${encodeURIComponent(`http://u:${SECRET}@127.0.0.1:1/x.tar`)}`);
    const imported = await last();
    assert.ok(imported.calls[0]?.failure?.includes('127.0.0.1:1') === true, JSON.stringify(imported.calls));
    assert.ok(!JSON.stringify(imported).includes(SECRET), JSON.stringify(imported.calls));
  });

  test('what the engine does by itself is told by its cause', async () => {
    const cause = async (name: string): Promise<Story | undefined> => {
      const deadline = Date.now() + 20_000;
      for (;;) {
        const found = (await stories('?object=again')).find(
          ({ calls: [one] }) => one?.origin.by === 'engine' && one.origin.cause === name,
        );
        if (found !== undefined || Date.now() > deadline) return found;
        await sleep(50);
      }
    };
    await ask('POST', '/containers/create?name=again', {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'sleep 1; exit 3'],
      Healthcheck: { Test: ['CMD', 'true'], Interval: 100_000_000 },
      HostConfig: { RestartPolicy: { Name: 'always' } },
    });
    await ask('POST', '/containers/again/start');
    tells((await cause('health-check')) as Story, /^execve/);
    const exit = (await cause('exit')) as Story;
    tells(exit, /^rmdir\("/);
    assert.match(exit.title.en, /exit code 3/);
    tells((await cause('restart-policy')) as Story, /^RTM_NEWLINK\(.*kind=veth/);
    await ask('DELETE', '/containers/again?force=1');
    const probes = (await stories('?object=again')).filter(
      ({ calls: [one] }) => one?.origin.by === 'engine' && one.origin.cause === 'health-check',
    );
    assert.ok(probes.length <= 5, `${probes.length} probes are kept`);
  });

  test('a request that asks for what is not there, or for two things, is refused', async () => {
    for (const [query, status] of [
      ['?number=0', 400],
      ['?number=x', 400],
      ['?number=1&last=1', 400],
      ['?object=', 400],
      [`?object=${'x'.repeat(300)}`, 400],
      ['?limit=0', 400],
      ['?limit=100000', 400],
      ['?number=100000', 404],
      ['?object=nobody', 404],
    ] as const) {
      const answer = await ask('GET', `/glassbox/v1/explain${query}`);
      assert.equal(answer.status, status, query);
      assert.equal(typeof (answer.json as { message: unknown }).message, 'string', query);
    }
    assert.equal((await ask('POST', '/glassbox/v1/explain')).status, 404);
  });
}
