import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MountListInput, resolveMounts } from '../../engine/container/mounts/mount-list.js';

const SOCKET = '/run/docker.sock';
type Asked = Partial<MountListInput['hostConfig']>;
const NOTHING: MountListInput['hostConfig'] = { Binds: null, Mounts: [], VolumesFrom: null, VolumeDriver: '' };
const mountsOf = (asked: Asked, more: Partial<MountListInput> = {}) =>
  resolveMounts({
    volumes: null,
    mountsOf: () => [],
    exists: () => true,
    hostConfig: { ...NOTHING, ...asked },
    ...more,
  });
const other = mountsOf({ Binds: [`${SOCKET}:/s`] });

/** The engine's socket, in every form that a request has for a directory or file of the machine. */
const FORMS: readonly (readonly [string, Asked])[] = [
  ['Binds', { Binds: [`${SOCKET}:/s`] }],
  ['Binds, read-only', { Binds: [`${SOCKET}:/s:ro`] }],
  ['Binds, another spelling', { Binds: ['//run/./x/..//docker.sock/:/s'] }],
  ['Mounts', { Mounts: [{ Type: 'bind', Source: SOCKET, Target: '/s' }] }],
  ['Mounts, another spelling', { Mounts: [{ Type: 'bind', Source: '/run/../run/docker.sock', Target: '/s' }] }],
  ['VolumesFrom', { VolumesFrom: ['other:ro'] }],
];

test('A03: in whatever form it was wished, what a container has of the machine is said in one way (CVE-2026-6406)', () => {
  for (const [form, hostConfig] of FORMS) {
    const points = mountsOf(hostConfig, { mountsOf: () => other }).map(({ point }) => point);
    assert.deepEqual(
      points.map(({ Type, Source, Destination }) => [Type, Source, Destination]),
      [['bind', SOCKET, '/s']],
      form,
    );
  }
});

test('A03 twin: who looks for it in one field of the request misses it in the others', () => {
  const seen = FORMS.filter(([, { Binds }]) => (Binds ?? []).some((bind) => bind.startsWith(`${SOCKET}:`)));
  assert.deepEqual(
    seen.map(([form]) => form),
    ['Binds', 'Binds, read-only'],
  );
});
