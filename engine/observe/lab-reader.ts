import { closeSync } from 'node:fs';
import type { CgroupView, LabInfo, Namespace, NamespaceId, OverlayStack, Process, Snapshot } from '../api/types.js';
import type { CgroupSetup } from '../cgroup/hierarchy.js';
import { readCgroups } from '../cgroup/read.js';
import type { Kernel } from '../kernel/kernel.js';
import type { LabAccess } from './access.js';
import { joinContainers, nameNamespaces } from './containers/join.js';
import { ContainerRecords, type EngineData } from './containers/records.js';
import { Holds } from './holds.js';
import { identifyLab, type LabIdentity } from './lab-identity.js';
import type { LayerScan } from './layer-scan.js';
import { MountTables, mountTablesOf } from './mounts.js';
import { NamespaceIndex } from './namespaces.js';
import { NetworkReader } from './network-reader.js';
import { isListeningNamespace } from './network-watch.js';
import { ownOverlays, readOverlays } from './overlays.js';
import { Problems } from './problems.js';
import { ProcessTracker, type Pulse } from './process-tracker.js';
import { labPidOf, processesOf, processFindings } from './processes.js';
import type { RawProcess } from './raw-process.js';

export interface LabReaderOptions {
  readonly kernel: Kernel;
  readonly initHostPid: number;
  readonly access: LabAccess;
  readonly cgroups: CgroupSetup;
  readonly labInfo: () => LabInfo;
  /** Path of ours to the upper directory of the lab host's root overlay. */
  readonly rootUpper?: string;
  /** Where the lab's container engine keeps its records. */
  readonly engineData?: EngineData;
}

