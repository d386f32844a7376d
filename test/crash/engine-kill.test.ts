/** kill -9 of the engine before each step of a container's life: the next engine finds it whole or not at all, and nothing is left. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';
import { openEngine } from '../../engine/docker-daemon.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const CHILD = fileURLToPath(new URL('../helpers/engine-child.ts', import.meta.url));
const ROOT = '/run/engine';

interface Look {
  readonly found: readonly { readonly Status: string; readonly Pid: number }[];
  readonly volumes: number;
  readonly used: readonly string[];
  readonly snapshots: readonly string[];
}

if (inSandbox) declare();
else
  test(
    'an engine is killed before each step of a container, in a sandbox',
    { skip: isRoot ? false : 'needs root', timeout: 400_000 },
    () => rerunInSandbox(import.meta.url, { timeoutMs: 390_000 }),
  );

function declare(): void {
  const group = `glassbox-crash-engine-${/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1]}`;
  const live = (...killAt: string[]): { signal: string | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, ['--import', 'tsx', CHILD, ROOT, group, ...killAt], {
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGTERM',
    });
  /** Open the engine again, see what it has, and have it remove that. */
  const look = async (): Promise<Look> => {
    const engine = await openEngine(
      parseDaemonOptions([
        '--data-root',
        `${ROOT}/data`,
        '--exec-root',
        `${ROOT}/exec`,
        '--cgroup-parent',
        `/${group}`,
      ]),
    );
    const { containers, volumes, networks, images } = engine.services;
    const list = await containers.list({ all: true, limit: 0, size: false, filters: {} });
    const found = await Promise.all(list.map(async ({ Id }) => (await containers.inspect(Id)).State));
    for (const { Id } of list) await containers.remove(Id, { force: true, volumes: true, link: false });
    const answer = {
      found,
      volumes: (await volumes.list()).Volumes.length,
      used: (await networks.list()).flatMap(({ Containers }) => Object.keys(Containers)),
      snapshots: await images.listSnapshots(),
    };
    await engine.close({ stop: true });
    return answer;
  };
  /** Mounts, network namespaces, links, groups, processes and directories of containers. */
  const left = (): string[] => [
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(`${ROOT}/`)),
    ...below(`${ROOT}/exec/netns`),
    ...below(`${ROOT}/exec/runtime`),
    ...below(`${ROOT}/data/containers`),
    ...execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes('veth')),
    ...execFileSync('sh', ['-c', `find /sys/fs/cgroup -mindepth 2 -path '*${group}/*' -type d`], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean),
    ...execFileSync('ps', ['-eo', 'comm,args'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => /glassbox-(shim|runt)|sleep 1000/.test(line)),
  ];
  mkdirSync(ROOT, { recursive: true });
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  let steps: string[] = [];

  test('without a kill it lives its whole life', async () => {
    const { stdout, stderr, signal } = live();
    assert.equal(signal, null, stderr);
    assert.notEqual(stdout, '', stderr);
    steps = [...new Set(JSON.parse(stdout) as string[])];
    assert.ok(steps.length > 15, `only ${steps.length} steps were told`);
    assert.deepEqual(left(), []);
    assert.deepEqual(await look(), { found: [], volumes: 0, used: [], snapshots: [] });
  });

  test('killed before any step: found whole or not at all, and then removed without a trace', async () => {
    for (const step of steps) {
      const { signal, stderr } = live(step);
      assert.equal(signal, 'SIGKILL', `${step}: it was not killed: ${stderr}`);
      const { found, volumes, used, snapshots } = await look();
      assert.ok(found.length <= 1, `${step}: ${found.length} containers`);
      for (const { Status, Pid } of found) {
        assert.match(Status, /^(created|running|exited)$/, step);
        assert.equal(Pid > 0, Status === 'running', `${step}: ${Status} with pid ${Pid}`);
      }
      assert.deepEqual([volumes, used, snapshots], [0, [], []], `${step}: left in the engine`);
      assert.deepEqual(left(), [], `${step}: left on the machine`);
    }
  });
}

function below(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => `${directory}/${name}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
