/** The newest change of the kernel in a few words, for where the picture has no room: `+ link veth0 (r1)`. Pure. */
import type { Bilingual, ObservedObject } from '../../../engine/api/types.js';
import type { FreshChange, Lang } from '../panel.js';
import { sanitise } from '../text/sanitise.js';

const SIGNS = { added: '+', removed: '-', changed: '~' } as const;

/** Objects worth a line; what a plain command makes and ends by itself (processes, neighbours, counters) is not. */
const NAMES: Partial<Record<ObservedObject, Bilingual>> = {
  container: { en: 'container', zh: '容器' },
  namespace: { en: 'namespace', zh: '命名空间' },
  link: { en: 'interface', zh: '网卡' },
  address: { en: 'address', zh: '地址' },
  route: { en: 'route', zh: '路由' },
  'firewall-rule': { en: 'firewall rule', zh: '防火墙规则' },
  sysctl: { en: 'sysctl', zh: '内核参数' },
  mount: { en: 'mount', zh: '挂载' },
  'layer-entry': { en: 'layer file', zh: '层文件' },
  cgroup: { en: 'cgroup', zh: '控制组' },
  'cgroup-limit': { en: 'limit', zh: '限额' },
  hostname: { en: 'host name', zh: '主机名' },
};
/** Among changes of the same moment, the first of these is what the command was about. */
const RANK: readonly ObservedObject[] = [
  'container',
  'link',
  'address',
  'route',
  'firewall-rule',
  'hostname',
  'cgroup',
  'cgroup-limit',
  'layer-entry',
  'namespace',
  'mount',
  'sysctl',
];

/** Only numbers differ: counters and members, not what a command was about. */
function onlyCounted({ kind, before, after }: FreshChange): boolean {
  const bare = (value: unknown): string | undefined =>
    JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'number' ? 0 : inner));
  return kind === 'changed' && bare(before) === bare(after);
}

/** Null when nothing of note has changed within the last seconds. */
export function latestNews(fresh: readonly FreshChange[], lang: Lang): string | null {
  const worth = fresh.filter((change) => NAMES[change.object] !== undefined && !onlyCounted(change));
  const youngest = Math.min(...worth.map((change) => change.age));
  const now = worth
    .filter((change) => change.age === youngest && !(change.object === 'link' && change.name === 'lo'))
    .sort((a, b) => RANK.indexOf(a.object) - RANK.indexOf(b.object));
  const [first] = now;
  if (first === undefined) return null;
  // A namespace is best told by its kind: `uts namespace pid 32`.
  const kind = first.object === 'namespace' ? `${first.key.split(':', 1)[0]} ` : '';
  const name = sanitise(first.name);
  const place = sanitise(first.place);
  const more = now.length > 1 ? ` +${now.length - 1}` : '';
  return `${SIGNS[first.kind]} ${kind}${NAMES[first.object]![lang]} ${name}${place === '' || place === 'host' || place === name ? '' : ` (${place})`}${more}`;
}