/** The parts of a snapshot as they were last read, each read by a call of its own; `assemble` joins them. Synchronous. */
export class LabReader {
  readonly lab: LabIdentity;
  readonly network: NetworkReader;
  readonly #options: LabReaderOptions;
  readonly #tracker: ProcessTracker;
  readonly #mounts = new MountTables();
  readonly #holds: Holds;
  readonly #index: NamespaceIndex;
  readonly #cgroupRoots: ReadonlyMap<string, string>;
  readonly #records: ContainerRecords | null;
  #problems = {
    core: new Problems(),
    hostnames: new Problems(),
    overlays: new Problems(),
    cgroups: new Problems(),
    network: new Problems(),
    listening: new Problems(),
    containers: new Problems(),
  };
  #raws: readonly RawProcess[] = [];
  #processes: readonly Process[] = [];
  #namespaces: readonly Namespace[] = [];
  #hostnames = new Map<NamespaceId, string>();
  #overlays: readonly OverlayStack[] = [];
  #cgroups: CgroupView;
  #ownOverlays: ReadonlySet<string> | null = null;
  /** Lower layers of containers, as they were walked. */
  readonly #layers = new Map<string, LayerScan>();
  /** Containers whose layers were read last. */
  #layered: ReadonlySet<string> = new Set();
  #seq = 0;

  constructor(options: LabReaderOptions) {
    this.#options = options;
    this.lab = identifyLab(options.initHostPid);
    this.#tracker = new ProcessTracker(options.kernel, this.lab);
    this.#holds = new Holds(options.kernel);
    this.#index = new NamespaceIndex(options.kernel, this.lab);
    this.network = new NetworkReader(options.kernel, options.access, this.#index);
    this.#cgroupRoots = new Map(options.cgroups.hierarchies.map(({ name, path }) => [name, path]));
    const data = options.engineData;
    this.#records = data === undefined ? null : new ContainerRecords(options.kernel, this.lab, data);
    this.#cgroups = { mode: options.cgroups.mode, hierarchies: [], groups: [] };
  }

  get namespaces(): readonly Namespace[] {
    return this.#namespaces;
  }

  /** A process's descriptors are still to be looked at. */
  get pending(): boolean {
    return this.#holds.pending;
  }

  pulse(all = false): Pulse {
    return this.#tracker.pulse(all);
  }

  initGone(): boolean {
    return this.#tracker.initGone();
  }

  /** Processes, mount tables, namespaces: they are found through each other, so they are read together. */
  readCore(all = false): void {
    const problems = new Problems();
    const ran = new Set(this.#tracker.refresh(all).map(({ hostPid }) => hostPid));
    this.#raws = this.#tracker.processes();
    this.#mounts.refresh(this.#raws, this.lab.initHostPid, problems);
    this.#ownOverlays ??= ownOverlays(this.#mounts.tables.find(({ ns }) => ns === this.lab.namespaces.mnt));
    const mounted = this.#mounts.namespaceMounts();
    this.#holds.refresh(this.#raws, ran, mounted.paths, all);
    const labPids = new Map(this.#raws.map((raw) => [raw.hostPid, labPidOf(this.lab, raw)]));
    const findings = [
      ...processFindings(this.lab, this.#raws),
      ...mounted.findings,
      ...this.#holds.findings(this.#raws, (hostPid) => labPids.get(hostPid) ?? 0, this.lab.machine.net),
    ].filter(({ id }) => !isListeningNamespace(id));
    this.#namespaces = this.#index.build(findings, mounted.names, problems);
    this.network.forget(this.#namespaces, this.#index.replaced);
    const parents = new Map(this.#namespaces.map(({ id, parent }) => [id, parent]));
    this.#processes = processesOf(this.lab, this.#raws, this.#cgroupRoots, parents);
    this.#tracker.report(problems);
    this.#holds.report(problems);
    this.#problems.core = problems;
  }

  /** Host names of the uts namespaces. */
  readHostnames(): void {
    const problems = new Problems();
    const names = new Map<NamespaceId, string>();
    for (const { id, kind } of this.#namespaces) {
      if (kind !== 'uts') continue;
      const name = problems.attempt('namespaces', `host name of ${id}`, () => this.#hostname(id), null);
      if (name !== null) names.set(id, name);
    }
    this.#hostnames = names;
    this.#problems.hostnames = problems;
  }

  #hostname(id: NamespaceId): string | null {
    const fd = this.#index.open(id);
    if (fd === null) return null;
    try {
      return this.#options.access.hostname(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Links, addresses, routes, neighbours and rules of these namespaces, and of those never read. */
  readNetworks(which: ReadonlySet<NamespaceId>): void {
    const problems = new Problems();
    this.network.read(this.#namespaces, new Set([...which, ...this.network.missing(this.#namespaces)]), problems);
    this.#problems.network = problems;
  }

  /** Listening ports, where a process that holds a socket has run, and the settings of the networks. */
  readListening(): void {
    const problems = new Problems();
    const which = this.#holds.takeListeners();
    const byNet = new Map<NamespaceId, number>();
    for (const raw of this.#raws) {
      const net = raw.namespaces.net;
      if (net !== undefined && raw.stat.state !== 'Z' && !byNet.has(net)) byNet.set(net, raw.hostPid);
    }
    const labPids = new Map(this.#raws.map((raw) => [raw.hostPid, labPidOf(this.lab, raw)]));
    const owners = new Map<number, number>();
    for (const [inode, hostPid] of this.#holds.socketOwners()) owners.set(inode, labPids.get(hostPid) ?? 0);
    this.network.readListening(which, this.#holds.socketNamespaces(), (id) => byNet.get(id), owners, problems);
    this.network.readSettings(this.#namespaces, problems);
    this.#problems.listening = problems;
  }

  /** Begin to read the rules of these network namespaces; resolves when they are there. */
  async readFirewalls(which: Iterable<NamespaceId>): Promise<void> {
    const alive = new Set(this.#namespaces.map(({ id }) => id));
    const readings = [...which]
      .filter((id) => alive.has(id))
      .map((id) =>
        this.network.firewall.read(
          id,
          () => this.#index.open(id),
          () => this.#index.wayTo(id),
        ),
      );
    await Promise.all(readings);
  }

  readCgroups(): void {
    const problems = new Problems();
    const labPids = new Map(this.#raws.map((raw) => [raw.hostPid, labPidOf(this.lab, raw)]));
    const reading = readCgroups(this.#options.cgroups, (pid) => labPids.get(pid) ?? null);
    for (const problem of reading.problems) problems.add('cgroups', problem);
    this.#cgroups = reading.view;
    this.#problems.cgroups = problems;
  }

  /** Processes or namespaces were made for a container of which the records, as they were last read, know nothing. */
  hasNewContainer(): boolean {
    if (this.#records === null) return false;
    const names = new Set(this.#namespaces.flatMap((one) => one.names));
    for (const path of new Set(this.#processes.flatMap(({ cgroups }) => Object.values(cgroups))))
      for (const part of path.split('/')) names.add(part);
    return this.#records.isNews(names);
  }

  /** A container has layers that were never read: what it writes can be told only when it is known what was there before. */
  hasNewLayers(): boolean {
    const records = this.#records;
    return records?.list.some(({ id }) => !this.#layered.has(id) && records.layersOf(id) !== null) === true;
  }

  /** What the lab's container engine has written down of its containers. */
  readContainers(): void {
    if (this.#records === null) return;
    const problems = new Problems();
    const mounts = this.#mounts.tables.find(({ ns }) => ns === this.lab.namespaces.mnt)?.mounts ?? [];
    const records = this.#records;
    problems.attempt(
      'containers',
      'records of the container engine',
      () => records.refresh(mounts, problems),
      undefined,
    );
    this.#problems.containers = problems;
  }

  /** @param all also the layers below those that containers write to, which do not change by themselves */
  readOverlays(all = false): void {
    const problems = new Problems();
    if (all) this.#layers.clear();
    const { kernel, rootUpper } = this.#options;
    const own = this.#ownOverlays ?? new Set<string>();
    const containers = this.#records?.list.flatMap(({ id }) => {
      const layers = this.#records?.layersOf(id) ?? null;
      return layers === null ? [] : [{ id, ...layers }];
    });
    this.#layered = new Set(containers?.map(({ id }) => id));
    const options = {
      ...(rootUpper === undefined ? {} : { rootUpper }),
      ...(containers === undefined ? {} : { containers, known: this.#layers }),
    };
    this.#overlays = readOverlays(kernel, this.#mounts.tables, this.#raws, problems, own, options);
    this.#problems.overlays = problems;
  }

  /** Join what was read last into a snapshot with a number of its own. */
  assemble(): Snapshot {
    const late = new Problems();
    const records = this.#records;
    const containers = joinContainers(records?.list ?? [], this.#processes, this.#cgroups, this.lab.namespaces.mnt);
    const named = nameNamespaces(
      this.#namespaces,
      containers,
      this.#processes,
      (name) => records?.sandboxOwner(name) ?? null,
    );
    const networks = this.network.assemble(named, late);
    const namespaces = named.map((one) => {
      const hostname = this.#hostnames.get(one.id);
      return hostname === undefined ? one : { ...one, hostname };
    });
    const uts = this.lab.namespaces.uts;
    const info = this.#options.labInfo();
    this.#seq += 1;
    return {
      version: 1,
      seq: this.#seq,
      takenAt: Date.now(),
      lab: info,
      hostname: (uts === undefined ? undefined : this.#hostnames.get(uts)) ?? info.hostname,
      namespaces,
      processes: this.#processes,
      networks,
      mountTables: mountTablesOf(this.#mounts.tables, named),
      overlays: this.#overlays,
      cgroups: this.#cgroups,
      ...(records === null ? {} : { containers, containerNetworks: records.networks }),
      problems: [...Object.values(this.#problems), late].flatMap((one) => one.list()),
    };
  }

  close(): void {
    this.#tracker.close();
    this.network.close();
  }
}
