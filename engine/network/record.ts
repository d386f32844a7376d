import type { EndpointRequest, IpamPool } from './types.js';

/** A network as it is kept on disk: what `inspect` shows of it without its containers. */
export interface NetworkRecord {
  readonly name: string;
  readonly id: string;
  /** RFC 3339. */
  readonly created: string;
  readonly driver: 'bridge' | 'macvlan' | 'ipvlan' | 'host' | 'null';
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>> | null;
    readonly config: readonly IpamPool[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** False: the subnets were chosen for the user, who may not choose addresses in them. */
  readonly ownSubnets: boolean;
  /** Subnets that the user chose without a gateway: Docker shows what was asked. */
  readonly unnamedGateways?: readonly string[];
  /** Its bridge was there before it, and outlives it. */
  readonly foundBridge?: boolean;
  /** Of macvlan and ipvlan: the interface below was made for the network, or for another that is on it too. */
  readonly ownParent?: boolean;
}

/** One interface of a sandbox and the network that it leads to. */
export interface EndpointRecord {
  readonly network: string;
  readonly networkName: string;
  readonly endpointId: string;
  /** `eth0` in the sandbox. */
  readonly interfaceName: string;
  /** Its other end, on the bridge; '' where there is none: on a parent interface. */
  readonly hostInterface: string;
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv4Bits: number;
  readonly gateway: string;
  readonly ipv6: string;
  readonly ipv6Bits: number;
  readonly ipv6Gateway: string;
  /** The default routes name no gateway: whatever it is, it is on the wire. */
  readonly routeByDevice?: boolean;
  readonly dnsNames: readonly string[] | null;
  readonly priority: number;
  readonly request: EndpointRequest;
}

/** A port of the host that leads to one of a container. */
export interface Publication {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostIp: string;
  /** 0: none, the container's own address is reached by route. */
  readonly hostPort: number;
  readonly containerPort: number;
}

/** A sandbox as it is kept on disk from before it is made until after it is removed, so that a killed engine leaves none. */
export interface SandboxRecord {
  readonly container: { readonly id: string; readonly name: string; readonly hostname: string };
  readonly sandboxId: string;
  /** `bridge`: it has interfaces of its own, whatever they lead to. */
  readonly mode: 'bridge' | 'host' | 'none';
  readonly endpoints: readonly EndpointRecord[];
  readonly publications: readonly Publication[];
  /** Ports that are shown, published or not. */
  readonly exposed: readonly string[];
  /** `--dns`. */
  readonly dns: readonly string[];
}
