/** The life of containers where two things happen at the same time: a client's wish while a policy restarts, two clients' wishes, a lack of memory. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, it, test } from 'node:test';
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';
import { parseCreate } from '../../engine/api/docker/bodies/create.js';
import { Query } from '../../engine/api/docker/bodies/query.js';
import { ApiVersion } from '../../engine/api/docker/version.js';
import { type Engine, openEngine } from '../../engine/docker-daemon.js';
import { removeGroups } from '../helpers/docker/fences.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

if (inSandbox) declare();
else
  test('the life of containers, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );

/** The first time it ends, so that its policy starts it again; then it stays. */
const TWICE = 'test -e /again || { touch /again; exit 3; }; exec sleep 1000';

function declare(): void {
  const group = `/glassbox-life-${/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1]}`;
  const place = mkdtempSync(join(tmpdir(), 'glassbox-life-'));
  let engine: Engine;
  let at: (step: string) => void = () => undefined;

  before(async () => {
    const roots = ['--data-root', join(place, 'data'), '--exec-root', '/run/engine', '--cgroup-parent', group];
    for (const path of [join(place, 'data'), '/run/engine']) mkdirSync(path);
    engine = await openEngine(parseDaemonOptions(roots), (step) => at(step));
  });
  afterEach(async () => {
    at = () => undefined;
    const { containers } = engine.services;
    for (const { Id } of await containers.list({ all: true, limit: 0, size: false, filters: {} }))
      await containers.remove(Id, { force: true, volumes: true, link: false });
  });
  after(async () => {
    await engine.close({ stop: true });
    removeGroups(group);
    rmSync(place, { recursive: true });
  });

  const create = async (
    name: string,
    script: string,
    hostConfig: object,
    more: object = {},
    { services }: Engine = engine,
  ): Promise<string> => {
    const body = { Image: 'busybox', Cmd: ['sh', '-c', script], HostConfig: hostConfig, ...more };
    const { request } = parseCreate(new Query(`name=${name}`), body, ApiVersion.negotiate(null));
    return (await services.containers.create(request)).Id;
  };
  /** Do it while the policy of a container starts it for the second time; what came of it. */
  const whileRestarting = async (act: (id: string) => Promise<unknown>): Promise<string> => {
    const { containers } = engine.services;
    const id = await create('again', TWICE, { NetworkMode: 'none', RestartPolicy: { Name: 'always' } });
    let starts = 0;
    const asked = new Promise<unknown>((resolve) => {
      at = (step) => {
        if (step === 'start.create' && ++starts === 2) resolve(act(id));
      };
    });
    await containers.start(id);
    await asked;
    assert.equal(starts, 2);
    return id;
  };

  for (const [name, act] of [
    ['kill', (id: string) => engine.services.containers.kill(id, 'KILL')],
    ['stop', (id: string) => engine.services.containers.stop(id, { timeout: 0, signal: null })],
  ] as const)
    it(`${name} while a policy starts it ends what was started`, { timeout: 600_000 }, async () => {
      const id = await whileRestarting(async (id) => {
        const [{ State }] = await Promise.all([engine.services.containers.inspect(id), act(id)]);
        assert.equal(State.Status, 'restarting', 'as it was when it was asked');
      });
      const { State } = await engine.services.containers.inspect(id);
      assert.deepEqual([State.Status, State.Running, State.ExitCode], ['exited', false, 137]);
      assert.throws(() => engine.runtime.state(id), { code: 'NotFound' }, 'it is still there');
    });

  it('removal by force while a policy starts it ends what was started', { timeout: 600_000 }, async () => {
    const { containers } = engine.services;
    const since = Date.now() / 1000;
    const id = await whileRestarting((id) => containers.remove(id, { force: true, volumes: true, link: false }));
    const told: string[] = [];
    const filters = { event: ['start', 'die', 'destroy'], container: [id] };
    const { signal } = new AbortController();
    for await (const { Action } of containers.events({ since, until: Date.now() / 1000 + 0.1, filters, signal }))
      told.push(Action);
    assert.deepEqual(told, ['start', 'die', 'start', 'die', 'destroy']);
    await assert.rejects(engine.services.containers.inspect(id), /No such container/);
    assert.throws(() => engine.runtime.state(id), { code: 'NotFound' }, 'it is still there');
  });

  it('a container that goes at its end stays for as long as anybody restarts it', { timeout: 600_000 }, async () => {
    const { containers } = engine.services;
    const id = await create('brief', 'exec sleep 1000', { NetworkMode: 'none', AutoRemove: true });
    await containers.start(id);
    const client = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time++) await containers.restart(id, { timeout: 0, signal: null });
    };
    // the second's answer comes when the first's next restart has begun
    await Promise.all([client(2), client(1)]);
    assert.equal((await containers.inspect(id)).State.Running, true);
  });

  /** The next event of a container. */
  const next = async (id: string, event: string): Promise<void> => {
    const { signal } = new AbortController();
    const filters = { event: [event], container: [id] };
    for await (const _ of engine.services.containers.events({ since: 1, until: null, filters, signal })) return;
  };

  it('a lack of memory is told when it happens, though the container goes on', { timeout: 600_000 }, async () => {
    const { containers } = engine.services;
    const script = '(x=a; while :; do x=$x$x$x$x; done); exec sleep 1000';
    const id = await create('greedy', script, { NetworkMode: 'none', Memory: 16 << 20 });
    await containers.start(id);
    await next(id, 'oom');
    const { State } = await containers.inspect(id);
    assert.deepEqual([State.Status, State.OOMKilled], ['running', true]);
  });

  it('the hardware address that was asked for is shown as older clients know it', { timeout: 60_000 }, async () => {
    const MacAddress = '02:42:ac:11:00:42';
    const id = await create('mac', 'true', {}, { NetworkingConfig: { EndpointsConfig: { bridge: { MacAddress } } } });
    assert.equal((await engine.services.containers.inspect(id)).Config.MacAddress, MacAddress);
  });

  it('an engine without a default bridge gives a container a loopback alone', { timeout: 600_000 }, async () => {
    const roots = ['--data-root', join(place, 'bare'), '--exec-root', '/run/bare', '--cgroup-parent', group];
    for (const path of [join(place, 'bare'), '/run/bare']) mkdirSync(path);
    const bare = await openEngine(parseDaemonOptions([...roots, '--bridge', 'none']));
    try {
      const { containers } = bare.services;
      const id = await create('alone', 'exit $(ls /sys/class/net | wc -l)', {}, {}, bare);
      const ended = containers.wait(id, 'next-exit');
      await containers.start(id);
      assert.equal((await ended).StatusCode, 1);
      await containers.remove(id, { force: true, volumes: true, link: false });
    } finally {
      await bare.close({ stop: true });
    }
  });

  it('a parent without a network keeps nobody whom it is linked to from starting', { timeout: 600_000 }, async () => {
    const { containers } = engine.services;
    const child = await create('child', 'exec sleep 1000', {});
    await containers.start(child);
    const parent = await create('parent', 'exec sleep 1000', { Links: ['child'] }, { NetworkDisabled: true });
    await containers.start(parent);
    await containers.restart(child, { timeout: 0, signal: null });
    assert.equal((await containers.inspect(child)).State.Running, true);
    assert.equal((await containers.inspect(parent)).State.Running, true);
  });

  it('files of a stopped one are shown past a mount on a link that leads nowhere', { timeout: 600_000 }, async () => {
    const { containers } = engine.services;
    const script = 'echo text >/file; ln -s /nowhere/at/all /dangling';
    const id = await create('linked', script, { NetworkMode: 'none' });
    const ended = containers.wait(id, 'next-exit');
    await containers.start(id);
    await ended;
    const { Id } = await containers.commit({
      ...{
        container: id,
        pause: false,
        repo: 'dangling',
        tag: '1',
        comment: '',
        author: '',
        changes: [],
        config: null,
      },
    });
    const body = { Image: Id, Cmd: ['true'], HostConfig: { NetworkMode: 'none', Binds: [`${place}:/dangling`] } };
    const { request } = parseCreate(new Query('name=mounted'), body, ApiVersion.negotiate(null));
    const mounted = (await containers.create(request)).Id;
    assert.equal((await containers.statPath(mounted, '/file')).size, 5);
  });
}
