import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { EngineError } from '../kernel/errors.js';
import { untilFilter } from '../kernel/go-time.js';
import { realKernel } from '../kernel/kernel.js';
import type { Reactor } from '../kernel/reactor.js';
import { step } from '../kernel/replace-file.js';
import { indexOf, raiseBridge, removeLink, setSysctl } from './bridge.js';
import { changeFirewalls, type NetworkContext, rulesOfNetwork } from './context.js';
import { machineRoutes } from './default-networks.js';
import { poolsOf } from './endpoints.js';
import { conflict, failed, forbidden, invalid, notFound } from './errors.js';
import { boolean, checkFilters, exact, type Filters, labelsDiffer, labelsMatch, matches } from './filters.js';
import { newFirewall } from './firewall/open.js';
import { watchFirewall } from './firewall/watch.js';
import { networkOf } from './inspect.js';
import { endNames } from './name-servers.js';
import { bridgeSettings, isPredefined, newNetwork, printable } from './network-options.js';
import { isOwnParent, raiseParent, removeParent } from './parents.js';
import { releasePorts } from './ports/publish.js';
import type { NetworkRecord, SandboxRecord } from './record.js';
import { restoreNetworks } from './restore.js';
import { Sandboxes } from './sandboxes.js';
import type {
  Attachment,
  AttachRequest,
  EndpointRequest,
  Network,
  NetworkCreateOptions,
  NetworkService,
} from './types.js';

const LIST_FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];
const PRUNE_FILTERS = ['label', 'label!', 'until'];

/** The networks of one engine, opened. `openNetworks` makes it. */
export class Networks implements NetworkService {
  readonly #context: NetworkContext;
  readonly #sandboxes: Sandboxes;
  /** What is under way for each container: the next waits for it. */
  readonly #queues = new Map<string, Promise<unknown>>();
  #closed = false;
  #endWatch: (() => void) | null = null;

  constructor(context: NetworkContext, reactor?: Reactor) {
    this.#context = context;
    this.#sandboxes = new Sandboxes(context);
    if (context.firewalls.every(({ firewall }) => firewall.works) && context.firewalls.length > 0)
      this.#endWatch = watchFirewall(() => this.#mendFirewalls(), reactor);
  }

  #mendFirewalls(): void {
    for (const { firewall } of this.#context.firewalls)
      firewall
        .reconcile()
        .catch((error: Error) => this.#context.warn(`the firewall cannot be mended: ${error.message}`));
  }

  async create(options: NetworkCreateOptions): Promise<{ Id: string; Warning: string }> {
    this.#check();
    const { networks, pools, netlink, event, hairpin } = this.#context;
    const known = [...networks.values()];
    if (known.some(({ name }) => name === options.Name) && !isPredefined({ name: options.Name }))
      throw conflict(`network with name ${printable(options.Name)} already exists`);
    const id = randomBytes(32).toString('hex');
    const planned = newNetwork(options, id, {
      networks: known,
      routes: machineRoutes(netlink),
      pools: this.#context.addressPools,
    });
    // a bridge or a parent that the user made stays the user's
    const record =
      planned.driver === 'bridge'
        ? { ...planned, foundBridge: indexOf(netlink, bridgeSettings(planned).name) !== null }
        : { ...planned, ownParent: isOwnParent(netlink, planned, known) };
    networks.set(id, record);
    pools.set(id, poolsOf(record));
    try {
      this.#save();
      if (record.enableIPv6 && record.driver === 'bridge') await this.#enableIPv6();
      step('raise bridge');
      if (record.driver === 'bridge') raiseBridge(netlink, record, hairpin);
      else raiseParent(netlink, record);
      step('add rules');
      await changeFirewalls(this.#context, (version) => ({ add: rulesOfNetwork(this.#context, record, version) }));
    } catch (error) {
      await this.#drop(record).catch((second: Error) =>
        this.#context.warn(`remove network ${record.name}: ${second.message}`),
      );
      throw error;
    }
    event('create', id, { name: record.name, type: record.driver });
    return { Id: id, Warning: '' };
  }

  /** The first network with IPv6 brings its firewall and forwarding. */
  async #enableIPv6(): Promise<void> {
    const { firewalls, hairpin, warn } = this.#context;
    if (!existsSync('/proc/net/if_inet6'))
      throw failed(
        'cannot enable IPv6 on the network: this kernel has none (it was built or started without: ipv6.disable=1)',
      );
    for (const key of ['ipv6/conf/default/forwarding', 'ipv6/conf/all/forwarding'])
      if (!setSysctl(key, '1')) warn(`net.${key.replaceAll('/', '.')} cannot be set here`);
    if (firewalls.length === 0 || firewalls.some(({ version }) => version === 6)) return;
    const firewall = newFirewall(6, hairpin, warn);
    firewalls.push({ version: 6, firewall });
    await firewall.reconcile([], 'DROP');
  }

