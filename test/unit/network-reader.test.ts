import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import type { Namespace } from '../../engine/api/types.js';
import { realKernel } from '../../engine/kernel/kernel.js';
import type { LabAccess } from '../../engine/observe/access.js';
import { FirewallReader } from '../../engine/observe/firewall-reader.js';
import type { LabIdentity } from '../../engine/observe/lab-identity.js';
import { NamespaceIndex } from '../../engine/observe/namespaces.js';
import { NetworkReader } from '../../engine/observe/network-reader.js';
import { Problems } from '../../engine/observe/problems.js';

const nowhere = (): never => {
  throw new Error('no socket is opened here');
};
const access: LabAccess = { openSocket: nowhere, openWatchSockets: nowhere, hostname: nowhere, run: nowhere };
const lab: LabIdentity = {
  initHostPid: 1,
  initStartTime: 0,
  pidLevel: 0,
  namespaces: {},
  machine: {},
  uidMap: [],
  gidMap: [],
  root: '/',
};
const net = (heldBy: Namespace['heldBy']): Namespace => ({
  id: 'net:[9]',
  kind: 'net',
  inode: 9,
  owner: null,
  parent: null,
  members: [],
  heldBy,
  names: [],
  isLabHost: false,
  isMachine: false,
});

test('a network whose holder ended while it was to be read is due again; one that nothing can open is not', () => {
  // an index that was never built knows no way to any namespace
  const reader = new NetworkReader(realKernel, access, new NamespaceIndex(realKernel, lab));
  const read = (heldBy: Namespace['heldBy']): void => reader.read([net(heldBy)], new Set(['net:[9]']), new Problems());
  read([{ how: 'process', pid: 7 }]);
  assert.deepEqual(reader.takeMissed(), ['net:[9]']);
  assert.deepEqual(reader.takeMissed(), [], 'it is told once');
  read([{ how: 'socket', pid: 7 }]);
  assert.deepEqual(reader.takeMissed(), []);
});

test('rules whose reading failed are due again until it succeeds; those that could not be opened are not', async () => {
  let exitCode = 1;
  const reader = new FirewallReader(realKernel, {
    ...access,
    openSocket: () => realKernel.call('socket', 1, 1 | 0o2000000, 0),
    run: (_, argv) =>
      Promise.resolve(
        argv.includes('--version')
          ? { exitCode: 0, stdout: 'nf_tables', stderr: '' }
          : { exitCode, stdout: argv[0] === 'nft' ? '{"nftables": []}' : '', stderr: 'busy' },
      ),
  });
  const read = (id: Namespace['id'], open: () => number | null): Promise<void> => reader.read(id, open, () => null);
  await read('net:[9]', () => openSync('/dev/null', 'r'));
  await read('net:[8]', () => null);
  assert.deepEqual(reader.failed, ['net:[9]']);
  exitCode = 0;
  await read('net:[9]', () => openSync('/dev/null', 'r'));
  assert.deepEqual(reader.failed, []);
});
