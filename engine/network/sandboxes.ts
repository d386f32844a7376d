import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { EngineError } from '../kernel/errors.js';
import { undoing } from '../kernel/journal/context.js';
import type { Rtnetlink } from '../kernel/netlink/index.js';
import { removeLink } from './bridge.js';
import { changeFirewalls, type NetworkContext, rulesOfPorts } from './context.js';
import { checkEndpoint, gatewayOf, isOnParent, newEndpoint, releaseAddresses, wishedName } from './endpoints.js';
import { failed, forbidden, invalid } from './errors.js';
import { settingsOf } from './inspect.js';
import { cutCable, layLinks, moveDefaultRoute, standOf } from './links.js';
import { endNames, serveNames } from './name-servers.js';
import { keepOwnNetns, makeNetns, type OpenNetns, openNetns, removeNetns } from './netns.js';
import { bridgeSettings } from './network-options.js';
import { holdPorts, portMapOf, releasePorts, wishesOf } from './ports/publish.js';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.js';
import type { Attachment, AttachRequest, EndpointRequest } from './types.js';

/** Networks that one container may be on. */
const MAX_NETWORKS = 64;

/** A wish for one network, looked up. */
export interface EndpointWish {
  readonly network: NetworkRecord;
  readonly request: EndpointRequest;
}

/** Making, changing and removing containers' network namespaces. Calls for one container must follow each other. */
export class Sandboxes {
  readonly #context: NetworkContext;

  constructor(context: NetworkContext) {
    this.#context = context;
  }

