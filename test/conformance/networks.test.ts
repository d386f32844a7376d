import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { answerOf } from '../../engine/api/status.js';
import { hostsFile } from '../../engine/network/hosts-file.js';
import { openNetworks } from '../../engine/network/networks.js';
import type {
  Attachment,
  EndpointRequest,
  NetworkCreateOptions,
  NetworkService,
  PortMap,
} from '../../engine/network/types.js';
import { Dockerd } from '../helpers/docker/dockerd.js';
import { PLACE, raiseFences, removeGroups } from '../helpers/docker/fences.js';
import { IMAGE, imageArchive } from '../helpers/docker/image.js';
import { whyNot } from '../helpers/docker/programs.js';
import { makeSlots } from '../helpers/docker/slots.js';
import { inside, request, rules } from '../helpers/network-yard.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';

/**
 * The same networks and containers made by dockerd and by us, one after the other in one network namespace: what the API says,
 * what a container sees and which rules there are must be the same, but for the differences that are listed here.
 */

interface Container {
  readonly name: string;
  readonly networks: Readonly<Record<string, EndpointRequest>>;
  readonly ports: PortMap;
}

const NETWORKS: readonly NetworkCreateOptions[] = [
  { Name: 'n1' },
  {
    Name: 'n2',
    IPAM: {
      Config: [
        { Subnet: '10.5.0.0/16', IPRange: '10.5.3.0/24', Gateway: '10.5.0.9', AuxiliaryAddresses: { a: '10.5.3.1' } },
      ],
    },
    Options: { 'com.docker.network.bridge.name': 'foo0' },
    Labels: { a: 'b' },
  },
  { Name: 'n3', Internal: true },
  {
    Name: 'n4',
    Options: {
      'com.docker.network.bridge.enable_icc': 'false',
      'com.docker.network.bridge.enable_ip_masquerade': 'false',
      'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1',
      'com.docker.network.driver.mtu': '1400',
    },
  },
  {
    Name: 'n5',
    Driver: 'macvlan',
    IPAM: { Config: [{ Subnet: '10.7.0.0/24', IPRange: '10.7.0.128/25', Gateway: '10.7.0.1' }] },
    Options: { parent: 'up0', macvlan_mode: 'private' },
  },
  {
    Name: 'n6',
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: '10.6.0.0/24' }, { Subnet: 'fd00:6::/64' }] },
    Options: { 'com.docker.network.host_ipv4': '192.0.2.7' },
  },
];

const binding = (HostPort: string, HostIp = '') => [{ HostIp, HostPort }];
const CONTAINERS: readonly Container[] = [
  {
    name: 'c1',
    networks: { bridge: {} },
    ports: { '80/tcp': binding('8080'), '90/udp': binding('9000', '127.0.0.1') },
  },
  { name: 'c2', networks: { n2: {} }, ports: { '80/tcp': binding('') } },
  { name: 'c3', networks: { n3: {} }, ports: {} },
  { name: 'c4', networks: { n4: {} }, ports: { '80/tcp': binding('84') } },
  { name: 'c5', networks: { none: {} }, ports: {} },
  { name: 'c6', networks: { n2: { IPAMConfig: { IPv4Address: '10.5.7.7' } } }, ports: {} },
  { name: 'c8', networks: { n6: { IPAMConfig: { IPv6Address: 'fd00:6::8' } } }, ports: {} },
  { name: 'c7', networks: { n5: {} }, ports: { '80/tcp': binding('87') } },
];

/** What must be refused, in the same words and with the same status. */
const REFUSED: readonly NetworkCreateOptions[] = [
  { Name: 'n1' },
  { Name: 'bridge' },
  { Name: 'x', IPAM: { Config: [{ Subnet: '10.5.0.0/24' }] } },
  { Name: 'x', Driver: 'null' },
  { Name: 'x', Driver: 'host' },
  { Name: 'x', Options: { 'com.docker.network.bridge.name': 'foo0' } },
  { Name: 'x', EnableIPv6: true, IPAM: { Config: [{ Subnet: 'fd00:6::/80' }] } },
  { Name: 'x', Driver: 'macvlan', Options: { parent: 'lo' } },
  { Name: 'x', Driver: 'macvlan', Options: { parent: 'nope' } },
  { Name: 'x', Driver: 'macvlan', Options: { parent: 'nope.10' } },
  { Name: 'x', Driver: 'macvlan', Options: { parent: 'up0', macvlan_mode: 'x' } },
  { Name: 'x', Driver: 'ipvlan', Options: { parent: 'up0', ipvlan_mode: 'x' } },
];

