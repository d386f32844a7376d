import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SnapshotStore } from '../../engine/image/snapshot/store.js';
import type { Digest } from '../../engine/image/types.js';

export const BASE = `sha256:${'b'.repeat(64)}` as Digest;
export const LAYER = `sha256:${'c'.repeat(64)}` as Digest;
export const CONTENT = 'content of a file\n'.repeat(1000);

/** What is done, step by step; `kill` is asked after each of them. */
export async function work(root: string, kill: (step: string) => void): Promise<void> {
  const store = await SnapshotStore.open({ root, step: kill });
  if (!store.hasLayer(BASE)) {
    const draft = await store.prepareLayer(BASE, null);
    writeFileSync(join(draft.directory, 'base'), CONTENT);
    await store.commitLayer(draft, { diffId: BASE });
  }
  const draft = await store.prepareLayer(LAYER, BASE);
  writeFileSync(join(draft.directory, 'file'), CONTENT);
  await store.commitLayer(draft, { diffId: LAYER });
  await store.prepareSnapshot('snapshot', LAYER);
  await store.removeSnapshot('snapshot');
  await store.removeLayer(LAYER);
}

/** `node image-store-child.ts ROOT N`: dies by SIGKILL after the N-th step; exits with 0 when there were fewer. */
if (process.argv[1]?.endsWith('image-store-child.ts') === true) {
  let left = Number(process.argv[3]);
  await work(process.argv[2] as string, (step) => {
    process.stdout.write(`${step}\n`);
    if (--left === 0) process.kill(process.pid, 'SIGKILL');
  });
}
