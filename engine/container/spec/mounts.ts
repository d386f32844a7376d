import { EngineError } from '../../kernel/errors.js';
import { MOUNTS, mount } from '../../policy/docker-defaults.js';
import type { SpecMount } from '../../runtime/spec/types.js';
import type { SpecInput } from './input.js';
import { tmpfsOptions } from './tmpfs.js';

export interface SpecMounts {
  readonly mounts: readonly SpecMount[];
  readonly rootfsPropagation?: string;
}

/** Below these the runtime must be able to write, whatever the root is. */
const ALWAYS_WRITABLE = new Set(['/proc', '/dev/pts', '/dev/shm', '/dev/mqueue', '/dev']);

/**
 * The mounts of a container: Docker's own, without those that the user gave another, then the user's from the root down.
 * moby, daemon/oci_linux.go (WithMounts).
 */
export function containerMounts(input: SpecInput, writableCgroups: boolean | null): SpecMounts {
  const { hostConfig: host } = input;
  const { mounts: user, rootfsPropagation } = userMounts(input);
  const places = new Set(user.map(({ destination }) => destination));
  const own = MOUNTS.filter(({ destination }) => {
    if (places.has(destination) || (places.has('/dev') && destination.startsWith('/dev/'))) return false;
    return destination !== '/dev/shm' || host.IpcMode !== 'none';
  }).map((one) => {
    let options = one.options;
    // EINVAL else: mount(2) of a devpts takes no id that is not mapped; so do rootless Docker and runc
    if (one.type === 'devpts' && !input.machine.ttyGroup)
      options = options.filter((option) => !option.startsWith('gid='));
    if (one.destination === '/dev/shm')
      options = [...options.filter((option) => !option.startsWith('size=')), `size=${host.ShmSize}`];
    if (host.ReadonlyRootfs && !ALWAYS_WRITABLE.has(one.destination) && !options.includes('ro'))
      options = [...options, 'ro'];
    const writable =
      (one.destination === '/sys' && host.Privileged) ||
      (one.type === 'cgroup' && (writableCgroups ?? host.Privileged));
    if (writable) options = options.filter((option) => option !== 'ro');
    return { ...one, options };
  });
  return { mounts: [...own, ...user], ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }) };
}

function userMounts(input: SpecInput): SpecMounts {
  const { hostConfig: host, files } = input;
  const found = new Map<string, SpecMount>();
  let rootfsPropagation: string | undefined;
  for (const one of input.mounts) {
    const { Destination, Propagation } = one.point;
    if (one.point.Type === 'tmpfs') {
      found.set(Destination, mount(Destination, 'tmpfs', 'tmpfs', tmpfsOptions(one.tmpfs ?? '')));
      continue;
    }
    rootfsPropagation = spread(one, Propagation, rootfsPropagation, input.machine);
    const options = [one.nonRecursive === true ? 'bind' : 'rbind'];
    if (!one.point.RW) options.push(readOnly(one, input.machine.recursiveReadOnly));
    if (Propagation !== '') options.push(Propagation);
    found.set(Destination, mount(Destination, 'bind', one.source, options));
  }
  // a bind of the user's own over one of these files takes its place
  for (const [destination, file] of [
    ['/etc/resolv.conf', files.resolvConf],
    ['/etc/hostname', files.hostname],
    ['/etc/hosts', files.hosts],
  ] as const)
    if (file !== undefined && !found.has(destination)) {
      const options = ['rbind', ...(host.ReadonlyRootfs ? ['ro'] : []), 'rprivate'];
      found.set(destination, mount(destination, 'bind', file, options));
    }
  if (host.IpcMode !== 'private' && host.IpcMode !== '' && files.shm !== undefined && !found.has('/dev/shm'))
    found.set('/dev/shm', mount('/dev/shm', 'bind', files.shm, ['rbind', 'rprivate']));
  for (const [destination, data] of Object.entries(host.Tmpfs ?? {}))
    found.set(destination, mount(destination, 'tmpfs', 'tmpfs', tmpfsOptions(data)));
  return {
    mounts: [...found.values()].sort((a, b) => depth(a) - depth(b)),
    ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }),
  };
}

const depth = ({ destination }: SpecMount): number => destination.split('/').filter(Boolean).length;

function readOnly(one: SpecInput['mounts'][number], recursive: boolean): string {
  if (one.readOnlyNonRecursive === true && one.readOnlyForceRecursive === true)
    throw new EngineError('InvalidArgument', 'mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive');
  if (one.readOnlyForceRecursive === true && !recursive)
    throw new EngineError('FailedPrecondition', 'rro is not supported: kernel is older than 5.12');
  return recursive && one.readOnlyNonRecursive !== true ? 'rro' : 'ro';
}

/** A shared or slave bind needs a source that spreads, and a root that lets it through. */
function spread(
  { source, impliedSlave }: SpecInput['mounts'][number],
  propagation: string,
  root: string | undefined,
  machine: SpecInput['machine'],
): string | undefined {
  if (!/^r?(shared|slave)$/.test(propagation)) return root;
  const { mountPoint, shared, slave } = machine.propagationOf(source);
  const wantsShared = propagation.endsWith('shared');
  // nobody asked for it: where nothing spreads, nothing does
  if (impliedSlave === true && !shared && !slave) return root;
  if (wantsShared ? !shared : !shared && !slave)
    throw new EngineError(
      'InvalidArgument',
      `path ${source} is mounted on ${mountPoint} but it is not a ${wantsShared ? 'shared' : 'shared or slave'} mount`,
    );
  if (wantsShared) return 'shared';
  return root ?? 'rslave';
}
