/**
 * kill -9 of the engine before each step of a container's life, and before steps of what else it writes: the next engine finds it
 * whole or not at all, can do it again, and nothing is left.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';
import { type Engine, openEngine } from '../../engine/docker-daemon.js';
import { ENGINE_OPERATIONS, type EngineOperation } from '../helpers/engine-operations.js';
import { assertSound } from '../helpers/image-crash.js';
import { ImageBox } from '../helpers/images.js';
import { FakeRegistry } from '../helpers/registry/fake-registry.js';
import { testImage, testLayer } from '../helpers/registry/test-images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const CHILD = fileURLToPath(new URL('../helpers/engine-child.ts', import.meta.url));
const ROOTS = '/run/engine';
/** Kills of each operation that has many steps. */
const KILLS = process.env['GLASSBOX_FAULTS'] === 'all' ? Number.POSITIVE_INFINITY : 3;
const ANYTHING = { all: true, limit: 0, size: false, filters: {} };

if (inSandbox) declare();
else
  test(
    'an engine is killed before each step, in a sandbox',
    { skip: isRoot ? false : 'needs root', timeout: 1_200_000 },
    () => rerunInSandbox(import.meta.url, { timeoutMs: 1_200_000 }),
  );

function declare(): void {
  const group = `glassbox-crash-engine-${/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1]}`;
  let registry: FakeRegistry;

  /** The steps that it told, or the signal that it ended by. */
  const live = async (operation: string, killAt?: number): Promise<{ steps: string[]; signal: string | null }> => {
    const more = killAt === undefined ? [] : [String(killAt)];
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', CHILD, `${ROOTS}/${operation}`, group, operation, ...more],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: 600_000,
        killSignal: 'SIGTERM',
      },
    );
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [, signal] = (await once(child, 'close')) as [number | null, string | null];
    return { steps: said === '' ? [] : (JSON.parse(said) as string[]), signal };
  };
  const open = (root: string): Promise<Engine> =>
    openEngine(
      parseDaemonOptions([
        ...['--data-root', `${root}/data`, '--exec-root', `${root}/exec`, '--cgroup-parent', `/${group}`],
      ]),
    );
  /** Open the engine again, see that all of it is sound, have it do the thing once more, and remove everything. */
  const look = async (root: string, when: string, operation: EngineOperation): Promise<void> => {
    const engine = await open(root);
    const { containers, volumes, networks, images } = engine.services;
    const found = await containers.list(ANYTHING);
    assert.ok(found.length <= 1, `${when}: ${found.length} containers`);
    for (const { Id } of found) {
      const { Status, Pid } = (await containers.inspect(Id)).State;
      assert.match(Status, /^(created|running|paused|exited)$/, when);
      assert.equal(Pid > 0, Status === 'running' || Status === 'paused', `${when}: ${Status} with pid ${Pid}`);
    }
    if (operation.prepare !== undefined) assert.equal(found.length, 1, `${when}: the container is lost`);
    if (operation !== ENGINE_OPERATIONS['container']) await operation.act(engine);
    for (const { Id } of await containers.list(ANYTHING))
      await containers.remove(Id, { force: true, volumes: true, link: false });
    if (operation.image !== undefined) await images.remove(operation.image, {});
    const names = (await images.list({ all: true })).flatMap(({ tags }) => tags);
    const others = names.filter((one) => one !== 'busybox:latest');
    assert.deepEqual(others, [], `${when}: images`);
    const network = (await networks.list()).filter(({ Name }) => !['bridge', 'host', 'none'].includes(Name));
    const used = (await networks.list()).flatMap(({ Containers }) => Object.keys(Containers));
    const left = [(await volumes.list()).Volumes, used, network, await images.listSnapshots()];
    assert.deepEqual(left, [[], [], [], []], `${when}: left in the engine`);
    await engine.close({ stop: true });
    await assertSound(new ImageBox(`${root}/data`), when);
    assert.deepEqual(leftOnMachine(root, group), [], `${when}: left on the machine`);
  };

  before(async () => {
    mkdirSync(ROOTS, { recursive: true });
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    registry = await FakeRegistry.start({ port: 5000 });
    const layers = [testLayer({ a: '1' }), testLayer({ b: 'x'.repeat(300_000) })];
    registry.add('subject', ['1'], testImage(layers));
  });
  after(() => registry.close());

  for (const [name, operation] of Object.entries(ENGINE_OPERATIONS))
    test(`${name}: whole or not at all, and nothing is left`, { timeout: 1_200_000 }, async () => {
      const { steps, signal } = await live(name);
      assert.equal(signal, null, 'without a kill it does it');
      assert.ok(steps.length > 3, `only ${steps.length} steps were told`);
      const root = `${ROOTS}/${name}`;
      await look(root, 'without a kill', operation);
      for (const at of chosen(steps, name === 'container' ? Number.POSITIVE_INFINITY : KILLS)) {
        const when = `${name}, before step ${at}, ${steps[at]}`;
        assert.equal((await live(name, at)).signal, 'SIGKILL', `${when}: it was not killed`);
        await look(root, when, operation);
      }
    });
}

/** The first of each name, and of these so many, evenly. */
function chosen(steps: readonly string[], most: number): number[] {
  const all = [...new Set(steps)].map((name) => steps.indexOf(name));
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, n) => all[Math.round((n * (all.length - 1)) / (most - 1))] ?? 0);
}

/** Mounts, network namespaces, links, groups, processes and directories of containers. */
function leftOnMachine(root: string, group: string): string[] {
  const lines = (program: string, ...args: string[]): string[] =>
    execFileSync(program, args, { encoding: 'utf8' }).split('\n').filter(Boolean);
  return [
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(`${root}/`)),
    ...below(`${root}/exec/netns`),
    ...below(`${root}/exec/runtime`),
    ...below(`${root}/data/containers`),
    ...lines('ip', '-o', 'link').filter((line) => /veth|br-/.test(line)),
    ...lines('iptables-save').filter((line) => line.includes('br-')),
    // groups of others come and go meanwhile
    ...lines('find', '/sys/fs/cgroup', '-ignore_readdir_race', '-mindepth', '2', '-path', `*${group}/*`, '-type', 'd'),
    ...lines('ps', '-eo', 'comm,args').filter((line) => /glassbox-(shim|runt)|sleep 1000/.test(line)),
  ];
}

function below(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => `${directory}/${name}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
