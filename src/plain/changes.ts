/** One line for one change: what `glassbox observe --watch` prints. */
import type { Bilingual, Change, ObservedObject } from '../../engine/api/types.js';
import type { Lang } from '../tui/panel.js';
import { clock } from '../tui/viewmodels/format.js';
import { visible } from '../tui/viewmodels/safe-text.js';

const KIND: Readonly<Record<Change['kind'], Bilingual>> = {
  added: { en: 'added', zh: '新增' },
  removed: { en: 'removed', zh: '移除' },
  changed: { en: 'changed', zh: '变更' },
};

const OBJECT: Readonly<Record<ObservedObject, Bilingual>> = {
  container: { en: 'container', zh: '容器' },
  namespace: { en: 'namespace', zh: '命名空间' },
  process: { en: 'process', zh: '进程' },
  link: { en: 'interface', zh: '网络接口' },
  address: { en: 'address', zh: '地址' },
  route: { en: 'route', zh: '路由' },
  neighbour: { en: 'neighbour', zh: '邻居' },
  'firewall-rule': { en: 'firewall rule', zh: '防火墙规则' },
  'firewall-chain': { en: 'firewall chain', zh: '防火墙链' },
  sysctl: { en: 'sysctl', zh: '内核参数' },
  mount: { en: 'mount', zh: '挂载' },
  overlay: { en: 'overlay', zh: 'overlay 挂载' },
  'layer-entry': { en: 'layer entry', zh: '层中的条目' },
  cgroup: { en: 'cgroup', zh: '控制组' },
  'cgroup-member': { en: 'cgroup member', zh: '控制组成员' },
  'cgroup-limit': { en: 'cgroup limit', zh: '控制组限制' },
  hostname: { en: 'host name', zh: '主机名' },
  'listening-port': { en: 'listening port', zh: '监听端口' },
};

export function plainChange(change: Change, lang: Lang): string {
  const name = visible(change.name);
  const place = visible(change.place);
  const values = valuesText(change);
  if (lang === 'zh')
    return `${clock(change.at)} ${KIND[change.kind].zh}${OBJECT[change.object].zh} ${name}${place === '' ? '' : `（位于 ${place}）`}${values}`;
  return `${clock(change.at)} ${KIND[change.kind].en} ${OBJECT[change.object].en} ${name}${place === '' ? '' : ` in ${place}`}${values}`;
}

/** `: old → new` for changes of plain values; nothing for structures, whose fields would say too much. */
function valuesText(change: Change): string {
  if (change.kind !== 'changed' || !isPlain(change.before) || !isPlain(change.after)) return '';
  return `: ${visible(String(change.before))} → ${visible(String(change.after))}`;
}

function isPlain(value: unknown): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
