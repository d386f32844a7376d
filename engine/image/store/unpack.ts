import { readFileSync } from 'node:fs';
import { EngineError } from '../../kernel/errors.js';
import type { ContentStore } from '../content.js';
import { applyLayer } from '../layer/apply.js';
import type { AppliedLayer } from '../layer/types.js';
import type { Snapshots } from '../snapshot/types.js';
import { decompress } from '../tar/decompress.js';
import type { Descriptor, Digest } from '../types.js';
import { guard } from './guards.js';
import type { KeyedLock } from './keyed-lock.js';

export interface LayerToUnpack {
  readonly blob: Descriptor;
  readonly diffId: Digest;
  readonly chainId: Digest;
  /** chainID of the layer below. */
  readonly parent: Digest | null;
}

export interface Unpacking {
  readonly content: ContentStore;
  readonly snapshots: Snapshots;
  /** By chainID: two images that share a layer unpack it once (CVE-2021-20291 was a deadlock here: locks are taken one at a time). */
  readonly locks: KeyedLock;
  readonly userxattr: boolean;
  readonly progress: (bytes: number, done: boolean) => void;
  readonly warn?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal;
}

/** Make a layer of a blob, unless it is there. Its diffID is checked before anybody sees it. */
export async function unpackLayer(layer: LayerToUnpack, using: Unpacking): Promise<void> {
  const { content, snapshots, userxattr, progress, signal } = using;
  await using.locks.hold(layer.chainId, async () => {
    if (!snapshots.hasLayer(layer.chainId)) {
      const draft = await snapshots.prepareLayer(layer.chainId, layer.parent);
      try {
        const read = counted(content.open(layer.blob.digest), (bytes) => progress(bytes, false));
        const applied = await applyLayer(decompress(read), draft.directory, {
          lower: draft.lower,
          userxattr,
          ownership: hasOneId() ? 'caller' : 'archive',
          ...(signal === undefined ? {} : { signal }),
        });
        if (applied.diffId !== layer.diffId && guard('diff-id'))
          throw new EngineError(
            'DataLoss',
            `layers from manifest don't match image configuration: layer ${layer.blob.digest} has diff id ${applied.diffId}, expected ${layer.diffId}`,
          );
        if (applied.skipped.length > 0) using.warn?.(`layer ${layer.diffId}: ${skippedText(applied.skipped)}`);
        // its size is measured: links count as Docker counts them
        await snapshots.commitLayer(draft, { diffId: applied.diffId });
      } catch (error) {
        await snapshots.abandonLayer(draft);
        throw error;
      }
    }
  });
  progress(layer.blob.size, true);
}

/** The first of what was left out, and how much more there is: an image can bring as many as it likes, under any name. */
function skippedText(skipped: AppliedLayer['skipped']): string {
  const [first] = skipped;
  const more = skipped.length > 1 ? `; and ${skipped.length - 1} more` : '';
  return `left out ${JSON.stringify(first?.path ?? '')}: ${JSON.stringify(first?.what ?? '')}${more}`;
}

async function* counted(
  stream: AsyncIterable<Uint8Array>,
  told: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    told(bytes);
    yield chunk;
  }
}

/** In a user namespace of one id no file can belong to anybody else. user_namespaces(7) */
function hasOneId(): boolean {
  const ranges = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
  return ranges.length === 1 && ranges[0]?.trim().split(/\s+/)[2] === '1';
}
