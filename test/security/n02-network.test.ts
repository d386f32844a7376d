import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { EngineError } from '../../engine/kernel/errors.js';
import { openNetworks } from '../../engine/network/networks.js';
import type { Attachment, NetworkService } from '../../engine/network/types.js';
import { whyNot } from '../helpers/docker/programs.js';
import {
  ask,
  containerId,
  endServers,
  inside,
  inTime,
  listen,
  neighbour,
  published,
  reaches,
  removeNeighbour,
  request,
  serve,
} from '../helpers/network-yard.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';

const OURS = '10.99.0.1';
const THEIRS = '10.99.0.2';

/** An engine on a machine that has no rules of before; with guards taken away for its whole life. */
async function withEngine<T>(guardsOff: string, act: (yard: Yard) => Promise<T>): Promise<T> {
  process.env['GLASSBOX_TEST_GUARDS_OFF'] = guardsOff;
  const [root, execRoot] = [mkdtempSync('/run/root-'), mkdtempSync('/run/exec-')];
  inside(
    null,
    'echo 0 > /proc/sys/net/ipv4/ip_forward; iptables -P FORWARD ACCEPT; ip link del docker0 2>/dev/null; true',
  );
  inside(null, 'for t in filter nat raw; do iptables -t $t -F; iptables -t $t -X; done');
  const warnings: string[] = [];
  const networks = await openNetworks({ root, execRoot, warn: (message) => warnings.push(message) });
  const yard = new Yard(networks);
  try {
    return await act(yard);
  } finally {
    await endServers();
    for (const id of yard.containers) await networks.detach(id, null);
    await networks.prune({});
    await networks.close();
    delete process.env['GLASSBOX_TEST_GUARDS_OFF'];
    for (const path of [root, execRoot]) rmSync(path, { recursive: true });
    assert.deepEqual(warnings, []);
  }
}

class Yard {
  readonly networks: NetworkService;
  readonly containers: string[] = [];

  constructor(networks: NetworkService) {
    this.networks = networks;
  }

  async attach(...args: Parameters<typeof request>): Promise<Attachment> {
    const attachment = await this.networks.attach(request(...args));
    this.containers.push(containerId(args[0]));
    return attachment;
  }
}

/** The attack fails; with the guards taken away it succeeds. */
function attack(name: string, guards: string, succeeds: (yard: Yard) => Promise<boolean>): void {
  test(`N02: ${name}`, { timeout: 600_000 }, async () => {
    assert.equal(await withEngine('', succeeds), false, 'the attack succeeds');
    assert.equal(
      await withEngine(guards, succeeds),
      true,
      `without ${guards} the attack does not succeed either: it shows nothing`,
    );
  });
}

/** Datagrams with a source that is not ours, as root of a container can send them. */
const SPOOF = (source: string, target: string): string => `python3 -c '
import socket, struct
def ip(text): return socket.inet_aton(text)
data = struct.pack("!HHHH", 4000, 5000, 13, 0) + b"spoof"
head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 7, 0, 64, 17, 0, ip("${source}"), ip("${target}"))
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for _ in range(3): s.sendto(head + data, ("${target}", 0))'`;

/** A name server that says what it is asked, and refuses it. */
const NAME_SERVER = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.53", 53)); print("ready")
while True:
    q, peer = s.recvfrom(600); print("asked", q[12:30]); s.sendto(q[:2] + b"\\x81\\x85" + q[4:], peer)
`;

/** Says from whom it gets datagrams. */
const HEARER = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 5000)); print("ready")
while True: print(s.recvfrom(100))
`;

