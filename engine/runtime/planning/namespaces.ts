import { fstatSync, readlinkSync } from 'node:fs';
import { O } from '../../kernel/constants.js';
import { EngineError } from '../../kernel/errors.js';
import { NAMESPACE_KINDS } from '../../kernel/namespaces/ids.js';
import { namespaceType } from '../../kernel/namespaces/ioctl.js';
import { readProc } from '../../kernel/procfs/read.js';
import type { NamespacesPlan } from '../plan.js';
import type { NamespaceType, Spec } from '../spec/types.js';
import type { Descriptors } from './descriptors.js';

const KIND = {
  mount: 'mnt',
  pid: 'pid',
  network: 'net',
  uts: 'uts',
  ipc: 'ipc',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
} as const;
/** Made by clone3; the others are unshared, each at its own time. */
const CLONED: readonly NamespaceType[] = ['mount', 'pid', 'network', 'uts', 'ipc'];
/** Root enters the user namespace last, for it may give up what it needs for the others; others need what it gives first. */
const JOIN_ORDER: readonly NamespaceType[] = ['network', 'ipc', 'uts', 'cgroup', 'time', 'pid', 'mount'];

/** CLONE_NEW… of a namespace type. */
function cloneFlag(type: NamespaceType): number {
  return NAMESPACE_KINDS[KIND[type]].flag;
}

/** Which namespaces are new, which are entered, in which order; opens those that are entered. */
export function planNamespaces(spec: Spec, fds: Descriptors, rootless: boolean): NamespacesPlan {
  const { namespaces } = spec.linux;
  const isNew = (type: NamespaceType): boolean =>
    namespaces.some((one) => one.type === type && (one.path ?? '') === '');
  const order = rootless ? (['user', ...JOIN_ORDER] as const) : ([...JOIN_ORDER, 'user'] as const);
  const join = order.flatMap((type) => {
    const found = namespaces.find((one) => one.type === type && (one.path ?? '') !== '');
    if (found?.path === undefined) return [];
    const fd = fds.open(found.path, O.RDONLY);
    const flag = cloneFlag(type);
    const actual = namespaceKind(fds, fd, found.path);
    if (actual !== flag)
      throw new EngineError('InvalidArgument', `namespace path ${found.path} is not of type ${type}`);
    return isOwn(fd, type) ? [] : [{ type, flag, fd, path: found.path }];
  });
  return {
    clone: CLONED.filter(isNew).reduce((flags, type) => flags | cloneFlag(type), 0),
    user: isNew('user'),
    cgroup: isNew('cgroup'),
    time: isNew('time') ? offsets(spec) : null,
    join,
    setgroups: (!rootless || spec.linux.gidMappings.length > 1) && !isDenied(),
    loopback: isNew('network'),
  };
}

function namespaceKind(fds: Descriptors, fd: number, path: string): number {
  try {
    return namespaceType(fds.kernel, fd);
  } catch (error) {
    throw new EngineError('InvalidArgument', `namespace path ${path} is not a namespace`, { cause: error });
  }
}

/** Entering one's own user namespace is an error (setns(2), EINVAL), and of the others no change. */
function isOwn(fd: number, type: NamespaceType): boolean {
  return readlinkSync(`/proc/self/ns/${KIND[type]}`) === `${KIND[type]}:[${fstatSync(fd).ino}]`;
}

/** Lines of /proc/self/timens_offsets; empty: none differ. time_namespaces(7) */
function offsets(spec: Spec): string {
  return Object.entries(spec.linux.timeOffsets)
    .map(([clock, { secs, nanosecs }]) => `${clock} ${secs} ${nanosecs}\n`)
    .join('');
}

/** In a user namespace that an unprivileged user made with their own id alone nobody may change groups. user_namespaces(7) */
function isDenied(): boolean {
  return readProc('/proc/self/setgroups')?.trim() === 'deny';
}
