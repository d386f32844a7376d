import type { Cgroup, Change, Mount, Namespace, Snapshot } from '../../api/types.js';
import { NAMESPACE_KINDS } from '../../kernel/namespaces/ids.js';
import { inChinese, shellWord, type Told, withinChinese } from './told.js';

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
 * namespace other than the lab host's (and what was changed of them), the namespaces of one process. The order is kept otherwise. Pure.
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

function keyOf(change: Change): string | null {
  const { kind, object, key, name, place } = change;
  if (object === 'mount' && place !== 'host') {
    const how = kind === 'changed' ? remountOf(change.before as Mount, change.after as Mount) : kind;
    return `${object} ${how} ${key.slice(0, key.indexOf('/'))}`;
  }
  if (kind === 'changed') return null;
  if (object === 'cgroup') return `${object} ${kind} ${name}`;
  return object === 'namespace' && /^(container|pid) /.test(name) ? `${object} ${kind} ${name}` : null;
}

function tellTogether(group: readonly Change[], first: Change, snapshot: Snapshot): Told {
  const added = first.kind === 'added';
  if (first.object === 'cgroup') return tellGroups(group.map(subjectOf) as Cgroup[], added, snapshot);
  if (first.object === 'mount' && first.kind === 'changed') return tellRemounts(group, first);
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

function listOf(mounts: readonly Mount[]): string {
  const points = mounts.map(({ mountPoint }) => mountPoint);
  const more = points.length > LISTED ? ` +${points.length - LISTED}` : '';
  return `${points.slice(0, LISTED).join(' ')}${more}`;
}

const REMOUNTS = {
  move_mount: {
    man: 'move_mount(2)',
    en: 'are at other mount points now, their files are the same',
    zh: '移到了别的挂载点，文件还是原来的文件',
  },
  propagation: {
    man: 'mount_namespaces(7)',
    en: 'have another propagation now: it says which mounts other mount namespaces see too',
    zh: '的传播类型改变了：它决定其他挂载命名空间是否也看到其下的挂载',
  },
  remount: { man: 'mount(2)', en: 'have other options now', zh: '的挂载选项改变了' },
} as const;

/** What a changed mount is told as, in the order in which it is when it is told alone. */
function remountOf(before: Mount, after: Mount): keyof typeof REMOUNTS {
  if (before.mountPoint !== after.mountPoint) return 'move_mount';
  const tags = ({ propagation }: Mount): string => propagation.map((tag) => tag.replace(/:\d+$/, '')).join(' ');
  return tags(before) === tags(after) ? 'remount' : 'propagation';
}

function tellRemounts(group: readonly Change[], { before, after, place }: Change): Told {
  const how = remountOf(before as Mount, after as Mount);
  const { man, en, zh } = REMOUNTS[how];
  const list = listOf(group.map(subjectOf) as Mount[]);
  return {
    domain: 'mount',
    act: `${how}: ${list}`,
    command: null,
    man,
    explanation: {
      en: `${group.length} mounts of ${place} ${en}: ${list}.`,
      zh: `${inChinese(place)} 的 ${group.length} 个挂载${zh}：${list}。`,
    },
  };
}

function tellMounts(mounts: readonly Mount[], added: boolean, place: string): Told {
  const list = listOf(mounts);
  return {
    domain: 'mount',
    act: `${added ? 'mount' : 'umount2'}: ${list}`,
    command: null,
    man: added ? 'mount(2)' : 'umount(2)',
    explanation: added
      ? {
          en: `${mounts.length} file systems were mounted in ${place}, which sees them alone: ${list}.`,
          zh: `${withinChinese(place)}挂载了 ${mounts.length} 个文件系统，只有它自己看得到：${list}。`,
        }
      : {
          en: `${mounts.length} mounts of ${place} are gone: ${list}.`,
          zh: `${inChinese(place)} 的 ${mounts.length} 个挂载已消失：${list}。`,
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
