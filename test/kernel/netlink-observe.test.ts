import assert from 'node:assert/strict';
import { closeSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { realKernel } from '../../engine/kernel/kernel.js';
import { openNetlink } from '../../engine/kernel/netlink/socket.js';
import {
  FIREWALL_COMMANDS,
  networkNamespace,
  parseFirewall,
  parseSysctls,
  readListening,
  readNetworks,
  resolvePeers,
  SYSCTL_COMMAND,
} from '../../engine/observe/network/index.js';
import { freshNetns, inNetns, insideNamespaces, rerunInNamespaces, run, sh } from '../helpers/netns.js';

if (!insideNamespaces) {
  test('networks of several namespaces as one picture', () => rerunInNamespaces(import.meta.url));
} else {
  test('a bridge with two namespaces, built with ip, is read with its wires', () => {
    const host = freshNetns();
    const spaces = [freshNetns(), freshNetns()] as const;
    const names = ['r1', 'r2'] as const;
    const targets = [host, ...spaces].map((nsFd, at) => ({
      id: `net:[${at}]`,
      label: at === 0 ? 'host' : names[at - 1]!,
      nsFd,
      fd: inNetns(nsFd, () => openNetlink(realKernel)),
    }));
    inNetns(host, () => {
      sh(
        'ip link add br0 type bridge; ip link set br0 up; ip addr add 10.1.0.254/24 dev br0; sysctl -qw net.ipv4.ip_forward=1',
      );
      spaces.forEach((fd, at) => {
        sh(`ip link add h${at} type veth peer name c${at}; ip link set h${at} master br0 up`);
        const path = `/proc/${process.pid}/fd/${fd}`;
        sh(`ip link set c${at} netns ${path}`);
      });
      sh(
        'ip link add u0 type veth peer name u1; ip link add mv0 link u0 type macvlan mode bridge; ip link add vx0 type vxlan id 7 dev u0 remote 10.1.0.9 dstport 4789',
      );
      sh(`ip link set mv0 netns /proc/${process.pid}/fd/${spaces[1]}`);
    });
    for (const [at, fd] of spaces.entries()) {
      inNetns(fd, () =>
        sh(
          `ip link set c${at} name eth0; ip addr add 10.1.0.${at + 1}/24 dev eth0; ip link set eth0 up; ip route add default via 10.1.0.254; ip link set lo up`,
        ),
      );
    }
    inNetns(spaces[0], () => run('ping', '-c', '1', '-W', '5', '10.1.0.2'));

    const check = (withFds: boolean): void => {
      const { views, problems } = readNetworks(
        realKernel,
        withFds ? targets : targets.map(({ id, label, fd }) => ({ id, label, fd })),
      );
      assert.deepEqual(problems, []);
      const [own, r1, r2] = resolvePeers(views);
      const at = (network: typeof own, name: string) => network?.links.find((link) => link.name === name);
      for (const [index, network] of [r1, r2].entries()) {
        const far = at(own, `h${index}`);
        const eth0 = at(network, 'eth0');
        assert.deepEqual(far?.peer, { ns: network?.id, index: eth0?.index, name: 'eth0' });
        assert.deepEqual(eth0?.peer, { ns: own?.id, index: far?.index, name: `h${index}` });
        assert.equal(far?.master, at(own, 'br0')?.index);
        assert.deepEqual([eth0?.kind, eth0?.up, eth0?.carrier, eth0?.operstate], ['veth', true, true, 'UP']);
        assert.deepEqual(
          eth0?.addresses.filter(({ family }) => family === 'inet'),
          [{ family: 'inet', address: `10.1.0.${index + 1}`, prefix: 24, scope: 'global' }],
        );
        const gateway = network?.routes.find(({ destination }) => destination === 'default');
        assert.deepEqual([gateway?.via, gateway?.device, gateway?.table], ['10.1.0.254', 'eth0', 254]);
        assert.equal(eth0.rxBytes > 0 && eth0.txPackets > 0, true, 'the ping was not counted');
      }
      assert.deepEqual(at(own, 'br0')?.bridge, { stp: false, vlanFiltering: false });
      assert.deepEqual(at(own, 'vx0')?.vxlan, { id: 7, remote: '10.1.0.9', port: 4789 });
      assert.deepEqual(at(r2, 'mv0')?.peer, { ns: own?.id, index: at(own, 'u0')?.index, name: 'u0' });
      assert.equal(at(r2, 'mv0')?.macvlan?.mode, 'bridge');
      assert.equal(own?.sysctls['net.ipv4.ip_forward'], '1');
      assert.equal(r1?.sysctls['net.ipv4.ip_forward'], '0');
      assert.equal(
        r1?.neighbours.some(
          ({ address, device, mac }) => address === '10.1.0.2' && device === 'eth0' && mac === at(r2, 'eth0')?.mac,
        ),
        true,
      );
      assert.deepEqual(
        own?.rules.map(({ priority, table }) => [priority, table]),
        [
          [0, 255],
          [32766, 254],
          [32767, 253],
        ],
      );
    };
    check(true);
    check(false);

    // One that cannot be read is a problem; the others are still there.
    const { views, problems } = readNetworks(realKernel, [{ ...targets[0]!, fd: 9999 }, ...targets.slice(1)]);
    assert.deepEqual(
      views.map(({ label }) => label),
      ['r1', 'r2'],
    );
    assert.match(problems[0]?.reason ?? '', /^network of host: .*EBADF/);

    const started = process.hrtime.bigint();
    for (let times = 0; times < 20; times++) resolvePeers(readNetworks(realKernel, targets).views);
    console.log(`reading three namespaces: ${(Number(process.hrtime.bigint() - started) / 20e6).toFixed(2)} ms`);
    for (const { fd, nsFd } of targets) {
      realKernel.call('close', fd);
      closeSync(nsFd);
    }
  });

  test('firewall, parameters and listening ports of the namespace that the programs ran in', async () => {
    closeSync(freshNetns());
    sh(
      'ip link set lo up; iptables -t nat -A POSTROUTING -s 10.1.0.0/24 ! -o br0 -j MASQUERADE; iptables -A INPUT -i lo -j ACCEPT; ip6tables -P FORWARD DROP; nft add table inet mine; ping -c 1 127.0.0.1 >/dev/null',
    );
    const [save4, save6, nftTables] = [
      FIREWALL_COMMANDS.save4,
      FIREWALL_COMMANDS.save6,
      FIREWALL_COMMANDS.nftTables,
    ].map(([program, ...argv]) => run(program!, ...argv));
    const firewall = parseFirewall({ save4: save4!, save6: save6!, nftTables: nftTables! });
    const nat = firewall.rules.find(({ table }) => table === 'nat');
    assert.deepEqual(
      [nat?.chain, nat?.match, nat?.target],
      ['POSTROUTING', { source: '10.1.0.0/24', outInterface: '!br0' }, 'MASQUERADE'],
    );
    assert.equal(firewall.rules.find(({ chain }) => chain === 'INPUT')?.packets, 2);
    assert.equal(
      firewall.chains.find(({ family, chain }) => family === 'inet6' && chain === 'FORWARD')?.policy,
      'DROP',
    );
    assert.deepEqual(firewall.nftOnly, ['inet mine']);
    const sysctls = parseSysctls(run(SYSCTL_COMMAND[0]!, ...SYSCTL_COMMAND.slice(1)));
    assert.equal(sysctls['net.ipv4.ip_forward'], '0');
    assert.match(sysctls['net.ipv4.ping_group_range'] ?? '', /^\d+ \d+$/);

    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const ports = readListening({ tcp: readFileSync('/proc/thread-self/net/tcp', 'utf8') }, new Map());
    assert.deepEqual(ports, [{ protocol: 'tcp', address: '127.0.0.1', port, pid: null }]);
    await new Promise((resolve) => server.close(resolve));
    const links = resolvePeers(
      readNetworks(realKernel, [{ id: 'net:[1]', label: 'a', fd: openNetlink(realKernel) }]).views,
    );
    assert.equal(networkNamespace(links[0]!, { firewall, listening: ports, sysctls }).links[0]?.kind, 'loopback');
  });
}
