import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExecRequest, ExecResult, Snapshot } from '../../engine/api/types.js';
import { weightOfShares } from '../../src/lesson/checks/cgroups.js';
import type { CheckContext } from '../../src/lesson/checks/context.js';
import { evaluate } from '../../src/lesson/checks/evaluate.js';
import { put } from '../../src/lesson/checks/words.js';
import type { Check, CheckResult } from '../../src/lesson/types.js';
import { lab, layer, type SnapshotBuilder } from '../helpers/snapshot-builder.js';

const nothing: ExecResult = { exitCode: 0, signal: null, stdout: '', stderr: '', timedOut: false, truncated: false };

function context(
  snapshot: Snapshot,
  exec: (request: ExecRequest) => Partial<ExecResult> = () => ({}),
  memory: CheckContext['memory'] = new Map(),
  now = (): number => 0,
): CheckContext {
  return { snapshot, exec: async (request) => ({ ...nothing, ...exec(request) }), memory, now };
}

async function look(
  builder: SnapshotBuilder,
  check: Check,
  exec?: (request: ExecRequest) => Partial<ExecResult>,
): Promise<CheckResult> {
  const result = await evaluate(check, context(builder.build(), exec));
  for (const part of [result.expected, result.observed]) {
    assert.ok(part.en.trim() !== '' && part.zh.trim() !== '', 'a sentence in both languages');
    assert.ok(!/[%]|undefined|\[object/.test(part.en + part.zh), JSON.stringify(part));
  }
  assert.ok(result.source !== '');
  return result;
}

const outcomeOf = async (
  builder: SnapshotBuilder,
  check: Check,
  exec?: (request: ExecRequest) => Partial<ExecResult>,
): Promise<string> => (await look(builder, check, exec)).result;

const wired = (): SnapshotBuilder =>
  lab()
    .ns('r1')
    .ns('r2')
    .veth('host/veth1.1', 'r1/eth0', { a: ['10.1.0.1/24'], b: ['10.1.0.2/24'] });

test('links are found by relation: a veth in r1 whose peer is on the host', async () => {
  const check: Check = { link: { in: 'r1', kind: 'veth', peerIn: 'host', up: true } };
  assert.equal(await outcomeOf(wired(), check), 'passed');
  assert.equal(await outcomeOf(wired().set('r1/eth0', { up: false }), check), 'notYet');
  assert.equal(await outcomeOf(lab().ns('r1').veth('host/a', 'host/b'), check), 'notYet');
  assert.equal(
    await outcomeOf(lab().ns('r1').ns('r2').veth('r1/x', 'r2/y'), { link: { in: 'r1', peerIn: 'host' } }),
    'notYet',
  );
  const missing = await look(lab(), check);
  assert.match(missing.observed.en, /no network namespace r1/);
  const near = await look(wired().set('r1/eth0', { up: false }), check);
  assert.match(near.observed.en, /eth0 \(down, other end veth1\.1 in host/);
  assert.match(near.observed.zh, /未启用/);
});

test('addresses: exact, with or without prefix, inside a subnet, any', async () => {
  assert.equal(await outcomeOf(wired(), { addr: { in: 'r1', address: '10.1.0.2' } }), 'passed');
  assert.equal(await outcomeOf(wired(), { addr: { in: 'r1', address: '10.1.0.2/16' } }), 'notYet');
  assert.equal(await outcomeOf(wired(), { addr: { in: 'r1', inside: '10.1.0.0/24', link: 'eth0' } }), 'passed');
  assert.equal(await outcomeOf(wired(), { addr: { in: 'r1', inside: '10.2.0.0/24' } }), 'notYet');
  assert.equal(await outcomeOf(wired(), { addr: { in: 'r2' } }), 'notYet');
  assert.equal(
    await outcomeOf(wired(), { addr: { in: 'host', link: 'lo' } }),
    'notYet',
    'a loopback address is not a global one',
  );
});

test('namespaces and processes', async () => {
  const builder = wired();
  const uts = builder.namespace('uts', { members: [40] });
  builder.process(40, { comm: 'sleep', argv: ['sleep', '700'], namespaces: { uts } as never, nspid: [40] });
  assert.equal(await outcomeOf(builder, { namespace: { kind: 'net', name: 'r1' } }), 'passed');
  assert.equal(await outcomeOf(builder, { namespace: { kind: 'net', name: 'R1' } }), 'notYet');
  assert.equal(await outcomeOf(builder, { namespace: { kind: 'net', name: 'r1', heldBy: 'process' } }), 'notYet');
  assert.equal(await outcomeOf(builder, { namespace: { kind: 'uts', of: { argv: 'sleep 700' } } }), 'passed');
  assert.equal(await outcomeOf(builder, { process: { argv: 'sleep 700', in: { uts: 'own', net: 'host' } } }), 'passed');
  assert.equal(await outcomeOf(builder, { process: { argv: 'sleep 700', in: { net: 'own' } } }), 'notYet');
  assert.equal(await outcomeOf(builder, { process: { comm: 'sleep', pidInside: 1 } }), 'notYet');
  assert.match((await look(builder, { process: { argv: 'sleep 701' } })).observed.en, /no process “sleep 701”/);
  assert.equal(
    await outcomeOf(builder, { process: { comm: 'sleep', capabilities: { has: ['CAP_NOT_A_CAPABILITY'] } } }),
    'notYet',
  );
});

test('bridges by where their ports lead', async () => {
  const builder = lab()
    .ns('r1')
    .ns('r2')
    .veth('host/p1', 'r1/eth0')
    .veth('host/p2', 'r2/eth0')
    .bridge('host/br0', ['p1']);
  assert.equal(await outcomeOf(builder, { bridge: { leadsTo: ['r1'] } }), 'passed');
  const both = await look(builder, { bridge: { ports: 2, leadsTo: ['r1', 'r2'] } });
  assert.equal(both.result, 'notYet');
  assert.match(both.observed.en, /br0 \(up; ports: p1→r1\)/);
});

test('a firewall rule with a counter is the same rule; one with more matches is another', async () => {
  const check: Check = {
    firewall: { table: 'nat', chain: 'POSTROUTING', target: 'MASQUERADE', match: { source: '10.1.0.0/24' } },
  };
  assert.equal(await outcomeOf(lab().masquerade('host', '10.1.0.0/24'), check), 'passed');
  assert.equal(await outcomeOf(lab().masquerade('host', '10.1.0.0/24', '!br0'), check), 'notYet');
  assert.equal(
    await outcomeOf(lab().masquerade('host', '10.1.0.0/24', '!br0'), {
      firewall: { ...(check as { firewall: object }).firewall, table: 'nat', extra: true },
    }),
    'passed',
  );
  assert.equal(await outcomeOf(lab().masquerade('host', '10.2.0.0/24'), check), 'notYet');
  assert.equal(
    await outcomeOf(lab().dnat('host', '8080', '10.1.0.2:80'), {
      firewall: {
        table: 'nat',
        target: 'DNAT',
        match: { protocol: 'tcp', dport: 8080 },
        options: { to: '10.1.0.2:80' },
      },
    }),
    'passed',
  );
  assert.equal(
    await outcomeOf(lab().policy('host', 'FORWARD', 'DROP'), {
      firewall: { table: 'filter', chain: 'FORWARD', policy: 'DROP' },
    }),
    'passed',
  );
  assert.equal(await outcomeOf(lab(), { firewall: { table: 'filter', chain: 'FORWARD', policy: 'DROP' } }), 'notYet');
});

test('what could not be read is neither pass nor fail; trouble elsewhere says nothing', async () => {
  const gone = lab().problem('cgroups', 'no permission');
  assert.equal(await outcomeOf(gone.cgroupMode('v1'), { cgroup: { path: '/demo' } }), 'couldNotMeasure');
  assert.equal(await outcomeOf(lab(), { cgroup: { path: '/demo' } }), 'couldNotMeasure', 'no control groups at all');
  assert.equal(
    await outcomeOf(wired().problem('network', 'pid 16 has just ended'), { link: { in: 'r1', name: 'eth7' } }),
    'notYet',
  );
  assert.equal(await outcomeOf(lab().problem('processes', 'x'), { process: { comm: 'sleep' } }), 'couldNotMeasure');
  assert.equal(
    await outcomeOf(lab().problem('processes', 'x').process(9, { comm: 'sleep' }), { process: { comm: 'sleep' } }),
    'passed',
  );
  assert.equal(
    await outcomeOf(lab().problem('processes', 'x'), { not: { process: { comm: 'sleep' } } }),
    'couldNotMeasure',
  );
});

test('combinators: all, any, not, count', async () => {
  const r1: Check = { namespace: { kind: 'net', name: 'r1' } };
  const r9: Check = { namespace: { kind: 'net', name: 'r9' } };
  assert.equal(await outcomeOf(wired(), { all: [r1, r9] }), 'notYet');
  assert.equal(await outcomeOf(wired(), { any: [r9, r1] }), 'passed');
  assert.equal(await outcomeOf(wired(), { not: r9 }), 'passed');
  assert.equal(await outcomeOf(wired(), { count: { of: { namespace: { kind: 'net' } }, is: 2 } }), 'passed');
  assert.equal(await outcomeOf(wired(), { count: { of: { namespace: { kind: 'net' } }, is: { min: 3 } } }), 'notYet');
});

test('hold needs time without a break, within remembers for a while', async () => {
  const memory: CheckContext['memory'] = new Map();
  let now = 0;
  const check: Check = { hold: { seconds: 2, check: { namespace: { kind: 'net', name: 'r1' } } } };
  const at = async (builder: SnapshotBuilder, time: number, one: Check): Promise<string> => {
    now = time;
    return (
      await evaluate(
        one,
        context(builder.build(), undefined, memory, () => now),
        'goal',
      )
    ).result;
  };
  assert.equal(await at(wired(), 0, check), 'notYet');
  assert.equal(await at(wired(), 1500, check), 'notYet');
  assert.equal(await at(lab(), 1600, check), 'notYet');
  assert.equal(await at(wired(), 2100, check), 'notYet', 'the break began it anew');
  assert.equal(await at(wired(), 4100, check), 'passed');
  const within: Check = { within: { seconds: 5, check: { namespace: { kind: 'net', name: 'r1' } } } };
  memory.clear();
  assert.equal(await at(lab(), 0, within), 'notYet');
  assert.equal(await at(wired(), 1000, within), 'passed');
  assert.equal(await at(lab(), 5900, within), 'passed');
  assert.equal(await at(lab(), 6100, within), 'notYet');
});

test('overlay layers and whiteouts', async () => {
  const builder = lab().overlay('/root/merged', [
    layer('upper', '/root/up', [{ path: 'motd', type: 'whiteout', bytes: 0 }]),
    layer('lower', '/root/low', ['motd']),
    layer('work', '/root/work'),
  ]);
  assert.equal(
    await outcomeOf(builder, {
      layer: {
        at: '/root/merged',
        lowers: 1,
        upper: '/root/up',
        has: [{ layer: 'upper', path: '/motd', type: 'whiteout' }],
      },
    }),
    'passed',
  );
  assert.equal(
    await outcomeOf(builder, { layer: { at: '/root/merged', has: [{ layer: 'upper', path: 'motd', type: 'file' }] } }),
    'notYet',
  );
  assert.equal(
    await outcomeOf(builder, { layer: { at: '/root/merged', has: [{ layer: 'lower', path: 'motd', absent: true }] } }),
    'notYet',
  );
  assert.equal(
    await outcomeOf(builder, { layer: { at: '/root/merged', lowers: ['/root/low'], upper: false } }),
    'notYet',
  );
});

test('control groups: one check for both dialects', async () => {
  const v1 = lab()
    .cgroupMode('v1')
    .cgroup('/demo', 'memory', {
      procs: [7],
      memory: {
        usage: 5,
        limit: 67_108_864,
        peak: 9,
        failcnt: 3,
        oomKills: 1,
        underOom: false,
        swapLimit: null,
        swapUsage: null,
      },
    })
    .cgroup('/demo', 'cpu', {
      cpu: {
        shares: 512,
        weight: null,
        quotaUs: 50_000,
        periodUs: 100_000,
        usageUs: 1,
        nrPeriods: 9,
        nrThrottled: 4,
        throttledUs: 8,
      },
    });
  assert.equal(
    await outcomeOf(v1, {
      cgroup: {
        path: '/demo',
        memoryMax: 67_108_864,
        oomKills: { min: 1 },
        cpus: 0.5,
        throttled: { min: 1 },
        cpuShares: 512,
      },
    }),
    'passed',
  );
  const wrong = await look(v1, { cgroup: { path: '/demo', memoryMax: 1, pidsMax: 5 } });
  assert.equal(wrong.result, 'notYet');
  assert.match(wrong.observed.en, /memory limit: 67108864, process limit: not set/);
  const v2 = lab()
    .cgroupMode('v2')
    .cgroup('/demo', '', {
      cpu: {
        shares: null,
        weight: weightOfShares(512),
        quotaUs: null,
        periodUs: null,
        usageUs: 1,
        nrPeriods: 0,
        nrThrottled: 0,
        throttledUs: 0,
      },
    });
  assert.equal(await outcomeOf(v2, { cgroup: { path: '/demo', cpuShares: 512 } }), 'passed');
  assert.equal(weightOfShares(1024), 39);
});

test('reach: an answer, silence, a missing tool, a place that is not there', async () => {
  const check: Check = { reach: { from: 'host', to: { in: 'r1' }, by: 'icmp' } };
  let asked: readonly string[] = [];
  assert.equal(
    await outcomeOf(wired(), check, (request) => {
      asked = request.argv;
      return {};
    }),
    'passed',
  );
  assert.deepEqual(asked.slice(-1), ['10.1.0.2']);
  assert.equal(await outcomeOf(wired(), check, () => ({ exitCode: 1 })), 'notYet');
  assert.equal(
    await outcomeOf(wired(), check, () => ({ exitCode: 127, stderr: 'ping: not found' })),
    'couldNotMeasure',
  );
  assert.equal(await outcomeOf(wired(), check, () => ({ exitCode: 124, timedOut: true })), 'notYet');
  assert.match((await look(lab().ns('r1'), check)).observed.en, /no address/);
  assert.equal(await outcomeOf(wired(), { reach: { from: 'r9', to: '10.1.0.2', by: 'icmp' } }), 'notYet');
  assert.equal(
    await outcomeOf(wired(), { reach: { from: 'r1', to: '10.1.0.1', by: 'tcp', port: 80 } }, (request) => {
      asked = request.argv;
      return { exitCode: 1, stderr: 'bash: connect: Connection refused' };
    }),
    'notYet',
  );
  assert.deepEqual(asked.slice(0, 3), ['nsenter', '--net=/run/netns/r1', '--']);
  assert.equal(
    await outcomeOf(wired(), { reach: { from: 'r1', to: '10.1.0.1', by: 'http', body: 'hi' } }, () => ({
      stdout: 'HTTP/1.0 200 OK\r\n\r\nhi there',
    })),
    'passed',
  );
  assert.equal(
    await outcomeOf(wired(), { reach: { from: 'r1', to: '10.1.0.1', by: 'http' } }, () => ({
      stdout: 'HTTP/1.0 500 No\r\n\r\n',
    })),
    'notYet',
  );
  assert.equal(
    await outcomeOf(wired(), { reach: { from: 'host', to: '$(reboot)', by: 'icmp' } }),
    'couldNotMeasure',
    'not an address: not run',
  );
});

test('files and settings', async () => {
  const file = { stdout: 'regular file|644|0\nhello\n' };
  assert.equal(
    await outcomeOf(lab(), { file: { path: '/x', is: 'hello', mode: '0644', owner: 0, type: 'file' } }, () => file),
    'passed',
  );
  assert.equal(await outcomeOf(lab(), { file: { path: '/x', contains: 'bye' } }, () => file), 'notYet');
  assert.equal(
    await outcomeOf(lab(), { file: { path: '/x' } }, () => ({ exitCode: 9, stderr: 'No such file' })),
    'notYet',
  );
  assert.equal(
    await outcomeOf(lab(), { file: { path: '/x' } }, () => ({ exitCode: 9, stderr: 'Permission denied' })),
    'couldNotMeasure',
  );
  assert.equal(
    await outcomeOf(lab().sysctl('host', 'net.ipv4.ip_forward', '1'), {
      sysctl: { key: 'net.ipv4.ip_forward', is: 1 },
    }),
    'passed',
  );
  assert.equal(
    await outcomeOf(lab(), { sysctl: { key: 'net.ipv4.ip_forward', is: 1 } }, () => ({ stdout: '0\n' })),
    'notYet',
  );
});

test('names from the kernel cannot act on a terminal', async () => {
  const result = await look(wired().link('host', '\u001b[31mred', { kind: 'veth' }), {
    link: { in: 'host', name: 'eth9', kind: 'veth' },
  });
  assert.ok(
    !/[\u0000-\u001f\u007f-\u009f]/.test(result.observed.en + result.observed.zh),
    JSON.stringify(result.observed.en),
  );
});

test('a Chinese piece in a Chinese sentence has no blank beside it, a Latin one has', () => {
  const zh = (template: string, piece: string): string => put('', template, { en: '', zh: piece }).zh;
  assert.equal(zh('进程号为 %', '至少 2'), '进程号为至少 2');
  assert.equal(zh('进程号为 %', '2'), '进程号为 2');
  assert.equal(zh('进程 % 所在的位置', '“sleep 1”'), '进程“sleep 1”所在的位置');
  assert.equal(zh('网桥 % 的端口', 'br0'), '网桥 br0 的端口');
});
