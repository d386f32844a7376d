import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { digestOf } from '../../engine/image/digest.js';
import { Endpoints } from '../../engine/image/registry/endpoints.js';
import { InsecureRegistries } from '../../engine/image/registry/insecure.js';
import { matching, normalise, runsOn } from '../../engine/image/registry/platform.js';
import { humanSize } from '../../engine/image/registry/progress.js';
import type { Platform } from '../../engine/image/types.js';
import { FakeRegistry, reply } from '../helpers/registry/fake-registry.js';
import { type PlainEngine, plainEngine } from '../helpers/registry/plain-backend.js';
import { testImage, testLayer } from '../helpers/registry/test-images.js';

const urls = (list: readonly { readonly url: URL }[]): string[] => list.map(({ url }) => url.href.replace(/\/$/, ''));
const nowhere = (): Promise<readonly string[]> => Promise.resolve([]);

describe('which servers stand for a registry', () => {
  it('docker.io: its mirrors, then itself; nothing else has mirrors, and nothing is pushed to one', async () => {
    const endpoints = new Endpoints({ registryMirrors: ['https://mirror.example/path/', 'http://10.0.0.1:5000'] });
    assert.deepEqual(urls(await endpoints.forPull('docker.io')), [
      'https://mirror.example/path',
      'http://10.0.0.1:5000',
      'https://registry-1.docker.io',
    ]);
    assert.deepEqual(urls(await endpoints.forPush('docker.io')), ['https://registry-1.docker.io']);
    assert.deepEqual(urls(await endpoints.forPull('127.0.0.5:1')), ['https://127.0.0.5:1', 'http://127.0.0.5:1']);
  });

  it('refuses what is no mirror', () => {
    for (const mirror of ['mirror', 'ftp://a', 'https://a?x=1', 'https://a#x', 'https://u:p@a'])
      assert.throws(() => new Endpoints({ registryMirrors: [mirror] }), { code: 'InvalidArgument' }, mirror);
  });

  it('insecure: by name, by network, by what a name resolves to; 127.0.0.0/8 always', async () => {
    const list = new InsecureRegistries(['reg.example:5000', '10.1.0.0/16', 'fd00::/8'], async (host) =>
      host === 'inside.example' ? ['10.1.2.3'] : [],
    );
    for (const host of [
      'reg.example:5000',
      'REG.example:5000',
      '10.1.255.1:80',
      'inside.example',
      '127.1.2.3',
      '[::1]:5000',
      '[fd12::1]',
    ])
      assert.equal(await list.has(host), true, host);
    for (const host of ['reg.example', 'reg.example:5001', '10.2.0.1', 'other.example', '[fe80::1]', 'docker.io'])
      assert.equal(await list.has(host), false, host);
    for (const wrong of ['https://a', '10.0.0.0/33', 'a/b', 'x/24', ''])
      assert.throws(() => new InsecureRegistries([wrong], nowhere), { code: 'InvalidArgument' }, wrong);
  });
});

