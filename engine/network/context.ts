import type { Rtnetlink } from '../kernel/netlink/index.js';
import type { AddressPool } from './address-pools.js';
import { formatPrefix, parseAddress } from './cidr.js';
import type { NameServer } from './dns/server.js';
import type { NetworkPools } from './endpoints.js';
import type { Firewall } from './firewall/firewall.js';
import { baseRules, type FirewalledNetwork, networkRules, publicationRules, type Rule } from './firewall/rules.js';
import { bridgeSettings, subnetsOf } from './network-options.js';
import type { HeldPort } from './ports/publish.js';
import type { PortTable } from './ports/table.js';
import type { EndpointRecord, NetworkRecord, Publication, SandboxRecord } from './record.js';
import type { NetworkStore } from './store.js';
import type { NetworkEvent } from './types.js';

/** What the parts of the service share. The maps are the truth; the files of the store are their copies. */
export interface NetworkContext {
  /** In the engine's own network namespace. */
  readonly netlink: Rtnetlink;
  readonly store: NetworkStore;
  readonly networks: Map<string, NetworkRecord>;
  readonly pools: Map<string, NetworkPools>;
  /** By the container's id. */
  readonly sandboxes: Map<string, SandboxRecord>;
  /** By the sandbox's id. */
  readonly held: Map<string, readonly HeldPort[]>;
  /** By the sandbox's id. */
  readonly nameServers: Map<string, NameServer>;
  readonly ports: PortTable;
  readonly firewalls: { readonly version: 4 | 6; readonly firewall: Firewall }[];
  /** No proxy carries what comes from loopback: the firewall does. */
  readonly hairpin: boolean;
  /** Of `--ip-masq`. */
  readonly masquerade: boolean;
  readonly addressPools: readonly AddressPool[];
  readonly execRoot: string;
  readonly event: NetworkEvent;
  readonly warn: (message: string) => void;
}

function firewalled(
  context: Pick<NetworkContext, 'masquerade' | 'hairpin'>,
  record: NetworkRecord,
  version: 4 | 6,
): FirewalledNetwork | null {
  const subnets = subnetsOf(record).filter((subnet) => subnet.version === version);
  if (record.driver !== 'bridge' || subnets.length === 0) return null;
  const settings = bridgeSettings(record);
  return {
    bridge: settings.name,
    subnets: subnets.map(formatPrefix),
    internal: record.internal,
    icc: settings.icc,
    masquerade: settings.masquerade && (context.masquerade || !settings.isDefault),
    hairpin: context.hairpin,
    sourceAddress: settings.hostAddresses[version],
    mode: settings.gatewayModes[version],
  };
}

/** The rules of a network, for one version of IP. */
export function rulesOfNetwork(
  context: Pick<NetworkContext, 'masquerade' | 'hairpin'>,
  record: NetworkRecord,
  version: 4 | 6,
): Rule[] {
  const network = firewalled(context, record, version);
  return network === null ? [] : networkRules(version, network);
}

/** What an engine with other options left of the same networks. */
export function rulesOfOtherOptions(context: NetworkContext, version: 4 | 6): Rule[] {
  const { masquerade, hairpin, networks } = context;
  const others = [
    { masquerade, hairpin: !hairpin },
    { masquerade: !masquerade, hairpin },
    { masquerade: !masquerade, hairpin: !hairpin },
  ];
  const rules = others.flatMap((other) =>
    [...networks.values()].flatMap((record) => rulesOfNetwork(other, record, version)),
  );
  return [...baseRules(version, !hairpin), ...rules];
}

/** The rules of ports that are published to an endpoint. */
export function rulesOfPorts(
  context: NetworkContext,
  endpoint: EndpointRecord,
  publications: readonly Publication[],
  version: 4 | 6,
): Rule[] {
  const record = context.networks.get(endpoint.network);
  const address = version === 4 ? endpoint.ipv4 : endpoint.ipv6;
  if (record === undefined || record.driver !== 'bridge' || address === '') return [];
  const { name, gatewayModes } = bridgeSettings(record);
  const target = { bridge: name, address, hairpin: context.hairpin, mode: gatewayModes[version] };
  return publications
    .filter(({ hostIp }) => parseAddress(hostIp)?.version === version)
    .flatMap((one) => publicationRules(version, target, one));
}

/** Do the same with the firewalls of both versions. */
export async function changeFirewalls(
  context: NetworkContext,
  change: (version: 4 | 6) => { readonly add?: readonly Rule[]; readonly remove?: readonly Rule[] },
): Promise<void> {
  await Promise.all(
    context.firewalls.map(({ version, firewall }) => {
      const { add = [], remove = [] } = change(version);
      return add.length === 0 && remove.length === 0 ? Promise.resolve() : firewall.change({ add, remove });
    }),
  );
}
