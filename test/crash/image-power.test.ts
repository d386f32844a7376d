/** The store of images after a loss of power at each of its steps. */
import assert from 'node:assert/strict';
import { after, describe, it, test } from 'node:test';
import { observeSteps } from '../../engine/kernel/replace-file.js';
import { assertSound, contents, OPERATIONS } from '../helpers/image-crash.js';
import { ImageBox, putImage } from '../helpers/images.js';
import { PowerDisk, whyNoDisk } from '../helpers/power-disk.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';

/** Operations that write the most; one of all steps in EVERY is tried. */
const TRIED = ['take an image in', 'remove by name', 'commit', 'prune'];
const EVERY = process.env['GLASSBOX_FAULTS'] === 'all' ? 1 : 3;

if (!inSandbox)
  test('the store of images without power, in a sandbox', { skip: whyNoDisk(), timeout: 1_200_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 1_200_000 }),
  );
else describe('a loss of power at a step', declare);

function declare(): void {
  for (const { name, prepare, act, again } of OPERATIONS.filter((one) => TRIED.includes(one.name)))
    it(`${name}: every image is whole and right, or not there`, { timeout: 600_000 }, async () => {
      const disk = new PowerDisk();
      const copies: { step: string; disk: PowerDisk }[] = [];
      after(() => {
        for (const one of [disk, ...copies.map((copy) => copy.disk)]) one.remove();
      });
      disk.mount('at first');
      const images = await new ImageBox(disk.root).open();
      await prepare(images);
      const before = await contents(images);
      let steps = 0;
      observeSteps((step) => {
        if (steps++ % EVERY === 0) copies.push({ step: `${steps}: ${step}`, disk: new PowerDisk(disk) });
      });
      try {
        await act(images);
      } finally {
        observeSteps(null);
      }
      copies.push({ step: 'returned', disk: new PowerDisk(disk) });
      const done = await contents(images);
      assert.notDeepEqual(done, before, 'it changed something');
      for (const { step, disk: copy } of copies) {
        copy.mount(step);
        const box = new ImageBox(copy.root);
        const found = await contents(await assertSound(box, step));
        if (step.startsWith('1:')) assert.deepEqual(found, before, 'the first step changes nothing yet');
        if (step === 'returned') assert.deepEqual(found, done, 'what was answered is on the disk');
        else if (name !== 'commit')
          await act(await box.open()).catch((error: Error) => assert.match(error.message, again ?? /^$/, step));
        await assertSound(box, `${step}, done again`);
        copy.remove();
      }
    });

  /** What is left of an image that was answered, where guards were away meanwhile. */
  const leftWithout = async (guards: string): Promise<{ id: string; problems: string; list: readonly unknown[] }> => {
    const disk = new PowerDisk();
    let copy: PowerDisk | null = null;
    after(() => {
      disk.remove();
      copy?.remove();
    });
    disk.mount('at first');
    const images = await new ImageBox(disk.root).open();
    process.env['GLASSBOX_TEST_GUARDS_OFF'] = guards;
    try {
      const { id } = await putImage(images.store, { names: ['x'] });
      copy = new PowerDisk(disk);
      copy.mount('the copy');
      const found = await new ImageBox(copy.root).open();
      return { id, problems: found.problems.join(), list: await found.list() };
    } finally {
      delete process.env['GLASSBOX_TEST_GUARDS_OFF'];
    }
  };

  it('twin: without fsync of files, what has a name is not right', { timeout: 600_000 }, async () => {
    const left = await leftWithout('store-sync');
    assert.match(left.problems, new RegExp(`image ${left.id} is not complete`));
    assert.deepEqual(left.list, [], 'what was answered is lost');
  });

  it('twin: without any fsync, nothing is there', { timeout: 600_000 }, async () => {
    const left = await leftWithout('store-sync,name-sync');
    assert.deepEqual([left.problems, left.list], ['', []], 'what was answered is lost');
  });
}