  get(name: string): Promise<Network> {
    return settle(() => networkOf(this.#find(name), this.#context.sandboxes.values()));
  }

  list(filters: Filters = {}): Promise<readonly Network[]> {
    return settle(() => {
      checkFilters(filters, LIST_FILTERS);
      const dangling = boolean(filters, 'dangling');
      for (const type of filters['type'] ?? [])
        if (type !== 'custom' && type !== 'builtin') throw invalid(`invalid filter: 'type'='${printable(type)}'`);
      return [...this.#context.networks.values()]
        .filter(
          (one) =>
            exact(filters, 'driver', one.driver) &&
            exact(filters, 'scope', 'local') &&
            exact(filters, 'type', isPredefined(one) ? 'builtin' : 'custom') &&
            matches(filters, 'id', one.id) &&
            matches(filters, 'name', one.name) &&
            labelsMatch(filters, 'label', one.labels) &&
            (dangling === null || dangling === (!isPredefined(one) && this.#users(one).length === 0)),
        )
        .map((one) => networkOf(one, []));
    });
  }

  async remove(name: string): Promise<void> {
    this.#check();
    const record = this.#find(name);
    if (isPredefined(record)) throw forbidden(`${record.name} is a pre-defined network and cannot be removed`);
    const users = this.#users(record);
    if (users.length > 0) {
      const list = users
        .map(({ container }) => `name:"${container.name}" id:"${container.id.slice(0, 12)}"`)
        .join(', ');
      throw forbidden(`error while removing network: network ${record.name} has active endpoints (${list})`);
    }
    await this.#drop(record);
    this.#context.event('destroy', record.id, { name: record.name, type: record.driver });
  }

  async prune(filters: Filters): Promise<{ NetworksDeleted: readonly string[] }> {
    checkFilters(filters, PRUNE_FILTERS);
    const before = untilFilter(filters);
    const deleted: string[] = [];
    for (const record of [...this.#context.networks.values()]) {
      if (isPredefined(record) || this.#users(record).length > 0) continue;
      if (before !== null && Date.parse(record.created) > before) continue;
      if (!labelsMatch(filters, 'label', record.labels) || !labelsDiffer(filters, 'label!', record.labels)) continue;
      await this.remove(record.id);
      deleted.push(record.name);
    }
    this.#context.event('prune', '', { reclaimed: '0' });
    return { NetworksDeleted: deleted };
  }

  attach(request: AttachRequest): Promise<Attachment> {
    return this.#inTurn(request.container.id, async () => {
      const wishes = Object.entries(request.networks).map(([name, wished]) => ({
        network: this.#find(name),
        request: wished,
      }));
      const stale = this.#context.sandboxes.get(request.container.id);
      if (stale !== undefined) await this.#sandboxes.detach(stale);
      return this.#sandboxes.attach(request, wishes);
    });
  }

  detach(container: string, attachment: Attachment | null): Promise<void> {
    return this.#inTurn(container, async () => {
      const sandbox = this.#context.sandboxes.get(container);
      if (sandbox === undefined || (attachment !== null && attachment.sandboxId !== sandbox.sandboxId)) return;
      await this.#sandboxes.detach(sandbox);
    });
  }

  connect(
    network: string,
    request: AttachRequest,
    endpoint: EndpointRequest,
    current: Attachment,
  ): Promise<Attachment> {
    return this.#inTurn(request.container.id, () => {
      const record = this.#find(network);
      return this.#sandboxes.connect(
        this.#sandbox(request.container.id, current),
        { network: record, request: endpoint },
        request,
      );
    });
  }

