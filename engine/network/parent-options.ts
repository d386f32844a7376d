import type { IpvlanFlag, IpvlanMode, MacvlanMode } from '../kernel/netlink/index.js';
import { failed } from './errors.js';
import type { NetworkRecord } from './record.js';

/**
 * What the drivers macvlan and ipvlan make of a network's options: containers get interfaces on a parent, one of the machine's
 * own, instead of a bridge. moby, libnetwork/drivers/macvlan and ipvlan; the refusals are theirs.
 */
export type ParentSettings = {
  /** The machine's interface; `dm-…` or `di-…` where none was named: one that leads nowhere. */
  readonly parent: string;
  readonly isDummy: boolean;
} & (
  | { readonly kind: 'macvlan'; readonly mode: MacvlanMode }
  | { readonly kind: 'ipvlan'; readonly mode: IpvlanMode; readonly flag: IpvlanFlag }
);

const MACVLAN_MODES: readonly MacvlanMode[] = ['bridge', 'private', 'vepa', 'passthru'];
const IPVLAN_MODES: readonly IpvlanMode[] = ['l2', 'l3', 'l3s'];
const IPVLAN_FLAGS: readonly IpvlanFlag[] = ['bridge', 'private', 'vepa'];

type ParentedDriver = 'macvlan' | 'ipvlan';

export const isParented = (driver: string): driver is ParentedDriver => driver === 'macvlan' || driver === 'ipvlan';

/** Null: the network is of another kind. Throws in Docker's words. */
export function parentSettings(record: Pick<NetworkRecord, 'id' | 'driver' | 'options'>): ParentSettings | null {
  const { driver, options } = record;
  if (!isParented(driver)) return null;
  const option = (name: string): string => (Object.hasOwn(options, name) ? (options[name] ?? '') : '');
  const named = option('parent');
  const where = { parent: named === '' ? dummyName(driver, record) : named, isDummy: named === '' };
  const settings: ParentSettings =
    driver === 'macvlan'
      ? { ...where, kind: 'macvlan', mode: oneOf(MACVLAN_MODES, option('macvlan_mode'), 'macvlan', 'mode') }
      : {
          ...where,
          kind: 'ipvlan',
          mode: oneOf(IPVLAN_MODES, option('ipvlan_mode'), 'ipvlan', 'mode'),
          flag: oneOf(IPVLAN_FLAGS, option('ipvlan_flag'), 'ipvlan', 'flag'),
        };
  if (named === 'lo') throw failed(`loopback interface is not a valid ${driver} parent link`);
  return settings;
}

/** Nothing, or a parent that leads nowhere, is beyond the network: nobody has a way out. */
export const leadsNowhere = (record: NetworkRecord, settings: ParentSettings): boolean =>
  record.internal || settings.isDummy;

const dummyName = (driver: ParentedDriver, { id }: { readonly id: string }): string =>
  `${driver === 'macvlan' ? 'dm' : 'di'}-${id.slice(0, 12)}`;

/** The first is what stands for nothing said. */
function oneOf<T extends string>(known: readonly T[], text: string, driver: ParentedDriver, what: string): T {
  const [first] = known;
  const found = text === '' ? first : known.find((one) => one === text);
  if (found !== undefined) return found;
  const usual = what === 'mode' ? `'${first}' mode` : `'${first}'`;
  throw failed(
    `requested ${driver} ${what} '${text.slice(0, 80)}' is not valid, ${usual} is the ${driver} driver default`,
  );
}

/** Networks that share a parent: macvlan's may, unless one of them takes all of it; ipvlan's may not. */
export function checkSharing(record: NetworkRecord, networks: readonly NetworkRecord[]): void {
  const own = parentSettings(record);
  if (own === null) return;
  for (const other of networks) {
    if (other.driver !== record.driver || other.id === record.id) continue;
    const theirs = parentSettings(other);
    if (theirs?.parent !== own.parent) continue;
    if (own.kind === 'ipvlan')
      throw failed(`network ${dummyName('ipvlan', other)} is already using parent interface ${own.parent}`);
    if (own.mode === 'passthru')
      throw failed(
        `cannot use mode passthru, macvlan network ${other.id} is already using parent interface ${own.parent}`,
      );
    if (theirs.mode === 'passthru')
      throw failed(`macvlan network ${other.id} is already using parent interface ${own.parent} in mode passthru`);
  }
}
