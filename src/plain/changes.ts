/** One line for one change: what `glassbox observe --watch` prints. */
import type { Bilingual, Change, Container, ObservedObject } from '../../engine/api/types.js';
import type { Lang } from '../tui/panel.js';
import { more } from '../tui/picture/words.js';
import { inPlace, placeText, shortIds, stateText } from '../tui/viewmodels/containers.js';
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

/** Names of a list that are written out. */
const LISTED = 8;

/** The changes of one moment, one line each; what one act does in many places (a control group in every hierarchy, the mounts of a container, its namespaces) is one. */
export function plainChanges(changes: readonly Change[], lang: Lang): string[] {
  const groups = new Map<string, Change[]>();
  for (const [at, change] of changes.entries()) {
    const key = togetherWith(change) ?? `alone ${at}`;
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  return [...groups.values()].map((group) => {
    const [first, ...rest] = group as [Change, ...Change[]];
    return rest.length === 0 ? plainChange(first, lang) : together(first, group, lang);
  });
}

function togetherWith({ kind, object, key, name, place }: Change): string | null {
  if (kind === 'changed') return null;
  if (object === 'cgroup') return `${object} ${kind} ${name}`;
  if (object === 'mount' && place !== 'host') return `${object} ${kind} ${key.slice(0, key.indexOf('/'))}`;
  return object === 'namespace' && /^(container|pid) /.test(name) ? `${object} ${kind} ${name}` : null;
}

/** `added 23 mounts in container web: / /proc …`: names where the place is one, places where the name is. */
function together(first: Change, group: readonly Change[], lang: Lang): string {
  const oneName = first.object !== 'mount';
  const parts = group.map((one) =>
    visible(one.object === 'namespace' ? (one.key.split(':', 1)[0] ?? '') : oneName ? one.place : one.name),
  );
  const list = `${parts.slice(0, LISTED).join(' ')}${parts.length > LISTED ? ` ${more(parts.length - LISTED, lang)}` : ''}`;
  const what = placeText(visible(shortIds(oneName ? first.name : first.place)), lang);
  const head = `${clock(first.at)} ${KIND[first.kind][lang]}`;
  if (lang === 'zh') return `${head} ${group.length} 个${OBJECT[first.object].zh}（${what}）：${list}`;
  return oneName && first.object === 'cgroup'
    ? `${head} ${OBJECT[first.object].en} ${what} in ${list}`
    : `${head} ${group.length} ${OBJECT[first.object].en}s of ${what}: ${list}`;
}

export function plainChange(change: Change, lang: Lang): string {
  const name = placeText(visible(shortIds(change.name)), lang);
  const where = change.place === '' ? '' : inPlace(visible(shortIds(change.place)), lang);
  const values = valuesText(change, lang);
  // A namespace is best told by its kind.
  const kind = change.object === 'namespace' ? (change.key.split(':', 1)[0] ?? '') : '';
  if (lang === 'zh')
    return `${clock(change.at)} ${KIND[change.kind].zh}${kind === '' ? '' : ` ${kind} `}${OBJECT[change.object].zh} ${name}${where === '' ? '' : `（${where}）`}${values}`;
  return `${clock(change.at)} ${KIND[change.kind].en} ${kind === '' ? '' : `${kind} `}${OBJECT[change.object].en} ${name}${where === '' ? '' : ` ${where}`}${values}`;
}

/** `: old → new` for changes of plain values; nothing for structures, whose fields would say too much. */
function valuesText(change: Change, lang: Lang): string {
  if (change.object === 'container') return containerText(change, lang);
  if (change.kind !== 'changed' || !isPlain(change.before) || !isPlain(change.after)) return '';
  return `: ${visible(String(change.before))} → ${visible(String(change.after))}`;
}

/** What a container is made of, or what became of it. */
function containerText({ kind, before, after }: Change, lang: Lang): string {
  const was = before as Container | undefined;
  const is = after as Container | undefined;
  if (kind === 'removed' || is === undefined) return '';
  const state = stateText(is, lang);
  if (was === undefined) return lang === 'zh' ? `：${visible(is.image)}，${state}` : `: ${visible(is.image)}, ${state}`;
  // Of one whose process was seen to be gone before the engine said so, only what it became is worth saying.
  const from = was.state === 'exited' && was.exitCode === null ? [] : [stateText(was, lang)];
  const steps = was.name === is.name ? [...from, state] : [visible(was.name), visible(is.name)];
  return `${lang === 'zh' ? '：' : ': '}${steps.join(' → ')}`;
}

function isPlain(value: unknown): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
