import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attacks, type Bundle, bundle, type How, noSwitch, printed, type Running, started } from './attack.js';
import { DOCKER_CAPABILITY_MASK } from './docker-defaults.js';

/**
 * CVE-2022-24769, CVE-2022-27649, CVE-2022-27650, CVE-2022-27652, CVE-2022-29162: with inheritable capabilities a program
 * with inheritable file capabilities gives them to whoever executes it, no matter which user.
 */
const STATUS = ['grep', '^Cap', '/proc/self/status'];
const EMPTY = '0'.repeat(16);
/** The starter has inheritable and ambient capabilities of its own. */
const GENEROUS = ['setpriv', '--inh-caps=+chown,+net_raw', '--ambient-caps=+chown,+net_raw', '--'];

const sets = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(/:\s+/) as [string, string]),
  );

function target(args: string[]): Bundle {
  return bundle((config) => {
    config.process.args = args;
  });
}

function withContainer(use: (container: Running) => void, how: How = {}): void {
  const container = started(target(['sleep', '60']), how);
  try {
    use(container);
  } finally {
    container.stop();
  }
}

attacks(import.meta.url, 'R11: capabilities that are handed on', () => {
  test('CVE-2022-24769: none is inheritable or ambient, in run, in exec and in exec --cap, whatever the starter has', () => {
    for (const how of [{}, { prefix: GENEROUS }]) {
      const ran = sets(printed(target(STATUS), how));
      assert.deepEqual([ran['CapInh'], ran['CapAmb'], ran['CapBnd']], [EMPTY, EMPTY, DOCKER_CAPABILITY_MASK]);
      withContainer((container) => {
        for (const options of [
          [],
          ['--cap', 'CAP_NET_ADMIN'],
          ['--user', '1000'],
          ['--user', '1000', '--cap', 'CAP_NET_ADMIN'],
        ]) {
          const done = container.exec(STATUS, options, how);
          assert.equal(done.status, 0, done.stderr);
          const executed = sets(done.stdout);
          assert.deepEqual([executed['CapInh'], executed['CapAmb']], [EMPTY, EMPTY], `exec ${options.join(' ')}`);
        }
      }, how);
    }
  });

  test('CVE-2022-29162: exec --cap gives a capability to root, and to nobody else more than it asked for', () => {
    withContainer((container) => {
      const admin = 1n << 12n;
      const asked = sets(container.exec(STATUS, ['--cap', 'CAP_NET_ADMIN']).stdout);
      assert.ok(
        (BigInt(`0x${asked['CapEff']}`) & admin) !== 0n,
        'the option does nothing: the test above proves nothing',
      );
      const later = sets(container.exec(STATUS).stdout);
      assert.equal(later['CapBnd'], DOCKER_CAPABILITY_MASK, 'the next exec has it too');
    });
  });

  test('R11: an ordinary user of a container has no capability at all', () => {
    const ran = sets(
      printed(
        bundle((config) => {
          config.process.args = STATUS;
          config.process.user = { uid: 1000, gid: 1000 };
        }),
      ),
    );
    assert.deepEqual([ran['CapPrm'], ran['CapEff'], ran['CapInh'], ran['CapAmb']], [EMPTY, EMPTY, EMPTY, EMPTY]);
  });

  test('R11: a process.json without capabilities gives exec none that its container does not have', () => {
    withContainer((container) => {
      const file = join('/run/attack', 'process.json');
      writeFileSync(
        file,
        JSON.stringify({ args: STATUS, cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/usr/bin:/bin'] }),
      );
      const done = container.exec([], ['--process', file]);
      assert.equal(done.status, 0, done.stderr);
      const executed = sets(done.stdout);
      const more = BigInt(`0x${executed['CapEff']}`) & ~BigInt(`0x${DOCKER_CAPABILITY_MASK}`);
      assert.equal(more, 0n, `${done.stdout}`);
    });
  });

  test('CVE-2022-24769 twin: inheritable capabilities in the configuration are there', () => {
    const ran = sets(
      printed(
        bundle((config) => {
          config.process.args = STATUS;
          if (config.process.capabilities !== undefined)
            config.process.capabilities.inheritable = ['CAP_NET_RAW', 'CAP_CHOWN'];
        }),
      ),
    );
    assert.notEqual(ran['CapInh'], EMPTY);
  });

  test('CVE-2022-29162 twin: with the guard off they are inheritable', { skip: noSwitch }, () => {
    const ran = sets(printed(target(STATUS), { off: ['inheritable-empty'], prefix: GENEROUS }));
    assert.notEqual(ran['CapInh'], EMPTY);
  });
});
