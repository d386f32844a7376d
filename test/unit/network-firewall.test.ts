import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changeCommands, reconcileCommands, restoreText } from '../../engine/network/firewall/commands.js';
import { Firewall } from '../../engine/network/firewall/firewall.js';
import type { Iptables } from '../../engine/network/firewall/iptables.js';
import { baseRules, keyOf, networkRules, publicationRules, type Rule } from '../../engine/network/firewall/rules.js';
import { parseSaved } from '../../engine/network/firewall/saved.js';

const NETWORK = {
  bridge: 'docker0',
  subnets: ['172.17.0.0/16'],
  internal: false,
  icc: true,
  masquerade: true,
  sourceAddress: null,
  mode: 'nat',
  hairpin: false,
} as const;
const PORT = { protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080, containerPort: 80 } as const;
const TARGET = { bridge: 'docker0', address: '172.17.0.2', hairpin: false, mode: 'nat' } as const;

/** iptables as far as we use it: what it was told changes what it saves. */
class FakeIptables implements Iptables {
  readonly program = 'iptables';
  readonly tables = new Map<string, Map<string, string[]>>();
  restores: string[] = [];
  broken = false;

  constructor() {
    this.flush();
  }

  flush(): void {
    for (const [table, chains] of [
      ['filter', ['FORWARD', 'INPUT']],
      ['nat', ['PREROUTING', 'OUTPUT', 'POSTROUTING']],
      ['raw', ['PREROUTING']],
    ] as const)
      this.tables.set(table, new Map(chains.map((chain) => [chain, []])));
  }

