import type { NamespaceId, NamespaceKind } from '../../api/types.js';

/** The eight kinds of namespaces(7), with the flag of clone(2), unshare(2) and setns(2) and the man page of each. */
export const NAMESPACE_KINDS = {
  mnt: { flag: 0x0002_0000, name: 'CLONE_NEWNS', man: 'mount_namespaces(7)', unshare: '--mount' },
  uts: { flag: 0x0400_0000, name: 'CLONE_NEWUTS', man: 'uts_namespaces(7)', unshare: '--uts' },
  ipc: { flag: 0x0800_0000, name: 'CLONE_NEWIPC', man: 'ipc_namespaces(7)', unshare: '--ipc' },
  pid: { flag: 0x2000_0000, name: 'CLONE_NEWPID', man: 'pid_namespaces(7)', unshare: '--pid --fork' },
  net: { flag: 0x4000_0000, name: 'CLONE_NEWNET', man: 'network_namespaces(7)', unshare: '--net' },
  user: { flag: 0x1000_0000, name: 'CLONE_NEWUSER', man: 'user_namespaces(7)', unshare: '--user' },
  cgroup: { flag: 0x0200_0000, name: 'CLONE_NEWCGROUP', man: 'cgroup_namespaces(7)', unshare: '--cgroup' },
  time: { flag: 0x80, name: 'CLONE_NEWTIME', man: 'time_namespaces(7)', unshare: '--time' },
} as const satisfies Record<NamespaceKind, { flag: number; name: string; man: string; unshare: string }>;

export const KINDS = Object.keys(NAMESPACE_KINDS) as readonly NamespaceKind[];

const pattern = /^(mnt|uts|ipc|pid|net|user|cgroup|time):\[(\d+)\]$/;

/** `net:[4026532285]` as kind and inode, null for text that is not the name of a namespace (a path, `socket:[1]`). */
export function parseNamespaceId(text: string): { kind: NamespaceKind; inode: number } | null {
  const match = pattern.exec(text);
  return match === null ? null : { kind: match[1] as NamespaceKind, inode: Number(match[2]) };
}

export function namespaceId(kind: NamespaceKind, inode: number): NamespaceId {
  return `${kind}:[${inode}]`;
}

/** Order of kinds for lists: as in /proc/PID/ns of this table, then by inode. */
export function compareNamespaces(
  a: { kind: NamespaceKind; inode: number },
  b: { kind: NamespaceKind; inode: number },
): number {
  return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.inode - b.inode;
}
