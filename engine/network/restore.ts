import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../kernel/errors.js';
import { indexOf, raiseBridge, removeLink } from './bridge.js';
import { type NetworkContext, rulesOfNetwork, rulesOfPorts } from './context.js';
import { gatewayOf, HOST_INTERFACE, hostInterfaceOf, isOnParent, reserveAddresses } from './endpoints.js';
import { isErrno } from './errors.js';
import type { Rule } from './firewall/rules.js';
import { cutCable } from './links.js';
import { serveNames } from './name-servers.js';
import { type OpenNetns, openNetns, removeNetns } from './netns.js';
import { bridgeSettings } from './network-options.js';
import { isParented } from './parent-options.js';
import { raiseParent } from './parents.js';
import { type HeldPort, holdAgain, parsePort } from './ports/publish.js';
import type { EndpointRecord, NetworkRecord, Publication, SandboxRecord } from './record.js';
import type { Sandboxes } from './sandboxes.js';
import type { Attachment } from './types.js';

interface Live {
  readonly container: string;
  readonly attachment: Attachment;
}

/**
 * Bring the machine in line with what is known, after the engine was killed or somebody has been at it: sandboxes of no live
 * container go, those of live ones get back their cables, rules and ports; bridges are as they should be. Idempotent.
 */
export async function restoreNetworks(
  context: NetworkContext,
  sandboxes: Sandboxes,
  live: readonly Live[],
): Promise<void> {
  const wanted = new Map(live.map((one) => [one.container, one.attachment]));
  const unwanted: { version: 4 | 6; rule: Rule }[] = [];
  for (const sandbox of [...context.sandboxes.values()]) {
    if (wanted.get(sandbox.container.id)?.sandboxId === sandbox.sandboxId) continue;
    unwanted.push(...rulesOf(context, sandbox));
    await sandboxes.detach(sandbox);
  }
  for (const { container, attachment } of live)
    if (attachment.sandboxId !== '' && !context.sandboxes.has(container)) adopt(context, container, attachment);
  for (const record of context.networks.values()) raiseNetwork(context, record);
  for (const sandbox of context.sandboxes.values()) mendCables(context, sandboxes, sandbox);
  for (const sandbox of context.sandboxes.values()) await holdPortsAgain(context, sandbox);
  for (const sandbox of context.sandboxes.values()) serveNamesAgain(context, sandboxes, sandbox);
  removeStrangers(context, sandboxes);
  for (const { version, firewall } of context.firewalls)
    await firewall.reconcile(unwanted.filter((one) => one.version === version).map(({ rule }) => rule));
}

/** What a network stands on is there again. A parent that is gone is the user's to bring back: the engine starts without it. */
export function raiseNetwork(context: NetworkContext, record: NetworkRecord): void {
  if (record.driver === 'bridge') raiseBridge(context.netlink, record, context.hairpin);
  try {
    raiseParent(context.netlink, record);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    context.warn(`network ${record.name}: ${error.message}`);
  }
}

function rulesOf(context: NetworkContext, sandbox: SandboxRecord): { version: 4 | 6; rule: Rule }[] {
  const gateway = gatewayOf(sandbox.endpoints);
  if (gateway === null) return [];
  return context.firewalls.flatMap(({ version }) =>
    rulesOfPorts(context, gateway, sandbox.publications, version).map((rule) => ({ version, rule })),
  );
}

/** A live container whose file is lost: its attachment tells what was in it. */
function adopt(context: NetworkContext, container: string, { sandboxId, networks, ports }: Attachment): void {
  const endpoints = Object.entries(networks).map(([networkName, one], index): EndpointRecord => {
    const hasInterface = one.IPAddress !== '' || one.GlobalIPv6Address !== '';
    const isBridge = hasInterface && context.networks.get(one.NetworkID)?.driver === 'bridge';
    return {
      network: one.NetworkID,
      networkName,
      endpointId: one.EndpointID,
      interfaceName: hasInterface ? `eth${index}` : '',
      hostInterface: isBridge ? hostInterfaceOf(one.EndpointID) : '',
      mac: one.MacAddress,
      ipv4: one.IPAddress,
      ipv4Bits: one.IPPrefixLen,
      gateway: one.Gateway,
      ipv6: one.GlobalIPv6Address,
      ipv6Bits: one.GlobalIPv6PrefixLen,
      ipv6Gateway: one.IPv6Gateway,
      dnsNames: one.DNSNames,
      priority: one.GwPriority ?? 0,
      request: one,
    };
  });
  const drivers = endpoints.map(({ network }) => context.networks.get(network)?.driver);
  const publications = Object.entries(ports).flatMap(([key, bindings]): Publication[] => {
    const { port, protocol } = parsePort(key);
    return (bindings ?? []).map((one) => ({
      protocol,
      hostIp: one.HostIp,
      hostPort: Number(one.HostPort),
      containerPort: port,
    }));
  });
  const sandbox: SandboxRecord = {
    container: { id: container, name: endpoints[0]?.dnsNames?.[0] ?? container.slice(0, 12), hostname: '' },
    sandboxId,
    mode: drivers.includes('host')
      ? 'host'
      : drivers.some((driver) => driver === 'bridge' || (driver !== undefined && isParented(driver)))
        ? 'bridge'
        : 'none',
    endpoints,
    publications,
    exposed: Object.keys(ports),
    dns: [],
  };
  for (const endpoint of endpoints) reserveAddresses(context.pools.get(endpoint.network), endpoint);
  context.store.writeSandbox(sandbox);
  context.sandboxes.set(container, sandbox);
  for (const { version, firewall } of context.firewalls)
    firewall.want(rulesOf(context, sandbox).flatMap((one) => (one.version === version ? [one.rule] : [])));
}

