/** The container network model: a sandbox (a container's network namespace) has endpoints, each on one network. */
import type { Reactor } from '../kernel/reactor.js';
import type { AddressPool } from './address-pools.js';

export interface IpamPool {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

export interface IpamConfig {
  readonly Driver?: string;
  readonly Options?: Readonly<Record<string, string>> | null;
  readonly Config?: readonly IpamPool[];
}

export interface NetworkCreateOptions {
  readonly Name: string;
  readonly Driver?: string;
  readonly Internal?: boolean;
  readonly Attachable?: boolean;
  readonly Ingress?: boolean;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6?: boolean;
  readonly IPAM?: IpamConfig;
  readonly Options?: Readonly<Record<string, string>>;
  readonly Labels?: Readonly<Record<string, string>>;
}

/** Docker's shape of a network. */
export interface Network {
  readonly Name: string;
  readonly Id: string;
  /** RFC 3339. */
  readonly Created: string;
  readonly Scope: 'local';
  readonly Driver: string;
  readonly EnableIPv4: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: {
    readonly Driver: string;
    readonly Options: Readonly<Record<string, string>> | null;
    readonly Config: readonly IpamPool[];
  };
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { readonly Network: string };
  readonly ConfigOnly: boolean;
  readonly Containers: Readonly<Record<string, NetworkContainer>>;
  readonly Options: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface NetworkContainer {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  /** With prefix length. */
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}

export interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** `80/tcp` -> where it is published; null: exposed only. */
export type PortMap = Readonly<Record<string, readonly PortBinding[] | null>>;

/** What a container wishes of one endpoint. */
export interface EndpointRequest {
  readonly IPAMConfig?: {
    readonly IPv4Address?: string;
    readonly IPv6Address?: string;
    readonly LinkLocalIPs?: readonly string[];
  } | null;
  readonly Links?: readonly string[] | null;
  readonly Aliases?: readonly string[] | null;
  readonly MacAddress?: string;
  readonly DriverOpts?: Readonly<Record<string, string>> | null;
  readonly GwPriority?: number;
}

/** An endpoint as `docker inspect` shows it. */
export interface EndpointSettings extends EndpointRequest {
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly MacAddress: string;
  readonly DNSNames: readonly string[] | null;
}

export interface AttachRequest {
  readonly container: { readonly id: string; readonly name: string; readonly hostname: string };
  /** Networks by name or id with what is wished of each; the first of the map is the container's network mode. */
  readonly networks: Readonly<Record<string, EndpointRequest>>;
  /** To be published: `-p`, and what `-P` adds, with ports that may be '' (any free one) or ranges. */
  readonly ports: PortMap;
  readonly publishAll: boolean;
  readonly exposed: readonly string[];
  /** `--dns`: whom the name server of user-defined networks asks; otherwise the machine's. */
  readonly dns?: readonly string[];
}

/** What a container got: kept in its state and shown by inspect. */
export interface Attachment {
  readonly sandboxId: string;
  /** Bind mount of the namespace, for others to join and for us to find again. */
  readonly sandboxKey: string;
  readonly networks: Readonly<Record<string, EndpointSettings>>;
  readonly ports: PortMap;
}

export type NetworkEvent = (action: string, id: string, attributes: Readonly<Record<string, string>>) => void;

/** Errors are EngineError with Docker's words: `network x not found`, `Bind for 0.0.0.0:80 failed: port is already allocated`. */
export interface NetworkService {
  create(options: NetworkCreateOptions): Promise<{ Id: string; Warning: string }>;
  get(name: string): Promise<Network>;
  /** Docker's filters: driver, id, label, name, scope, type, dangling. */
  list(filters?: Readonly<Record<string, readonly string[]>>): Promise<readonly Network[]>;
  remove(name: string): Promise<void>;
  prune(filters: Readonly<Record<string, readonly string[]>>): Promise<{ NetworksDeleted: readonly string[] }>;

  /**
   * Give a container its network before its process exists: a network namespace is made and kept by a bind mount
   * (`sandboxKey`, the runtime joins it by path), the veth pair, addresses, routes, sysctls in one netlink batch, ports
   * published. All or nothing. `none` makes a namespace with a loopback only.
   */
  attach(request: AttachRequest): Promise<Attachment>;
  /** Take it all back. Idempotent; also for what a killed engine left. */
  detach(container: string, attachment: Attachment | null): Promise<void>;
  /** `docker network connect` / `disconnect` of a running container; the new attachment. */
  connect(network: string, request: AttachRequest, endpoint: EndpointRequest, current: Attachment): Promise<Attachment>;
  disconnect(network: string, container: string, current: Attachment, options: { force: boolean }): Promise<Attachment>;
  /** Bring everything in line at the engine's start: rules, bridges, addresses in use by these containers; the rest is removed. */
  restore(live: readonly { readonly container: string; readonly attachment: Attachment }[]): Promise<void>;
  close(): Promise<void>;
}

export interface HostsFileOptions {
  readonly hostname: string;
  readonly domainname: string;
  readonly addresses: readonly string[];
  /** `--add-host`: `name:ip`; `host-gateway` stands for `hostGateway`. */
  readonly extraHosts: readonly string[];
  /** The machine's address as containers see it: the gateway of the default bridge. */
  readonly hostGateway?: string;
  /** Names and addresses of `--link`ed containers. */
  readonly links: readonly { readonly names: readonly string[]; readonly address: string }[];
}

export interface ResolvConfOptions {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** The container has a bridge that is its own: loopback resolvers of the machine are of no use to it. */
  readonly bridged: boolean;
  /** It is on a user-defined network, whose names 127.0.0.11 knows. */
  readonly internal?: boolean;
  /** It has an IPv6 address. */
  readonly ipv6?: boolean;
}

/** `openNetworks` of networks.ts. `network/` below the root is ours; namespaces are kept below `execRoot`/netns. */
export interface NetworkServiceOptions {
  readonly root: string;
  readonly execRoot: string;
  readonly event?: NetworkEvent;
  /** Of the default bridge, `docker0`: --bip, --fixed-cidr, --mtu, --default-gateway; null bridge: none is made (`--bridge none`). */
  readonly bridge?: {
    readonly name?: string;
    readonly bip?: string;
    readonly fixedCidr?: string;
    readonly mtu?: number;
    /** False: its containers do not reach each other. */
    readonly icc?: boolean;
    /** Where ports are published that name no address: `--ip`. */
    readonly hostBinding?: string;
    readonly defaultGateway?: string;
    readonly ipv6?: boolean;
    readonly fixedCidrV6?: string;
  } | null;
  /** Where networks get subnets from that name none; none: Docker's own. */
  readonly addressPools?: readonly AddressPool[];
  readonly iptables?: boolean;
  readonly ipForward?: boolean;
  readonly ipMasq?: boolean;
  readonly userlandProxy?: boolean;
  /** Told what this machine or lab does not let us do; what does not need it works. */
  readonly warn?: (message: string) => void;
  /** Who waits for the kernel's word; without it a thread of its own does. */
  readonly reactor?: Reactor;
}
