/** The configuration of an image is written by a stranger: what it says reaches the container, and decides nothing of the engine's. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { parseDaemonOptions } from '../../engine/api/daemon-options.js';
import { parseCreate } from '../../engine/api/docker/bodies/create.js';
import { Query } from '../../engine/api/docker/bodies/query.js';
import { ApiVersion } from '../../engine/api/docker/version.js';
import { type Engine, openEngine } from '../../engine/docker-daemon.js';
import { parseImageConfig } from '../../engine/image/config.js';
import type { ImageRunConfig } from '../../engine/image/types.js';
import { attacks } from './runtime/attack.js';

const OUTSIDE = '/run/outside';
const MARKER = `${OUTSIDE}/marker`;
const EVIL = `${OUTSIDE}/evil.cjs`;

attacks(import.meta.url, 'I07: configurations of images', () => {
  let engine: Engine;
  let images = 0;

  before(async () => {
    mkdirSync(`${OUTSIDE}/place`, { recursive: true });
    writeFileSync(EVIL, `require('node:fs').appendFileSync(${JSON.stringify(MARKER)}, process.argv0 + '\\n');`);
    const group = `/glassbox-attack-i07-${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]}`;
    const roots = ['--data-root', '/run/engine', '--exec-root', '/run/engine-exec', '--cgroup-parent', group];
    engine = await openEngine(parseDaemonOptions([...roots, '--bridge', 'none', '--iptables=false']));
  });
  after(async () => {
    const { containers } = engine.services;
    for (const { Id } of await containers.list({ all: true, limit: 0, size: false, filters: {} }))
      await containers.remove(Id, { force: true, volumes: true, link: false });
    await engine.close({ stop: true });
    execFileSync('rm', ['-rf', OUTSIDE, '/run/engine', '/run/engine-exec']);
  });

  /** A container of an image that says this, with nothing of its own said. */
  async function create(config: ImageRunConfig): Promise<string> {
    const { images: store, containers } = engine.services;
    const image = await store.get('busybox');
    const { id } = await store.commit({ image, upper: null, config, createdBy: 'a stranger' });
    const name = `of-image-${images++}`;
    const body = { Image: id, HostConfig: { NetworkMode: 'none' } };
    const { request } = parseCreate(new Query(`name=${name}`), body, ApiVersion.negotiate(null));
    return (await containers.create(request)).Id;
  }
  const exitOf = async (config: ImageRunConfig): Promise<number> => {
    const id = await create(config);
    const ended = engine.services.containers.wait(id, 'next-exit');
    await engine.services.containers.start(id);
    return (await ended).StatusCode;
  };

  const ENV = [
    `NODE_OPTIONS=--require=${EVIL}`,
    `LD_PRELOAD=${EVIL}`,
    `BASH_ENV=${EVIL}`,
    'PATH=/run/outside:/bin',
    'MARK=i07',
  ];

  test('I07: an environment for the programs of the engine reaches the container alone', async () => {
    const { containers } = engine.services;
    const id = await create({ Env: ENV, Cmd: ['/bin/sleep', '1000'] });
    await containers.start(id);
    const { Pid } = (await containers.inspect(id)).State;
    const marked = readdirSync('/proc').filter(
      (pid) => /^\d+$/.test(pid) && environmentOf(pid).split('\0').includes('MARK=i07'),
    );
    assert.deepEqual(marked, [String(Pid)]);
    await containers.top(id, []);
    await containers.remove(id, { force: true, volumes: true, link: false });
    assert.ok(!existsSync(MARKER), 'a program of the engine ran what the image named');
  });

  test("I07 twin: a program that is given the image's environment runs what it names", () => {
    const [NODE_OPTIONS] = ENV.map((one) => one.slice(one.indexOf('=') + 1));
    execFileSync(process.execPath, ['-e', '0'], { env: { NODE_OPTIONS } });
    assert.ok(existsSync(MARKER), 'the environment does nothing, so that the test shows nothing');
    execFileSync('rm', [MARKER]);
  });

  test('I07: a working directory of the image is made in the container, wherever it leads', async () => {
    for (const WorkingDir of [
      `${OUTSIDE}/place/new`,
      '../../../../run/outside/place/new',
      '/proc/1/root/run/outside/place/new',
    ])
      await exitOf({ WorkingDir, Cmd: ['/bin/true'] }).catch((error: Error) => assert.match(error.message, /\w/));
    assert.deepEqual(readdirSync(`${OUTSIDE}/place`), []);
  });

  test('I07: labels change nothing, whatever they are called', async () => {
    const Labels = {
      image: 'trusted',
      name: 'trusted',
      exitCode: '0',
      'com.docker.volume.anonymous': '',
      ['__proto__']: 'x',
    };
    const seen: string[] = [];
    const stop = new AbortController();
    const told = (async () => {
      for await (const { Actor } of engine.services.containers.events({
        filters: {},
        since: null,
        until: null,
        signal: stop.signal,
      }))
        seen.push(`${Actor.Attributes['image']} ${Actor.Attributes['name']} ${Actor.Attributes['exitCode'] ?? ''}`);
    })();
    assert.equal(await exitOf({ Labels, Cmd: ['/bin/false'] }), 1);
    stop.abort();
    await told;
    assert.ok(
      seen.some((one) => /^sha256:\w+ of-image-\d+ 1$/.test(one)),
      seen.join('; '),
    );
    assert.deepEqual(
      seen.filter((one) => one.includes('trusted')),
      [],
    );
  });

  test('I07: what cannot be meant is refused, and the engine goes on', async () => {
    const WRONG: readonly ImageRunConfig[] = [
      { User: 'root\n' },
      { User: '-1' },
      { User: '4294967296' },
      { User: '../../root' },
      { StopSignal: '0' },
      { StopSignal: 'SIGNOTHING' },
      { Healthcheck: { Test: ['CMD', '/bin/true'], Interval: 1 } },
      { Env: ['A=b\0LD_PRELOAD=x'] },
      { WorkingDir: '/a\0b' },
      { Entrypoint: ['/bin/true\0x'] },
    ];
    for (const config of WRONG) await assert.rejects(exitOf({ Cmd: ['/bin/true'], ...config }), JSON.stringify(config));
    assert.equal(await exitOf({ Cmd: ['/bin/true'] }), 0);
  });

  test('I07: a configuration of a hundred thousand variables is refused before anything is made of it', () => {
    const config = (count: number): Buffer =>
      Buffer.from(
        JSON.stringify({
          config: { Env: Array.from({ length: count }, (_, n) => `A${n}=x`) },
          rootfs: { type: 'layers', diff_ids: [] },
        }),
      );
    assert.throws(() => parseImageConfig(config(100_000)), { code: 'InvalidArgument' });
    assert.equal(parseImageConfig(config(1000)).config?.Env?.length, 1000);
  });
});

/** Of a process that may end meanwhile. */
function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
