/**
 * The store of images after its engine was killed at each of its steps. `kill -9` leaves the files as they are in that moment, so
 * a copy of them, made at each step, is what the next engine would find; some engines are really killed besides.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { after, describe, it, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { observeSteps } from '../../engine/kernel/replace-file.js';
import { assertSound, contents, OPERATIONS } from '../helpers/image-crash.js';
import { ImageBox } from '../helpers/images.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const CHILD = fileURLToPath(new URL('../helpers/image-writer.ts', import.meta.url));
const KILLS = Number(process.env['GLASSBOX_KILLS'] ?? 5);

if (!inSandbox)
  test('the store of images, killed, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 1_200_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 1_200_000 }),
  );
else {
  describe('an engine killed at each step', declareSteps);
  describe('an engine really killed', declareKills);
}

function declareSteps(): void {
  for (const { name, prepare, act, again, settle } of OPERATIONS)
    it(`${name}: is done, or not, or can be done again`, { timeout: 600_000 }, async () => {
      const box = new ImageBox();
      const copies: { step: string; box: ImageBox }[] = [];
      after(() => {
        for (const one of [box, ...copies.map((copy) => copy.box)]) one.remove();
      });
      const images = await box.open();
      await prepare(images);
      observeSteps((step) => {
        const copy = new ImageBox();
        rmSync(copy.root, { recursive: true });
        execFileSync('cp', ['-a', box.root, copy.root]);
        copies.push({ step: `${copies.length}: ${step}`, box: copy });
      });
      try {
        await act(images);
      } finally {
        observeSteps(null);
      }
      assert.ok(copies.length >= 3, `${copies.length} steps were seen`);
      const done = withoutTimes(await contents(await assertSound(box, 'done')), name);
      for (const [index, { step, box: copy }] of copies.entries()) {
        const after = await assertSound(copy, step);
        try {
          await act(after);
        } catch (error) {
          assert.ok(again?.test((error as Error).message) === true, `${step}: done again: ${(error as Error).message}`);
          await settle?.(after);
        }
        const end = index % 4 === 0 ? await assertSound(copy, `${step}, done again`) : after;
        const repeated = withoutTimes(await contents(end), name);
        if (name === 'commit') assert.deepEqual(repeated.at(-1), done.at(-1), step);
        else assert.deepEqual(repeated, done, step);
        copy.remove();
      }
    });
}

/** A commit has the time in it and so another id each time. */
function withoutTimes(found: string[], name: string): string[] {
  return name === 'commit' ? found.map((one) => one.replace(/^(made:latest|) .*/, '$1')) : found;
}

function declareKills(): void {
  it('leaves a sound store, whenever it is', { timeout: 40_000 * KILLS }, async () => {
    const box = new ImageBox();
    after(() => box.remove());
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(process.execPath, ['--import', 'tsx', CHILD, box.root], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await said(child);
      await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 150));
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      assert.deepEqual(await ended, [null, 'SIGKILL'], 'it was at work');
      await assertSound(box, `kill ${kill}`);
    }
  });
}

/** Until it says that it works. */
async function said({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) throw new Error('it has no output');
  await once(stdout, 'data');
}