interface Said {
  readonly status: number;
  readonly body: unknown;
}

/** What both are asked to do, and tell. */
interface Engine {
  create(options: NetworkCreateOptions): Promise<Said>;
  remove(name: string): Promise<Said>;
  inspect(name: string): Promise<Said>;
  run(container: Container): Promise<void>;
  /** Output of a command of busybox in a container. */
  look(name: string, ...command: string[]): string;
  hosts(name: string): string;
  settings(name: string): Promise<unknown>;
}

class Docker implements Engine {
  readonly #daemon: Dockerd;

  constructor(daemon: Dockerd) {
    this.#daemon = daemon;
  }

  #ask(method: string, path: string, body?: unknown): Promise<Said> {
    const socketPath = `${this.#daemon.directory}/sock`;
    return new Promise((resolve, reject) => {
      const asked = httpRequest(
        { socketPath, path, method, headers: { 'Content-Type': 'application/json' } },
        (response) => {
          let text = '';
          response.on('data', (bytes: Buffer) => {
            text += bytes.toString();
          });
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, body: text === '' ? null : JSON.parse(text) }),
          );
        },
      );
      asked.on('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  create(options: NetworkCreateOptions): Promise<Said> {
    return this.#ask('POST', '/networks/create', { CheckDuplicate: true, ...options });
  }

  remove(name: string): Promise<Said> {
    return this.#ask('DELETE', `/networks/${name}`);
  }

  inspect(name: string): Promise<Said> {
    return this.#ask('GET', `/networks/${name}`);
  }

  async run({ name, networks, ports }: Container): Promise<void> {
    const [[mode, endpoint] = ['none', {}]] = Object.entries(networks);
    const made = await this.#ask('POST', `/containers/create?name=${name}`, {
      Image: IMAGE,
      Cmd: ['sleep', '1000'],
      ExposedPorts: Object.fromEntries(Object.keys(ports).map((port) => [port, {}])),
      HostConfig: { NetworkMode: mode, PortBindings: ports },
      NetworkingConfig: { EndpointsConfig: { [mode]: endpoint } },
    });
    assert.equal(made.status, 201, JSON.stringify(made));
    const started = await this.#ask('POST', `/containers/${name}/start`);
    assert.equal(started.status, 204, JSON.stringify(started));
  }

  look(name: string, ...command: string[]): string {
    return this.#daemon.docker('exec', name, ...command);
  }

  hosts(name: string): string {
    return this.look(name, 'cat', '/etc/hosts');
  }

  async settings(name: string): Promise<unknown> {
    const { body } = await this.#ask('GET', `/containers/${name}/json`);
    const { Ports, Networks } = (body as { NetworkSettings: { Ports: unknown; Networks: unknown } }).NetworkSettings;
    return { Ports, Networks };
  }
}

class Ours implements Engine {
  readonly #networks: NetworkService;
  readonly #attached = new Map<string, Attachment>();

  constructor(networks: NetworkService) {
    this.#networks = networks;
  }

  async #say(status: number, act: () => Promise<unknown>): Promise<Said> {
    try {
      return { status, body: await act() };
    } catch (error) {
      const { status: refused, body } = answerOf(error);
      return { status: refused, body: { message: body.message } };
    }
  }

  create(options: NetworkCreateOptions): Promise<Said> {
    return this.#say(201, () => this.#networks.create(options));
  }

  remove(name: string): Promise<Said> {
    return this.#say(204, () => this.#networks.remove(name));
  }

  inspect(name: string): Promise<Said> {
    return this.#say(200, () => this.#networks.get(name));
  }

  async run({ name, networks, ports }: Container): Promise<void> {
    this.#attached.set(name, await this.#networks.attach(request(name, networks, ports)));
  }

  #attachment(name: string): Attachment {
    return this.#attached.get(name) ?? assert.fail(name);
  }

  look(name: string, ...command: string[]): string {
    return inside(this.#attachment(name).sandboxKey, `busybox ${command.join(' ')}`);
  }

  hosts(name: string): string {
    const addresses = Object.values(this.#attachment(name).networks).flatMap(({ IPAddress, GlobalIPv6Address }) => [
      IPAddress,
      GlobalIPv6Address,
    ]);
    const { hostname } = request(name).container;
    return hostsFile({
      hostname,
      domainname: '',
      addresses: addresses.filter((one) => one !== ''),
      extraHosts: [],
      links: [],
    });
  }

  settings(name: string): Promise<unknown> {
    const { ports, networks } = this.#attachment(name);
    return Promise.resolve({ Ports: ports, Networks: networks });
  }
}

