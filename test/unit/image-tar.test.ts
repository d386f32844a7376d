import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { ErrorCode } from '../../engine/api/types.js';
import { compressionOf, type DecompressLimits, decompress } from '../../engine/image/tar/decompress.js';
import { decodeName, encodeName } from '../../engine/image/tar/names.js';
import { parseNumber, writeNumber } from '../../engine/image/tar/numbers.js';
import { TarParser } from '../../engine/image/tar/parser.js';
import { formatPaxTime, parsePaxTime, paxRecord } from '../../engine/image/tar/pax.js';
import { readContent, readTar } from '../../engine/image/tar/read.js';
import type { TarEntry, TarEntryInit, TarLimits } from '../../engine/image/tar/types.js';
import { tarEntry, tarHeader } from '../../engine/image/tar/write.js';
import { EngineError } from '../../engine/kernel/errors.js';
import { archive, collect, dir, file, hardlink, inPieces, symlink } from '../helpers/image-tar.js';

type Read = readonly [TarEntry, Buffer];

async function entriesOf(source: AsyncIterable<Uint8Array>, limits: Partial<TarLimits> = {}): Promise<Read[]> {
  const found: Read[] = [];
  for await (const one of readTar(source, limits)) found.push([one.entry, await readContent(one, 64 << 20)]);
  return found;
}

/** Push pieces that are overwritten afterwards: nothing of them may be kept. */
function lent(bytes: Buffer, pieces: readonly number[]): Read[] {
  const found: [TarEntry, Buffer][] = [];
  const parser = new TarParser({
    entry: (entry) => void found.push([entry, Buffer.alloc(entry.size)]),
    data: (piece, offset) => void found.at(-1)?.[1].set(piece, offset),
    end: () => undefined,
  });
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = Buffer.from(bytes.subarray(at, at + (pieces[i % pieces.length] as number)));
    at += piece.length;
    parser.push(piece);
    piece.fill(0xaa);
  }
  parser.finish();
  return found;
}