/** Cables that are there are ports of their bridges again; those that are not are laid anew. */
function mendCables(context: NetworkContext, sandboxes: Sandboxes, sandbox: SandboxRecord): void {
  if (sandbox.mode !== 'bridge') return;
  const { netlink } = context;
  const missing: EndpointRecord[] = missingInside(context, sandboxes, sandbox);
  for (const endpoint of sandbox.endpoints) {
    const record = context.networks.get(endpoint.network);
    if (endpoint.hostInterface === '') continue;
    const index = indexOf(netlink, endpoint.hostInterface);
    if (record?.driver !== 'bridge') continue;
    if (index === null) missing.push(endpoint);
    else
      netlink.apply({
        op: 'link-set',
        link: { name: endpoint.hostInterface, index },
        master: { name: bridgeSettings(record).name },
        up: true,
      });
  }
  const netns = missing.length === 0 ? null : openOrWarn(context, sandboxes, sandbox);
  if (netns === null) return;
  try {
    sandboxes.layAll(sandbox, netns, missing, false);
  } finally {
    netns.close();
  }
}

function openOrWarn(context: NetworkContext, sandboxes: Sandboxes, sandbox: SandboxRecord): OpenNetns | null {
  const netns = openNetns(sandboxes.keyOf(sandbox));
  if (netns === null) context.warn(`the network namespace of container ${sandbox.container.id.slice(0, 12)} is gone`);
  return netns;
}

/** Interfaces on a parent that went with it; the parent may be there again. */
function missingInside(context: NetworkContext, sandboxes: Sandboxes, sandbox: SandboxRecord): EndpointRecord[] {
  const onParents = sandbox.endpoints.filter(isOnParent);
  const netns = onParents.length === 0 ? null : openOrWarn(context, sandboxes, sandbox);
  if (netns === null) return [];
  try {
    return onParents.filter(({ interfaceName }) => indexOf(netns.netlink, interfaceName) === null);
  } finally {
    netns.close();
  }
}

async function holdPortsAgain(context: NetworkContext, sandbox: SandboxRecord): Promise<void> {
  const gateway = gatewayOf(sandbox.endpoints);
  if (gateway === null || context.held.has(sandbox.sandboxId)) return;
  const held: HeldPort[] = [];
  for (const publication of sandbox.publications) {
    try {
      const one = await holdAgain(context.ports, publication, gateway.ipv4);
      if (one !== null) held.push(one);
    } catch (error) {
      // the container goes on; what the firewall redirects still arrives
      context.warn(`port of container ${sandbox.container.id.slice(0, 12)}: ${(error as Error).message}`);
    }
  }
  context.held.set(sandbox.sandboxId, held);
}

function serveNamesAgain(context: NetworkContext, sandboxes: Sandboxes, sandbox: SandboxRecord): void {
  const netns = sandbox.mode === 'bridge' ? openNetns(sandboxes.keyOf(sandbox)) : null;
  if (netns === null) return;
  try {
    serveNames(context, sandbox, netns.fd);
  } finally {
    netns.close();
  }
}

/** Namespaces below our directory, and cables on our bridges, that no record knows. */
function removeStrangers(context: NetworkContext, sandboxes: Sandboxes): void {
  const { netlink } = context;
  const records = [...context.sandboxes.values()];
  const keys = new Set(records.map((one) => sandboxes.keyOf(one)));
  const directory = join(context.execRoot, 'netns');
  for (const name of namesIn(directory))
    if (/^[0-9a-f]{12}$/.test(name) && !keys.has(join(directory, name))) removeNetns(join(directory, name));
  const cables = new Set(records.flatMap(({ endpoints }) => endpoints.map(({ hostInterface }) => hostInterface)));
  const links = netlink.links({ statistics: false });
  const bridges = new Set(
    [...context.networks.values()].flatMap((record) =>
      record.driver === 'bridge' ? (links.find(({ name }) => name === bridgeSettings(record).name)?.index ?? []) : [],
    ),
  );
  for (const { name, master, kind } of links) {
    if (kind !== 'veth' || master === null || !bridges.has(master) || !HOST_INTERFACE.test(name) || cables.has(name))
      continue;
    cutCable(netlink, name);
    removeLink(netlink, name);
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** What is known from files, at the engine's start: addresses in use, and which rules there must be. */
export function loadSandboxes(context: NetworkContext): void {
  for (const sandbox of context.store.sandboxes()) {
    context.sandboxes.set(sandbox.container.id, sandbox);
    for (const endpoint of sandbox.endpoints) reserveAddresses(context.pools.get(endpoint.network), endpoint);
    for (const { version, firewall } of context.firewalls)
      firewall.want(rulesOf(context, sandbox).flatMap((one) => (one.version === version ? [one.rule] : [])));
  }
  for (const record of context.networks.values())
    for (const { version, firewall } of context.firewalls) firewall.want(rulesOfNetwork(context, record, version));
}
