import { parseAddress } from './cidr.js';
import { invalid } from './errors.js';
import { printable } from './network-options.js';
import type { HostsFileOptions } from './types.js';

/** As Docker begins every container's /etc/hosts. */
const STANDARD = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

/**
 * A container's /etc/hosts, hosts(5): the standard names, `--add-host`, linked containers, its own addresses. Throws
 * InvalidArgument for what would not be one line with an address.
 */
export function hostsFile(options: HostsFileOptions): string {
  const { hostname, domainname } = options;
  const full = domainname === '' ? hostname : `${hostname}.${domainname}`;
  const [bare = ''] = full.split('.', 1);
  const own = bare === full ? full : `${full} ${bare}`;
  const lines = [
    ...STANDARD,
    ...options.extraHosts.map((text) => extraHost(text, options.hostGateway)),
    ...options.links.map(({ names, address }) => line(address, names.join(' '))),
    ...options.addresses.map((address) => line(address, own)),
  ];
  return `${lines.join('\n')}\n`;
}

/** `name:address`, `name=address`, an IPv6 address perhaps in brackets. */
function extraHost(text: string, hostGateway: string | undefined): string {
  const [, name = '', value = ''] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (name === '') throw invalid(`bad format for add-host: "${printable(text)}"`);
  if (value !== 'host-gateway') return line(value.replace(/^\[(.*)\]$/, '$1'), name);
  if (hostGateway === undefined) throw invalid('unable to derive the IP value for host-gateway');
  return line(hostGateway, name);
}

function line(address: string, names: string): string {
  if (parseAddress(address) === null) throw invalid(`invalid IP address in add-host: "${printable(address)}"`);
  if (/[^\x21-\x7e ]/.test(names)) throw invalid(`invalid host name: "${printable(names)}"`);
  return `${address}\t${names}`;
}
