/** The name server of a container, asked by a hostile one: what is no query, more than can be answered, and somebody else's name. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { openNetworks } from '../../engine/network/networks.js';
import type { Attachment } from '../../engine/network/types.js';
import { whyNot } from '../helpers/docker/programs.js';
import { containerId, inside, inTime, request } from '../helpers/network-yard.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';

const BOUND = 256;
const QUESTIONS = 2000;

/** Queries in Python: `ask(name)` answers addresses or an error's number; `say(bytes)` sends anything. */
const PRELUDE = `
import os, socket, struct
server = ('127.0.0.11', 53)
def query(labels, n=1): return struct.pack('>6H', n, 0x100, 1, 0, 0, 0) + b''.join(bytes([len(l)]) + l for l in labels) + b'\\0' + struct.pack('>2H', 1, 1)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.settimeout(5)
def say(data): udp.sendto(data, server)
def ask(name):
    say(query([l.encode() for l in name.split('.')]))
    data = udp.recv(2048); count = struct.unpack('>H', data[6:8])[0]
    return sorted(socket.inet_ntoa(data[len(data) - 4 - 16 * n:len(data) - 16 * n]) for n in range(count))
`;
/** Without an answer to any of them. */
const GARBAGE = `
for data in [b'', b'\\0' * 11, b'\\xff' * 512, query([b'a' * 63] * 4 + [b'b' * 63]), query([b'a'] * 200), b'\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\xc0\\x0c\\0\\1\\0\\1',
             b'\\0\\1\\1\\0\\xff\\xff\\0\\0\\0\\0\\0\\0', query([b'web'])[:-3], os.urandom(1400)] + [os.urandom(n) for n in range(300)]: say(data)
t = socket.create_connection(server); t.sendall(b'\\xff\\xff' + os.urandom(100)); t.close()
t = socket.create_connection(server); t.sendall(b'\\0\\0' * 1000); t.close()
`;

if (!inSandbox) {
  const why = whyNot(['ip', 'nsenter', 'python3']);
  test('N03: names, in a sandbox', { skip: why ?? false, timeout: 600_000 }, () =>
    rerunInSandbox(import.meta.url, { timeoutMs: 600_000 }),
  );
} else declare();

interface Yard {
  readonly web: Attachment;
  readonly asker: Attachment;
  /** Somebody whom the machine asks, and who never answers. */
  readonly silent: { readonly heard: () => number };
}

/** Three containers: one called web, one that calls itself so, and one that asks. */
async function withYard(guardsOff: string, use: (yard: Yard) => Promise<void>): Promise<void> {
  inside(null, 'ip link set lo up');
  process.env['GLASSBOX_TEST_GUARDS_OFF'] = guardsOff;
  const [root, execRoot] = [mkdtempSync('/run/root-'), mkdtempSync('/run/exec-')];
  const silent = createSocket('udp4').bind(53, '127.0.0.53');
  let heard = 0;
  silent.on('message', () => heard++);
  await once(silent, 'listening');
  const networks = await openNetworks({ root, execRoot, iptables: false, warn: (message) => assert.fail(message) });
  try {
    await networks.create({ Name: 'own' });
    const web = await networks.attach(request('web', { own: {} }));
    await networks.attach(request('thief', { own: { Aliases: ['web', 'WEB.own'] } }));
    const asker = await networks.attach({ ...request('asker', { own: {} }), dns: ['127.0.0.53'] });
    await use({ web, asker, silent: { heard: () => heard } });
  } finally {
    for (const name of ['web', 'thief', 'asker']) await networks.detach(containerId(name), null);
    await networks.prune({});
    await networks.close();
    silent.close();
    delete process.env['GLASSBOX_TEST_GUARDS_OFF'];
    inside(null, 'ip link del docker0');
    for (const path of [root, execRoot]) rmSync(path, { recursive: true });
  }
}

/** Sockets that we have open at most while somebody asks for more names than anybody answers. */
async function flood({ asker }: Yard): Promise<number> {
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, readdirSync('/proc/self/fd').length);
  }, 10);
  const script = `${PRELUDE}
import time
for n in range(${QUESTIONS}):
    say(query([b'n%d' % n, b'example']))
    if n % 50 == 0: time.sleep(0.02)
time.sleep(0.5)`;
  try {
    assert.equal(await inTime(asker.sandboxKey, `python3 -c "${script.replaceAll('"', '\\"')}"`), '');
  } finally {
    clearInterval(watch);
  }
  return most;
}

const python = (script: string): string => `python3 - <<'END'\n${PRELUDE}${script}\nEND`;

function declare(): void {
  test('N03: what is no query is not answered, and a flood opens no sockets without end', { timeout: 600_000 }, () =>
    withYard('', async (yard) => {
      const { web, asker } = yard;
      const address = web.networks['own']?.IPAddress;
      assert.equal(await inTime(asker.sandboxKey, python(`${GARBAGE}\nprint(ask('web'))`)), `['${address}']\n`);
      const before = readdirSync('/proc/self/fd').length;
      const most = await flood(yard);
      assert.ok(yard.silent.heard() > 50, `only ${yard.silent.heard()} questions came through`);
      assert.ok(most <= before + BOUND + 20, `${most} descriptors, ${before} before`);
      assert.equal(await inTime(asker.sandboxKey, python(`print(ask('web'))`)), `['${address}']\n`);
    }),
  );

  test('N03 twin: without the bound each question opens a socket', { timeout: 600_000 }, () =>
    withYard('forward-bound', async (yard) => {
      const before = readdirSync('/proc/self/fd').length;
      const most = await flood(yard);
      assert.ok(most > before + BOUND + 20, `${most} descriptors, ${before} before`);
    }),
  );

  test("N03: an alias takes nobody's name; the twin without the order shares it", { timeout: 600_000 }, async () => {
    const found = async (guardsOff: string): Promise<number> => {
      let count = 0;
      await withYard(guardsOff, async ({ asker }) => {
        const seen = await inTime(asker.sandboxKey, python(`print(len(ask('web')), len(ask('web.own')))`));
        assert.match(seen, /^(\d) \1\n$/);
        count = Number(seen[0]);
      });
      return count;
    };
    assert.deepEqual([await found(''), await found('own-name-first')], [1, 2]);
  });
}
