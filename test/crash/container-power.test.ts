/** Containers after a loss of power: at each step of their life, and behind each answer, the disk is copied and an engine opened on it. */
import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { after, it, test } from 'node:test';
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';
import { parseCreate } from '../../engine/api/docker/bodies/create.js';
import { Query } from '../../engine/api/docker/bodies/query.js';
import { ApiVersion } from '../../engine/api/docker/version.js';
import { type Engine, openEngine } from '../../engine/docker-daemon.js';
import { PowerDisk, whyNoDisk } from '../helpers/power-disk.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';

/** One of all steps in so many is tried; what follows an answer is tried always. */
const EVERY = process.env['GLASSBOX_FAULTS'] === 'all' ? 1 : 3;
const ANYTHING = { all: true, limit: 0, size: false, filters: {} };

if (!inSandbox)
  test('containers without power, in a sandbox', { skip: whyNoDisk(), timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
else declare();

interface Copy {
  readonly when: string;
  readonly disk: PowerDisk;
}

function declare(): void {
  const group = `/glassbox-power-${/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1]}`;
  const opened = new Set<Engine>();
  let engines = 0;
  /** With everything in memory anew, as after a start of the machine. */
  const open = async (disk: PowerDisk, at?: (step: string) => void): Promise<Engine> => {
    const roots = ['--data-root', disk.root, '--exec-root', `/run/engine-${++engines}`, '--cgroup-parent', group];
    const engine = await openEngine(parseDaemonOptions(roots), at);
    opened.add(engine);
    return engine;
  };
  const close = async (engine: Engine): Promise<void> => {
    opened.delete(engine);
    await engine.close({ stop: true });
  };
  // a test that fails leaves nothing that waits
  after(async () => {
    for (const engine of opened) {
      await emptied(engine);
      await close(engine);
    }
  });
  const create = async ({ services }: Engine, name: string, policy: string, script: string): Promise<string> => {
    const body = {
      Image: 'busybox',
      Cmd: ['sh', '-c', script],
      Volumes: { '/kept': {} },
      HostConfig: { RestartPolicy: { Name: policy } },
    };
    const { request } = parseCreate(new Query(`name=${name}`), body, ApiVersion.negotiate(null));
    return (await services.containers.create(request)).Id;
  };
  const statesOf = async ({ services: { containers } }: Engine): Promise<string[]> => {
    const all = await Promise.all((await containers.list(ANYTHING)).map(({ Id }) => containers.inspect(Id)));
    return all.map(({ Name, State }) => `${Name.slice(1)} ${State.Status}`).sort();
  };
  /** What the engine holds once all containers are removed. */
  const emptied = async ({ services: { containers, volumes, images } }: Engine): Promise<unknown> => {
    for (const { Id } of await containers.list(ANYTHING))
      await containers.remove(Id, { force: true, volumes: true, link: false });
    return [(await volumes.list()).Volumes.length, await images.listSnapshots()];
  };

  it('what was answered is there; everything else is whole or not there', { timeout: 600_000 }, async () => {
    const disk = new PowerDisk();
    const copies: Copy[] = [];
    after(() => {
      for (const one of [disk, ...copies.map((copy) => copy.disk)]) one.remove();
    });
    disk.mount('at first');
    let steps = 0;
    const engine = await open(disk, (step) => {
      if (steps++ % EVERY === 0) copies.push({ when: `before ${step}`, disk: new PowerDisk(disk) });
    });
    const { containers } = engine.services;
    const answers = new Map<string, string[]>();
    const answered = (when: string, expected: string[]): void => {
      answers.set(when, expected);
      copies.push({ when, disk: new PowerDisk(disk) });
    };
    const one = await create(engine, 'one', 'no', 'exit 0');
    answered('created', ['one created']);
    const ended = containers.wait(one, 'next-exit');
    await containers.start(one);
    await ended;
    await containers.rename(one, 'other');
    answered('renamed', ['other exited']);
    const steady = await create(engine, 'steady', 'unless-stopped', 'exec sleep 1000');
    await containers.start(steady);
    answered('started with a policy', ['other exited', 'steady running']);
    await containers.stop(steady, { timeout: 0, signal: null });
    await containers.remove(one, { force: false, volumes: true, link: false });
    answered('removed', ['steady exited']);
    await containers.remove(steady, { force: false, volumes: true, link: false });
    answered('all removed', []);
    await close(engine);

    assert.ok(copies.length > 12, `only ${copies.length} losses of power`);
    for (const { when, disk: copy } of copies) {
      copy.mount(when);
      const found = await open(copy);
      const states = await statesOf(found);
      const expected = answers.get(when);
      if (expected !== undefined) assert.deepEqual(states, expected, when);
      for (const state of states) assert.match(state, /^\w+ (created|running|exited)$/, when);
      if (when === 'created') {
        const waits = found.services.containers.wait('one', 'next-exit');
        await found.services.containers.start('one');
        assert.equal((await waits).StatusCode, 0, 'what is found runs');
      }
      assert.deepEqual(await emptied(found), [0, []], `${when}: left in the engine`);
      await close(found);
      copy.remove();
    }
  });

  it('twin: without fsync a container that was answered is lost', { timeout: 600_000 }, async () => {
    const disk = new PowerDisk();
    const disks = [disk];
    after(() => {
      for (const one of disks) one.remove();
      delete process.env['GLASSBOX_TEST_GUARDS_OFF'];
    });
    disk.mount('at first');
    const engine = await open(disk);
    process.env['GLASSBOX_TEST_GUARDS_OFF'] = 'store-sync,name-sync';
    await create(engine, 'one', 'no', 'exit 0');
    const copy = new PowerDisk(disk);
    disks.push(copy);
    delete process.env['GLASSBOX_TEST_GUARDS_OFF'];
    await emptied(engine);
    await close(engine);
    copy.mount('the copy');
    const found = await open(copy);
    assert.deepEqual(await statesOf(found), []);
    await close(found);
  });
}
