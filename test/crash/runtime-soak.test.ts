import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Runtime } from '../../engine/runtime/runtime.js';
import { leaksSince, machineState } from '../helpers/leak-probe.js';
import { census, createOptions, leftSince, prepareRootfs, STATE, VARIANTS } from '../helpers/oci-crash.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const SOAK = process.env['GLASSBOX_SOAK'] === '1';
const CYCLES = SOAK ? 10_000 : 150;
const AT_ONCE = SOAK ? 100 : 30;
/** Until caches, the heap and the code that is compiled have their size. */
const WARM = SOAK ? 1_000 : 50;
/** What resident memory may differ by when nothing is kept, garbage that is not collected yet included. */
const SLACK_BYTES = 24 << 20;
/** The most that a cycle may leave in memory: less than any object of the runtime and its records. */
const KEPT_BYTES = 1 << 10;

if (inSandbox) declare();
else
  test(
    `${CYCLES} containers one after the other and ${AT_ONCE} at once, in a sandbox`,
    { skip: isRoot ? false : 'needs root', timeout: SOAK ? 7_200_000 : 280_000 },
    () => rerunInSandbox(import.meta.url, { timeoutMs: SOAK ? 7_100_000 : 270_000 }),
  );

function declare(): void {
  let stdio: [number, number, number];
  const runtime = new Runtime({ root: STATE });

  before(() => {
    prepareRootfs();
    stdio = [openSync('/dev/null', 'r'), 1, 2];
  });
  after(() => runtime.close());

  async function cycle(n: number): Promise<void> {
    const variant = n % 3 === 2 ? VARIANTS.shim : VARIANTS.docker;
    const made = await runtime.create({ ...createOptions('one', variant, ['/bin/sh', '-c', `exit ${n % 7}`]), stdio });
    await runtime.start('one');
    assert.equal(await made.wait(), n % 7, `container ${n}`);
    await runtime.delete('one');
    made.dispose();
  }

  test(`${CYCLES} containers one after the other: nothing grows`, { timeout: SOAK ? 7_000_000 : 200_000 }, async () => {
    for (let n = 0; n < WARM; n++) await cycle(n);
    const machine = machineState();
    const start = census();
    const memory = process.memoryUsage.rss();
    for (let n = 0; n < CYCLES; n++) {
      await cycle(n);
      if (n % 500 === 499) assert.deepEqual(await leftSince(start), [], `after ${n + 1} containers`);
    }
    assert.deepEqual(await leftSince(start), []);
    const grown = process.memoryUsage.rss() - memory;
    assert.ok(grown < SLACK_BYTES + CYCLES * KEPT_BYTES, `resident memory has grown by ${grown >> 10} kB`);
    assert.deepEqual(await leaksSince(machine), []);
  });

  test(`${AT_ONCE} containers at once: each runs, each is deleted`, { timeout: 600_000 }, async () => {
    const machine = machineState();
    const start = census();
    const all = await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, n) => {
        const id = `many${n}`;
        const made = await runtime.create({
          ...createOptions(id, n % 2 === 0 ? VARIANTS.docker : VARIANTS.shim, ['/bin/sleep', '1000']),
          stdio,
        });
        await runtime.start(id);
        return { id, made };
      }),
    );
    assert.equal(runtime.list().filter(({ status }) => status === 'running').length, AT_ONCE);
    await Promise.all(
      all.map(async ({ id, made }) => {
        await runtime.kill(id, 9);
        assert.equal(await made.wait(), 137, id);
        await runtime.delete(id);
        made.dispose();
      }),
    );
    assert.deepEqual(await leftSince(start), []);
    assert.deepEqual(await leaksSince(machine), []);
  });
}
