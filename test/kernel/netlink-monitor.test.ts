import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { test } from 'node:test';
import { type Arg, type Kernel, realKernel } from '../../engine/kernel/kernel.js';
import { NETLINK_NETFILTER, NETLINK_ROUTE } from '../../engine/kernel/netlink/constants.js';
import { Monitor, type NetlinkEvent, openMonitor, subscribeRoute } from '../../engine/kernel/netlink/monitor.js';
import { Rtnetlink } from '../../engine/kernel/netlink/rtnetlink.js';
import { netnsOfSocket, openNetlink, setReceiveBuffer } from '../../engine/kernel/netlink/socket.js';
import type { SyscallName } from '../../engine/kernel/syscall-table.js';
import { freshNetns, inNetns, insideNamespaces, rerunInNamespaces, run, sh, siblingNetns } from '../helpers/netns.js';

/** An event in one word or two. */
function told(event: NetlinkEvent): string {
  switch (event.kind) {
    case 'link':
    case 'bridge-port':
      return `${event.kind} ${event.action} ${event.link.name}`;
    case 'address':
      return `address ${event.action} ${event.address.address}/${event.address.prefix}`;
    case 'route':
      return `route ${event.action} ${event.route.destination}`;
    case 'neighbour':
      return `neighbour ${event.action} ${event.neighbour.address}`;
    case 'rule':
      return `rule ${event.action} ${event.rule.priority}`;
    case 'netconf':
      return `netconf ${event.netconf.index} forwarding ${event.netconf.forwarding}`;
    case 'firewall':
      return `${event.firewall.object} ${event.action} ${event.firewall.family} ${event.firewall.table} ${event.firewall.chain}`;
    case 'nsid':
      return `nsid ${event.action}`;
    case 'fdb':
      return `fdb ${event.action} ${event.entry.mac}`;
    case 'overrun':
      return 'overrun';
  }
}

