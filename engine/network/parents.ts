import { errnoText } from '../kernel/errno-text.js';
import { NetlinkError, type Request, type Rtnetlink } from '../kernel/netlink/index.js';
import { applyAll, indexOf, removeLink } from './bridge.js';
import { failed } from './errors.js';
import { printable } from './network-options.js';
import { type ParentSettings, parentSettings } from './parent-options.js';
import type { NetworkRecord } from './record.js';

/** What a name of an interface may be; another is nobody's. */
const NAME = /^[^\s/:%\0-\x1f]{1,15}$/;

/** Index of a parent; null: there is no such interface. */
const find = (netlink: Rtnetlink, name: string): number | null => (NAME.test(name) ? indexOf(netlink, name) : null);

/** Whether a network's parent is there because of the engine: it is to be made, or was made for another network. */
export function isOwnParent(netlink: Rtnetlink, record: NetworkRecord, networks: readonly NetworkRecord[]): boolean {
  const settings = parentSettings(record);
  if (settings === null) return false;
  if (find(netlink, settings.parent) === null) return true;
  return networks.some((one) => one.ownParent === true && parentSettings(one)?.parent === settings.parent);
}

/**
 * See to it that a network's parent is there: `eth0.10` is made as VLAN 10 of eth0, and where no parent was named, an
 * interface that leads nowhere. ip-link(8). Throws in Docker's words.
 */
export function raiseParent(netlink: Rtnetlink, record: NetworkRecord): void {
  const settings = parentSettings(record);
  if (settings === null || find(netlink, settings.parent) !== null) return;
  if (settings.isDummy)
    make(netlink, { op: 'link-add', name: settings.parent, kind: 'dummy' }, '', 'dummy', settings.kind);
  else makeVlan(netlink, settings);
}

/** Take away what `raiseParent` made, unless another network is on it still. */
export function removeParent(netlink: Rtnetlink, record: NetworkRecord, networks: readonly NetworkRecord[]): void {
  const settings = parentSettings(record);
  if (settings === null || record.ownParent !== true || find(netlink, settings.parent) === null) return;
  const others = networks.filter((one) => one.id !== record.id);
  if (others.some((one) => parentSettings(one)?.parent === settings.parent)) return;
  // somebody may have put another in its place
  const { kind } = netlink.link(settings.parent);
  if (kind === (settings.isDummy ? 'dummy' : 'vlan')) removeLink(netlink, settings.parent);
}

function makeVlan(netlink: Rtnetlink, { parent: name, kind }: ParentSettings): void {
  const parts = name.split('.');
  const [lower = '', text = ''] = parts;
  if (parts.length === 1)
    throw failed(`invalid subinterface vlan name ${printable(name)}, example formatting is eth0.10`);
  if (parts.length !== 2)
    throw failed(
      `required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received ${printable(name)}`,
    );
  if (!/^[+-]?\d{1,9}$/.test(text))
    throw failed(`unable to parse a valid vlan id from: ${printable(text)} (ex. eth0.10 for vlan 10)`);
  const index = find(netlink, lower);
  if (index === null) throw failed(`-o parent interface does was not found on the host: ${printable(lower)}`);
  const id = Number(text);
  if (id < 1 || id > 4094) throw failed(`vlan id must be between 1-4094, received: ${id}`);
  const what = `failed to create ${printable(name)} vlan link: `;
  if (!NAME.test(name)) throw failed(`${what}numerical result out of range`);
  make(netlink, { op: 'link-add', name, kind: 'vlan', lower: { name: lower, index }, id }, what, '8021q', kind);
}

/** @param what is refused, for the error; @param module that the kernel may be without */
function make(
  netlink: Rtnetlink,
  request: Request & { readonly op: 'link-add' },
  what: string,
  module: string,
  kind: ParentSettings['kind'],
): void {
  try {
    netlink.apply(request);
  } catch (error) {
    throw refusedLink(what, error, module);
  }
  try {
    applyAll(netlink, [{ op: 'link-set', link: { name: request.name }, up: true }]);
  } catch (error) {
    removeLink(netlink, request.name);
    throw refusedLink(`failed to enable ${request.name} the ${kind} parent link: `, error, module);
  }
}

/** A refusal of the kernel's in Docker's words, and what brings a kind of interface that the kernel has not. */
export function refusedLink(what: string, error: unknown, module: string): unknown {
  if (!(error instanceof NetlinkError)) return error;
  const { errno } = error.acknowledgement;
  const hint =
    errnoText(errno) === 'operation not supported'
      ? ` (the kernel has not its module ${module}; root of the machine loads it with: modprobe ${module})`
      : '';
  return failed(`${what}${errnoText(errno)}${hint}`, error);
}
