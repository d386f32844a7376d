import type { Cgroup, Change, Mount, Namespace, Snapshot } from '../../api/types.js';
import { NAMESPACE_KINDS } from '../../kernel/namespaces/ids.js';
import { inChinese, shellWord, type Told } from './told.js';

/** Changes of one moment that are told as one: a container's start is a few acts, each of which shows in many places. */
export interface Fold {
  readonly changes: readonly Change[];
  /** Null: there is one change, and it is told as itself. */
  readonly told: ((snapshot: Snapshot) => Told) | null;
}

/** Fewer mounts than this are told one by one. */
const MOUNTS = 4;
/** Names of a list that are written out. */
const LISTED = 12;

/**
 * Put together what belongs together, at the place of the first: a control group in every hierarchy, the mounts of one mount
 * namespace other than the lab host's, the namespaces of one process. The order is kept otherwise. Pure.
 */
export function fold(changes: readonly Change[]): Fold[] {
  const groups = new Map<string, Change[]>();
  for (const [at, change] of changes.entries()) {
    const key = keyOf(change) ?? `alone ${at}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  return [...groups.values()].flatMap((group): Fold[] => {
    const [first] = group as [Change, ...Change[]];
    const alone = group.length === 1 || (first.object === 'mount' && group.length < MOUNTS);
    if (alone) return group.map((change) => ({ changes: [change], told: null }));
    return [{ changes: group, told: (snapshot) => tellTogether(group, first, snapshot) }];
  });
}

function keyOf({ kind, object, key, name, place }: Change): string | null {
  if (kind === 'changed') return null;
  if (object === 'cgroup') return `${object} ${kind} ${name}`;
  if (object === 'mount' && place !== 'host') return `${object} ${kind} ${key.slice(0, key.indexOf('/'))}`;
  return object === 'namespace' && /^(container|pid) /.test(name) ? `${object} ${kind} ${name}` : null;
}

function tellTogether(group: readonly Change[], first: Change, snapshot: Snapshot): Told {
  const added = first.kind === 'added';
  if (first.object === 'cgroup') return tellGroups(group.map(subjectOf) as Cgroup[], added, snapshot);
  if (first.object === 'mount') return tellMounts(group.map(subjectOf) as Mount[], added, first.place);
  return tellNamespaces(group.map(subjectOf) as Namespace[], added, first.name);
}

function subjectOf({ before, after }: Change): unknown {
  return after ?? before;
}

function tellGroups(groups: readonly Cgroup[], added: boolean, snapshot: Snapshot): Told {
  const path = groups[0]?.path ?? '/';
  const points = groups.map(
    ({ hierarchy }) => snapshot.cgroups.hierarchies.find(({ name }) => name === hierarchy)?.mountPoint ?? hierarchy,
  );
  const parent = commonParent(points);
  const each = `${parent}/{${points.map((point) => point.slice(parent.length + 1)).join(',')}}`;
  const short = path.replace(/[0-9a-f]{64}/g, (id) => id.slice(0, 12));
  return {
    domain: 'cgroup',
    act: added ? `mkdir("${each}${path}", 0755)` : `rmdir("${each}${path}")`,
    command: `${added ? 'mkdir' : 'rmdir'} ${each}${/^[\w/.:-]+$/.test(path) ? path : shellWord(path)}`,
    man: 'cgroups(7)',
    explanation: added
      ? {
          en: `A control group ${short} was made in each of ${groups.length} hierarchies, one for each kind of resource. The kernel filled the directories with their files.`,
          zh: `在 ${groups.length} 个层级（每类资源一个）中各创建了控制组 ${short}。内核自动生成了目录里的文件。`,
        }
      : {
          en: `The control group ${short} was removed from ${groups.length} hierarchies; it had no processes and no groups below it.`,
          zh: `已从 ${groups.length} 个层级中删除控制组 ${short}；它没有进程，也没有子组。`,
        },
  };
}

/** The longest directory that is above all of these. */
function commonParent(paths: readonly string[]): string {
  const parts = (paths[0] ?? '').split('/').slice(0, -1);
  while (parts.length > 0 && !paths.every((path) => path.startsWith(`${parts.join('/')}/`))) parts.pop();
  return parts.join('/');
}

function tellMounts(mounts: readonly Mount[], added: boolean, place: string): Told {
  const points = mounts.map(({ mountPoint }) => mountPoint);
  const list = points.slice(0, LISTED).join(' ');
  const more = points.length > LISTED ? ` +${points.length - LISTED}` : '';
  return {
    domain: 'mount',
    act: `${added ? 'mount' : 'umount2'}: ${list}${more}`,
    command: null,
    man: added ? 'mount(2)' : 'umount(2)',
    explanation: added
      ? {
          en: `${mounts.length} file systems were mounted in ${place}, which sees them alone: ${list}${more}.`,
          zh: `在 ${inChinese(place)} 中挂载了 ${mounts.length} 个文件系统，只有它自己看得到：${list}${more}。`,
        }
      : {
          en: `${mounts.length} mounts of ${place} are gone: ${list}${more}.`,
          zh: `${inChinese(place)} 的 ${mounts.length} 个挂载已消失：${list}${more}。`,
        },
  };
}

function tellNamespaces(namespaces: readonly Namespace[], added: boolean, whose: string): Told {
  const kinds = namespaces.map(({ kind }) => NAMESPACE_KINDS[kind]);
  const ids = namespaces.map(({ id }) => id).join(' ');
  return {
    domain: 'syscall',
    act: added ? `unshare(${kinds.map(({ name }) => name).join('|')})` : `${ids} ended`,
    command: added ? `unshare ${kinds.map(({ unshare }) => unshare).join(' ')}` : null,
    man: 'namespaces(7)',
    explanation: added
      ? {
          en: `${whose} got ${namespaces.length} namespaces of its own: ${ids}.`,
          zh: `${inChinese(whose)} 得到了 ${namespaces.length} 个自己的命名空间：${ids}。`,
        }
      : {
          en: `${namespaces.length} namespaces of ${whose} ended with the last process in them: ${ids}.`,
          zh: `${inChinese(whose)} 的 ${namespaces.length} 个命名空间随最后一个进程一起消失：${ids}。`,
        },
  };
}
