import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openNetworks } from '../../engine/network/networks.js';
import { whyNot } from '../helpers/docker/programs.js';
import { containerId, inside, inTime, published, request, rules } from '../helpers/network-yard.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';

/** Rules are ours for at most this long without being there, on a machine that is busy with other things. */
const BOUND_MS = 45_000;

/** Somebody reloads the machine's firewall: whether bridges are kept apart again, while the engine does nothing else. */
async function comesBack(guardsOff: string): Promise<boolean> {
  process.env['GLASSBOX_TEST_GUARDS_OFF'] = guardsOff;
  const [root, execRoot] = [mkdtempSync('/run/root-'), mkdtempSync('/run/exec-')];
  const networks = await openNetworks({ root, execRoot, warn: (message) => assert.fail(message) });
  try {
    await networks.create({ Name: 'own' });
    const one = await networks.attach(request('one', { own: {} }));
    const two = await networks.attach(request('two', { bridge: {} }, published('80/tcp', '8080')));
    const reaches = async (): Promise<boolean> =>
      (
        await inTime(two.sandboxKey, `ping -c1 -W1 ${one.networks['own']?.IPAddress} >/dev/null && echo reached`)
      ).includes('reached');
    assert.equal(await reaches(), false);
    const before = rules().toSorted();
    inside(null, 'nft flush ruleset');
    assert.equal(await reaches(), true, 'nothing was flushed, or the bridges are kept apart by something else');
    const deadline = performance.now() + (guardsOff === '' ? BOUND_MS : 3000);
    while (performance.now() < deadline && (await reaches())) await sleep(100);
    if (await reaches()) return false;
    // the policy of a chain is the machine's own to set again; of our rules each is there once
    assert.deepEqual(
      rules()
        .filter((line) => line.startsWith('-A'))
        .toSorted(),
      before.filter((line) => line.startsWith('-A')),
    );
    return true;
  } finally {
    for (const name of ['one', 'two']) await networks.detach(containerId(name), null);
    await networks.prune({});
    await networks.close();
    delete process.env['GLASSBOX_TEST_GUARDS_OFF'];
    inside(null, 'nft flush ruleset; ip link del docker0');
    for (const path of [root, execRoot]) rmSync(path, { recursive: true });
  }
}

if (!inSandbox) {
  const why = whyNot(['ip', 'iptables-restore', 'nft', 'nsenter', 'ping']);
  test('N01: the firewall, in a sandbox', { skip: why ?? false, timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  test('N01: rules that are flushed come back, each once (CVE-2025-54410)', { timeout: 600_000 }, async () => {
    inside(null, 'ip link set lo up');
    assert.equal(await comesBack(''), true, 'the bridges reach each other');
    assert.equal(await comesBack('firewall-watch'), false, 'the guard makes no difference');
  });
}