  disconnect(network: string, container: string, current: Attachment): Promise<Attachment> {
    return this.#inTurn(container, () =>
      this.#sandboxes.disconnect(this.#sandbox(container, current), this.#find(network)),
    );
  }

  async restore(live: readonly { readonly container: string; readonly attachment: Attachment }[]): Promise<void> {
    this.#check();
    await restoreNetworks(this.#context, this.#sandboxes, live);
  }

  /** Ports are let go; what is in the kernel stays for containers that outlive the engine. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#endWatch?.();
    await Promise.allSettled(this.#queues.values());
    const { held, ports, netlink } = this.#context;
    await Promise.all([...held.values()].map((own) => releasePorts(ports, own)));
    held.clear();
    for (const id of [...this.#context.nameServers.keys()]) endNames(this.#context, id);
    realKernel.call('close', netlink.fd);
  }

  #check(): void {
    if (this.#closed) throw new EngineError('FailedPrecondition', 'the network service is closed');
  }

  #inTurn<T>(container: string, act: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(container) ?? Promise.resolve();
    const run = before.then(() => {
      this.#check();
      return act();
    });
    // who comes next waits until it is over, however it ended
    const over = (): void => {
      if (this.#queues.get(container) === settled) this.#queues.delete(container);
    };
    const settled: Promise<void> = run.then(over, over);
    this.#queues.set(container, settled);
    return run;
  }

  #sandbox(container: string, current: Attachment): SandboxRecord {
    const sandbox = this.#context.sandboxes.get(container);
    if (sandbox?.sandboxId !== current.sandboxId) throw failed(`container ${container} has no network sandbox`);
    return sandbox;
  }

  /** By id, name or the beginning of an id, in Docker's order. */
  #find(term: string): NetworkRecord {
    const all = [...this.#context.networks.values()];
    const exactly = all.find(({ id }) => id === term) ?? all.find(({ name }) => name === term);
    if (exactly !== undefined) return exactly;
    const byPrefix = term === '' ? [] : all.filter(({ id }) => id.startsWith(term));
    if (byPrefix.length > 1)
      throw invalid(`network ${printable(term)} is ambiguous (${byPrefix.length} matches found based on ID prefix)`);
    const [found] = byPrefix;
    if (found === undefined) throw notFound(`network ${printable(term)} not found`);
    return found;
  }

  #users(record: NetworkRecord): SandboxRecord[] {
    return [...this.#context.sandboxes.values()].filter(({ endpoints }) =>
      endpoints.some(({ network }) => network === record.id),
    );
  }

  #save(): void {
    this.#context.store.writeNetworks([...this.#context.networks.values()]);
  }

  /** Rules, bridge, and last the record: a killed engine finds the network whole and can be asked again. */
  async #drop(record: NetworkRecord): Promise<void> {
    const { netlink, networks, pools } = this.#context;
    step('remove rules');
    await changeFirewalls(this.#context, (version) => ({ remove: rulesOfNetwork(this.#context, record, version) }));
    step('remove bridge');
    if (record.driver !== 'bridge') removeParent(netlink, record, [...networks.values()]);
    else if (record.foundBridge !== true) removeLink(netlink, bridgeSettings(record).name);
    networks.delete(record.id);
    pools.delete(record.id);
    this.#save();
  }
}

/** A synchronous answer as a promise, so that its errors are rejections. */
function settle<T>(act: () => T): Promise<T> {
  return new Promise((resolve) => resolve(act()));
}