describe('mirrors and indexes', () => {
  let mirror: FakeRegistry;
  let engine: PlainEngine;
  const image = testImage([testLayer({ a: 'b' })]);

  before(async () => {
    mirror = await FakeRegistry.start();
    mirror.add('library/thing', ['latest'], image);
    engine = await plainEngine({ registryMirrors: [mirror.url] });
  });
  after(async () => {
    await mirror.close();
    await engine.close();
  });

  it('a mirror gives images of docker.io, and gets no credentials of it', async () => {
    await engine.registries.pull('thing', { progress: engine.progress, auth: { username: 'u', password: 'p' } });
    assert.deepEqual(engine.backend.names, [
      'docker.io/library/thing:latest',
      `docker.io/library/thing@${image.digest}`,
    ]);
    assert.ok(
      mirror.asked.length > 0 && mirror.asked.every(({ authorization }) => authorization === null),
      'it got some',
    );
  });

  it('searches an index, in order and with filters', async () => {
    const results = [
      { name: 'a/one', description: 'first', star_count: 7, is_official: false, is_automated: true },
      { name: 'two', description: 'second', star_count: 3, is_official: true },
    ];
    mirror.answer = (_request, response) => reply(response, 200, JSON.stringify({ results }));
    const search = (term: string, options = {}): ReturnType<PlainEngine['registries']['search']> =>
      engine.registries.search(`${mirror.host}/${term}`, options);
    assert.deepEqual(await search('x', { limit: 5, auth: { username: 'u', password: 'p' } }), [
      { name: 'a/one', description: 'first', star_count: 7, is_official: false, is_automated: false },
      { name: 'two', description: 'second', star_count: 3, is_official: true, is_automated: false },
    ]);
    assert.equal(mirror.asked.at(-1)?.path, '/v1/search?q=x&n=5');
    assert.match(mirror.asked.at(-1)?.authorization ?? '', /^Basic /);
    const names = async (filters: object): Promise<string[]> =>
      (await search('x', { filters })).map(({ name }) => name);
    assert.deepEqual(await names({ 'is-official': ['true'] }), ['two']);
    assert.deepEqual(await names({ stars: ['5'] }), ['a/one']);
    assert.deepEqual(await names({ 'is-automated': ['true'] }), []);
    await assert.rejects(search('x', { filters: { nosuch: ['1'] } }), { message: "invalid filter 'nosuch'" });
    await assert.rejects(search('x', { filters: { stars: ['many'] } }), { code: 'InvalidArgument' });
    await assert.rejects(search('x', { limit: 101 }), { message: 'limit 101 is outside the range of [1, 100]' });
    await assert.rejects(engine.registries.search('https://x', {}), {
      message: 'invalid repository name: repository name (https://x) should not contain a scheme',
    });
    mirror.answer = (_request, response) => reply(response, 404, '');
    await assert.rejects(search('x'), { message: 'Unexpected status code 404' });
    mirror.answer = null;
  });

  it('looks at what a registry has', async () => {
    const found = await engine.registries.distribution('thing');
    assert.deepEqual(found, {
      Descriptor: { mediaType: image.mediaType, digest: image.digest, size: image.manifest.byteLength },
      Platforms: [{ architecture: 'amd64', os: 'linux' }],
    });
  });
});

describe('platforms', () => {
  const platform = (text: string): Platform => {
    const [os = '', architecture = '', variant] = text.split('/');
    return { os, architecture, ...(variant === undefined ? {} : { variant }) };
  };

  it('knows other names for the same', () => {
    for (const [given, expected] of [
      ['linux/x86_64', 'linux/amd64'],
      ['linux/amd64/v1', 'linux/amd64'],
      ['Linux/AArch64/v8', 'linux/arm64'],
      ['linux/armhf', 'linux/arm/v7'],
      ['linux/arm/6', 'linux/arm/v6'],
      ['linux/i386', 'linux/386'],
    ] as const)
      assert.deepEqual(normalise(platform(given)), platform(expected), given);
  });

  it('takes the best that runs', () => {
    const index = (...list: string[]): Parameters<typeof matching>[0] =>
      list.map((text) => ({ mediaType: 'x', size: 1, digest: digestOf(text), platform: platform(text) }));
    const best = (wanted: string, ...list: string[]): string | undefined => {
      const [found] = matching(index(...list), platform(wanted));
      return list.find((text) => digestOf(text) === found?.digest);
    };
    assert.equal(best('linux/arm/v7', 'linux/arm/v5', 'linux/arm/v6', 'linux/arm64'), 'linux/arm/v6');
    assert.equal(best('linux/arm64', 'linux/arm/v7', 'linux/arm64/v8'), 'linux/arm64/v8');
    assert.equal(best('linux/arm64', 'linux/arm/v7', 'linux/amd64'), 'linux/arm/v7');
    assert.equal(best('linux/amd64/v3', 'linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4'), 'linux/amd64/v2');
    assert.equal(best('linux/amd64', 'linux/amd64/v2', 'linux/386'), 'linux/386');
    assert.equal(best('linux/amd64', 'unknown/unknown', 'windows/amd64'), undefined);
    assert.ok(!runsOn(platform('linux/arm64'), platform('linux/amd64')), 'arm does not run on amd64');
    const [unsaid] = matching([{ mediaType: 'x', size: 1, digest: digestOf('') }], platform('linux/amd64'));
    assert.ok(unsaid !== undefined, 'an entry without a platform is for all');
  });

  it('writes sizes as Docker does', () => {
    assert.deepEqual([0, 999, 1000, 3_010_560, 65_136, 1_500_000_000].map(humanSize), [
      '0B',
      '999B',
      '1kB',
      '3.011MB',
      '65.14kB',
      '1.5GB',
    ]);
  });
});
