import { MOUNT_ATTR, MS } from '../../kernel/constants.js';

/** What a mount's `options` ask for, in the kernel's numbers. Of options that contradict each other the last one counts. */
export interface MountOptions {
  /** MS_* of mount(2). `clear` holds what an option took away by name (`rw`, `suid`), which a bind mount must not inherit. */
  readonly flags: { readonly set: number; readonly clear: number };
  /** MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, each perhaps with MS_REC; to be applied in this order. */
  readonly propagation: readonly number[];
  /** MOUNT_ATTR_* for mount_setattr(2) with AT_RECURSIVE; both zero: no call is needed. */
  readonly recursive: { readonly set: number; readonly clear: number };
  /** Everything else, for the file system itself (`size=64m`). */
  readonly data: readonly string[];
  readonly bind: boolean;
  readonly rbind: boolean;
  /** Copy what the image has at the destination into the new tmpfs. */
  readonly tmpCopyUp: boolean;
  readonly idmap: 'no' | 'idmap' | 'ridmap';
}

type Flag = readonly [kind: 'set' | 'clear', flag: number];

/** mount(8)'s words and MS_* flags, as runc's specconv has them. `defaults` means nothing, and is no word of any file system. */
const FLAGS: ReadonlyMap<string, Flag> = new Map([
  ['acl', ['set', MS.POSIXACL]],
  ['async', ['clear', MS.SYNCHRONOUS]],
  ['atime', ['clear', MS.NOATIME]],
  ['bind', ['set', MS.BIND]],
  ['defaults', ['set', 0]],
  ['dev', ['clear', MS.NODEV]],
  ['diratime', ['clear', MS.NODIRATIME]],
  ['dirsync', ['set', MS.DIRSYNC]],
  ['exec', ['clear', MS.NOEXEC]],
  ['iversion', ['set', MS.I_VERSION]],
  ['lazytime', ['set', MS.LAZYTIME]],
  ['loud', ['clear', MS.SILENT]],
  ['mand', ['set', MS.MANDLOCK]],
  ['noacl', ['clear', MS.POSIXACL]],
  ['noatime', ['set', MS.NOATIME]],
  ['nodev', ['set', MS.NODEV]],
  ['nodiratime', ['set', MS.NODIRATIME]],
  ['noexec', ['set', MS.NOEXEC]],
  ['noiversion', ['clear', MS.I_VERSION]],
  ['nolazytime', ['clear', MS.LAZYTIME]],
  ['nomand', ['clear', MS.MANDLOCK]],
  ['norelatime', ['clear', MS.RELATIME]],
  ['nostrictatime', ['clear', MS.STRICTATIME]],
  ['nosuid', ['set', MS.NOSUID]],
  ['nosymfollow', ['set', MS.NOSYMFOLLOW]],
  ['rbind', ['set', MS.BIND | MS.REC]],
  ['relatime', ['set', MS.RELATIME]],
  ['remount', ['set', MS.REMOUNT]],
  ['ro', ['set', MS.RDONLY]],
  ['rw', ['clear', MS.RDONLY]],
  ['silent', ['set', MS.SILENT]],
  ['strictatime', ['set', MS.STRICTATIME]],
  ['suid', ['clear', MS.NOSUID]],
  ['symfollow', ['clear', MS.NOSYMFOLLOW]],
  ['sync', ['set', MS.SYNCHRONOUS]],
]);

const PROPAGATION: ReadonlyMap<string, number> = new Map([
  ['private', MS.PRIVATE],
  ['rprivate', MS.PRIVATE | MS.REC],
  ['slave', MS.SLAVE],
  ['rslave', MS.SLAVE | MS.REC],
  ['shared', MS.SHARED],
  ['rshared', MS.SHARED | MS.REC],
  ['unbindable', MS.UNBINDABLE],
  ['runbindable', MS.UNBINDABLE | MS.REC],
]);