  keyOf(sandbox: Pick<SandboxRecord, 'sandboxId' | 'mode'>): string {
    const name = sandbox.mode === 'host' ? 'default' : sandbox.sandboxId.slice(0, 12);
    return join(this.#context.execRoot, 'netns', name);
  }

  attachmentOf(sandbox: SandboxRecord): Attachment {
    return {
      sandboxId: sandbox.sandboxId,
      sandboxKey: this.keyOf(sandbox),
      networks: Object.fromEntries(sandbox.endpoints.map((one) => [one.networkName, settingsOf(one)])),
      ports: sandbox.mode === 'bridge' ? portMapOf(sandbox.publications, this.#exposed(sandbox)) : {},
    };
  }

  /** Drivers with a parent know of no ports, and Docker then shows none. */
  #exposed({ endpoints, exposed }: SandboxRecord): readonly string[] {
    return endpoints.length > 0 && endpoints.every(isOnParent) ? [] : exposed;
  }

  /** All or nothing. */
  async attach(request: AttachRequest, wishes: readonly EndpointWish[]): Promise<Attachment> {
    const mode = modeOf(wishes);
    for (const { network, request: wished } of wishes) checkEndpoint(network, wished);
    const { container } = request;
    const exposed = [...new Set([...request.exposed, ...Object.keys(request.ports)])];
    const sandboxId = randomBytes(32).toString('hex');
    let sandbox: SandboxRecord = {
      container,
      sandboxId,
      mode,
      endpoints: [],
      publications: [],
      exposed,
      dns: request.dns ?? [],
    };
    try {
      const said = wishes.flatMap(({ request: one }) => wishedName(one) ?? []);
      for (const { network, request: wished } of wishes) {
        const endpoint = this.#take(network, container, wished, nameOf(wished, sandbox.endpoints, said));
        sandbox = { ...sandbox, endpoints: [...sandbox.endpoints, endpoint] };
      }
      this.#write(sandbox);
      this.#raise(sandbox);
      sandbox = await this.#publish(sandbox, request);
    } catch (error) {
      await undoing(() => this.#tearDown(sandbox));
      throw error;
    }
    for (const endpoint of sandbox.endpoints) this.#tell('connect', sandbox, endpoint);
    return this.attachmentOf(sandbox);
  }

  /** Idempotent. */
  async detach(sandbox: SandboxRecord): Promise<void> {
    await this.#tearDown(sandbox);
    for (const endpoint of sandbox.endpoints) this.#tell('disconnect', sandbox, endpoint);
  }

  async connect(sandbox: SandboxRecord, wish: EndpointWish, request: AttachRequest): Promise<Attachment> {
    const { network } = wish;
    if (sandbox.mode === 'host')
      throw invalid(
        'container sharing network namespace with another container or host cannot be connected to any other network',
      );
    if (sandbox.mode === 'none' || network.driver === 'null')
      throw invalid(
        'container cannot be connected to multiple networks with one of the networks in private (none) mode',
      );
    if (network.driver === 'host')
      throw invalid('container cannot be disconnected from host network or connected to host network');
    if (sandbox.endpoints.some((one) => one.network === network.id))
      throw forbidden(`endpoint with name ${sandbox.container.name} already exists in network ${network.name}`);
    if (sandbox.endpoints.length >= MAX_NETWORKS) throw invalid(`a container is on at most ${MAX_NETWORKS} networks`);
    checkEndpoint(network, wish.request);
    const netns = this.#open(sandbox);
    try {
      const name = nameOf(wish.request, sandbox.endpoints);
      const endpoint = this.#take(network, sandbox.container, wish.request, name);
      let changed: SandboxRecord = { ...sandbox, endpoints: [...sandbox.endpoints, endpoint] };
      try {
        this.#write(changed);
        const gateway = gatewayOf(changed.endpoints);
        layLinks(this.#context.netlink, netns, [{ endpoint, on: standOf(network) }], {
          hairpin: this.#context.hairpin,
          gateway: gateway === endpoint ? endpoint : null,
          isNew: false,
        });
        serveNames(this.#context, changed, netns.fd);
        if (gateway === endpoint) changed = await this.#movePorts(sandbox, changed, request);
      } catch (error) {
        removeLink(...this.#linkOf(endpoint, netns));
        releaseAddresses(this.#context.pools.get(network.id), endpoint);
        moveDefaultRoute(netns, null, gatewayOf(sandbox.endpoints));
        this.#write(sandbox);
        throw error;
      }
      this.#tell('connect', changed, endpoint);
      return this.attachmentOf(changed);
    } finally {
      netns.close();
    }
  }

  async disconnect(sandbox: SandboxRecord, network: NetworkRecord): Promise<Attachment> {
    const endpoint = sandbox.endpoints.find((one) => one.network === network.id);
    if (endpoint === undefined)
      throw failed(`container ${sandbox.container.id} is not connected to network ${network.name}`);
    if (sandbox.mode === 'host')
      throw invalid('container cannot be disconnected from host network or connected to host network');
    const { netlink, pools } = this.#context;
    let changed: SandboxRecord = { ...sandbox, endpoints: sandbox.endpoints.filter((one) => one !== endpoint) };
    const isGateway = gatewayOf(sandbox.endpoints) === endpoint;
    if (isGateway) changed = await this.#movePorts(sandbox, changed, null);
    if (endpoint.hostInterface !== '') removeLink(netlink, endpoint.hostInterface);
    const next = gatewayOf(changed.endpoints);
    if (isOnParent(endpoint) || (isGateway && next !== null)) {
      const netns = this.#open(sandbox);
      try {
        if (isOnParent(endpoint)) removeLink(...this.#linkOf(endpoint, netns));
        if (isGateway && next !== null) moveDefaultRoute(netns, endpoint, next);
      } finally {
        netns.close();
      }
    }
    releaseAddresses(pools.get(network.id), endpoint);
    this.#write(changed);
    if (!changed.endpoints.some(({ dnsNames }) => dnsNames !== null)) endNames(this.#context, sandbox.sandboxId);
    this.#tell('disconnect', sandbox, endpoint);
    return this.attachmentOf(changed);
  }

  /** The namespace and all cables, for a record that is written. */
  #raise(sandbox: SandboxRecord): void {
    if (sandbox.mode === 'host') {
      keepOwnNetns(this.keyOf(sandbox));
      return;
    }
    const netns = makeNetns(this.keyOf(sandbox));
    try {
      this.layAll(sandbox, netns, sandbox.endpoints, true);
      serveNames(this.#context, sandbox, netns.fd);
    } finally {
      netns.close();
    }
  }

  layAll(sandbox: SandboxRecord, netns: OpenNetns, endpoints: readonly EndpointRecord[], isNew: boolean): void {
    const { networks, netlink, hairpin } = this.#context;
    const gateway = gatewayOf(sandbox.endpoints);
    const links = endpoints.flatMap((endpoint) => {
      const record = networks.get(endpoint.network);
      return record === undefined || endpoint.interfaceName === '' ? [] : [{ endpoint, on: standOf(record) }];
    });
    try {
      layLinks(netlink, netns, links, { hairpin, gateway, isNew });
    } catch (error) {
      const [first] = endpoints;
      throw failed(
        `failed to create endpoint ${sandbox.container.name} on network ${first?.networkName ?? ''}: ${(error as Error).message}`,
        error,
      );
    }
  }

  /** What to remove, and where: an end of a cable here, or an interface that stands on a parent there. */
  #linkOf(endpoint: EndpointRecord, netns: OpenNetns): [Rtnetlink, string] {
    return isOnParent(endpoint)
      ? [netns.netlink, endpoint.interfaceName]
      : [this.#context.netlink, endpoint.hostInterface];
  }

  #open(sandbox: SandboxRecord): OpenNetns {
    const netns = openNetns(this.keyOf(sandbox));
    if (netns === null)
      throw new EngineError('FailedPrecondition', `network sandbox of container ${sandbox.container.id} is gone`);
    return netns;
  }

  #take(
    network: NetworkRecord,
    container: SandboxRecord['container'],
    request: EndpointRequest,
    name: string,
  ): EndpointRecord {
    const pools = this.#context.pools.get(network.id);
    if (pools === undefined) throw failed(`network ${network.name} has no addresses`);
    return newEndpoint(network, pools, container, request, name);
  }

  #write(sandbox: SandboxRecord): void {
    this.#context.store.writeSandbox(sandbox);
    this.#context.sandboxes.set(sandbox.container.id, sandbox);
  }

  /** Hold and redirect the ports of a sandbox; its record says which, before rules are written. */
  async #publish(
    sandbox: SandboxRecord,
    request: Pick<AttachRequest, 'ports' | 'publishAll' | 'exposed'>,
  ): Promise<SandboxRecord> {
    const gateway = gatewayOf(sandbox.endpoints);
    const record = gateway === null ? undefined : this.#context.networks.get(gateway.network);
    if (sandbox.mode !== 'bridge' || gateway === null || record?.driver !== 'bridge') return sandbox;
    const { hostBinding, gatewayModes } = bridgeSettings(record);
    const isRouted = (version: 4 | 6): boolean => gatewayModes[version] === 'routed';
    const wishes = wishesOf(request, hostBinding);
    if (wishes.length === 0) return sandbox;
    const { ports, held } = this.#context;
    try {
      const own = await holdPorts(ports, wishes, gateway.ipv4, isRouted);
      held.set(sandbox.sandboxId, own);
      const published = { ...sandbox, publications: own.map(({ publication }) => publication) };
      this.#write(published);
      await changeFirewalls(this.#context, (version) => ({
        add: rulesOfPorts(this.#context, gateway, published.publications, version),
      }));
      return published;
    } catch (error) {
      const { endpointId } = gateway;
      if (error instanceof EngineError && error.code === 'InvalidArgument') throw error;
      throw failed(
        `driver failed programming external connectivity on endpoint ${sandbox.container.name} (${endpointId}): ${(error as Error).message}`,
        error,
      );
    }
  }

  /** Take back the ports of a sandbox: rules first, so that nothing is redirected to who comes next. */
  async #unpublish(sandbox: SandboxRecord): Promise<void> {
    const { ports, held } = this.#context;
    // the record in the map may be newer than the caller's
    const { publications, endpoints } = this.#context.sandboxes.get(sandbox.container.id) ?? sandbox;
    const gateway = gatewayOf(endpoints);
    if (gateway !== null && publications.length > 0)
      await changeFirewalls(this.#context, (version) => ({
        remove: rulesOfPorts(this.#context, gateway, publications, version),
      }));
    const own = held.get(sandbox.sandboxId) ?? [];
    held.delete(sandbox.sandboxId);
    await releasePorts(ports, own);
  }

  /** Another endpoint leads out now: ports, with the numbers that they have, lead to it. */
  async #movePorts(before: SandboxRecord, after: SandboxRecord, request: AttachRequest | null): Promise<SandboxRecord> {
    this.#context.sandboxes.set(before.container.id, before);
    await this.#unpublish(before);
    const bare = { ...after, publications: [] };
    this.#write(bare);
    if (gatewayOf(after.endpoints) === null) return bare;
    const ports = before.publications.length > 0 ? portMapOf(before.publications, []) : (request?.ports ?? {});
    return this.#publish(bare, { ports, publishAll: false, exposed: [] });
  }

  /** Each step is done though one before it failed; the first failure is thrown. */
  async #tearDown(sandbox: SandboxRecord): Promise<void> {
    const { netlink, pools, sandboxes, store } = this.#context;
    const failures: unknown[] = [];
    const step = (act: () => void): void => {
      try {
        act();
      } catch (error) {
        failures.push(error);
      }
    };
    step(() => endNames(this.#context, sandbox.sandboxId));
    await this.#unpublish(sandbox).catch((error: unknown) => failures.push(error));
    for (const { hostInterface } of sandbox.endpoints)
      if (hostInterface !== '') step(() => cutCable(netlink, hostInterface));
    // the kernel ends a namespace later: a parent that is given to one alone would be in use until then
    if (sandbox.endpoints.some(isOnParent)) step(() => this.#cutFromParents(sandbox));
    if (sandbox.mode !== 'host') step(() => removeNetns(this.keyOf(sandbox)));
    if (failures.length > 0) throw failures[0];
    for (const endpoint of sandbox.endpoints) releaseAddresses(pools.get(endpoint.network), endpoint);
    if (sandboxes.get(sandbox.container.id)?.sandboxId === sandbox.sandboxId) sandboxes.delete(sandbox.container.id);
    store.removeSandbox(sandbox.sandboxId);
  }

  #cutFromParents(sandbox: SandboxRecord): void {
    const netns = openNetns(this.keyOf(sandbox));
    if (netns === null) return;
    try {
      for (const endpoint of sandbox.endpoints.filter(isOnParent)) removeLink(netns.netlink, endpoint.interfaceName);
    } finally {
      netns.close();
    }
  }

  #tell(action: 'connect' | 'disconnect', sandbox: SandboxRecord, endpoint: EndpointRecord): void {
    const record = this.#context.networks.get(endpoint.network);
    this.#context.event(action, endpoint.network, {
      container: sandbox.container.id,
      name: endpoint.networkName,
      type: record?.driver ?? 'bridge',
    });
  }
}

