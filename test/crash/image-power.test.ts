/**
 * The store of images after a loss of power. It is on an ext4 of its own, in a file: at each step the file is copied, which has
 * what the kernel has written to the disk and nothing of what was only in memory. The copy is mounted (the journal is replayed)
 * and opened. The file system writes by itself only after 1000 s: nothing is there that was not asked for by fsync(2).
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { constants, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, test } from 'node:test';
import { observeSteps } from '../../engine/kernel/replace-file.js';
import { findProgram } from '../helpers/docker/programs.js';
import { assertSound, contents, OPERATIONS } from '../helpers/image-crash.js';
import { ImageBox, putImage } from '../helpers/images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

/** Operations that write the most; one of all steps in EVERY is tried. */
const TRIED = ['take an image in', 'remove by name', 'commit', 'prune'];
const EVERY = process.env['GLASSBOX_FAULTS'] === 'all' ? 1 : 3;

function whyNot(): string | false {
  if (!isRoot) return 'needs root';
  const missing = ['mkfs.ext4', 'mount', 'umount'].filter((name) => findProgram(name) === null);
  return missing.length === 0 ? false : `not installed here: ${missing.join(', ')}`;
}

if (!inSandbox)
  test('the store of images without power, in a sandbox', { skip: whyNot(), timeout: 420_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 400_000 }),
  );
else describe('a loss of power at a step', declare);

/** A file with an ext4, mounted. */
class Disk {
  readonly #place = mkdtempSync(join(tmpdir(), 'glassbox-power-'));
  readonly root = join(this.#place, 'mounted');
  readonly #file = join(this.#place, 'disk');

  /** A new one, or the copy of another as it is on the disk now. */
  constructor(from?: Disk) {
    mkdirSync(this.root);
    if (from === undefined) {
      execFileSync('truncate', ['-s', '32M', this.#file]);
      execFileSync('mkfs.ext4', ['-q', '-F', this.#file]);
    } else copyFileSync(from.#file, this.#file, constants.COPYFILE_FICLONE);
  }

  /** Null, or why it cannot be. */
  mount(): string | null {
    const done = spawnSync('mount', ['-o', 'loop,commit=1000,noatime', this.#file, this.root], { encoding: 'utf8' });
    return done.status === 0 ? null : done.stderr.trim();
  }

  remove(): void {
    spawnSync('umount', ['-l', this.root]);
    rmSync(this.#place, { recursive: true, force: true });
  }
}

function declare(): void {
  for (const { name, prepare, act, again } of OPERATIONS.filter((one) => TRIED.includes(one.name)))
    it(`${name}: every image is whole and right, or not there`, { timeout: 240_000 }, async (context) => {
      const disk = new Disk();
      const copies: { step: string; disk: Disk }[] = [];
      after(() => {
        for (const one of [disk, ...copies.map((copy) => copy.disk)]) one.remove();
      });
      const refused = disk.mount();
      if (refused !== null) return context.skip(`no file system in a file can be mounted here: ${refused}`);
      const images = await new ImageBox(disk.root).open();
      await prepare(images);
      const before = await contents(images);
      let steps = 0;
      observeSteps((step) => {
        if (steps++ % EVERY === 0) copies.push({ step: `${steps}: ${step}`, disk: new Disk(disk) });
      });
      try {
        await act(images);
      } finally {
        observeSteps(null);
      }
      copies.push({ step: 'returned', disk: new Disk(disk) });
      const done = await contents(images);
      assert.notDeepEqual(done, before, 'it changed something');
      for (const { step, disk: copy } of copies) {
        assert.equal(copy.mount(), null, step);
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

  it('twin: without fsync, what has a name is not there or not right', { timeout: 240_000 }, async (context) => {
    const disk = new Disk();
    let copy: Disk | null = null;
    after(() => {
      disk.remove();
      copy?.remove();
      delete process.env['GLASSBOX_TEST_GUARDS_OFF'];
    });
    const refused = disk.mount();
    if (refused !== null) return context.skip(`no file system in a file can be mounted here: ${refused}`);
    const images = await new ImageBox(disk.root).open();
    process.env['GLASSBOX_TEST_GUARDS_OFF'] = 'store-sync';
    const { id } = await putImage(images.store, { names: ['x'] });
    copy = new Disk(disk);
    assert.equal(copy.mount(), null);
    const found = await new ImageBox(copy.root).open();
    assert.match(found.problems.join(), new RegExp(`image ${id} is not complete`));
    assert.deepEqual(await found.list(), [], 'what was answered is lost');
  });
}
