import { EngineError } from '../../../engine/kernel/errors.js';
import type { Attachment, Network, NetworkCreateOptions, NetworkService } from '../../../engine/network/types.js';
import type { Volume, VolumeCreateOptions, VolumeService } from '../../../engine/volume/types.js';

const NOWHERE: Attachment = { sandboxId: '', sandboxKey: '', networks: {}, ports: {} };

function network(name: string, options: Partial<NetworkCreateOptions> = {}): Network {
  return {
    Name: name,
    Id: Buffer.from(name.padEnd(32, '.')).toString('hex').slice(0, 64),
    Created: '2024-01-02T03:04:05.123456789Z',
    Scope: 'local',
    Driver: options.Driver ?? 'bridge',
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }] },
    Internal: options.Internal ?? false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {
      ['c'.repeat(64)]: {
        Name: 'one',
        EndpointID: 'e'.repeat(64),
        MacAddress: '02:42:ac:11:00:02',
        IPv4Address: '172.17.0.2/16',
        IPv6Address: '',
      },
    },
    Options: options.Options ?? {},
    Labels: options.Labels ?? {},
  };
}

export class FakeNetworks implements NetworkService {
  readonly all = new Map([network('bridge'), network('host', { Driver: 'host' })].map((one) => [one.Name, one]));
  readonly asked: { readonly what: string; readonly value: unknown }[] = [];

  async create(options: NetworkCreateOptions) {
    this.asked.push({ what: 'create', value: options });
    if (this.all.has(options.Name))
      throw new EngineError('AlreadyExists', `network with name ${options.Name} already exists`);
    const made = network(options.Name, options);
    this.all.set(made.Name, made);
    return { Id: made.Id, Warning: '' };
  }

  async get(name: string): Promise<Network> {
    const found = this.all.get(name) ?? [...this.all.values()].find(({ Id }) => name !== '' && Id.startsWith(name));
    if (found === undefined) throw new EngineError('NotFound', `network ${name} not found`);
    return found;
  }

  async list(filters?: unknown) {
    this.asked.push({ what: 'list', value: filters });
    return [...this.all.values()];
  }

  async remove(name: string): Promise<void> {
    if (['bridge', 'host', 'none'].includes(name))
      throw new EngineError('PermissionDenied', `${name} is a pre-defined network and cannot be removed`);
    this.all.delete((await this.get(name)).Name);
  }

  async prune() {
    return { NetworksDeleted: [] };
  }

  async attach() {
    return NOWHERE;
  }

  async detach(): Promise<void> {
    this.asked.push({ what: 'detach', value: null });
  }

  async connect() {
    return NOWHERE;
  }

  async disconnect() {
    return NOWHERE;
  }

  async restore(): Promise<void> {
    this.asked.push({ what: 'restore', value: null });
  }

  async close(): Promise<void> {
    this.asked.push({ what: 'close', value: null });
  }
}

export class FakeVolumes implements VolumeService {
  readonly all = new Map<string, Volume>();
  readonly asked: { readonly what: string; readonly value: unknown }[] = [];

  async create(options: VolumeCreateOptions): Promise<Volume> {
    this.asked.push({ what: 'create', value: options });
    const name = options.Name ?? 'f'.repeat(64);
    const made: Volume = {
      Name: name,
      Driver: options.Driver ?? 'local',
      Mountpoint: `/data/volumes/${name}/_data`,
      CreatedAt: '2024-01-02T03:04:05Z',
      Labels: options.Labels ?? null,
      Scope: 'local',
      Options: options.DriverOpts ?? null,
    };
    this.all.set(name, made);
    return made;
  }

  async get(name: string): Promise<Volume> {
    const found = this.all.get(name);
    if (found === undefined) throw new EngineError('NotFound', `get ${name}: no such volume`);
    return found;
  }

  async list(filters?: unknown) {
    this.asked.push({ what: 'list', value: filters });
    return { Volumes: [...this.all.values()], Warnings: [] };
  }

  async remove(name: string): Promise<void> {
    await this.get(name);
    this.all.delete(name);
  }

  async prune(filters: unknown) {
    this.asked.push({ what: 'prune', value: filters });
    return { VolumesDeleted: [...this.all.keys()], SpaceReclaimed: 5 };
  }

  async acquire(name: string): Promise<void> {
    await this.get(name);
  }

  async release(name: string): Promise<void> {
    await this.get(name);
  }

  async mount(name: string): Promise<string> {
    return (await this.get(name)).Mountpoint;
  }

  async unmount(name: string): Promise<void> {
    await this.get(name);
  }

  async usage() {
    return { Size: 4096, RefCount: 1 };
  }
}
