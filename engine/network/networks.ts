import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { realKernel } from '../kernel/kernel.js';
import { openNetlink, Rtnetlink } from '../kernel/netlink/index.js';
import { poolsOr } from './address-pools.js';
import { setSysctl, sysctl } from './bridge.js';
import { type NetworkContext, rulesOfOtherOptions } from './context.js';
import { defaultNetworks } from './default-networks.js';
import { poolsOf } from './endpoints.js';
import type { Firewall } from './firewall/firewall.js';
import { newFirewall } from './firewall/open.js';
import { guard } from './guards.js';
import { isPredefined } from './network-options.js';
import { PortTable } from './ports/table.js';
import { loadSandboxes, raiseNetwork } from './restore.js';
import { Networks } from './service.js';
import { NetworkStore } from './store.js';
import type { NetworkService, NetworkServiceOptions } from './types.js';

/**
 * Open the networks of this engine in its own network namespace: the default bridge, the user's bridges and the firewall are
 * there afterwards; `restore` then tells what belongs to live containers.
 */
export async function openNetworks(options: NetworkServiceOptions): Promise<NetworkService> {
  const netlink = new Rtnetlink(realKernel, openNetlink(realKernel));
  try {
    const context = makeContext(options, netlink);
    mkdirSync(join(options.execRoot, 'netns'), { recursive: true, mode: 0o755 });
    loadSandboxes(context);
    const forwarding = options.ipForward === false ? 'unchanged' : enableForwarding(context);
    for (const record of context.networks.values()) raiseNetwork(context, record);
    await Promise.all(
      context.firewalls.map(({ version, firewall }) =>
        firewall.reconcile(
          rulesOfOtherOptions(context, version),
          forwarding === 'enabled' && guard('forward-policy') ? 'DROP' : null,
        ),
      ),
    );
    return new Networks(context, options.reactor);
  } catch (error) {
    realKernel.call('close', netlink.fd);
    throw error;
  }
}

function makeContext(options: NetworkServiceOptions, netlink: Rtnetlink): NetworkContext {
  const warn = options.warn ?? (() => undefined);
  const store = new NetworkStore(options.root, warn);
  const before = store.networks();
  const defaults = defaultNetworks(before, options, netlink);
  const records = [...defaults, ...before.filter((one) => !isPredefined(one))];
  store.writeNetworks(records);
  const hairpin = options.userlandProxy === false;
  const versions: (4 | 6)[] = records.some(({ enableIPv6 }) => enableIPv6) ? [4, 6] : [4];
  const firewalls: { version: 4 | 6; firewall: Firewall }[] = [];
  if (options.iptables !== false)
    for (const version of versions) firewalls.push({ version, firewall: newFirewall(version, hairpin, warn) });
  return {
    netlink,
    store,
    networks: new Map(records.map((record) => [record.id, record])),
    pools: new Map(records.map((record) => [record.id, poolsOf(record)])),
    sandboxes: new Map(),
    held: new Map(),
    nameServers: new Map(),
    ports: new PortTable(),
    firewalls,
    hairpin,
    masquerade: options.ipMasq ?? true,
    addressPools: poolsOr(options.addressPools),
    execRoot: options.execRoot,
    event: options.event ?? (() => undefined),
    warn,
  };
}

/** Docker forwards nothing by default where it was not forwarded before: containers must not turn the machine into a router. */
function enableForwarding(context: NetworkContext): 'enabled' | 'unchanged' {
  if (sysctl('ipv4/ip_forward') === '1') return 'unchanged';
  if (setSysctl('ipv4/ip_forward', '1')) return 'enabled';
  context.warn('net.ipv4.ip_forward cannot be set here: containers reach nothing beyond their bridge');
  return 'unchanged';
}
