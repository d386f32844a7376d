import { guard } from '../guards.js';
import type { GatewayMode } from '../network-options.js';
import type { Publication } from '../record.js';

/**
 * The rules of Docker's bridge driver, as iptables-save prints them, each with its place. Chains: DOCKER-USER is the user's own,
 * asked first; the two stages of DOCKER-ISOLATION keep bridges from each other; DOCKER lets published ports through and, in
 * nat, changes their destination. iptables(8), iptables-extensions(8).
 */
export interface Rule {
  readonly table: 'filter' | 'nat' | 'raw';
  readonly chain: string;
  /** Without `-A CHAIN`. */
  readonly spec: string;
  /** Where it goes when it is not there: a number is a position from 1. */
  readonly at: number | 'bottom';
}

/** Chains that are made, by table. */
export const CHAINS: readonly { readonly table: Rule['table']; readonly chain: string }[] = [
  { table: 'nat', chain: 'DOCKER' },
  { table: 'filter', chain: 'DOCKER' },
  { table: 'filter', chain: 'DOCKER-ISOLATION-STAGE-1' },
  { table: 'filter', chain: 'DOCKER-ISOLATION-STAGE-2' },
  { table: 'filter', chain: 'DOCKER-USER' },
];

/** The two that must stay first in FORWARD, in their order. */
export const FIRST_IN_FORWARD = ['-j DOCKER-USER', '-j DOCKER-ISOLATION-STAGE-1'] as const;
const BEHIND_FIRST = FIRST_IN_FORWARD.length + 1;

const filter = (chain: string, spec: string, at: Rule['at'] = 'bottom'): Rule => ({ table: 'filter', chain, spec, at });
const nat = (chain: string, spec: string, at: Rule['at'] = 'bottom'): Rule => ({ table: 'nat', chain, spec, at });
const raw = (spec: string): Rule => ({ table: 'raw', chain: 'PREROUTING', spec, at: 'bottom' });

/** What is there without any network. `hairpin`: the machine's own connections to its loopback are redirected too. */
export function baseRules(version: 4 | 6, hairpin: boolean): Rule[] {
  const notLoopback = hairpin ? '' : `! -d ${version === 4 ? '127.0.0.0/8' : '::1/128'} `;
  return [
    filter('DOCKER-USER', '-j RETURN'),
    filter('DOCKER-ISOLATION-STAGE-1', '-j RETURN'),
    filter('DOCKER-ISOLATION-STAGE-2', '-j RETURN'),
    filter('FORWARD', FIRST_IN_FORWARD[1], 1),
    filter('FORWARD', FIRST_IN_FORWARD[0], 1),
    nat('PREROUTING', '-m addrtype --dst-type LOCAL -j DOCKER'),
    nat('OUTPUT', `${notLoopback}-m addrtype --dst-type LOCAL -j DOCKER`),
  ];
}

/** A bridge network as the firewall sees it. */
export interface FirewalledNetwork {
  readonly bridge: string;
  readonly subnets: readonly string[];
  readonly internal: boolean;
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** What packets get for their source on the way out; null: the address of the interface that they leave by. */
  readonly sourceAddress: string | null;
  readonly mode: GatewayMode;
  /** There is no proxy: what a container sends to a published port of its own network is redirected too. */
  readonly hairpin: boolean;
}

