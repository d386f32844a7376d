import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Demultiplexer, jsonLines } from '../../src/docker/client/streams.js';
import { type ContainerSummary, containerListing, containerRow, portsText } from '../../src/docker/format/container.js';
import { formatList } from '../../src/docker/format/formatter.js';
import { imageListing, imageRows } from '../../src/docker/format/image.js';
import { natural } from '../../src/docker/format/natural.js';
import { tabwriter } from '../../src/docker/format/tabwriter.js';
import { bytesSize, ellipsis, humanDuration, humanSize } from '../../src/docker/format/units.js';
import { extractTar } from '../../src/docker/tar/extract.js';
import { writeTar } from '../../src/docker/tar/write.js';
import { DetachScanner, parseDetachKeys } from '../../src/docker/terminal/detach-keys.js';

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const frame = (stream: number, text: string): Buffer => {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
};

describe('the streams of a container', () => {
  it('are taken apart, however they are cut', async () => {
    const bytes = Buffer.concat([frame(1, 'out'), frame(2, 'err'), frame(1, ''), frame(0, '中文')]);
    for (const size of [1, 3, 8, 100]) {
      const [out, err]: [Buffer[], Buffer[]] = [[], []];
      const keep = (list: Buffer[]) => (piece: Buffer) => Promise.resolve(void list.push(Buffer.from(piece)));
      const demultiplexer = new Demultiplexer(keep(out), keep(err));
      for await (const chunk of chunks(bytes, size)) await demultiplexer.write(chunk);
      assert.deepEqual([Buffer.concat(out).toString(), Buffer.concat(err).toString()], ['out中文', 'err']);
    }
  });

  it('are refused when they are none, and end with what the engine says', async () => {
    const ignore = (): Promise<void> => Promise.resolve();
    await assert.rejects(new Demultiplexer(ignore, ignore).write(frame(9, 'x')), /Unrecognized input header: 9/);
    await assert.rejects(
      new Demultiplexer(ignore, ignore).write(frame(3, 'gone')),
      /error from daemon in stream: gone/,
    );
  });

  it('are lines of JSON where that is meant', async () => {
    const lines: string[] = [];
    for await (const line of jsonLines(chunks(Buffer.from('{"a":"é"}\r\n\n{"b":2}'), 3))) lines.push(line);
    assert.deepEqual(lines, ['{"a":"é"}', '{"b":2}']);
    await assert.rejects(async () => {
      for await (const line of jsonLines(chunks(Buffer.alloc(17 << 20, 'x'), 1 << 20))) assert.fail(line);
    }, /longer than/);
  });

  it('are left with the keys that detach', () => {
    const scanner = new DetachScanner(parseDetachKeys(''));
    assert.deepEqual(scanner.scan(Buffer.from('a\x10b')), { pass: Buffer.from('a\x10b'), isDetached: false });
    assert.deepEqual(scanner.scan(Buffer.from('c\x10')), { pass: Buffer.from('c'), isDetached: false });
    assert.deepEqual(scanner.scan(Buffer.from('\x10')), { pass: Buffer.from('\x10'), isDetached: false });
    assert.deepEqual(scanner.scan(Buffer.from('\x11rest')), { pass: Buffer.alloc(0), isDetached: true });
    assert.deepEqual(parseDetachKeys('ctrl-a,d,ctrl-['), [1, 100, 27]);
    assert.throws(() => parseDetachKeys('foo'), /Unknown character: 'foo'/);
  });
});