if (!insideNamespaces) {
  test('what the kernel tells of a network as it changes', () => rerunInNamespaces(import.meta.url));
} else {
  const close = (...fds: number[]): void => {
    for (const fd of fds) realKernel.call('close', fd);
  };

  test('each command of a learner is told', () => {
    closeSync(freshNetns());
    const monitor = openMonitor(realKernel, NETLINK_ROUTE);
    assert.deepEqual(monitor.drain(), []);
    const wanted: readonly (readonly [command: string, events: readonly string[]])[] = [
      ['ip link add v0 type veth peer name v1', ['link new v0', 'link new v1']],
      ['ip link add br0 type bridge', ['link new br0']],
      ['ip link set v1 master br0', ['link new v1', 'bridge-port new v1']],
      ['ip link set v0 up', ['link new v0']],
      ['ip addr add 10.1.0.1/24 dev v0', ['address new 10.1.0.1/24', 'route new 10.1.0.1/32', 'route new 10.1.0.0/24']],
      ['ip link set v1 up', ['link new v1', 'link new v0']],
      ['ip route add default via 10.1.0.254', ['route new default']],
      ['ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev v0', ['neighbour new 10.1.0.9']],
      ['ip rule add from 10.9.0.0/16 table 9 priority 77', ['rule new 77']],
      ['ip -6 route add fd09::/64 dev v0', ['route new fd09::/64']],
      ['echo 1 > /proc/sys/net/ipv4/ip_forward', ['netconf -1 forwarding 1']],
      ['ip link set v1 nomaster', ['bridge-port deleted v1', 'link new v1']],
      ['ip route del default', ['route deleted default']],
      ['ip addr del 10.1.0.1/24 dev v0', ['address deleted 10.1.0.1/24', 'route deleted 10.1.0.0/24']],
      ['ip link del v0', ['link deleted v0', 'link deleted v1']],
    ];
    for (const [command, events] of wanted) {
      sh(command);
      const heard = monitor.drain().map(told);
      for (const event of events)
        assert.equal(heard.includes(event), true, `${command}: ${event} is not in ${heard.join(', ')}`);
    }
    close(monitor.fd);
  });

  test('a link that leaves says where it went', () => {
    closeSync(freshNetns());
    const { here, there } = siblingNetns();
    const monitor = openMonitor(realKernel, NETLINK_ROUTE);
    const netlink = new Rtnetlink(realKernel, openNetlink(realKernel));
    netlink.apply({ op: 'link-add', kind: 'veth', name: 'v0', peer: { name: 'v1' } });
    monitor.drain();
    netlink.apply({ op: 'link-set', link: { name: 'v1' }, netns: { fd: there } });
    const gone = monitor.drain().find((event) => event.kind === 'link' && event.action === 'deleted');
    assert.equal(gone?.kind === 'link' && gone.link.newNetnsid, netlink.nsidOf({ fd: there }));
    const fd = netnsOfSocket(realKernel, netlink.fd);
    assert.equal(netlink.nsidOf({ fd }), null, 'a socket leads to its own namespace, which has no number for itself');
    close(monitor.fd, netlink.fd, here, there, fd);
  });

  test('each iptables and nft command is told, with table and chain', () => {
    closeSync(freshNetns());
    const monitor = openMonitor(realKernel, NETLINK_NETFILTER);
    run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-s', '10.0.0.0/8', '-j', 'MASQUERADE');
    const heard = monitor.drain().map(told);
    assert.equal(heard.includes('rule new ip nat POSTROUTING'), true, heard.join(', '));
    assert.match(heard.at(-1) ?? '', /^generation /);
    sh('nft add table inet mine; nft add chain inet mine c; nft delete table inet mine');
    const nft = monitor.drain().map(told);
    for (const event of ['table new inet mine null', 'chain new inet mine c', 'table deleted inet mine null']) {
      assert.equal(nft.includes(event), true, `${event} is not in ${nft.join(', ')}`);
    }
    close(monitor.fd);
  });

  test('more than there is room for is an overrun, and afterwards it goes on', () => {
    closeSync(freshNetns());
    const fd = openNetlink(realKernel);
    subscribeRoute(realKernel, fd);
    setReceiveBuffer(realKernel, fd, 8192);
    const monitor = new Monitor(realKernel, fd, NETLINK_ROUTE);
    run('sh', '-c', 'for i in $(seq 1 60); do echo "link add b$i type bridge"; done | ip -batch -');
    const heard = monitor.drain();
    assert.equal(
      heard.some(({ kind }) => kind === 'overrun'),
      true,
    );
    sh('ip link set lo up');
    assert.equal(monitor.drain().map(told).includes('link new lo'), true);
    close(fd);
  });

  test("what another process sends is not taken for the kernel's", () => {
    const home = freshNetns();
    const netlink = new Rtnetlink(realKernel, openNetlink(realKernel));
    netlink.links();
    const address = new Uint8Array(12);
    const length = Uint8Array.of(12, 0, 0, 0);
    assert.equal(realKernel.call('getsockname', netlink.fd, address, length), 0);
    // A forged end of a dump, sent again and again right before each reading.
    const liar = openNetlink(realKernel);
    const forged = new Uint8Array(20);
    new DataView(forged.buffer).setUint32(0, 20, true);
    new DataView(forged.buffer).setUint16(4, 3, true);
    let lies = 0;
    const lying: Kernel = {
      call: (name: SyscallName, ...args: Arg[]): number => {
        if (name === 'sendto')
          new DataView(forged.buffer).setUint32(
            8,
            new DataView((args[1] as Uint8Array).buffer, (args[1] as Uint8Array).byteOffset).getUint32(8, true),
            true,
          );
        if (name === 'sendto' && realKernel.call('sendto', liar, forged, 20, 0, address, 12) === 20) lies++;
        return realKernel.call(name, ...args);
      },
    };
    const other = new Rtnetlink(lying, netlink.fd);
    assert.deepEqual(
      other.links().map(({ name }) => name),
      ['lo'],
    );
    assert.equal(lies > 0, true, 'nothing was forged');
    inNetns(home, () => assert.equal(other.link('lo').index, 1));
    close(liar, netlink.fd, home);
  });

  test('a kernel that fails at any call gives an error and never a wrong answer', () => {
    closeSync(freshNetns());
    run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
    const fd = openNetlink(realKernel);
    let calls = 0;
    const counting = (failAt: number, errno: number): Kernel => ({
      call: (name: SyscallName, ...args: Arg[]): number =>
        ++calls === failAt ? -errno : realKernel.call(name, ...args),
    });
    const whole = new Rtnetlink(counting(0, 0), fd).links({ statistics: false }).map(({ name }) => name);
    const most = calls;
    for (const errno of [4 /* EINTR */, 12 /* ENOMEM */, 105 /* ENOBUFS */, 11 /* EAGAIN */]) {
      for (let failAt = 1; failAt <= most; failAt++) {
        calls = 0;
        try {
          const names = new Rtnetlink(counting(failAt, errno), fd).links({ statistics: false }).map(({ name }) => name);
          assert.deepEqual(names, whole, `errno ${errno} at call ${failAt}`);
        } catch (error) {
          assert.equal((error as Error).name, 'SyscallError', String(error));
        }
      }
    }
    close(fd);
  });
}
