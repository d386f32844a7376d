/** CVE-2018-15664: a process of the container exchanges a directory for a link while `docker cp` reads or writes below it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Copied, containerRoot, copyWork, flip } from './copy-attack.js';
import { attacks, rounds } from './runtime/attack.js';

/** The machine's directory as it was. */
function untouched(outside: string, secret: string): void {
  assert.deepEqual(readdirSync(outside), ['x']);
  assert.equal(readFileSync(join(outside, 'x'), 'utf8'), secret);
}

/** Nothing leaked, and what was refused was so for want of the file. */
function check(path: string, got: Copied): void {
  assert.equal(got.leaks, 0, `${path} gave what is outside`);
  for (const error of got.errors) assert.match(error, /^Could not find the file |not a directory$/, path);
}

attacks(import.meta.url, 'F01: cp and links', () => {
  test('CVE-2018-15664: exchanged while it copies out, nothing of the machine is read', async () => {
    const { root, outside, secret } = containerRoot();
    symlinkSync(outside, join(root, 'link'));
    const swapper = flip(root, 'safe', 'link');
    try {
      for (const [path, times] of [
        ['/safe/x', 500],
        ['/safe/.', 200],
        ['/', 100],
      ] as const)
        check(path, copyWork('get,stat', root, path, { rounds: rounds(times), secret }));
      // whoever exchanges and whoever copies may have had to wait for each other
      let met = false;
      for (let tries = 0; !met && tries < 10; tries++) {
        const got = copyWork('get', root, '/safe/x', { rounds: 200, secret });
        check('/safe/x', got);
        met = got.done > 0 && got.refused > 0;
      }
      assert.ok(met, 'nothing was exchanged while it was copied');
      untouched(outside, secret);
    } finally {
      await swapper.stop();
    }
  });

  test('CVE-2018-15664: exchanged while it copies in, nothing of the machine is written', async () => {
    const { root, outside, secret } = containerRoot();
    symlinkSync(outside, join(root, 'link'));
    const swapper = flip(root, 'safe', 'link');
    try {
      const put = copyWork('put,through', root, '/safe', { rounds: rounds(300) });
      assert.ok(put.done > 0, `nothing was copied: ${put.errors.join('; ')}`);
      untouched(outside, secret);
    } finally {
      await swapper.stop();
    }
  });

  test('CVE-2018-15664: through links that lie there, nothing of the machine is reached', () => {
    const { root, outside, secret } = containerRoot();
    symlinkSync(outside, join(root, 'absolute'));
    symlinkSync(`${'../'.repeat(20)}${outside.slice(1)}`, join(root, 'relative'));
    symlinkSync('/proc/self/root', join(root, 'magic'));
    const paths = ['/absolute/x', '/relative/x', `/magic${outside}/x`, `/..${outside}/x`, `${outside}/x`];
    const got = copyWork('get,stat', root, paths.join('|'), { secret });
    assert.deepEqual([got.done, got.refused, got.leaks], [0, 2 * paths.length, 0]);
    copyWork('put,through', root, ['/absolute', '/relative', `/magic${outside}`, outside].join('|'));
    untouched(outside, secret);
  });

  test('CVE-2018-15664: a file exchanged for a link to a secret is copied as one of the two', async () => {
    const { root, outside, secret } = containerRoot();
    symlinkSync(join(outside, 'x'), join(root, 'safe/link'));
    const swapper = flip(join(root, 'safe'), 'x', 'link');
    try {
      const got = copyWork('get,export', root, '/safe', { rounds: rounds(200), secret });
      assert.deepEqual([got.refused, got.leaks], [0, 0], got.errors.join('; '));
    } finally {
      await swapper.stop();
    }
  });

  test('CVE-2018-15664 twin: with links followed on the machine, the secret is read and files are planted', () => {
    const { root, outside, secret } = containerRoot();
    symlinkSync(outside, join(root, 'absolute'));
    const off = ['layer-in-root'];
    assert.equal(copyWork('get', root, '/absolute/x', { off, secret }).leaks, 1);
    copyWork('through', root, '/absolute', { off });
    assert.deepEqual(readdirSync(outside), ['planted-0', 'x']);
  });
});
