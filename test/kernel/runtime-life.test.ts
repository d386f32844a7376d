/** A container's life through the runtime's operations: each status, what is refused in it, and what a second runtime sees. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, describe, it, test } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import type { SpecProcess } from '../../engine/runtime/spec/types.js';
import type { ExecOptions } from '../../engine/runtime/types.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';
import { boxed, groupsOf, newRuntime, openBox, processes, run, said, streams, until } from './runtime-box.js';

if (!inSandbox) {
  test("a container's life, in a sandbox", { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  describe('life', declare);
}

function declare(): void {
  const other = newRuntime();
  after(() => other.close());
  const runtime = openBox();

  const refused = async (doing: () => unknown, message: string, code?: string): Promise<void> => {
    await assert.rejects(
      async () => doing(),
      (error: unknown) => {
        assert.ok(error instanceof EngineError, `not an error of ours: ${String(error)}`);
        assert.equal(error.message, message);
        if (code !== undefined) assert.equal(error.code, code);
        return true;
      },
    );
  };
  const more = (id: string, line: string, change: Partial<SpecProcess> = {}): ExecOptions => ({
    id,
    stdio: streams(),
    process: { ...(runtime.spec(id).process as SpecProcess), args: ['/bin/sh', '-c', line], ...change },
  });

  it('created, running, paused, running, stopped, gone', async () => {
    const process = await runtime.create(boxed('one', 'echo started; exec sleep 1000'));
    const seen = runtime.state('one');
    assert.deepEqual(
      { ...seen, created: '', ociVersion: '' },
      {
        ociVersion: '',
        id: 'one',
        pid: process.pid,
        status: 'created',
        bundle: '/run/box',
        rootfs: '/run/box/rootfs',
        created: '',
        owner: '',
      },
    );
    assert.match(seen.ociVersion, /^1\.\d+\.\d+/);
    assert.ok(Math.abs(Date.parse(seen.created) - Date.now()) < 60_000, `created at ${seen.created}`);
    assert.equal(said(), '', 'it ran before it was started');
    assert.match(processes().get(process.pid) ?? '', /^\S+ S$/);
    await runtime.start('one');
    assert.equal(runtime.state('one').status, 'running');
    let text = '';
    await until('it says so', () => {
      text += said();
      return text === 'started\n';
    });
    await runtime.pause('one');
    assert.equal(runtime.state('one').status, 'paused');
    assert.equal(runtime.state('one').pid, process.pid);
    await runtime.resume('one');
    assert.equal(runtime.state('one').status, 'running');
    assert.deepEqual(runtime.pids('one'), [process.pid]);
    assert.ok(groupsOf('one').length > 0, 'no group was made');
    await runtime.kill('one', 15);
    // pid 1 of a namespace takes no signal that it has no handler for
    assert.equal(runtime.state('one').status, 'running');
    await runtime.kill('one', 9);
    assert.equal(await process.wait(), 137);
    assert.equal(await process.wait(), 137, 'asked again');
    assert.deepEqual([runtime.state('one').status, runtime.state('one').pid], ['stopped', 0]);
    await runtime.delete('one');
    assert.deepEqual([runtime.list(), groupsOf('one'), processes().has(process.pid)], [[], [], false]);
    process.dispose();
  });

  it('another runtime on the same directory sees and does the same', async () => {
    const process = await runtime.create(boxed('shared', 'exec sleep 1000'));
    assert.deepEqual(other.state('shared'), runtime.state('shared'));
    await other.start('shared');
    assert.equal(runtime.state('shared').status, 'running');
    await runtime.pause('shared');
    assert.deepEqual(
      other.list().map(({ id, status }) => [id, status]),
      [['shared', 'paused']],
    );
    await other.resume('shared');
    const another = await other.exec(more('shared', 'exit 7'));
    assert.equal(await another.wait(), 7);
    another.dispose();
    assert.deepEqual(other.spec('shared'), runtime.spec('shared'));
    await other.kill('shared', 9);
    assert.equal(await process.wait(), 137);
    await other.delete('shared');
    await refused(() => runtime.state('shared'), 'container does not exist', 'NotFound');
    process.dispose();
  });

  it("what is refused, in runc's words", async () => {
    for (const doing of [
      () => runtime.state('none'),
      () => runtime.start('none'),
      () => runtime.kill('none', 9),
      () => runtime.delete('none'),
      () => runtime.pause('none'),
      () => runtime.resume('none'),
      () => runtime.update('none', {} as never),
      () => runtime.exec({ ...boxed('none', ''), id: 'none', process: {} as never }),
      () => runtime.explain('none'),
    ])
      await refused(doing, 'container does not exist', 'NotFound');
    for (const id of ['', '..', 'a/b', 'a b', '.'])
      await refused(() => runtime.create(boxed(id, '')), 'invalid container ID format', 'InvalidArgument');
    const process = await runtime.create(boxed('two', 'exec sleep 1000'));
    await refused(() => runtime.create(boxed('two', '')), 'container with given ID already exists', 'AlreadyExists');
    assert.equal(runtime.state('two').status, 'created', 'the second left the first alone');
    assert.ok(groupsOf('two').length > 0, 'and its groups');
    await refused(() => runtime.resume('two'), 'container not paused');
    await runtime.start('two');
    await refused(() => runtime.start('two'), 'cannot start an already running container');
    await refused(() => runtime.resume('two'), 'container not paused');
    await refused(() => runtime.delete('two'), 'cannot delete container two that is not stopped: running');
    await runtime.pause('two');
    await refused(() => runtime.pause('two'), 'container not running');
    await refused(() => runtime.start('two'), 'cannot start an already running container');
    await refused(
      () => runtime.exec(more('two', '')),
      'cannot exec in a paused container (use --ignore-paused to override)',
    );
    await refused(() => runtime.delete('two'), 'cannot delete container two that is not stopped: paused');
    await runtime.kill('two', 9);
    assert.equal(await process.wait(), 137, 'SIGKILL ends what is frozen too');
    await refused(() => runtime.start('two'), 'cannot start a container that has stopped');
    await refused(() => runtime.kill('two', 9), 'container not running');
    await refused(() => runtime.pause('two'), 'container not running');
    await refused(() => runtime.resume('two'), 'container not paused');
    await refused(() => runtime.exec(more('two', '')), 'cannot exec in a stopped container');
    await refused(() => runtime.update('two', {} as never), 'container not running');
    await runtime.delete('two');
    await runtime.delete('two', { force: true }).then(
      () => assert.fail('there is nothing to delete'),
      (error: unknown) => assert.match(String(error), /container does not exist/),
    );
    process.dispose();
  });

  it('a created container can be deleted, a running or frozen one by force; nothing is left of any', async () => {
    for (const [id, prepareIt] of [
      ['created', () => undefined],
      ['running', () => runtime.start('running')],
      ['frozen', () => runtime.start('frozen').then(() => runtime.pause('frozen'))],
    ] as const) {
      const process = await runtime.create(boxed(id, 'sleep 1000 & exec sleep 1000'));
      await prepareIt();
      const waiting = process.wait();
      await runtime.delete(id, id === 'created' ? {} : { force: true });
      assert.equal(await waiting, 137);
      assert.deepEqual([groupsOf(id), processes().has(process.pid)], [[], false]);
      process.dispose();
    }
  });

  it('a process more: its own exit code, user and directory; all are killed together', async () => {
    const first = await run(runtime, boxed('exec', 'exec sleep 1000'));
    const codes = await Promise.all(
      ['exit 0', 'exit 3', 'kill -TERM $$'].map(async (line) => {
        const process = await runtime.exec(more('exec', line));
        try {
          return await process.wait();
        } finally {
          process.dispose();
        }
      }),
    );
    assert.deepEqual(codes, [0, 3, 143]);
    said();
    const who = await runtime.exec(
      more('exec', 'echo $(id -u) $(id -G) $(pwd) $A; ls /proc/self/fd | wc -l', {
        user: { uid: 5, gid: 6, additionalGids: [7] },
        cwd: '/tmp',
        env: ['PATH=/bin', 'A=b'],
        args: ['/bin/busybox', 'sh', '-c', 'echo $(busybox id -u) $(busybox id -G) $(pwd) $A'],
      }),
    );
    assert.equal(await who.wait(), 0);
    assert.equal(said(), '5 6 7 /tmp b\n');
    await refused(
      () => runtime.exec(more('exec', '', { args: ['nothing-like-it'] })),
      'exec: "nothing-like-it": executable file not found in $PATH',
    );
    const long = await runtime.exec(more('exec', 'exec sleep 1000'));
    assert.deepEqual(
      runtime.pids('exec'),
      [first.pid, long.pid].sort((a, b) => a - b),
    );
    await runtime.kill('exec', 9, { all: true });
    assert.deepEqual(await Promise.all([first.wait(), long.wait()]), [137, 137]);
    await runtime.delete('exec');
    for (const process of [first, who, long]) process.dispose();
  });

  it('limits are changed while it runs, and known afterwards', async () => {
    const process = await run(runtime, boxed('update', 'exec sleep 1000'));
    const before = runtime.spec('update').linux.resources;
    await runtime.update('update', { ...before, pids: { limit: 77n } } as never);
    const files = groupsOf('update')
      .map((path) => `${path}/pids.max`)
      .filter((path) => existsSync(path));
    assert.equal(files.length, 1);
    assert.equal(readFileSync(files[0] as string, 'utf8').trim(), '77');
    assert.equal(String(other.spec('update').linux.resources.pids?.limit), '77');
    await runtime.delete('update', { force: true });
    process.dispose();
  });

  it('every step of the start can be read afterwards, with results and times, from another runtime too', async () => {
    const process = await runtime.create(boxed('explain', 'exec sleep 1000'));
    const created = runtime.explain('explain').records;
    const late = created.filter(({ section }) => section === 'confine' || section === 'become');
    assert.ok(late.length > 0, 'nothing is left for the start');
    assert.deepEqual([...new Set(late.map(({ state }) => state))], ['pending']);
    await other.start('explain');
    const { records } = other.explain('explain');
    const done = records.filter(({ state }) => state === 'done');
    assert.ok(done.length > 150, `${done.length} records were done`);
    assert.equal(records.filter(({ state }) => state === 'failed').length, 0);
    const setsid = records.find(({ syscall, section }) => syscall === 'setsid' && section === 'init');
    assert.equal(setsid?.result, 1, 'pid 1 began a session');
    assert.ok(
      done.some(({ durationNs }) => (durationNs ?? 0) > 0),
      'no record has a time',
    );
    assert.deepEqual(
      runtime.explain('explain').records.map(({ call }) => call),
      records.map(({ call }) => call),
    );
    await runtime.delete('explain', { force: true });
    process.dispose();
  });
}
