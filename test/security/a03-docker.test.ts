import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ParsedCreate } from '../../engine/api/docker/bodies/create.js';
import type { ParsedRequest } from '../../engine/api/docker/services.js';
import { volumeWishesOf, type Wish, wishesOf } from '../../engine/api/docker/wishes.js';
import { EngineError } from '../../engine/kernel/errors.js';
import type { VolumeCreateOptions } from '../../engine/volume/types.js';
import { call } from '../helpers/api/client.js';
import { serveFakes } from '../helpers/api/serve.js';

const denied = (): never => {
  throw new EngineError('PermissionDenied', 'authorization denied by policy');
};

/** Nobody gets the engine's socket, or a directory in which it lies. */
function judge(wishes: readonly Wish[]): void {
  for (const wish of wishes) {
    if (wish.kind === 'container') {
      if (wish.name === 'has-socket') denied();
    } else if (`/run/docker.sock/`.startsWith(`${wish.path === '/' ? '' : wish.path}/`)) denied();
    else if (`/var/run/docker.sock/`.startsWith(`${wish.path}/`)) denied();
  }
}

function policy({ operation, asked }: ParsedRequest): void {
  if (operation === 'ContainerCreate') judge(wishesOf((asked as ParsedCreate).request));
  if (operation === 'VolumeCreate') judge(volumeWishesOf(asked as VolumeCreateOptions));
}

/** What the twin judges by: the field that everybody thinks of. */
function bindsOnly({ operation, asked }: ParsedRequest): void {
  if (operation !== 'ContainerCreate') return;
  const { hostConfig } = (asked as ParsedCreate).request;
  if ((hostConfig.Binds ?? []).some((bind) => bind.startsWith('/var/run/docker.sock:'))) denied();
}

const wish = (HostConfig: object): object => ({ Image: 'busybox', HostConfig });
const volume = (device: string): object => ({
  Mounts: [
    {
      Type: 'volume',
      Source: 'v',
      Target: '/x',
      VolumeOptions: { DriverConfig: { Name: 'local', Options: { type: 'none', o: 'bind', device } } },
    },
  ],
});

/** One wish, in every form that the API has for it. */
const FORMS: readonly (readonly [string, object])[] = [
  ['Binds', wish({ Binds: ['/var/run/docker.sock:/s'] })],
  ['Binds, the other name', wish({ Binds: ['/run/docker.sock:/s:ro'] })],
  ['Binds, the directory', wish({ Binds: ['/var/run:/s'] })],
  ['Binds, everything', wish({ Binds: ['/:/s'] })],
  ['Binds, another spelling', wish({ Binds: ['//var/./lib/../run//docker.sock/:/s'] })],
  ['Mounts', wish({ Mounts: [{ Type: 'bind', Source: '/var/run/docker.sock', Target: '/s' }] })],
  ['Mounts, another spelling', wish({ Mounts: [{ Type: 'bind', Source: '/run/../', Target: '/s' }] })],
  [
    'Mounts, in small letters',
    { image: 'busybox', hostconfig: { mounts: [{ type: 'bind', source: '/run', target: '/s' }] } },
  ],
  ['Mounts, a volume that binds', wish(volume('/var/run'))],
  ['Mounts, a volume that binds another spelling', wish(volume('/var/run/./docker.sock'))],
  ['VolumesFrom', wish({ VolumesFrom: ['has-socket:ro'] })],
  ['Devices', wish({ Devices: [{ PathOnHost: '/run', PathInContainer: '/s', CgroupPermissions: 'rwm' }] })],
];

test('A03: the same wish is decided alike in every form (CVE-2026-6406)', async () => {
  const served = await serveFakes({ policy });
  try {
    for (const [form, json] of FORMS)
      assert.equal((await call(served.socket, 'POST', '/containers/create', { json })).status, 403, form);
    const create = (device: string) =>
      call(served.socket, 'POST', '/volumes/create', {
        json: { Name: 'v', DriverOpts: { type: 'none', o: 'bind', device } },
      });
    assert.equal((await create('/run/docker.sock')).status, 403);
    assert.equal((await create('/srv')).status, 201);
    for (const harmless of [
      wish({ Binds: ['/srv:/s', 'named:/t', '/anonymous'] }),
      wish({ Tmpfs: { '/var/run': '' }, Mounts: [{ Type: 'tmpfs', Target: '/run' }] }),
      wish({ VolumesFrom: ['another'] }),
    ])
      assert.equal((await call(served.socket, 'POST', '/containers/create', { json: harmless })).status, 201);
  } finally {
    await served.close();
  }
});

test('A03 twin: a policy on one of the fields is passed by all the others', async () => {
  const served = await serveFakes({ policy: bindsOnly });
  try {
    const statuses = [];
    for (const [, json] of FORMS)
      statuses.push((await call(served.socket, 'POST', '/containers/create', { json })).status);
    assert.deepEqual(statuses, [403, ...FORMS.slice(1).map(() => 201)]);
  } finally {
    await served.close();
  }
});
