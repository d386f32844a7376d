/** I02: small archives that want to be large. moby CVE-2017-14992, containerd STORE-003 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { applyLayer } from '../../engine/image/layer/apply.js';
import { SnapshotStore } from '../../engine/image/snapshot/store.js';
import { decompress } from '../../engine/image/tar/decompress.js';
import { paxRecord } from '../../engine/image/tar/pax.js';
import { tarEntry, tarHeader } from '../../engine/image/tar/write.js';
import type { Digest } from '../../engine/image/types.js';
import { EngineError } from '../../engine/kernel/errors.js';
import type { ApplyJob } from '../helpers/image-apply-child.js';
import { applyInChild, Yard } from '../helpers/image-attack.js';
import { archive, dir, file, inPieces } from '../helpers/image-tar.js';
import { inSandbox, isRoot, rerunInSandbox } from '../helpers/sandbox.js';

const MIB = 1 << 20;
const MAX_RSS_MIB = 256;
const MAX_SECONDS = 100;

/** A header of another type than a file's. */
function typed(flag: string, size: number): Buffer {
  const block = tarHeader({ name: 'special', type: 'file', size });
  block.write(flag, 156, 'latin1');
  const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

interface Bomb {
  readonly bytes: Buffer;
  readonly job?: Omit<ApplyJob, 'tar' | 'directory'>;
  readonly outcome: 'ResourceExhausted' | 'DataLoss';
  readonly says: RegExp;
  /** What is seen without the bounds; none: no bound stands against it, it is no tar. */
  readonly without?: (outcome: string, rss: number) => boolean;
}

function bombs(): Readonly<Record<string, Bomb>> {
  const zeros = gzipSync(Buffer.alloc(16 * MIB));
  const bigFile = gzipSync(tarHeader({ name: 'zeros', type: 'file', size: 128 * MIB }));
  const end = gzipSync(Buffer.alloc(1024));
  const honest = gzipSync(archive(file('f', 'x')));
  const sparse = Buffer.concat([
    paxRecord('GNU.sparse.size', Buffer.from(`${2 ** 40}`)),
    paxRecord('GNU.sparse.map', Buffer.from('0,1')),
  ]);
  const pax = paxRecord('comment', Buffer.alloc(64 * MIB, 'c'));
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
  const grows = (outcome: string): boolean => outcome === 'ok';
  const refusedByKernel = (outcome: string): boolean => outcome !== 'ResourceExhausted';
  const window = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 1, 0, 0]);
  const emptyBlock = Buffer.from([0, 0, 0]);
  return {
    'gzip, 1000 to 1': {
      bytes: Buffer.concat([bigFile, zeros, end]),
      job: { repeat: [bigFile.length, bigFile.length + zeros.length, 8], decompress: { freeOutput: 32 * MIB } },
      outcome: 'ResourceExhausted',
      says: /more than 200 times/,
      without: grows,
    },
    'more bytes than a layer may have': {
      bytes: Buffer.concat([bigFile, zeros, end]),
      job: { repeat: [bigFile.length, bigFile.length + zeros.length, 8], decompress: { maxOutput: 32 * MIB } },
      outcome: 'ResourceExhausted',
      says: /grows beyond/,
      without: grows,
    },
    'zeros behind the end': {
      bytes: Buffer.concat([honest, zeros]),
      // the tail of zeros lies behind the archive: as many members of it as the bound has and one more
      job: {
        repeat: [honest.length, honest.length + zeros.length, 2],
        options: { limits: { maxTrailing: 16 * MIB } },
      },
      outcome: 'ResourceExhausted',
      says: /follows its end/,
    },
    'more files than a layer may have': {
      bytes: archive(file('f')),
      job: { repeat: [0, 512, 3000], options: { limits: { maxEntries: 2000 } } },
      outcome: 'ResourceExhausted',
      says: /too many entries/,
      without: grows,
    },
    '4,096 directories deep': {
      bytes: archive(dir('d/'.repeat(4096))),
      outcome: 'ResourceExhausted',
      says: /too (long|deep)/,
      without: refusedByKernel,
    },
    '1,200 directories deep': {
      bytes: archive(dir('d/'.repeat(1200))),
      outcome: 'ResourceExhausted',
      says: /too deep/,
      without: grows,
    },
    'an extended header of 64 MiB': {
      bytes: Buffer.concat([typed('x', pax.length), padded(pax), archive(file('f'))]),
      outcome: 'ResourceExhausted',
      says: /extended header is too large/,
      without: (outcome, rss) => outcome === 'ok' && rss > 0,
    },
    'extended headers without end': {
      bytes: Buffer.concat([typed('x', 0), archive(file('f'))]),
      job: { repeat: [0, 512, 40] },
      outcome: 'ResourceExhausted',
      says: /too many extended headers/,
    },
    'a sparse file of 1 TiB': {
      bytes: Buffer.concat([
        typed('x', sparse.length),
        padded(sparse),
        tarEntry({ name: 'f', type: 'file' }, Buffer.from('x')),
        Buffer.alloc(1024),
      ]),
      outcome: 'ResourceExhausted',
      says: /files are too large/,
      without: grows,
    },
    'a zstd window of 2 GiB': { bytes: window, outcome: 'ResourceExhausted', says: /window/, without: grows },
    'zstd blocks of nothing in a large window': {
      // 64 MiB of window: 16 << 3
      bytes: Buffer.concat([
        Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 16 << 3]),
        ...Array.from({ length: 60_000 }, () => emptyBlock),
      ]),
      outcome: 'ResourceExhausted',
      says: /window is too large for its blocks/,
    },
    'gzip in gzip': { bytes: gzipSync(gzipSync(Buffer.alloc(16 * MIB))), outcome: 'DataLoss', says: /no tar/ },
  };
}

