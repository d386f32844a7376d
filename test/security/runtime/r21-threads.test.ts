import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { attacks, bundle, isOurs, printed, started } from './attack.js';
import { strangeCalls } from './traced.js';

/**
 * R21: Node's file system calls run on threads of a pool, and a namespace is entered by one thread alone: what JavaScript does
 * "in the container" would happen on the machine. So no process that is on its way into a container may be Node any more,
 * and Node itself enters nothing.
 */
const LOG = '/run/strace';
const TRACE = ['strace', '-f', '-qq', '-s', '80', '-o', LOG];
const ours = isOurs ? false : 'it is about Node';

attacks(import.meta.url, 'R21: who makes the calls', () => {
  test('R21: a child of Node executes the image before anything else, in run', { skip: ours }, () => {
    printed(bundle(), { prefix: TRACE, timeoutMs: 60_000 });
    const { children, strange } = strangeCalls(readFileSync(LOG, 'utf8'));
    assert.ok(children > 0, 'no child was seen');
    assert.deepEqual(strange, []);
  });

  test('R21: in exec too', { skip: ours }, () => {
    const container = started(
      bundle((config) => {
        config.process.args = ['sleep', '60'];
      }),
    );
    try {
      const done = container.exec(['true'], [], { prefix: TRACE, timeoutMs: 60_000 });
      assert.equal(done.status, 0, done.stderr);
      const { children, strange } = strangeCalls(readFileSync(LOG, 'utf8'));
      assert.ok(children > 0, 'no child was seen');
      assert.deepEqual(strange, []);
    } finally {
      container.stop();
    }
  });

  for (const [what, argv] of [
    ['a thread that enters a namespace by itself', ['unshare', '--mount', 'true']],
    ['a child that opens files before it executes', ['sh', '-c', '(echo x > /dev/null; exec true)']],
  ] as const)
    test(`R21 twin: ${what} is noticed`, () => {
      const done = spawnSync(TRACE[0] as string, [...TRACE.slice(1), ...argv], { encoding: 'utf8' });
      assert.equal(done.status, 0, done.stderr);
      assert.notDeepEqual(strangeCalls(readFileSync(LOG, 'utf8')).strange, []);
    });
});