const failsWith =
  (code: ErrorCode, text?: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof EngineError, `not one of ours: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    if (text !== undefined) assert.match(error.message, text);
    return true;
  };

/** Flags of a header: its bytes from 156. */
function special(flag: string, content: Buffer): Buffer {
  const block = tarHeader({ name: 'special', type: 'file', size: content.length });
  block.write(flag, 156, 'latin1');
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0x20 : (block[i] as number);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([block, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

const END = Buffer.alloc(1024);
const pax = (key: string, value: string): Buffer => paxRecord(key, Buffer.from(value));

describe('tar', () => {
  it('round trip of any entries, cut anywhere', () => {
    const bytesName = fc
      .uint8Array({ minLength: 1, maxLength: 300 })
      .map((bytes) => decodeName(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))));
    const name = fc.oneof(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), bytesName).map((text) => {
      const clean = text.replaceAll('\0', '_').replace(/[/\s]+$/, '');
      return clean === '' ? 'x' : clean;
    });
    const entry = fc.record({
      name,
      type: fc.constantFrom('file', 'directory', 'symlink', 'hardlink', 'char', 'fifo' as const),
      linkname: name,
      mode: fc.integer({ min: 0, max: 0o7777 }),
      uid: fc.oneof(fc.nat(70_000), fc.constantFrom(2_097_151, 2_097_152, 4_294_967_294)),
      gid: fc.oneof(fc.nat(70_000), fc.constantFrom(4_294_967_294)),
      mtime: fc.bigInt({ min: -(10n ** 18n), max: 10n ** 20n }),
      major: fc.nat(4095),
      minor: fc.nat(1_048_575),
      xattrs: fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,20}$/), fc.uint8Array({ maxLength: 100 })),
      content: fc.uint8Array({ maxLength: 1500 }),
    });
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 1400 }), { minLength: 1, maxLength: 5 }),
        (entries, pieces) => {
          const inits = entries.map(({ content, xattrs, ...rest }) => {
            const isLink = rest.type === 'symlink' || rest.type === 'hardlink';
            const isDevice = rest.type === 'char';
            const init: TarEntryInit = {
              ...rest,
              type: rest.type as TarEntry['type'],
              linkname: isLink ? rest.linkname : '',
              major: isDevice ? rest.major : 0,
              minor: isDevice ? rest.minor : 0,
              xattrs: new Map(Object.entries(xattrs).map(([key, value]) => [key, Uint8Array.from(value)])),
            };
            return [init, Buffer.from(rest.type === 'file' ? content : [])] as const;
          });
          const bytes = Buffer.concat([...inits.map(([init, content]) => tarEntry(init, content)), END]);
          const found = lent(bytes, pieces);
          assert.equal(found.length, inits.length);
          for (const [i, [entry, content]] of found.entries()) {
            const [init, wanted] = inits[i] as (typeof inits)[number];
            const { xattrs } = entry;
            assert.equal(entry.size, wanted.length);
            for (const key of ['name', 'type', 'linkname', 'mode', 'uid', 'gid', 'mtime', 'major', 'minor'] as const)
              assert.equal(entry[key], init[key], `${key} of entry ${i}`);
            assert.deepEqual(
              [...xattrs].map(([key, value]) => [key, Buffer.from(value).toString('hex')]).sort(),
              [...(init.xattrs ?? [])].map(([key, value]) => [key, Buffer.from(value).toString('hex')]).sort(),
            );
            assert.ok(content.equals(wanted), `content of entry ${i}`);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('cut short anywhere it is damaged, never silently shorter', async () => {
    const whole = archive(dir('d'), file('d/f', 'x'.repeat(700), { mtime: 1n }), symlink('l', 'd/f'));
    const end = whole.length - 1024;
    for (let length = 1; length < end; length += 37) {
      const boundary = length % 512 === 0;
      const all = (await entriesOf(inPieces(whole))).length;
      try {
        const found = await entriesOf(inPieces(whole.subarray(0, length), 100));
        // between two entries nothing tells an archive without an end from a shorter one, as for every tar
        assert.ok(boundary && found.length < all, `${length} bytes were taken for the whole`);
      } catch (error) {
        failsWith('DataLoss')(error);
      }
    }
  });

  it('a flipped bit of a header is found', async () => {
    const whole = archive(file('name', 'content'));
    for (let bit = 0; bit < 512 * 8; bit += 7) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      // two spellings of the sum's own field mean the same
      if (bit >> 3 >= 148 && bit >> 3 < 156) continue;
      await assert.rejects(entriesOf(inPieces(bytes)), failsWith('DataLoss'), `bit ${bit}`);
    }
  });

  it('base 256 and octal say the same number', () => {
    fc.assert(
      fc.property(fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }), (value) => {
        const block = Buffer.alloc(512);
        writeNumber(block, 124, 12, value);
        assert.equal(parseNumber(block, 124, 12, 'size'), value);
      }),
    );
    const huge = Buffer.alloc(512, 0x7f);
    huge[0] = 0x80;
    assert.throws(() => parseNumber(huge, 0, 12, 'size'), failsWith('DataLoss'));
  });

  it('names are bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        assert.deepEqual(Buffer.from(encodeName(decodeName(bytes))), Buffer.from(bytes));
      }),
    );
    assert.notEqual(decodeName(Buffer.of(0xff)), decodeName(Buffer.of(0xfe)));
  });

  it('PAX times keep nanoseconds, before 1970 too', () => {
    for (const [text, time] of [
      ['1.5', 1_500_000_000n],
      ['-0.000000001', -1n],
      ['1700000000.123456789', 1_700_000_000_123_456_789n],
    ] as const) {
      assert.equal(parsePaxTime(text), time);
      assert.equal(formatPaxTime(time), text);
    }
    for (const wrong of ['', 'x', '1e9', '--1', '1.2.3'])
      assert.throws(() => parsePaxTime(wrong), failsWith('DataLoss'));
  });

  it('extended headers: local over global over the field, GNU long names, what is wrong in them', async () => {
    const global = special('g', Buffer.concat([pax('uname', 'all'), pax('mtime', '7')]));
    const local = special('x', Buffer.concat([pax('path', 'from-pax'), pax('uname', 'one'), pax('size', '3')]));
    const long = 'l'.repeat(300);
    const bytes = Buffer.concat([
      global,
      local,
      tarEntry({ name: 'field', type: 'file' }, Buffer.from('abc')),
      special('L', Buffer.from(`${long}\0`)),
      special('K', Buffer.from(`${long}2\0`)),
      tarEntry({ name: 'short', type: 'symlink', linkname: 'x' }),
      END,
    ]);
    const found = await entriesOf(inPieces(bytes, 513));
    assert.deepEqual(
      found.map(([{ name, uname, mtime, linkname }, content]) => [name, uname, mtime, linkname, content.toString()]),
      [
        ['from-pax', 'one', 7_000_000_000n, '', 'abc'],
        [long, 'all', 7_000_000_000n, `${long}2`, ''],
      ],
    );
    const plain = tarEntry({ name: 'f', type: 'file' });
    for (const [what, text] of [
      ['no length', 'path=x\n'],
      ['length too long', '99 path=x\n'],
      ['length too short', '5 path=x\n'],
      ['no equals', '9 pathx\n\n'],
      ['NUL in a path', '11 path=a\0b\n'],
      ['no keyword', '6 =ab\n'],
    ] as const)
      await assert.rejects(
        entriesOf(inPieces(Buffer.concat([special('x', Buffer.from(text)), plain, END]))),
        failsWith('DataLoss'),
        what,
      );
    await assert.rejects(
      entriesOf(inPieces(Buffer.concat([special('x', pax('path', 'a')), END]))),
      failsWith('DataLoss'),
    );
    await assert.rejects(
      entriesOf(inPieces(Buffer.concat([special('Q', Buffer.alloc(0)), END]))),
      failsWith('InvalidArgument'),
    );
  });

  it('sparse maps that lie are damaged', async () => {
    const sparse = (map: string, size: string, stored: number): Buffer =>
      Buffer.concat([
        special('x', Buffer.concat([pax('GNU.sparse.size', size), pax('GNU.sparse.map', map)])),
        tarEntry({ name: 'f', type: 'file' }, Buffer.alloc(stored, 'x')),
        END,
      ]);
    const [good] = await entriesOf(inPieces(sparse('2,3,10,1', '12', 4)));
    assert.equal(good?.[1].toString('latin1'), '\0\0xxx\0\0\0\0\0x\0');
    for (const [map, size, stored] of [
      ['2,3,4,1', '12', 4],
      ['2,3,10,5', '12', 8],
      ['2,3', '12', 4],
      ['2,3,10', '12', 3],
      ['-1,3', '12', 3],
      ['x,3', '12', 3],
    ] as const)
      await assert.rejects(entriesOf(inPieces(sparse(map, size, stored))), failsWith('DataLoss'), map);
  });

  it('what follows the end is not looked at', async () => {
    const junk = Buffer.alloc(20 << 20, 'junk');
    const found = await entriesOf(inPieces(Buffer.concat([archive(file('f', 'x')), junk]), 1 << 20));
    assert.deepEqual(
      found.map(([entry]) => entry.name),
      ['f'],
    );
  });

  it('bounds are ResourceExhausted', async () => {
    const many = archive(...Array.from({ length: 20 }, (_, i) => file(`f${i}`)));
    const rejects = async (bytes: Buffer, limits: Partial<TarLimits>, text: RegExp): Promise<void> =>
      assert.rejects(entriesOf(inPieces(bytes, 4096), limits), failsWith('ResourceExhausted', text));
    await rejects(many, { maxEntries: 19 }, /too many entries/);
    await rejects(archive(file('f', 'x'.repeat(100))), { maxBytes: 99 }, /too large/);
    await rejects(archive(dir('a/'.repeat(30))), { maxDepth: 30 }, /too deep/);
    await rejects(archive(file('n'.repeat(4096))), {}, /too long/);
    await rejects(Buffer.concat([many, Buffer.alloc(5000)]), { maxTrailing: 4999 }, /follows its end/);
    await rejects(
      Buffer.concat([special('x', pax('comment', 'c'.repeat(5000))), many]),
      { maxHeader: 4096 },
      /too large/,
    );
    await rejects(
      Buffer.concat([...Array.from({ length: 20 }, () => special('x', pax('a', 'b'))), many]),
      {},
      /extended/,
    );
    assert.equal((await entriesOf(inPieces(many), { maxEntries: 20 })).length, 20);
  });

  it('content that nobody reads is passed over', async () => {
    const names: string[] = [];
    for await (const { entry, content } of readTar(
      inPieces(archive(file('a', 'x'.repeat(3000)), file('b', 'y')), 700),
    )) {
      names.push(entry.name);
      if (entry.name === 'a') for await (const piece of content) if (piece.length > 0) break;
    }
    assert.deepEqual(names, ['a', 'b']);
  });
});

describe('decompression', () => {
  const text = Buffer.from(archive(file('f', 'compressible '.repeat(50_000)), hardlink('g', 'f')));
  const unpack = (bytes: Uint8Array, limits: Partial<DecompressLimits> = {}, ...pieces: number[]): Promise<Buffer> =>
    collect(decompress(inPieces(bytes, ...pieces), limits));

  it('plain and gzip by the first bytes, several members, cut anywhere', async () => {
    assert.equal(compressionOf(text), 'none');
    const two = Buffer.concat([gzipSync(text.subarray(0, 1000)), gzipSync(text.subarray(1000))]);
    for (const pieces of [[1, 2, 3, 4000], [10_000]]) {
      assert.ok((await unpack(text, {}, ...pieces)).equals(text), 'plain');
      assert.ok((await unpack(gzipSync(text), {}, ...pieces)).equals(text), 'gzip');
      assert.ok((await unpack(two, {}, ...pieces)).equals(text), 'two members');
    }
    assert.equal((await unpack(Buffer.alloc(0))).length, 0);
    assert.equal((await unpack(Buffer.from('ab'))).toString(), 'ab');
  });

  it('damaged or truncated gzip is DataLoss', async () => {
    const packed = gzipSync(text);
    await assert.rejects(unpack(packed.subarray(0, packed.length - 9)), failsWith('DataLoss'));
    const bad = Buffer.from(packed);
    bad[40] = (bad[40] as number) ^ 0xff;
    await assert.rejects(unpack(bad), failsWith('DataLoss'));
    const sum = Buffer.from(packed);
    sum[sum.length - 6] = (sum[sum.length - 6] as number) ^ 1;
    await assert.rejects(unpack(sum), failsWith('DataLoss'));
  });

  it('what is compressed twice is decompressed once', async () => {
    assert.ok((await unpack(gzipSync(gzipSync(text)))).equals(gzipSync(text)), 'once');
  });

  it('the failure of the source comes through, and leaving early ends it', async () => {
    let ended = false;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (let i = 0; ; i++) yield gzipSync(Buffer.alloc(100_000, i));
      } finally {
        ended = true;
      }
    };
    for await (const piece of decompress(source())) if (piece.length > 0) break;
    assert.ok(ended, 'the source is still open');
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield gzipSync(text).subarray(0, 100);
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error('the network is gone');
    };
    await assert.rejects(collect(decompress(failing())), /the network is gone/);
  });

  const zstd = (bytes: Buffer, ...args: string[]): Buffer =>
    spawnSync('zstd', ['-q', '-c', ...args], { input: bytes, maxBuffer: 1 << 28 }).stdout;
  const noZstd = spawnSync('zstd', ['--version']).status === 0 ? false : 'zstd is not installed';

  it('zstd: levels, frames, skippable frames, tiny ones, cut anywhere', { skip: noZstd }, async () => {
    const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]);
    const empty = zstd(Buffer.alloc(0));
    for (const packed of [
      zstd(text),
      zstd(text, '-19'),
      zstd(text, '--ultra', '-20'),
      zstd(text, '--no-check', '--fast=5'),
      zstd(text, '--long=24'),
      Buffer.concat([skippable, zstd(text.subarray(0, 7)), empty, skippable, zstd(text.subarray(7)), skippable]),
    ])
      for (const pieces of [[1, 2, 3, 500], [100_000]])
        assert.ok((await unpack(packed, {}, ...pieces)).equals(text), 'zstd');
    // thousands of frames in one piece: no recursion
    const frame = zstd(Buffer.from('x'));
    assert.equal((await unpack(Buffer.concat(Array.from({ length: 20_000 }, () => frame)))).length, 20_000);
    const random = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 7919) >> 5));
    assert.ok((await unpack(zstd(random), {}, 1000)).equals(random), 'hardly compressible');
  });

  it('zstd damaged, truncated, or with a window too large', { skip: noZstd }, async () => {
    const packed = zstd(text);
    await assert.rejects(unpack(packed.subarray(0, packed.length - 5)), failsWith('DataLoss'));
    await assert.rejects(unpack(Buffer.concat([packed, Buffer.from('garbage')])), failsWith('DataLoss'));
    for (let at = 5; at < 400; at += 13) {
      const bad = Buffer.from(packed);
      bad[at] = (bad[at] as number) ^ 0x55;
      try {
        assert.ok((await unpack(bad)).length < text.length * 4, 'grows');
      } catch (error) {
        assert.ok(
          error instanceof EngineError && ['DataLoss', 'ResourceExhausted'].includes(error.code),
          String(error),
        );
      }
    }
    const window = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 1, 0, 0]);
    await assert.rejects(unpack(window), failsWith('ResourceExhausted', /window/));
  });

  it('a bomb ends at its bounds', async () => {
    const bomb = gzipSync(Buffer.alloc(20 << 20));
    await assert.rejects(unpack(bomb, { freeOutput: 1 << 20 }), failsWith('ResourceExhausted', /more than 200 times/));
    await assert.rejects(unpack(bomb, { maxOutput: 1 << 20 }), failsWith('ResourceExhausted', /beyond/));
    assert.equal((await unpack(bomb)).length, 20 << 20);
  });
});