/** In the order in which they are to be inserted: each goes on top of those before it. */
export function networkRules(version: 4 | 6, network: FirewalledNetwork): Rule[] {
  const { bridge, subnets, icc, mode, sourceAddress } = network;
  const masquerade = network.masquerade && mode !== 'routed';
  const translate = sourceAddress === null ? 'MASQUERADE' : `SNAT --to-source ${sourceAddress}`;
  const within = icc
    ? filter('FORWARD', `-i ${bridge} -o ${bridge} -j ACCEPT`, BEHIND_FIRST)
    : filter('FORWARD', `-i ${bridge} -o ${bridge} -j DROP`);
  if (network.internal)
    return [
      within,
      ...(guard('internal') ? subnets : []).flatMap((subnet) => [
        filter('DOCKER-ISOLATION-STAGE-1', `! -d ${subnet} -i ${bridge} -j DROP`, 1),
        filter('DOCKER-ISOLATION-STAGE-1', `! -s ${subnet} -o ${bridge} -j DROP`, 1),
      ]),
    ];
  return [
    within,
    filter('FORWARD', `-i ${bridge} ! -o ${bridge} -j ACCEPT`, BEHIND_FIRST),
    filter('FORWARD', `-o ${bridge} -j DOCKER`, BEHIND_FIRST),
    filter('FORWARD', `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`, BEHIND_FIRST),
    ...(guard('bridge-isolation')
      ? [
          filter('DOCKER-ISOLATION-STAGE-1', `-i ${bridge} ! -o ${bridge} -j DOCKER-ISOLATION-STAGE-2`, 1),
          filter('DOCKER-ISOLATION-STAGE-2', `-o ${bridge} -j DROP`, 1),
        ]
      : []),
    // published ports are let through one by one, others only where nobody is kept out
    ...(mode === 'routed'
      ? [filter('DOCKER', `-o ${bridge} -p ${version === 4 ? 'icmp' : 'ipv6-icmp'} -j ACCEPT`)]
      : []),
    ...(mode === 'nat-unprotected' ? [filter('DOCKER', `! -i ${bridge} -o ${bridge} -j ACCEPT`)] : []),
    ...(masquerade
      ? subnets.map((subnet) => nat('POSTROUTING', `-s ${subnet} ! -o ${bridge} -j ${translate}`, 1))
      : []),
    ...(masquerade && !network.hairpin ? [nat('DOCKER', `-i ${bridge} -j RETURN`, 1)] : []),
    // what came from the machine's own loopback could not be answered
    ...(masquerade && network.hairpin
      ? [nat('POSTROUTING', `-o ${bridge} -m addrtype --src-type LOCAL -j ${translate}`, 1)]
      : []),
  ];
}

/** Where a published port leads to. */
export interface Target {
  readonly bridge: string;
  readonly address: string;
  readonly hairpin: boolean;
  readonly mode: GatewayMode;
}

/**
 * A published port. What is bound to a loopback address must be reached from the machine alone: a neighbour could send to
 * 127.0.0.1 by us as its router, and the destination is changed before the kernel drops it as a martian (moby#45610). And a
 * container with published ports is reached by them alone, not by a route to its own address: the ACCEPT of DOCKER would let
 * that through. Docker 28 has both in the table raw.
 */
export function publicationRules(version: 4 | 6, target: Target, published: Publication): Rule[] {
  const { bridge, address, hairpin, mode } = target;
  const { protocol, hostIp, hostPort, containerPort } = published;
  const all = version === 4 ? 32 : 128;
  const any = hostIp === '0.0.0.0' || hostIp === '::';
  const destination = version === 4 ? `${address}:${containerPort}` : `[${address}]:${containerPort}`;
  const match = (port: number): string => `-p ${protocol} -m ${protocol} --dport ${port}`;
  const isLoopback = version === 4 ? hostIp.startsWith('127.') : hostIp === '::1';
  const open = filter('DOCKER', `-d ${address}/${all} ! -i ${bridge} -o ${bridge} ${match(containerPort)} -j ACCEPT`);
  if (mode === 'routed') return [open];
  return [
    nat(
      'DOCKER',
      `${any ? '' : `-d ${hostIp}/${all} `}${hairpin ? '' : `! -i ${bridge} `}${match(hostPort)} -j DNAT --to-destination ${destination}`,
    ),
    open,
    nat('POSTROUTING', `-s ${address}/${all} -d ${address}/${all} ${match(containerPort)} -j MASQUERADE`),
    ...(guard('direct-access') && mode !== 'nat-unprotected'
      ? [raw(`-d ${address}/${all} ! -i ${bridge} -j DROP`)]
      : []),
    ...(isLoopback && guard('loopback-publish') ? [raw(`-d ${hostIp}/${all} ! -i lo ${match(hostPort)} -j DROP`)] : []),
  ];
}

export const keyOf = ({ table, chain, spec }: Rule): string => `${table} ${chain} ${spec}`;
