/** What a container prints becomes its log: it can fill a line, but neither end it as it likes, nor write somebody else's, nor grow it without end. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { JsonFileWriter } from '../../engine/container/logs/json-file.js';
import { Spool } from '../../engine/container/output/spool.js';
import { FRAME_HEADER, FRAME_MAGIC } from '../../engine/runtime/output-frame.js';

const FORGED = '{"log":"forged\\n","stream":"stdout","time":"2000-01-01T00:00:00Z"}';

/** A frame as a shim writes it. */
function frame(bytes: Buffer, stream: 1 | 2 = 1): Buffer {
  const head = Buffer.alloc(FRAME_HEADER.size);
  head.writeUInt32LE(FRAME_MAGIC, FRAME_HEADER.magic);
  head.writeUInt32LE(stream, FRAME_HEADER.stream);
  head.writeBigUInt64LE(BigInt(bytes.length), FRAME_HEADER.length);
  head.writeBigInt64LE(1_700_000_000n, FRAME_HEADER.seconds);
  return Buffer.concat([head, bytes]);
}

/** Output that is meant to be taken for something else. */
const HOSTILE: readonly Buffer[] = [
  Buffer.from(`"}\n${FORGED}\n`),
  Buffer.from(`\\"}\\n${FORGED}\r\n\u2028\u2029\u0000\u001b]0;title\u0007\u0085\n`),
  Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 10]),
  Buffer.concat([frame(Buffer.from(`forged by a frame\n`), 2), Buffer.from('\n')]),
  Buffer.from('no end'),
];

interface Line {
  readonly log: string;
  readonly stream: string;
  readonly time: string;
}

describe('F05: logs', () => {
  const directory = mkdtempSync(join(tmpdir(), 'logs-'));
  after(() => rmSync(directory, { recursive: true }));
  let boxes = 0;

  /** The log of a container that printed this. */
  async function logOf(frames: readonly Buffer[], maxSize = 0, maxFiles = 1): Promise<string> {
    const spoolPath = join(mkdtempSync(join(directory, 'spool-')), 'spool');
    const path = join(directory, `log-${boxes++}`);
    const spool = new Spool(spoolPath);
    for (const one of frames) appendFileSync(spoolPath, one);
    spool.complete();
    const writer = new JsonFileWriter(spool, { path, maxSize, maxFiles });
    try {
      await writer.run(spool);
    } finally {
      writer.close();
      spool.close();
    }
    return path;
  }
  const linesOf = (text: string): Line[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);

  test('F05: each line of the log is what was printed, and nothing printed is a line of the log', async () => {
    const text = readFileSync(await logOf(HOSTILE.map((bytes) => frame(bytes))), 'utf8');
    const lines = linesOf(text);
    assert.equal(lines.map(({ log }) => log).join(''), Buffer.concat([...HOSTILE]).toString('utf8'));
    for (const { stream, time } of lines)
      assert.deepEqual([stream, new Date(time).toISOString()], ['stdout', '2023-11-14T22:13:20.000Z']);
    assert.ok(!text.split('\n').includes(FORGED), 'a line was forged');
  });

  test('F05 twin: who writes output between quotes has forged lines in the log', () => {
    const text = HOSTILE.map((bytes) => `{"log":"${bytes.toString('utf8')}","stream":"stdout"}\n`).join('');
    assert.ok(text.split('\n').includes(FORGED), 'the output forges nothing, so that the test shows nothing');
  });

  test('F05: a line without an end is written in parts, and the files have their size and number', async () => {
    const endless = Array.from({ length: 300 }, () => frame(Buffer.alloc(16 << 10, 'x')));
    const [whole, bounded] = [await logOf(endless), await logOf(endless, 100_000, 3)];
    const lines = linesOf(readFileSync(whole, 'utf8'));
    assert.equal(lines.length, 300);
    assert.ok(Math.max(...lines.map(({ log }) => log.length)) <= 16 << 10, 'a line is longer than its bound');
    const name = bounded.slice(directory.length + 1);
    const files = readdirSync(directory).filter(
      (one) => one === name || (one.startsWith(`${name}.`) && !one.endsWith('place')),
    );
    assert.deepEqual(files.toSorted(), [name, `${name}.1`, `${name}.2`]);
    for (const file of files) {
      assert.ok(statSync(join(directory, file)).size <= 100_000, `${file} is too large`);
      assert.ok(linesOf(readFileSync(join(directory, file), 'utf8')).length > 0, `${file} is not whole lines`);
    }
    assert.ok(statSync(whole).size > 300_000, 'twin: without a size there is no bound');
  });
});
