import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SnapshotStore } from '../../engine/image/snapshot/store.js';
import { BASE, CONTENT, LAYER, work } from '../helpers/image-store-child.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const CHILD = fileURLToPath(new URL('../helpers/image-store-child.ts', import.meta.url));

if (!inSandbox) {
  test('the store after crashes, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  const names = (root: string): string[] =>
    readdirSync(join(root, 'image/overlay'), { recursive: true, encoding: 'utf8' }).sort();

  /** Whatever is there is whole, nothing is left over, and opening again finds nothing to do. */
  const sound = async (root: string, when: string): Promise<SnapshotStore> => {
    const store = await SnapshotStore.open({ root });
    assert.deepEqual(store.problems, [], when);
    const overlay = join(root, 'image/overlay');
    assert.deepEqual(readdirSync(join(overlay, 'incomplete')), [], when);
    for (const { chainId } of store.listLayers()) {
      const [file] = readdirSync(store.directoryOf(chainId));
      assert.equal(
        readFileSync(join(store.directoryOf(chainId), file as string), 'utf8'),
        CONTENT,
        `${when}: ${chainId}`,
      );
    }
    const layers = readdirSync(join(overlay, 'layers')).filter((name) => !name.endsWith('-init'));
    assert.equal(layers.length, store.listLayers().length, when);
    for (const link of readdirSync(join(overlay, 'l')))
      assert.ok(readdirSync(join(overlay, 'l', link)).length > 0, `${when}: link ${link}`);
    for (const id of store.listSnapshots()) assert.equal(store.snapshot(id).lower.length, 3, when);
    const once = names(root);
    await SnapshotStore.open({ root });
    assert.deepEqual(names(root), once, `${when}: opened twice`);
    return store;
  };

  const steps = async (): Promise<string[]> => {
    const root = mkdtempSync(join(tmpdir(), 'glassbox-steps-'));
    const found: string[] = [];
    await work(root, (step) => found.push(step));
    rmSync(root, { recursive: true });
    return found;
  };

  test('kill -9 after every step', { timeout: 600_000 }, async () => {
    const all = await steps();
    for (const step of [
      'draft-made',
      'files-synced',
      'record-written',
      'link-made',
      'renamed',
      'durable',
      'taken-away',
    ])
      assert.ok(all.includes(step), `no step ${step}`);
    const kill = async (n: number): Promise<void> => {
      const root = mkdtempSync(join(tmpdir(), 'glassbox-kill-'));
      try {
        const child = spawn(process.execPath, ['--import', 'tsx', CHILD, root, `${n}`], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let said = '';
        child.stdout.on('data', (bytes: Buffer) => (said += bytes));
        const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)));
        assert.equal(signal, 'SIGKILL', `step ${n}`);
        const when = `killed after step ${n}, ${said.trim().split('\n').at(-1)}`;
        const store = await sound(root, when);
        const isDurable = (count: number): boolean =>
          said.split('\n').filter((line) => line === 'durable').length >= count;
        if (isDurable(1)) assert.ok(store.hasLayer(BASE), `${when}: the lower layer is lost`);
        if (isDurable(2) && !said.includes('taken-away'))
          assert.ok(store.hasLayer(LAYER), `${when}: the layer is lost`);
        // what was interrupted can be done again
        for (const id of store.listSnapshots()) await store.removeSnapshot(id);
        if (store.hasLayer(LAYER)) await store.removeLayer(LAYER);
        await work(root, () => undefined);
        assert.deepEqual(
          (await sound(root, `${when}, done again`)).listLayers().map(({ chainId }) => chainId),
          [BASE],
        );
      } finally {
        rmSync(root, { recursive: true });
      }
    };
    // two at a time
    for (let n = 1; n <= all.length; n += 2) await Promise.all([n, n + 1].filter((one) => one <= all.length).map(kill));
  });

  const canLoop = spawnSync('sh', ['-c', 'command -v mkfs.ext4 && test -e /dev/loop-control']).status === 0;
  test('power cut after every step: what the disk has by then', {
    skip: canLoop ? false : 'needs mkfs.ext4 and loop devices',
  }, async () => {
    const top = mkdtempSync(join(tmpdir(), 'glassbox-power-'));
    const disk = join(top, 'disk');
    const root = join(top, 'mounted');
    const later = join(top, 'later');
    const copies: [string, string][] = [];
    try {
      for (const path of [root, later]) mkdirSync(path);
      writeFileSync(disk, '');
      truncateSync(disk, 24 << 20);
      execFileSync('mkfs.ext4', ['-q', '-F', disk]);
      execFileSync('mount', ['-o', 'loop,commit=300', disk, root]);
      try {
        await work(root, (step) => {
          const copy = join(top, `copy-${copies.length}`);
          copyFileSync(disk, copy);
          copies.push([step, copy]);
        });
      } finally {
        execFileSync('umount', [root]);
      }
      let durable = 0;
      for (const [i, [step, copy]] of copies.entries()) {
        if (step === 'durable') durable++;
        execFileSync('mount', ['-o', 'loop', copy, later]);
        try {
          const when = `power cut after step ${i + 1}, ${step}`;
          const store = await sound(later, when);
          if (durable >= 1) assert.ok(store.hasLayer(BASE), `${when}: the lower layer is lost`);
          if (durable >= 2 && !copies.slice(0, i + 1).some(([one]) => one === 'taken-away'))
            assert.ok(store.hasLayer(LAYER), `${when}: the layer is lost`);
          if (step === 'removed' && i === copies.length - 1) assert.ok(!store.hasLayer(LAYER), `${when}: it came back`);
        } finally {
          execFileSync('umount', [later]);
        }
      }
    } finally {
      rmSync(top, { recursive: true });
    }
  });
}
