import { AT, MS, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from '../../kernel/constants.js';
import type { SlotValue } from '../../kernel/program/builder.js';
import type { CgroupMountHierarchy, CgroupMountPlan } from '../plan.js';
import { mountAttributes } from '../spec/mount-options.js';
import { setAttributes } from './go-between.js';
import { openTarget } from './in-root.js';
import { attach, makeFilesystem, mountFailure } from './mounts.js';
import type { Steps } from './steps.js';

const DEFAULTS = MS.NOSUID | MS.NODEV | MS.NOEXEC;

/**
 * A mount of type `cgroup`: the hierarchies of the machine below one directory, each showing the container's own group
 * as the whole. In a cgroup namespace the kernel sees to that; otherwise the group's directory is bound.
 */
export function mountCgroups(s: Steps, root: SlotValue, mount: CgroupMountPlan): void {
  const { destination, options } = mount;
  const failure = mountFailure({ destination, source: 'cgroup' });
  const v1 = mount.hierarchies.some((one) => one.version === 1);
  const readOnly = (options.flags.set & MS.RDONLY) !== 0;
  if (!v1) {
    for (const hierarchy of mount.hierarchies)
      mountHierarchy(s, root, { ...mount, hierarchy, flags: options.flags.set });
    return;
  }
  const top = s.slot(destination);
  const tree = makeFilesystem(s, {
    type: 'tmpfs',
    source: 'tmpfs',
    destination,
    options: { flags: { set: DEFAULTS }, data: ['mode=755'] },
  });
  // what sysfs has there
  if (mount.covered) s.call('fchmodat', [tree, '.', 0o555], { failure });
  openTarget(s, root, destination, top, { kind: 'directory', failure });
  attach(s, tree, top, {
    failure,
    command: `mount -t tmpfs tmpfs ${destination}`,
    say: { en: 'a directory for the hierarchies of cgroup v1', zh: '存放 cgroup v1 各层级的目录' },
  });
  for (const hierarchy of mount.hierarchies) {
    mountHierarchy(s, root, {
      ...mount,
      hierarchy,
      flags: hierarchy.source === '' ? DEFAULTS | (options.flags.set & MS.RDONLY) : options.flags.set,
    });
    for (const link of hierarchy.links)
      s.call('symlinkat', [hierarchy.directory, tree, link], { accept: ['EEXIST'], failure });
  }
  if (readOnly)
    setAttributes(
      s,
      tree,
      { set: mountAttributes(DEFAULTS | MS.RDONLY), clear: 0, recursive: false },
      { failure, command: `mount -o remount,bind,ro ${destination}` },
    );
}

interface One {
  readonly destination: string;
  readonly hierarchy: CgroupMountHierarchy;
  readonly flags: number;
}

function mountHierarchy(s: Steps, root: SlotValue, { destination, hierarchy, flags }: One): void {
  const path = hierarchy.directory === '' ? destination : `${destination}/${hierarchy.directory}`;
  const failure = mountFailure({ destination: path, source: 'cgroup' });
  const target = s.slot(path);
  openTarget(s, root, path, target, { kind: 'directory', failure });
  if (hierarchy.source !== '') {
    const tree = s.slot(hierarchy.name);
    s.call('open_tree', [AT.FDCWD, hierarchy.source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC], {
      storeAt: tree.data,
      failure,
    });
    setAttributes(s, tree, { set: mountAttributes(flags), clear: 0, recursive: false }, { failure });
    attach(s, tree, target, {
      failure,
      command: `mount --bind ${hierarchy.source} ${path}`,
      say: {
        en: "the container's own group stands for the whole hierarchy",
        zh: '容器自己的 cgroup 被当作整个层级的根',
      },
    });
    return;
  }
  const named = hierarchy.name.startsWith('name=');
  const tree = makeFilesystem(s, {
    type: hierarchy.version === 2 ? 'cgroup2' : 'cgroup',
    source: named ? hierarchy.name.slice('name='.length) : 'cgroup',
    destination: path,
    options: {
      flags: { set: flags },
      data: hierarchy.version === 2 ? [] : named ? ['none', hierarchy.name] : [hierarchy.name],
    },
  });
  attach(s, tree, target, {
    failure,
    command: `mount -t ${hierarchy.version === 2 ? 'cgroup2' : `cgroup -o ${hierarchy.name}`} cgroup ${path}`,
  });
}