/** A container is on the host's network, on none, or on bridges; not on a mixture. */
function modeOf(wishes: readonly EndpointWish[]): SandboxRecord['mode'] {
  const drivers = new Set(wishes.map(({ network }) => network.driver));
  if (wishes.length > MAX_NETWORKS) throw invalid(`a container is on at most ${MAX_NETWORKS} networks`);
  if (drivers.has('host') || drivers.has('null')) {
    if (wishes.length > 1)
      throw invalid('conflicting options: cannot attach both user-defined and non-user-defined network-modes');
    return drivers.has('host') ? 'host' : 'none';
  }
  return wishes.length === 0 ? 'none' : 'bridge';
}

/** The name that was said for an interface, or the first `eth0`, `eth1` … that neither another has nor is said for one. */
function nameOf(request: EndpointRequest, endpoints: readonly EndpointRecord[], said: readonly string[] = []): string {
  const has = (name: string): boolean => endpoints.some(({ interfaceName }) => interfaceName === name);
  const wished = wishedName(request);
  if (wished !== null) {
    if (has(wished)) throw invalid(`interface name ${wished} is already used by another endpoint of the container`);
    return wished;
  }
  for (let index = 0; ; index++) {
    const name = `eth${index}`;
    if (!has(name) && !said.includes(name)) return name;
  }
}
