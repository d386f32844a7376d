/** A real dockerd and engine/container/spec, given the same wishes. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { mergeConfig } from '../../engine/container/merge-config.js';
import { resolveMounts } from '../../engine/container/mounts/mount-list.js';
import type { PlacedMount } from '../../engine/container/mounts/types.js';
import { adaptHostConfig } from '../../engine/container/spec/adapt.js';
import { cgroupsPathOf, containerSpec } from '../../engine/container/spec/container-spec.js';
import { readMachine, readVerifyFacts } from '../../engine/container/spec/machine.js';
import { resolveUser } from '../../engine/container/spec/users.js';
import { verifySettings } from '../../engine/container/spec/verify.js';
import type { ContainerConfig, HostConfig } from '../../engine/container/types.js';
import { parseJson } from '../../engine/runtime/spec/json.js';
import { parseSpec } from '../../engine/runtime/spec/parse.js';
import type { Spec } from '../../engine/runtime/spec/types.js';
import { groupsBelow, must, PLACE, raiseFences, removeGroups } from '../helpers/docker/fences.js';
import { IMAGE, imageArchive } from '../helpers/docker/image.js';
import { whyNot } from '../helpers/docker/programs.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { CASES, RUNNING, SHARED, SOURCE } from './container-spec/cases.js';
import { FAILING, REFUSED } from './container-spec/errors.js';
import { MEANT, normalise } from './container-spec/normal.js';
import { Saver } from './container-spec/saver.js';
import { meantText } from './container-spec/texts.js';
import { NO_CONFIG, NO_HOST, type Wish } from './container-spec/wishes.js';

interface Inspect {
  readonly Id: string;
  readonly Path: string;
  readonly Args: readonly string[];
  readonly Config: { readonly Hostname: string };
  readonly HostConfig: HostConfig;
  readonly ResolvConfPath: string;
  readonly HostnamePath: string;
  readonly HostsPath: string;
  readonly Mounts: readonly { readonly Destination: string; readonly Source: string; readonly Name?: string }[];
}

if (inSandbox) suite();
else {
  const why = whyNot(['dockerd', 'docker', 'containerd', 'runc', 'busybox']);
  test('configs as dockerd makes them', { skip: why ?? false, timeout: 600_000 }, () => {
    const group = `glassbox-spec-${process.pid}`;
    process.env['GLASSBOX_TEST_GROUP'] = group;
    try {
      rerunInSandbox(import.meta.url, { timeoutMs: 600_000 });
    } finally {
      removeGroups(group);
      removeGroups('glassbox-other');
    }
  });
}

function suite(): void {
  const group = process.env['GLASSBOX_TEST_GROUP'] ?? '';
  assert.match(group, /^glassbox-/, 'the sandbox was not given the name of its cgroup');
  raiseFences();
  mkdirSync(SOURCE);
  writeFileSync(join(SOURCE, 'file'), '');
  mkdirSync(SHARED);
  must('mount', ['--bind', SHARED, SHARED]);
  must('mount', ['--make-shared', SHARED]);
  const saver = new Saver(group);
  const machine = readMachine();
  const facts = readVerifyFacts(machine, ['reference', 'subject', 'planted', 'runc']);
  const needed = new Set<string>();
  let joined: Inspect & { readonly State: { readonly Pid: number } };
  let root = '';
  let wishes = 0;

  const bodyOf = ({ config = {}, host = {} }: Wish): object => ({
    ...config,
    Image: IMAGE,
    Cmd: config.Cmd ?? NO_CONFIG.Cmd,
    HostConfig: { NetworkMode: NO_HOST.NetworkMode, ...host },
  });
  const message = (body: unknown): string => (body as { message: string }).message;

  before(async () => {
    await saver.daemon.start();
    saver.daemon.load(imageArchive(PLACE));
    root = join(PLACE, 'image');
    const flags = ['--runtime', 'reference', '--network', 'none', '--ipc', 'shareable', '--name', RUNNING];
    saver.daemon.docker('run', '-d', ...flags, IMAGE, 'sleep', '600');
    joined = (await saver.api('GET', `/containers/${RUNNING}/json`)).body as typeof joined;
  });
  after(async () => {
    saver.daemon.docker('rm', '-f', RUNNING);
    await saver.daemon.end();
    removeGroups(group);
    assert.deepEqual(groupsBelow(group), []);
  });

  /** What our side does between the API and the runtime. */
  function ours(wish: Wish, seen: Inspect | null): { readonly spec: Spec; readonly warnings: string[] } {
    const config: ContainerConfig = { ...NO_CONFIG, Image: IMAGE, ...wish.config };
    const given: HostConfig = { ...NO_HOST, ...wish.host };
    const verified = verifySettings(config, given, facts);
    const host = adaptHostConfig(verified.hostConfig, {
      cgroup: machine.cgroup,
      shmSize: 8 << 20,
      runtime: 'subject',
      containerId: (name) => (name === RUNNING ? joined.Id : null),
    });
    const merged = mergeConfig(verified.config, {});
    const mounts = resolveMounts({
      hostConfig: host,
      volumes: merged.Volumes,
      mountsOf: () => [],
      exists: existsSync,
    }).map(
      (one): PlacedMount => ({
        ...one,
        source:
          one.point.Type === 'volume'
            ? (seen?.Mounts.find((m) => m.Destination === one.point.Destination)?.Source ?? '')
            : one.point.Source,
      }),
    );
    const id = seen?.Id ?? 'f'.repeat(64);
    const network = host.NetworkMode === 'host' ? {} : { network: join('/run/ours', id) };
    const proc = `/proc/${joined.State.Pid}/ns`;
    const isJoined = (mode: string): boolean => mode.startsWith('container:');
    const { spec } = containerSpec({
      id,
      config: { ...merged, Hostname: merged.Hostname === '' ? (seen?.Config.Hostname ?? '') : merged.Hostname },
      hostConfig: host,
      command: [...(merged.Entrypoint ?? []), ...(merged.Cmd ?? [])],
      rootfs: join(saver.daemon.directory, 'data'),
      user: resolveUser(root, merged.User, host.GroupAdd ?? []),
      mounts,
      files: {
        ...fileOf('resolvConf', seen?.ResolvConfPath),
        ...fileOf('hostname', seen?.HostnamePath),
        ...fileOf('hosts', seen?.HostsPath),
        ...(host.IpcMode === 'host'
          ? { shm: '/dev/shm' }
          : isJoined(host.IpcMode) || host.IpcMode === 'shareable'
            ? { shm: shmOf(isJoined(host.IpcMode) ? joined : seen) }
            : {}),
      },
      join: {
        ...network,
        ...(isJoined(host.NetworkMode) ? { network: `${proc}/net` } : {}),
        ...(isJoined(host.PidMode) ? { pid: `${proc}/pid` } : {}),
        ...(isJoined(host.IpcMode) ? { ipc: `${proc}/ipc` } : {}),
      },
      cgroupsPath: cgroupsPathOf(id, host.CgroupParent, `/${group}`),
      machine,
    });
    return { spec, warnings: verified.warnings };
  }

  const fileOf = (key: string, path = ''): object => (path === '' ? {} : { [key]: path });
  const shmOf = (one: Inspect | null): string =>
    join(saver.daemon.directory, 'data/containers', one?.Id ?? '', 'mounts/shm');

  describe('the same wishes make the same config', () => {
    for (const wish of CASES)
      test(wish.name, async () => {
        const name = `w${++wishes}`;
        const made = await saver.api('POST', `/containers/create?name=${name}`, bodyOf(wish));
        assert.equal(made.status, 201, `dockerd does not make it: ${JSON.stringify(made.body)}`);
        const { Id, Warnings } = made.body as { Id: string; Warnings: string[] };
        try {
          await saver.api('POST', `/containers/${Id}/start`);
          const seen = (await saver.api('GET', `/containers/${Id}/json`)).body as Inspect;
          const theirs = parseSpec(parseJson(saver.saved(Id)));
          const mine = ours(wish, seen);
          const pair = normalise(
            { ...theirs, root: { ...theirs.root, path: mine.spec.root.path } },
            mine.spec,
            wish.name,
            needed,
          );
          assert.deepEqual(pair.ours, pair.theirs);
          assert.deepEqual(mine.warnings.map(meantText), (Warnings ?? []).map(meantText));
        } finally {
          await saver.api('DELETE', `/containers/${Id}?force=1&v=1`);
        }
      });
  });

  test('nothing is said to differ that does not', () => {
    assert.deepEqual(
      MEANT.map(({ reason }) => reason).filter((reason) => !needed.has(reason)),
      [],
    );
  });

  describe('the same wishes are refused with the same words', () => {
    for (const wish of REFUSED)
      test(wish.name, async () => {
        const answer = await saver.api('POST', '/containers/create', bodyOf(wish));
        if (answer.status === 201)
          await saver.api('DELETE', `/containers/${(answer.body as { Id: string }).Id}?force=1&v=1`);
        assert.notEqual(answer.status, 201, 'dockerd makes it');
        assert.throws(
          () => ours(wish, null),
          (error: Error) => {
            assert.equal(meantText(error.message), meantText(message(answer.body)));
            return true;
          },
        );
      });
  });

  test('a profile of AppArmor is refused where there is no AppArmor, and dockerd leaves it away', async (context) => {
    if (machine.apparmor) return context.skip('this machine has AppArmor');
    const wish: Wish = { name: 'apparmor', host: { SecurityOpt: ['apparmor=tight'] } };
    const { Id } = (await saver.api('POST', '/containers/create', bodyOf(wish))).body as { Id: string };
    await saver.api('POST', `/containers/${Id}/start`);
    assert.equal(parseSpec(parseJson(saver.saved(Id))).process?.apparmorProfile, undefined);
    await saver.api('DELETE', `/containers/${Id}?force=1&v=1`);
    assert.throws(() => ours(wish, null), /apparmor profile "tight" cannot be applied: AppArmor is not enabled/);
  });

  describe('the same wishes fail at the start with the same words', () => {
    for (const wish of FAILING)
      test(wish.name, async () => {
        const made = await saver.api('POST', '/containers/create', bodyOf(wish));
        assert.equal(made.status, 201, `dockerd does not make it: ${JSON.stringify(made.body)}`);
        const { Id } = made.body as { Id: string };
        try {
          const seen = (await saver.api('GET', `/containers/${Id}/json`)).body as Inspect;
          const started = await saver.api('POST', `/containers/${Id}/start`);
          assert.notEqual(started.status, 204, 'dockerd starts it');
          assert.throws(
            () => ours(wish, seen),
            (error: Error) => {
              assert.equal(meantText(error.message), meantText(message(started.body)));
              return true;
            },
          );
        } finally {
          await saver.api('DELETE', `/containers/${Id}?force=1&v=1`);
        }
      });
  });
}