/** The access time modes are one value, not bits: the kernel refuses to clear a part of it (mount_setattr(2), "attr_clr"). */
const RECURSIVE: ReadonlyMap<string, Flag> = new Map([
  ['rro', ['set', MOUNT_ATTR.RDONLY]],
  ['rrw', ['clear', MOUNT_ATTR.RDONLY]],
  ['rnosuid', ['set', MOUNT_ATTR.NOSUID]],
  ['rsuid', ['clear', MOUNT_ATTR.NOSUID]],
  ['rnodev', ['set', MOUNT_ATTR.NODEV]],
  ['rdev', ['clear', MOUNT_ATTR.NODEV]],
  ['rnoexec', ['set', MOUNT_ATTR.NOEXEC]],
  ['rexec', ['clear', MOUNT_ATTR.NOEXEC]],
  ['rnodiratime', ['set', MOUNT_ATTR.NODIRATIME]],
  ['rdiratime', ['clear', MOUNT_ATTR.NODIRATIME]],
  ['rrelatime', ['set', MOUNT_ATTR.RELATIME]],
  ['rnorelatime', ['clear', MOUNT_ATTR.RELATIME]],
  ['rnoatime', ['set', MOUNT_ATTR.NOATIME]],
  ['ratime', ['clear', MOUNT_ATTR.NOATIME]],
  ['rstrictatime', ['set', MOUNT_ATTR.STRICTATIME]],
  ['rnostrictatime', ['clear', MOUNT_ATTR.STRICTATIME]],
  ['rnosymfollow', ['set', MOUNT_ATTR.NOSYMFOLLOW]],
  ['rsymfollow', ['clear', MOUNT_ATTR.NOSYMFOLLOW]],
]);

const EXTENSIONS = ['tmpcopyup', 'idmap', 'ridmap'] as const;

/** Every word that does not go to the file system, sorted: what `features` prints. */
export const MOUNT_OPTIONS: readonly string[] = [
  ...FLAGS.keys(),
  ...PROPAGATION.keys(),
  ...RECURSIVE.keys(),
  ...EXTENSIONS,
].sort();

/** The values of `linux.rootfsPropagation`; undefined: not one of them. The empty string asks for nothing. */
export function rootfsPropagation(word: string): number | undefined {
  return word === '' ? 0 : PROPAGATION.get(word);
}

/** The `options` of one mount; never fails, for an unknown word is the file system's. Source: runtime-spec config-linux.md, "Mounts". */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const flags = { set: 0, clear: 0 };
  const recursive = { set: 0, clear: 0 };
  const propagation: number[] = [];
  const data: string[] = [];
  let tmpCopyUp = false;
  let idmap: MountOptions['idmap'] = 'no';
  for (const option of options) {
    const flag = FLAGS.get(option);
    const spread = PROPAGATION.get(option);
    const attribute = RECURSIVE.get(option);
    if (flag !== undefined) apply(flags, flag);
    else if (spread !== undefined) propagation.push(spread);
    else if (attribute !== undefined) applyRecursive(recursive, attribute);
    else if (option === 'tmpcopyup') tmpCopyUp = true;
    else if (option === 'idmap' || option === 'ridmap') idmap = option;
    else data.push(option);
  }
  const bind = (flags.set & MS.BIND) !== 0;
  return { flags, propagation, recursive, data, bind, rbind: bind && (flags.set & MS.REC) !== 0, tmpCopyUp, idmap };
}

/**
 * The MS_* flags that belong to one mount, as mount_setattr(2) and fsmount(2) call them. The rest (MS_SYNCHRONOUS, MS_LAZYTIME …)
 * belongs to the file system. Neither of the access time flags given means relatime, as in mount(2) since Linux 2.6.30.
 */
export function mountAttributes(flags: number): number {
  const has = (flag: number, attribute: number): number => ((flags & flag) === 0 ? 0 : attribute);
  return (
    has(MS.RDONLY, MOUNT_ATTR.RDONLY) |
    has(MS.NOSUID, MOUNT_ATTR.NOSUID) |
    has(MS.NODEV, MOUNT_ATTR.NODEV) |
    has(MS.NOEXEC, MOUNT_ATTR.NOEXEC) |
    has(MS.NODIRATIME, MOUNT_ATTR.NODIRATIME) |
    has(MS.NOSYMFOLLOW, MOUNT_ATTR.NOSYMFOLLOW) |
    (has(MS.STRICTATIME, MOUNT_ATTR.STRICTATIME) || has(MS.NOATIME, MOUNT_ATTR.NOATIME))
  );
}

function apply(into: { set: number; clear: number }, [kind, flag]: Flag): void {
  const other = kind === 'set' ? 'clear' : 'set';
  into[kind] |= flag;
  into[other] &= ~flag;
}

function applyRecursive(into: { set: number; clear: number }, [kind, flag]: Flag): void {
  const isTime = (flag & MOUNT_ATTR.ATIME) === flag;
  if (!isTime) {
    apply(into, [kind, flag]);
  } else if (kind === 'set' || flag !== MOUNT_ATTR.RELATIME) {
    into.clear |= MOUNT_ATTR.ATIME;
    into.set = (into.set & ~MOUNT_ATTR.ATIME) | (kind === 'set' ? flag : 0);
  }
  // Else `rnorelatime`, which does not say what to be instead: nothing changes, as in runc.
}