if (!inSandbox) {
  const why = whyNot(['ip', 'iptables-restore', 'nsenter', 'python3', 'busybox', 'ping']);
  test('N02: networks, in a sandbox', { skip: why ?? false, timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else {
  let out: string;
  before(() => {
    inside(null, 'ip link set lo up');
    out = neighbour();
    // the neighbour takes us for its way to our containers, and to our loopback
    inside(
      out,
      `ip route add 172.16.0.0/12 via ${OURS}; ip addr flush dev lo; sysctl -qw net.ipv4.conf.eth0.route_localnet=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0; ip route add 127.0.0.1/32 via ${OURS} src ${THEIRS}`,
    );
  });
  after(() => removeNeighbour(out));

  attack(
    'a port published to the loopback is not reached by a neighbour that routes there',
    'loopback-publish',
    async (yard) => {
      const one = await yard.attach('one', { bridge: {} }, published('80/tcp', '8080', '127.0.0.1'));
      await serve(one.sandboxKey, 80);
      assert.match(await inTime(null, ask('127.0.0.1', 8080)), /^from /);
      return /^from /m.test(await inTime(out, ask('127.0.0.1', 8080)));
    },
  );

  attack(
    'a container with published ports is not reached by a route to its own address',
    'direct-access',
    async (yard) => {
      const one = await yard.attach('one', { bridge: {} }, published('80/tcp', '8080'));
      await serve(one.sandboxKey, 80);
      assert.equal(
        await inTime(out, ask(OURS, 8080)),
        `from ${THEIRS}\n`,
        'the published port shows not the client’s own address',
      );
      return /^from /m.test(await inTime(out, ask(one.networks['bridge']?.IPAddress ?? '', 80)));
    },
  );

  attack('a container without published ports is not reached from outside', 'forward-policy', async (yard) => {
    const one = await yard.attach('one');
    return reaches(out, one.networks['bridge']?.IPAddress ?? '');
  });

  attack('bridges do not reach each other', 'bridge-isolation', async (yard) => {
    await yard.networks.create({ Name: 'own' });
    const one = await yard.attach('one', { own: {} });
    const two = await yard.attach('two');
    assert.ok(reaches(two.sandboxKey, THEIRS), 'the container does not reach the outside at all');
    return (
      reaches(two.sandboxKey, one.networks['own']?.IPAddress ?? '') ||
      reaches(one.sandboxKey, two.networks['bridge']?.IPAddress ?? '')
    );
  });

  attack('an internal network has no way out, also when its root adds one', 'internal,forward-policy', async (yard) => {
    await yard.networks.create({ Name: 'own', Internal: true });
    const one = await yard.attach('one', { own: {} });
    assert.doesNotMatch(inside(one.sandboxKey, 'ip route'), /default/);
    inside(one.sandboxKey, `ip route add default via 172.18.0.1`);
    return reaches(one.sandboxKey, THEIRS) || reaches(out, one.networks['own']?.IPAddress ?? '');
  });

  attack('names asked in an internal network do not get out (CVE-2024-29018)', 'internal-names', async (yard) => {
    writeFileSync('/run/resolv.conf', 'nameserver 127.0.0.53\n');
    inside(null, 'mount --bind /run/resolv.conf /etc/resolv.conf');
    try {
      await yard.networks.create({ Name: 'own', Internal: true });
      const one = await yard.attach('one', { own: {} });
      const end = await listen(null, NAME_SERVER);
      await inTime(one.sandboxKey, 'timeout 8 busybox nslookup secret.example 127.0.0.11');
      return (await end()).includes('secret');
    } finally {
      inside(null, 'umount /etc/resolv.conf');
    }
  });

  attack('containers of a network without ICC do not reach each other', 'icc', async (yard) => {
    await yard.networks.create({ Name: 'own', Options: { 'com.docker.network.bridge.enable_icc': 'false' } });
    const one = await yard.attach('one', { own: {} });
    const two = await yard.attach('two', { own: {} });
    assert.ok(reaches(two.sandboxKey, '172.18.0.1'), 'the container does not reach its gateway');
    return reaches(two.sandboxKey, one.networks['own']?.IPAddress ?? '');
  });

  attack('a container does not send to the outside as somebody else', 'reverse-path', async (yard) => {
    const one = await yard.attach('one');
    const end = await listen(out, HEARER);
    await inTime(one.sandboxKey, `${SPOOF('198.51.100.7', THEIRS)}; sleep 0.5`);
    return (await end()).includes('198.51.100.7');
  });

  test('F04: a network’s name is a name', async () => {
    const names = ['..', 'a/b', '-rf', 'a\0b', 'x'.repeat(300), 'ｎet', '', ' ', '\x1b[2J', '__proto__/x'];
    const accepted = async (yard: Yard): Promise<number> => {
      let count = 0;
      for (const Name of names)
        await yard.networks.create({ Name }).then(
          () => count++,
          (error: unknown) => {
            assert.ok(error instanceof EngineError && error.code === 'InvalidArgument', String(error));
            assert.doesNotMatch(error.message, /[\x00-\x1f]/);
          },
        );
      return count;
    };
    assert.equal(await withEngine('', accepted), 0);
    assert.ok((await withEngine('network-name', accepted)) > 0, 'the guard makes no difference');
  });

  test('N03: the name server outlives whatever it is sent', async () => {
    await withEngine('', async (yard) => {
      await yard.networks.create({ Name: 'own' });
      const one = await yard.attach('one', { own: {} });
      const said = await inTime(
        one.sandboxKey,
        `python3 -c '
import os, random, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); to = ("127.0.0.11", 53)
def query(name): return struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)
label = lambda t: bytes([len(t)]) + t
for name in [b"", b"\\x00", b"\\xc0\\x0c", b"\\xc0\\x0c\\x00", label(b"a" * 63) * 200 + b"\\x00", label(b"a.b") + b"\\x00", label(b"a\\x00b") + b"\\x00", b"\\x40" + b"a" * 64 + b"\\x00", label(b"one")]:
    s.sendto(query(name), to)
random.seed(1)
for size in list(range(0, 60)) + [512, 4000]:
    for _ in range(10): s.sendto(os.urandom(size), to)
for _ in range(3000): s.sendto(query(label(b"one") + b"\\x00"), to)
t = socket.create_connection(to); t.sendall(b"\\xff\\xff" + b"x" * 100); t.close()
t = socket.create_connection(to); t.settimeout(3); q = query(label(b"one") + b"\\x00"); t.sendall(struct.pack("!H", len(q)) + q); print("tcp", len(t.recv(600)))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.sendto(query(label(b"one") + b"\\x00"), to); print("udp", s.recv(600)[-4:] == socket.inet_aton("${one.networks['own']?.IPAddress}"))'`,
      );
      assert.match(said, /^tcp \d+\nudp True\n$/);
    });
  });
}