  save(): Promise<string> {
    if (this.broken) return Promise.reject(new Error('iptables is broken'));
    const text = [...this.tables].map(([table, chains]) => {
      const heads = [...chains.keys()].map((chain) => `:${chain} - [0:0]\n`).join('');
      const lines = [...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}\n`)).join('');
      return `*${table}\n${heads}${lines}COMMIT\n`;
    });
    return Promise.resolve(text.join(''));
  }

  async restore(text: string): Promise<void> {
    await Promise.resolve();
    if (this.broken) throw new Error('iptables is broken');
    this.restores.push(text);
    const next = structuredClone(this.tables);
    let table = new Map<string, string[]>();
    for (const line of text.split('\n')) {
      if (line.startsWith('*')) table = next.get(line.slice(1)) ?? assert.fail(`no table ${line}`);
      const [, made] = /^:(\S+) -/.exec(line) ?? [];
      if (made !== undefined) table.set(made, []);
      const [, act, chain = '', at, spec = ''] = /^-([AID]) (\S+) (?:(\d+) )?(.*)$/.exec(line) ?? [];
      if (act === undefined) continue;
      const rules = table.get(chain);
      if (rules === undefined) throw new Error(`no chain ${chain}`);
      if (act === 'A') rules.push(spec);
      else if (act === 'I') {
        if (Number(at) > rules.length + 1) throw new Error('index of insertion too big');
        rules.splice(Number(at) - 1, 0, spec);
      } else {
        const found = rules.indexOf(spec);
        if (found < 0) throw new Error('does a matching rule exist?');
        rules.splice(found, 1);
      }
    }
    for (const [name, chains] of next) this.tables.set(name, chains);
  }

  rules(table: string, chain: string): string[] {
    return this.tables.get(table)?.get(chain) ?? [];
  }
}

const started = async (rules: Rule[]): Promise<{ iptables: FakeIptables; firewall: Firewall; warnings: string[] }> => {
  const iptables = new FakeIptables();
  const warnings: string[] = [];
  const firewall = new Firewall(iptables, (message) => warnings.push(message));
  firewall.want(baseRules(4, false));
  firewall.want(rules);
  await firewall.reconcile();
  return { iptables, firewall, warnings };
};

describe('rules', () => {
  test('of a bridge stand in Docker’s order', async () => {
    const { iptables } = await started(networkRules(4, NETWORK));
    assert.deepEqual(iptables.rules('filter', 'FORWARD'), [
      '-j DOCKER-USER',
      '-j DOCKER-ISOLATION-STAGE-1',
      '-o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-o docker0 -j DOCKER',
      '-i docker0 ! -o docker0 -j ACCEPT',
      '-i docker0 -o docker0 -j ACCEPT',
    ]);
    assert.deepEqual(iptables.rules('filter', 'DOCKER-ISOLATION-STAGE-1'), [
      '-i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2',
      '-j RETURN',
    ]);
    assert.deepEqual(iptables.rules('filter', 'DOCKER-ISOLATION-STAGE-2'), ['-o docker0 -j DROP', '-j RETURN']);
    assert.deepEqual(iptables.rules('nat', 'POSTROUTING'), ['-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE']);
    assert.deepEqual(iptables.rules('nat', 'DOCKER'), ['-i docker0 -j RETURN']);
  });

  test('of a published port are Docker’s, for both versions of IP', () => {
    const specs = (rules: Rule[]): string[] => rules.map(({ table, chain, spec }) => `${table} ${chain} ${spec}`);
    assert.deepEqual(specs(publicationRules(4, TARGET, PORT)), [
      'nat DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
      'filter DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
      'nat POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE',
      'raw PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP',
    ]);
    assert.equal(
      specs(publicationRules(4, TARGET, { ...PORT, protocol: 'udp', hostIp: '127.0.0.1' }))[4],
      'raw PREROUTING -d 127.0.0.1/32 ! -i lo -p udp -m udp --dport 8080 -j DROP',
    );
    assert.equal(
      specs(publicationRules(6, { ...TARGET, address: 'fd00::2' }, { ...PORT, hostIp: '::' }))[0],
      'nat DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination [fd00::2]:80',
    );
  });

  test('of internal networks and of those without ICC let nothing through', () => {
    const specs = (options: object): string[] => networkRules(4, { ...NETWORK, ...options }).map(({ spec }) => spec);
    assert.deepEqual(specs({ internal: true }), [
      '-i docker0 -o docker0 -j ACCEPT',
      '! -d 172.17.0.0/16 -i docker0 -j DROP',
      '! -s 172.17.0.0/16 -o docker0 -j DROP',
    ]);
    assert.equal(specs({ icc: false })[0], '-i docker0 -o docker0 -j DROP');
    assert.ok(!specs({ masquerade: false }).some((spec) => spec.includes('MASQUERADE')), 'masquerades');
  });

  test('of a network with a way out of its own translate, protect and route as it says', () => {
    const of = (options: object): string[] =>
      networkRules(4, { ...NETWORK, ...options }).map(({ table, chain, spec }) => `${table} ${chain} ${spec}`);
    const ports = (mode: 'routed' | 'nat-unprotected'): string[] =>
      publicationRules(4, { ...TARGET, mode }, PORT).map(({ table, spec }) => `${table} ${spec}`);
    const snat = 'nat POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j SNAT --to-source 192.0.2.7';
    assert.ok(of({ sourceAddress: '192.0.2.7' }).includes(snat), 'no source address');
    assert.ok(!of({ sourceAddress: '192.0.2.7' }).join('\n').includes('MASQUERADE'), 'masquerades, too');
    const routed = of({ mode: 'routed', sourceAddress: '192.0.2.7' });
    assert.ok(!routed.some((rule) => rule.startsWith('nat')), 'translates what it routes');
    assert.ok(routed.includes('filter DOCKER -o docker0 -p icmp -j ACCEPT'), 'lets no ping in');
    assert.deepEqual(ports('routed'), [
      'filter -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
    ]);
    assert.ok(
      of({ mode: 'nat-unprotected' }).includes('filter DOCKER ! -i docker0 -o docker0 -j ACCEPT'),
      'is protected',
    );
    assert.ok(!ports('nat-unprotected').some((rule) => rule.startsWith('raw')), 'is protected from who has a route');
  });
});

describe('the firewall', () => {
  test('writes changes that wait in one run, and takes back the last one’s rules', async () => {
    const { iptables, firewall } = await started(networkRules(4, NETWORK));
    iptables.restores = [];
    const ports = Array.from({ length: 50 }, (_, index) =>
      publicationRules(4, TARGET, { ...PORT, hostPort: 8000 + index }),
    );
    await Promise.all(ports.map((add) => firewall.change({ add })));
    assert.ok(iptables.restores.length <= 2, `${iptables.restores.length} runs`);
    assert.equal(iptables.rules('raw', 'PREROUTING').length, 1);
    await Promise.all(ports.slice(1).map((remove) => firewall.change({ remove })));
    assert.equal(iptables.rules('raw', 'PREROUTING').length, 1);
    assert.equal(iptables.rules('nat', 'DOCKER').length, 2);
    await firewall.change({ remove: ports[0] ?? [] });
    assert.deepEqual(iptables.rules('raw', 'PREROUTING'), []);
    assert.deepEqual(iptables.rules('nat', 'DOCKER'), ['-i docker0 -j RETURN']);
  });

  test('puts everything back when a change finds it flushed', async () => {
    const { iptables, firewall } = await started(networkRules(4, NETWORK));
    const before = structuredClone(iptables.tables);
    const rules = publicationRules(4, TARGET, PORT);
    await firewall.change({ add: rules });
    iptables.flush();
    await firewall.change({ remove: rules });
    assert.deepEqual(iptables.tables, before);
  });

  test('leaves what is somebody else’s, and doubles nothing', async () => {
    const { iptables, firewall } = await started(networkRules(4, NETWORK));
    const forward = iptables.rules('filter', 'FORWARD');
    forward.unshift('-s 9.9.9.9/32 -j DROP');
    forward.push('-i docker0 -o docker0 -j ACCEPT');
    iptables.rules('filter', 'DOCKER-USER').unshift('-s 8.8.8.8/32 -j DROP');
    await firewall.reconcile();
    const fixed = iptables.rules('filter', 'FORWARD');
    assert.deepEqual(fixed.slice(0, 3), ['-j DOCKER-USER', '-j DOCKER-ISOLATION-STAGE-1', '-s 9.9.9.9/32 -j DROP']);
    assert.equal(fixed.filter((rule) => rule === '-i docker0 -o docker0 -j ACCEPT').length, 1);
    assert.equal(iptables.rules('filter', 'DOCKER-USER')[0], '-s 8.8.8.8/32 -j DROP');
    iptables.restores = [];
    await firewall.reconcile();
    assert.deepEqual(iptables.restores, []);
  });

  test('that cannot be written says so once, and is written when it can', async () => {
    const iptables = new FakeIptables();
    iptables.broken = true;
    const warnings: string[] = [];
    const firewall = new Firewall(iptables, (message) => warnings.push(message));
    firewall.want(baseRules(4, false));
    await firewall.reconcile();
    await firewall.change({ add: networkRules(4, NETWORK) });
    await firewall.reconcile();
    assert.deepEqual(warnings, ['the firewall cannot be written: iptables is broken']);
    iptables.broken = false;
    await firewall.reconcile();
    assert.equal(iptables.rules('filter', 'FORWARD').length, 6);
  });

  test('tells who asked that a change was refused', async () => {
    const { iptables, firewall, warnings } = await started([]);
    iptables.broken = true;
    await assert.rejects(firewall.change({ add: networkRules(4, NETWORK) }), /iptables is broken/);
    iptables.broken = false;
    await firewall.change({ remove: networkRules(4, NETWORK) });
    assert.deepEqual(warnings, []);
    assert.deepEqual(iptables.rules('filter', 'FORWARD'), ['-j DOCKER-USER', '-j DOCKER-ISOLATION-STAGE-1']);
  });
});

describe('text of iptables', () => {
  test('is read by table and chain', () => {
    const saved = parseSaved(
      '# x\n*nat\n:DOCKER - [0:0]\n:OUTPUT ACCEPT [1:2]\n-A DOCKER -i a -j RETURN\nCOMMIT\n*filter\n:DOCKER - [0:0]\nCOMMIT\n',
    );
    assert.deepEqual(saved.get('nat')?.get('DOCKER'), ['-i a -j RETURN']);
    assert.deepEqual([saved.get('nat')?.get('OUTPUT'), saved.get('filter')?.get('DOCKER')], [[], []]);
  });

  test('names each table once, and chains only where they are not', () => {
    const rules = networkRules(4, NETWORK);
    const text = restoreText(changeCommands(rules, []));
    assert.deepEqual(text.match(/^\*.*/gm), ['*filter', '*nat']);
    const saved = parseSaved('*filter\n:DOCKER - [0:0]\n:FORWARD ACCEPT [0:0]\nCOMMIT\n');
    assert.ok(
      !restoreText(reconcileCommands(saved, rules, [])).includes('*filter\n:DOCKER -'),
      'a chain that is there would be flushed',
    );
    assert.equal(new Set(rules.map(keyOf)).size, rules.length);
  });
});
