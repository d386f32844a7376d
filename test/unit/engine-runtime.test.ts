/** Which runtime an engine's containers are made with: what can be asked for, and what is said of what cannot be had. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';

/** What starts although it should not leaves the machine's network alone. */
const HARMLESS = ['--bridge', 'none', '--iptables=false', '--ip-forward=false'];

describe("an engine's runtime", () => {
  let place: string;
  let file: string;
  before(() => {
    place = mkdtempSync(join(tmpdir(), 'glassbox-engine-runtime-'));
    file = join(place, 'daemon.json');
  });
  after(() => rmSync(place, { recursive: true }));

  const configured = (value: unknown, ...argv: string[]): ReturnType<typeof parseDaemonOptions> => {
    writeFileSync(file, JSON.stringify(value));
    return parseDaemonOptions(['--config-file', file, ...argv]);
  };

  it('is named by an argument or by daemon.json, not by both', () => {
    assert.equal(configured({}).defaultRuntime, null);
    assert.equal(configured({}, '--default-runtime', 'glassbox').defaultRuntime, 'glassbox');
    assert.equal(configured({ 'default-runtime': 'crun' }).defaultRuntime, 'crun');
    assert.throws(() => configured({ 'default-runtime': 'crun' }, '--default-runtime', 'crun'), /specified both/);
  });

  it('others are given names, in the words of dockerd where they are none', () => {
    assert.deepEqual(configured({}, '--add-runtime', 'a=/bin/a', '--add-runtime=b=b').runtimes, {
      a: '/bin/a',
      b: 'b',
    });
    const file = { runtimes: { c: { path: '/bin/c', runtimeArgs: [] }, v2: { runtimeType: 'io.containerd.x.v1' } } };
    assert.deepEqual(configured(file).runtimes, { c: '/bin/c', v2: 'io.containerd.x.v1' });
    const shim = { runtimeType: 'io.containerd.runc.v2', options: { BinaryName: '/bin/d' } };
    assert.deepEqual(configured({ runtimes: { d: shim } }).runtimes, { d: '/bin/d' });
    for (const [value, why] of [
      [{ x: {} }, /runtime x: either a runtimeType or a path must be configured/],
      [{ x: { path: 1 } }, /runtime x: either a runtimeType or a path must be configured/],
      [{ x: { path: '/bin/x', runtimeArgs: ['--debug'] } }, /runtime x: runtimeArgs are not given to it: let path/],
      [[], /cannot unmarshal object into Go struct field Config.runtimes/],
      [{ glassbox: { path: '/bin/true' } }, /runtime name 'glassbox' is reserved/],
    ] as const)
      assert.throws(() => configured({ runtimes: value }), why);
    assert.throws(() => configured({}, '--add-runtime', 'nothing'), /invalid runtime argument: nothing/);
  });

  for (const [how, args, env, said] of [
    [
      'the setting names a program that is not there',
      [],
      { GLASSBOX_RUNTIME: '/nowhere/runc' },
      /^failed to start daemon: cannot use the runtime \/nowhere\/runc: there is no such program; install it, or use/m,
    ],
    [
      'a runtime that was added is no runtime',
      ['--add-runtime', 'mine=false', '--default-runtime', 'mine'],
      {},
      /^failed to start daemon: cannot use the runtime false: false --version: exit 1; mend it, or use/m,
    ],
    [
      'an argument that names none',
      ['--default-runtime', 'nosuch'],
      { GLASSBOX_RUNTIME: 'glassbox' },
      /^failed to start daemon: specified default runtime 'nosuch' does not exist$/m,
    ],
  ] as const)
    it(`an engine that is told to use what it cannot does not start, and leaves nothing: ${how}`, () => {
      const [data, exec] = [join(place, 'data'), join(place, 'exec')];
      writeFileSync(file, '{}');
      const engine = fileURLToPath(new URL('../../engine/docker-daemon.ts', import.meta.url));
      const roots = ['--data-root', data, '--exec-root', exec, '--host', `unix://${place}/engine.sock`];
      const line = `import(${JSON.stringify(engine)}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); })`;
      const done = spawnSync(
        process.execPath,
        ['--import', 'tsx', '-e', line, '--', '--config-file', file, ...roots, ...HARMLESS, ...args],
        { encoding: 'utf8', timeout: 600_000, env: { ...process.env, ...env } },
      );
      assert.match(done.stderr, said);
      assert.equal(done.status, 1, `it did not end by itself: ${done.signal ?? ''}`);
      assert.deepEqual([...readdirSync(data), ...readdirSync(exec)], []);
    });
});