/** Ids, times, indexes and random addresses as what they are. */
function normalise(text: string): string {
  return text
    .replace(/\b[0-9a-f]{64}\b/g, 'ID')
    .replace(/\bbr-[0-9a-f]{12}\b/g, 'br-ID')
    .replace(/\b[0-9a-f]{12}\b/g, 'ID')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/^\d+: (\w+)@if\d+/gm, 'N: $1@ifN')
    .replace(/^\d+: /gm, 'N: ');
}

/** Where we mean to do as newer releases of Docker do. */
const MEANT: readonly { readonly docker: RegExp; readonly ours: string; readonly reason: string }[] = [
  { docker: /(fe00::|ff00::)0\t/g, ours: '$1\t', reason: 'Docker 25 and newer write addresses in their short form' },
  {
    docker: /(inet 127\.0\.0\.1\/8 scope host lo\n *valid_lft forever preferred_lft forever\n)(?! *inet6)/g,
    ours: '$1    inet6 ::1/128 scope host \n       valid_lft forever preferred_lft forever\n',
    reason: 'Docker 26 and newer leave IPv6 on the loopback',
  },
  {
    docker: /(\n +"Config": \[\n +\{\n)( +)("Subnet": "172\.17\.0\.0\/16")/g,
    ours: '$1$2"Gateway": "172.17.0.1",\n$2$3',
    reason: 'dockerd shows the gateway of the default bridge from its second start on',
  },
  {
    docker: /network (\w+) id ID has active endpoints/g,
    ours: 'network $1 has active endpoints (LIST)',
    reason: 'Docker 28 says which',
  },
  {
    docker: /default via 172\.19\.0\.1 dev eth0 \n/g,
    ours: '',
    reason: 'newer Docker gives an internal network no way out to begin with',
  },
  {
    docker: /"Gateway": "172\.19\.0\.1"(,\s+"GlobalIPv6Address")/g,
    ours: '"Gateway": ""$1',
    reason: 'newer Docker gives an internal network no way out to begin with',
  },
];

const asWeMean = (text: string): string =>
  MEANT.reduce((result, { docker, ours }) => result.replace(docker, ours), normalise(text));

/** Fields that Docker 20.10 has not, or shows otherwise than newer releases. */
function comparable(value: unknown): unknown {
  const drop = ['EnableIPv4', 'DNSNames', 'GwPriority', 'IPAMConfig', 'Aliases', 'DriverOpts', 'Containers', 'Warning'];
  const walk = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(walk);
    if (typeof one !== 'object' || one === null) return one;
    const entries = Object.entries(one)
      .filter(([key]) => !drop.includes(key))
      .map(([key, child]) => [/^[0-9a-f]{64}$/.test(key) ? 'ID' : key, walk(child)] as const);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return walk(value);
}

type Report = Record<string, string>;

async function report(engine: Engine): Promise<Report> {
  const found: Report = {};
  const json = (value: unknown): string => JSON.stringify(comparable(value), null, 1);
  for (const options of NETWORKS) found[`create ${options.Name}`] = String((await engine.create(options)).status);
  for (const options of REFUSED) found[`refuse ${JSON.stringify(options)}`] = json(await engine.create(options));
  for (const container of CONTAINERS) await engine.run(container);
  for (const name of ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'none', 'host', 'bridge'])
    found[`inspect ${name}`] = json(await engine.inspect(name));
  for (const name of ['nope', 'n2', 'bridge']) found[`remove ${name}`] = json(await engine.remove(name));
  for (const { name } of CONTAINERS) {
    // an address of the link's own may not be probed for yet
    found[`${name} addresses`] = engine.look(name, 'ip', 'addr').replaceAll(' tentative', '');
    found[`${name} routes`] = engine.look(name, 'ip', 'route');
    found[`${name} IPv6 routes`] = engine.look(name, 'ip', '-6', 'route');
    found[`${name} hosts`] = engine
      .hosts(name)
      .split('\n')
      .map((line) => line.replace(/^([\d:a-f]\S*\t)[0-9a-f]{12}$/, '$1NAME'))
      .join('\n')
      .replace('127.0.0.1\tNAME', '127.0.0.1\tlocalhost');
    found[`${name} settings`] = json(await engine.settings(name));
  }
  const text = rules().map((line) => line.replace(/^(:\S+) \w+$/, '$1'));
  // the raw table is newer Docker's; the order of rules of different ports and networks is that of their making
  found['rules'] = text
    .slice(text.indexOf('*filter'))
    .filter((line) => line.startsWith('-A'))
    .map(normalise)
    .toSorted()
    .join('\n');
  found['first rules'] = text
    .filter((line) => line.startsWith('-A FORWARD'))
    .slice(0, 2)
    .join('\n');
  found['bridge'] = inside(null, 'ip -4 addr show docker0; ip -4 addr show foo0')
    .replace(/^\d+: /gm, '')
    .replace(/( qlen 1000)? *$/gm, '')
    .replace(/(NO-CARRIER,)|,LOWER_UP|state \w+/g, '');
  return found;
}

if (inSandbox) {
  const group = process.env['GLASSBOX_TEST_GROUP'] ?? '';
  assert.match(group, /^glassbox-/, 'the sandbox was not given the name of its cgroup');

  describe('networks are dockerd’s', () => {
    let docker: Report = {};
    let ours: Report = {};

    before(async () => {
      raiseFences();
      inside(null, 'ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up');
      const daemon = new Dockerd('networks', group, makeSlots(PLACE), []);
      await daemon.start();
      daemon.load(imageArchive(PLACE));
      docker = await report(new Docker(daemon));
      daemon.docker('rm', '-f', ...CONTAINERS.map(({ name }) => name));
      await daemon.end();
      inside(
        null,
        'for t in filter nat; do iptables -t $t -F; iptables -t $t -X; done; iptables -P FORWARD ACCEPT; echo 0 > /proc/sys/net/ipv4/ip_forward',
      );
      inside(null, "for i in $(ip -o link show type bridge | sed 's/^[0-9]*: //; s/:.*//'); do ip link del $i; done");
      const root = mkdtempSync('/run/root-');
      const networks = await openNetworks({
        root,
        execRoot: mkdtempSync('/run/exec-'),
        warn: (message) => assert.fail(message),
      });
      ours = await report(new Ours(networks));
      await networks.close();
    });

    test('in all that was compared', () => {
      assert.deepEqual(Object.keys(ours), Object.keys(docker));
      assert.ok(Object.keys(docker).length > 40, 'little was compared');
      assert.match(docker['c1 addresses'] ?? '', /172\.17\.0\.2\/16/, 'dockerd’s report is no measure');
      assert.match(docker['rules'] ?? '', /--dport 8080 -j DNAT/, 'dockerd’s report is no measure');
    });

    for (const part of [
      'create',
      'refuse',
      'inspect',
      'remove',
      'c1',
      'c2',
      'c3',
      'c4',
      'c5',
      'c6',
      'c7',
      'c8',
      'rules',
      'first',
      'bridge',
    ])
      test(part, () => {
        const keys = Object.keys(docker).filter((key) => key.startsWith(part));
        assert.ok(keys.length > 0, 'nothing was compared');
        for (const key of keys)
          assert.equal(
            normalise(ours[key] ?? '').replace(/\(name:[^)]*\)/, '(LIST)'),
            asWeMean(docker[key] ?? ''),
            key,
          );
      });

    after(() => removeGroups(group));
  });
} else {
  const why = whyNot(['dockerd', 'docker', 'containerd', 'runc', 'iptables', 'busybox', 'ip', 'nsenter']);
  test('networks beside dockerd', { skip: why ?? false, timeout: 600_000 }, () => {
    const group = `glassbox-networks-${process.pid}`;
    process.env['GLASSBOX_TEST_GROUP'] = group;
    try {
      rerunInSandbox(import.meta.url, { timeoutMs: 600_000 });
    } finally {
      removeGroups(group);
    }
  });
}
