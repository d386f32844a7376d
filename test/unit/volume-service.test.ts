import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import type { VolumeService } from '../../engine/volume/types.js';
import { openVolumes } from '../../engine/volume/volumes.js';

let root: string;
let volumes: VolumeService;
let events: string[];

const open = (): Promise<VolumeService> =>
  openVolumes({
    root,
    event: (action, name, attributes) => events.push(`${action} ${name} ${JSON.stringify(attributes)}`),
  });

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'glassbox-volumes-'));
  events = [];
  volumes = await open();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const refused = (code: string, message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof EngineError, String(error));
  assert.equal(error.code, code);
  if (typeof message === 'string') assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};

describe('volumes', () => {
  test('are directories with Docker’s modes, shown in Docker’s shape', async () => {
    const made = await volumes.create({ Name: 'data', Labels: { a: 'b' } });
    assert.deepEqual(made, {
      Name: 'data',
      Driver: 'local',
      Mountpoint: join(root, 'volumes/data/_data'),
      CreatedAt: made.CreatedAt,
      Labels: { a: 'b' },
      Scope: 'local',
      Options: null,
    });
    assert.match(made.CreatedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(statSync(made.Mountpoint).mode & 0o7777, 0o755);
    assert.equal(statSync(join(root, 'volumes/data')).mode & 0o7777, 0o701);
    assert.deepEqual(await volumes.get('data'), made);
    assert.deepEqual(events, ['create data {"driver":"local"}']);
  });

  test('without a name get one, and the label that says so', async () => {
    const made = await volumes.create({});
    assert.match(made.Name, /^[0-9a-f]{64}$/);
    assert.deepEqual(made.Labels, { 'com.docker.volume.anonymous': '' });
  });

  test('with options have Docker’s file of them', async () => {
    await volumes.create({ Name: 'ram', DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } });
    assert.equal(
      readFileSync(join(root, 'volumes/ram/opts.json'), 'utf8'),
      '{"MountType":"tmpfs","MountOpts":"size=1m","MountDevice":"tmpfs","Quota":{"Size":0}}',
    );
  });

  test('made twice are the first', async () => {
    const first = await volumes.create({ Name: 'data', Labels: { a: 'b' } });
    writeFileSync(join(first.Mountpoint, 'file'), 'kept');
    assert.deepEqual(await volumes.create({ Name: 'data', Labels: { c: 'd' } }), first);
    assert.equal(readFileSync(join(first.Mountpoint, 'file'), 'utf8'), 'kept');
    assert.equal(events.length, 1);
  });

  test('of a driver that is not there are not made', async () => {
    await assert.rejects(
      volumes.create({ Name: 'vv', Driver: 'foo' }),
      refused('NotFound', 'create vv: error looking up volume plugin foo: plugin "foo" not found'),
    );
  });

  test('that are not there are said to be', async () => {
    await assert.rejects(volumes.get('nope'), refused('NotFound', 'get nope: no such volume'));
    await assert.rejects(volumes.remove('nope'), refused('NotFound', 'get nope: no such volume'));
    await assert.rejects(volumes.acquire('nope', 'c'), refused('NotFound', 'get nope: no such volume'));
    await volumes.remove('nope', { force: true });
  });

  test('in use stay, and name who uses them', async () => {
    await volumes.create({ Name: 'data' });
    await volumes.acquire('data', 'c1');
    await volumes.acquire('data', 'c1');
    await volumes.acquire('data', 'c2');
    const message = 'remove data: volume is in use - [c1, c2]';
    await assert.rejects(volumes.remove('data'), refused('FailedPrecondition', message));
    await assert.rejects(volumes.remove('data', { force: true }), refused('FailedPrecondition', message));
    assert.equal((await volumes.usage('data')).RefCount, 2);
    await volumes.release('data', 'c1');
    await volumes.release('data', 'c2');
    await volumes.remove('data');
    assert.equal(existsSync(join(root, 'volumes/data')), false);
    assert.equal(events.at(-1), 'destroy data {"driver":"local"}');
  });

  test('come back as they were', async () => {
    const data = await volumes.create({ Name: 'data', Labels: { a: 'b' } });
    const ram = await volumes.create({ Name: 'ram', DriverOpts: { type: 'tmpfs', device: 'tmpfs' } });
    const again = await open();
    assert.deepEqual((await again.list()).Volumes, [data, ram]);
  });

  test('half made or half removed by an engine that was killed are gone', async () => {
    await volumes.create({ Name: 'data' });
    for (const name of ['.new-abc123', '.gone-abc123/old/_data'])
      mkdirSync(join(root, 'volumes', name), { recursive: true });
    const again = await open();
    assert.deepEqual(
      (await again.list()).Volumes.map(({ Name }) => Name),
      ['data'],
    );
    assert.equal(existsSync(join(root, 'volumes/.new-abc123')), false);
    assert.equal(existsSync(join(root, 'volumes/.gone-abc123')), false);
  });

  test('whose record is damaged stop the engine with its name', async () => {
    await volumes.create({ Name: 'data' });
    writeFileSync(join(root, 'volumes/data/volume.json'), '{');
    await assert.rejects(open(), refused('DataLoss', /volumes\/data\/volume\.json/));
  });

  test('are removed without following links out of them', async () => {
    const { Mountpoint } = await volumes.create({ Name: 'data' });
    const outside = join(root, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'canary'), 'alive');
    symlinkSync(outside, join(Mountpoint, 'link'));
    await volumes.remove('data');
    assert.equal(readFileSync(join(outside, 'canary'), 'utf8'), 'alive');
  });

  test('are made again while the old one is still being removed', async () => {
    const { Mountpoint } = await volumes.create({ Name: 'data' });
    for (let index = 0; index < 200; index++) writeFileSync(join(Mountpoint, String(index)), 'x');
    const [, made] = await Promise.all([volumes.remove('data'), volumes.create({ Name: 'data' })]);
    assert.equal(existsSync(join(made.Mountpoint, '0')), false);
    assert.deepEqual(await volumes.get('data'), made);
  });

  test('are listed by Docker’s filters', async () => {
    await volumes.create({ Name: 'one', Labels: { a: '1' } });
    await volumes.create({ Name: 'two' });
    await volumes.acquire('two', 'c1');
    const names = async (filters: Record<string, string[]>): Promise<string[]> =>
      (await volumes.list(filters)).Volumes.map(({ Name }) => Name);
    assert.deepEqual(await names({}), ['one', 'two']);
    assert.deepEqual(await names({ dangling: ['true'] }), ['one']);
    assert.deepEqual(await names({ dangling: ['false'] }), ['two']);
    assert.deepEqual(await names({ label: ['a=1'] }), ['one']);
    assert.deepEqual(await names({ name: ['w'] }), ['two']);
    assert.deepEqual(await names({ driver: ['other'] }), []);
    await assert.rejects(volumes.list({ foo: [] }), refused('InvalidArgument', "invalid filter 'foo'"));
  });

  test('that nobody uses are pruned: those without a name, or all', async () => {
    const anonymous = await volumes.create({});
    writeFileSync(join(anonymous.Mountpoint, 'file'), 'x'.repeat(1000));
    const used = await volumes.create({});
    await volumes.acquire(used.Name, 'c1');
    await volumes.create({ Name: 'named' });
    await volumes.create({ Name: 'kept', Labels: { keep: '' } });
    await volumes.create({ Name: 'ram', DriverOpts: { type: 'tmpfs', device: 'tmpfs' } });
    assert.deepEqual(await volumes.prune({}), { VolumesDeleted: [anonymous.Name], SpaceReclaimed: 1000 });
    assert.deepEqual(await volumes.prune({ all: ['true'], 'label!': ['keep'] }), {
      VolumesDeleted: ['named'],
      SpaceReclaimed: 0,
    });
    assert.deepEqual((await volumes.list()).Volumes.map(({ Name }) => Name).sort(), [used.Name, 'kept', 'ram'].sort());
    assert.equal(events.at(-1), 'prune  {"reclaimed":"0"}');
  });
});