describe('tables', () => {
  const one: ContainerSummary = {
    Id: 'a'.repeat(64),
    Names: ['/other/link', '/c1'],
    Image: 'img:1',
    ImageID: `sha256:${'b'.repeat(64)}`,
    Command: 'sh -c "a very long command line"',
    Created: 1_700_000_000,
    Ports: [],
    Labels: { b: '2', a: '\x1b]0;title\x07x' },
    State: 'running',
    Status: 'Up 3 minutes',
    Mounts: [{ Name: 'volume-with-a-long-name', Driver: 'local' }],
    NetworkSettings: { Networks: { bridge: {} } },
  };
  const list = (format: string, isQuiet = false): string =>
    formatList(containerListing(false), format, isQuiet, [containerRow(one, true, 1_700_000_180_000)]);

  it('look as docker’s', () => {
    assert.equal(
      list(''),
      'CONTAINER ID   IMAGE     COMMAND                   CREATED         STATUS         PORTS     NAMES\n' +
        'aaaaaaaaaaaa   img:1     "sh -c \\"a very long …"   3 minutes ago   Up 3 minutes             c1\n',
    );
    assert.equal(list('', true), 'aaaaaaaaaaaa\n');
    assert.equal(
      list('table {{.Names}}\\t{{.Label "a.b-c"}}\\t{{upper .State}}'),
      'NAMES     b c       STATE\nc1                  RUNNING\n',
    );
    assert.equal(list('{{.Names}}\\n-'), 'c1\n-\n');
    assert.equal(list('{{.Mounts}} {{.LocalVolumes}} {{.Networks}}'), 'volume-with-a-… 1 bridge\n');
  });

  it('never steer the terminal; what a template asks for is given as it is', () => {
    assert.equal(list('table {{.Labels}}'), 'LABELS\na=]0;titlex,b=2\n');
    assert.equal(list('{{.Labels}}'), 'a=\x1b]0;title\x07x,b=2\n');
  });

  it('are JSON with its members sorted', () => {
    const value: unknown = JSON.parse(list('json'));
    assert.ok(typeof value === 'object' && value !== null, 'not an object');
    assert.deepEqual(Object.keys(value), Object.keys(value).sort());
    assert.match(list('{{json .Ports}} {{json .}}'), /^"" \{"Command":"\\"sh/);
  });

  it('refuse what they do not know', () => {
    assert.throws(
      () => list('{{.X}}'),
      /^CliError: failed to execute template: template: :1:2: executing "" at <.X>: can't evaluate field X in type \*formatter.ContainerContext$/,
    );
    assert.throws(() => list('{{.Label}}'), /wrong number of args for Label: want 1 got 0/);
    assert.throws(() => list('table {{'), /unclosed action/);
  });

  it('show ports as ranges', () => {
    const port = (IP: string, PublicPort: number, PrivatePort: number, Type = 'tcp') => ({
      IP,
      PublicPort,
      PrivatePort,
      Type,
    });
    assert.equal(
      portsText([
        port('127.0.0.1', 9002, 9002, 'udp'),
        port('127.0.0.1', 9000, 9000, 'udp'),
        port('127.0.0.1', 9001, 9001, 'udp'),
        port('::', 8080, 80),
        port('0.0.0.0', 8080, 80),
        { PrivatePort: 5, Type: 'tcp' },
        { PrivatePort: 6, Type: 'tcp' },
      ]),
      '5-6/tcp, 127.0.0.1:9000-9002->9000-9002/udp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
    );
  });

  it('show an image once for each of its names', () => {
    const image = {
      Id: `sha256:${'c'.repeat(64)}`,
      Created: 1_700_000_000,
      Size: 1_982_474,
      RepoTags: ['a:1', 'a:2'],
      RepoDigests: [`a@sha256:${'d'.repeat(64)}`, `b@sha256:${'e'.repeat(64)}`],
    };
    const rows = imageRows([image, { ...image, RepoTags: null, RepoDigests: null }], {
      isShort: true,
      wantsDigests: false,
    });
    assert.equal(
      formatList(imageListing(false), '{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}', false, rows),
      ['a:1', 'a:2', 'b:<none>', '<none>:<none>'].map((name) => `${name} cccccccccccc 1.98MB\n`).join(''),
    );
  });

  it('lay cells out as text/tabwriter does', () => {
    assert.equal(
      tabwriter('a\tb\nlong cell here\tc\nno cell\nx\ty\n', 10),
      'a                b\nlong cell here   c\nno cell\nx         y\n',
    );
  });

  it('count in units that people read', () => {
    assert.deepEqual(
      [0, 999, 1000, 1_982_474, 5e9].map((size) => humanSize(size, 3)),
      ['0B', '999B', '1kB', '1.98MB', '5GB'],
    );
    assert.deepEqual([humanSize(1_982_474), bytesSize(25_276_502_016), bytesSize(0)], ['1.982MB', '23.54GiB', '0B']);
    assert.deepEqual(
      [0, 1, 59, 60, 120, 3600, 7200, 172_800, 1_209_600, 5_184_000, 63_072_000].map((seconds) =>
        humanDuration(seconds * 1000),
      ),
      [
        'Less than a second',
        '1 second',
        '59 seconds',
        'About a minute',
        '2 minutes',
        'About an hour',
        '2 hours',
        '2 days',
        '2 weeks',
        '2 months',
        '2 years',
      ],
    );
    assert.deepEqual([ellipsis('abcdef', 4), ellipsis('abc', 4), ellipsis('abc', 1)], ['abc…', 'abc', 'a']);
    assert.deepEqual(['n10', 'n2', 'a', 'n1b'].sort(natural), ['a', 'n1b', 'n2', 'n10']);
  });
});

describe('archives of docker cp', () => {
  const directory = mkdtempSync(join(tmpdir(), 'glassbox-docker-cli-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const tar = (...words: string[]): Buffer => {
    const done = spawnSync('tar', words, { cwd: directory, maxBuffer: 64 << 20 });
    assert.equal(done.status, 0, done.stderr.toString());
    return done.stdout;
  };

  it('come back as they went, and tar reads them', async () => {
    const long = `${'n'.repeat(90)}/${'m'.repeat(90)}-é`;
    mkdirSync(join(directory, 'tree', 'n'.repeat(90)), { recursive: true });
    writeFileSync(join(directory, 'tree', long), 'x'.repeat(1000));
    writeFileSync(join(directory, 'tree', 'empty'), '');
    symlinkSync('empty', join(directory, 'tree', 'link'));
    const made: Buffer[] = [];
    for await (const chunk of writeTar(join(directory, 'tree'), 'new')) made.push(chunk);
    const archive = Buffer.concat(made);
    writeFileSync(join(directory, 'made.tar'), archive);
    assert.deepEqual(
      tar('tf', 'made.tar', '--quoting-style=literal').toString().trim().split('\n').sort(),
      ['new/', 'new/empty', 'new/link', `new/${'n'.repeat(90)}/`, `new/${long}`].sort(),
    );
    mkdirSync(join(directory, 'out'));
    await extractTar(chunks(archive, 333), join(directory, 'out'), { from: 'new', to: 'other', keepsOwners: false });
    assert.equal(readFileSync(join(directory, 'out', 'other', long), 'utf8'), 'x'.repeat(1000));
    assert.equal(readlinkSync(join(directory, 'out', 'other', 'link')), 'empty');
    assert.equal(
      lstatSync(join(directory, 'out', 'other', 'empty')).mtimeMs,
      Math.trunc(lstatSync(join(directory, 'tree', 'empty')).mtimeMs / 1000) * 1000,
    );
  });

  it('of GNU tar are read, long names too', async () => {
    for (const format of ['gnu', 'pax', 'ustar']) {
      // ustar has no room for the long name
      const archive = tar(
        'cf',
        '-',
        `--format=${format}`,
        ...(format === 'ustar' ? ['tree/empty', 'tree/link'] : ['tree']),
      );
      const out = join(directory, `out-${format}`);
      mkdirSync(out);
      await extractTar(chunks(archive, 512), out, { from: 'tree', to: 't', keepsOwners: false });
      assert.ok(readdirSync(join(out, 't')).includes('empty'), format);
    }
  });

  it('write nothing outside of their place', async () => {
    const out = join(directory, 'prison');
    mkdirSync(out);
    const extract = (archive: Buffer): Promise<void> =>
      extractTar(chunks(archive, 512), out, { from: '', to: '', keepsOwners: false });
    writeFileSync(join(directory, 'evil'), 'evil');
    symlinkSync(directory, join(directory, 'way-out'));
    await assert.rejects(
      extract(tar('cf', '-', '--transform=s,evil,../escaped,', '-P', 'evil')),
      /leads out of the destination/,
    );
    await assert.rejects(
      extract(
        Buffer.concat([
          tar('cf', '-', '-b1', 'way-out').subarray(0, 512),
          tar('cf', '-', '--transform=s,evil,way-out/escaped,', 'evil'),
        ]),
      ),
      /is not a directory/,
    );
    assert.ok(!existsSync(join(directory, 'escaped')), 'the archive wrote beside its place');
    await assert.rejects(extract(Buffer.alloc(1024, 'x')), /invalid tar header/);
    await assert.rejects(extract(tar('cf', '-', 'evil').subarray(0, 700)), /unexpected EOF/);
  });
});
