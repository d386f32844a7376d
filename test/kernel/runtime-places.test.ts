/** Where a container's root lies while it is made, what its own hooks may do, and where a further process is put. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { describe, it, test } from 'node:test';
import type { Spec, SpecHook } from '../../engine/runtime/spec/types.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { AREA, boxed, groupOf, groupsOf, openBox, run, STATE, said, streams } from './runtime-box.js';

if (!inSandbox) {
  test('places of a start, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe('inside', declare);
}

const shell = (line: string): SpecHook => ({
  path: '/bin/sh',
  args: ['sh', '-c', line],
  env: ['PATH=/bin:/usr/bin:/sbin:/usr/sbin'],
  timeout: 20,
});

/** A filter that ends whoever makes a directory. */
const noDirectories = (spec: Spec): Spec => ({
  ...spec,
  linux: {
    ...spec.linux,
    seccomp: {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: [],
      flags: [],
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_KILL_PROCESS', args: [] }],
    },
  },
});

function declare(): void {
  const warnings: string[] = [];
  const runtime = openBox({ warn: (message) => void warnings.push(message) });

  it("a createRuntime hook that enters the mount namespace finds the machine, and the root where the state's bundle is", async () => {
    const line = `pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/'); exec nsenter -m -t "$pid" mount --bind /etc ${AREA}/rootfs/tmp`;
    const made = boxed('entered', 'test -e /tmp/passwd', { hooks: { createRuntime: [shell(line)] } });
    const process = await run(runtime, made);
    assert.equal(await process.wait(), 0, said());
    await runtime.delete('entered');
    process.dispose();
    assert.ok(!existsSync(`${AREA}/rootfs/tmp/passwd`), 'the mount showed outside');
  });

  it("a startContainer hook is held by the container's filter, and its end is told", async () => {
    const hooks = { startContainer: [shell('mkdir /tmp/made')] };
    const process = await runtime.create(boxed('filtered', 'exit 0', { hooks, change: noDirectories }));
    await assert.rejects(
      runtime.start('filtered'),
      /error running hook #0: error running hook: signal: bad system call/,
    );
    await runtime.delete('filtered', { force: true });
    process.dispose();
    assert.ok(!existsSync(`${AREA}/rootfs/tmp/made`), 'the hook made a directory');
  });

  it('the exit of a startContainer hook is told', async () => {
    const hooks = { startContainer: [shell('exit 2')] };
    const process = await runtime.create(boxed('two', 'exit 0', { hooks }));
    await assert.rejects(runtime.start('two'), /error running hook #0: error running hook: exit status 2/);
    await runtime.delete('two', { force: true });
    process.dispose();
  });

  it('without pivot_root no whole proc of the machine is left for a user namespace to mount another one by', async () => {
    const line = 'unshare -mrpf sh -c "mount -t proc none /proc && echo whole"; true';
    const free = (spec: Spec): Spec => {
      const { seccomp, ...linux } = spec.linux;
      assert.ok(seccomp !== undefined, "Docker's default has a filter");
      return { ...spec, linux };
    };
    for (const noPivot of [false, true]) {
      const process = await run(runtime, boxed('bare', line, { noPivot, change: free }));
      assert.equal(await process.wait(), 0);
      assert.match(said(), /permission denied/i, `noPivot: ${noPivot}`);
      await runtime.delete('bare');
      process.dispose();
    }
  });

  it('who shares the groups of another container is warned', async () => {
    const first = await run(runtime, boxed('first', 'sleep 1000'));
    const shared = boxed('second', 'exit 0', {
      change: (spec) => ({ ...spec, linux: { ...spec.linux, cgroupsPath: `/${groupOf('first')}` } }),
    });
    const second = await runtime.create(shared);
    assert.deepEqual(
      warnings.filter((one) => one.includes('not empty')),
      ["container's cgroup is not empty: 1 process(es) found"],
    );
    await runtime.delete('second', { force: true });
    await runtime.delete('first', { force: true });
    first.dispose();
    second.dispose();
  });

  it('a group that is frozen takes no container', async () => {
    const first = await run(runtime, boxed('frozen', 'sleep 1000'));
    await runtime.pause('frozen');
    const shared = boxed('late', 'exit 0', {
      change: (spec) => ({ ...spec, linux: { ...spec.linux, cgroupsPath: `/${groupOf('frozen')}` } }),
    });
    await assert.rejects(runtime.create(shared), /^EngineError: container's cgroup unexpectedly frozen$/);
    assert.ok(!existsSync(`${STATE}/late`), 'a state was left');
    await runtime.delete('frozen', { force: true });
    first.dispose();
  });

  it('a group below that is not there is told as runc does', async () => {
    const first = await run(runtime, boxed('below', 'sleep 1000'));
    const more = (cgroup: Readonly<Record<string, string>>) => ({
      id: 'below',
      process: { ...runtime.spec('below').process!, args: ['true'] },
      stdio: streams(),
      cgroup,
    });
    await assert.rejects(runtime.exec(more({ '': '..' })), /bad sub cgroup path: \.\. is not a sub cgroup path/);
    await assert.rejects(
      runtime.exec(more({ '': 'nowhere' })),
      /error adding pid 0 to cgroups: .*\/nowhere\/cgroup\.procs: no such file or directory/,
    );
    await assert.rejects(runtime.exec(more({ what: '/' })), /unknown controller what in SubCgroupPaths/);
    await runtime.delete('below', { force: true });
    first.dispose();
  });

  it('where the v2 group only hands out controllers a further process is put where the first one is', async (t) => {
    const first = await run(runtime, boxed('moved', 'sleep 1000'));
    try {
      const group = groupsOf('moved').find((path) => existsSync(`${path}/cgroup.subtree_control`));
      const controllers = group === undefined ? '' : readFileSync(`${group}/cgroup.controllers`, 'utf8').trim();
      if (group === undefined || controllers === '') {
        t.skip('this machine has no controller on cgroup v2');
        return;
      }
      mkdirSync(`${group}/inner`);
      writeFileSync(`${group}/inner/cgroup.procs`, String(first.pid));
      writeFileSync(`${group}/cgroup.subtree_control`, `+${controllers.split(' ')[0]}`);
      const spec = runtime.spec('moved').process!;
      const args = ['cat', '/proc/self/cgroup'];
      said();
      const more = await runtime.exec({ id: 'moved', process: { ...spec, args }, stdio: streams() });
      assert.equal(await more.wait(), 0);
      more.dispose();
      assert.match(said(), /^0::.*\/inner$/m);
    } finally {
      await runtime.delete('moved', { force: true });
      first.dispose();
    }
    for (const path of groupsOf('moved'))
      for (const name of readdirSync(path, { withFileTypes: true }))
        if (name.isDirectory()) rmdirSync(`${path}/${name.name}`);
    assert.deepEqual(groupsOf('moved'), []);
  });
}