if (!inSandbox) {
  test('I02: bombs, in a sandbox', { skip: isRoot ? false : 'needs root', timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url),
  );
} else {
  const yard = new Yard();
  const all = Object.entries(bombs());
  const jobs = all.map(([, { bytes, job }]): ApplyJob => ({ tar: yard.file(bytes), directory: yard.layer(), ...job }));

  test('each ends at its bound, soon and in little memory', () => {
    const results = applyInChild(yard, jobs);
    for (const [i, [name, { outcome, says }]] of all.entries()) {
      const result = results[i];
      assert.ok(result !== undefined, `${name}: no result`);
      assert.equal(result.outcome, outcome, `${name}: ${result.message}`);
      assert.match(result.message, says, name);
      assert.ok(result.rss < MAX_RSS_MIB, `${name}: ${result.rss} MiB`);
      assert.ok(result.seconds < MAX_SECONDS, `${name}: ${result.seconds} s`);
    }
  });

  test('twin: without the bounds each gets what it wants', () => {
    const without = all.flatMap(([name, bomb], i) =>
      bomb.without === undefined ? [] : [{ name, bomb, job: jobs[i] as ApplyJob }],
    );
    const results = applyInChild(
      yard,
      without.map(({ job }) => ({ ...job, directory: yard.layer() })),
      ['tar-bounds', 'decompress-bounds'],
    );
    for (const [i, { name, bomb }] of without.entries()) {
      const { outcome, message, rss } = results[i] ?? { outcome: 'none', message: '', rss: 0 };
      assert.ok(bomb.without?.(outcome, rss) === true, `${name}: ${outcome} ${message}`);
    }
    yard.remove();
  });

  test('what a bomb left goes away with its draft; the bounds of an honest layer are wide', async () => {
    const root = mkdtempSync(join(tmpdir(), 'glassbox-bomb-'));
    try {
      const store = await SnapshotStore.open({ root });
      const draft = await store.prepareLayer(`sha256:${'a'.repeat(64)}` as Digest, null);
      const tar = archive(...Array.from({ length: 50 }, (_, i) => file(`f${i}`, 'x')));
      await assert.rejects(
        applyLayer(decompress(inPieces(gzipSync(tar))), draft.directory, { limits: { maxEntries: 40 } }),
        (error) => error instanceof EngineError && error.code === 'ResourceExhausted',
      );
      assert.equal(readdirSync(draft.directory).length, 40);
      await store.abandonLayer(draft);
      assert.deepEqual(readdirSync(join(root, 'image/overlay/incomplete')), []);
      mkdirSync(join(root, 'honest'));
      // 100 MiB of zeros: the ratio of a bomb, the size of a layer
      const honest = gzipSync(archive(file('zeros', Buffer.alloc(100 * MIB))), { level: 1 });
      assert.equal((await applyLayer(decompress(inPieces(honest)), join(root, 'honest'))).bytes, 100 * MIB);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
}
