import { existsSync } from 'node:fs';
import { quoted, refuse } from './rule.js';
import type { IdMapping, NamespaceType, Spec, SpecLinux } from './types.js';

/** Names in /proc/PID/ns, where they differ. */
const PROC_NAMES: Readonly<Record<NamespaceType, string>> = {
  mount: 'mnt',
  pid: 'pid',
  network: 'net',
  uts: 'uts',
  ipc: 'ipc',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
};

export const procName = (type: NamespaceType): string => PROC_NAMES[type];

export function namespaceOf(linux: Pick<SpecLinux, 'namespaces'>, type: NamespaceType): { path?: string } | undefined {
  return linux.namespaces.find((one) => one.type === type);
}

/** The rules for namespaces and for what needs one. Returns warnings. */
export function validateNamespaces(spec: Spec): string[] {
  const { linux } = spec;
  const has = (type: NamespaceType): boolean => namespaceOf(linux, type) !== undefined;
  for (const [index, { type, path = '' }] of linux.namespaces.entries()) {
    if (linux.namespaces.findIndex((one) => one.type === type) !== index)
      refuse(`malformed spec file: duplicated ns {${quoted(type)} ${quoted(path)}}`);
    if (!existsSync(`/proc/self/ns/${procName(type)}`)) refuse(`${type} namespaces aren't enabled in the kernel`);
    if (path !== '' && !existsSync(path)) refuse(`namespace path: lstat ${path}: no such file or directory`);
  }
  if (has('user')) validateMappings(linux);
  if (spec.hostname !== undefined && !has('uts')) refuse('unable to set hostname without a private UTS namespace');
  if (spec.domainname !== undefined && !has('uts')) refuse('unable to set domainname without a private UTS namespace');
  if ((linux.maskedPaths.length > 0 || linux.readonlyPaths.length > 0) && !has('mount'))
    refuse('unable to restrict sys entries without a private MNT namespace');
  if (!has('mount'))
    refuse("a container without a mount namespace is not supported: its mounts would be the machine's");
  if (Object.keys(linux.timeOffsets).length > 0) validateOffsets(linux);
  return !has('user') && (linux.uidMappings.length > 0 || linux.gidMappings.length > 0)
    ? ['linux.uidMappings and linux.gidMappings are ignored without a user namespace']
    : [];
}

/** clock_gettime's offsets can only be written while a namespace is new (time_namespaces(7)). */
function validateOffsets(linux: SpecLinux): void {
  const time = namespaceOf(linux, 'time');
  if (time === undefined) refuse("time namespace offsets specified, but time namespace isn't enabled in the config");
  else if (time.path !== undefined)
    refuse('time namespace offsets specified, but the time namespace is an existing one');
}

function validateMappings(linux: SpecLinux): void {
  // runc needs the owner of the container's root before it can do anything, also when it joins a namespace.
  if (linux.uidMappings.length === 0) refuse('User namespaces enabled, but no uid mappings found.');
  if (!holds(linux.uidMappings, 0)) refuse('User namespaces enabled, but no user mapping found.');
  if (linux.gidMappings.length === 0) refuse('User namespaces enabled, but no gid mappings found.');
  if (!holds(linux.gidMappings, 0)) refuse('User namespaces enabled, but no group mapping found.');
  validateMap(linux.uidMappings, 'linux.uidMappings');
  validateMap(linux.gidMappings, 'linux.gidMappings');
}

/** user_namespaces(7): no empty line, none that overlaps another on either side, none that reaches (uid_t)-1. */
export function validateMap(mappings: readonly IdMapping[], path: string): void {
  for (const side of ['containerID', 'hostID'] as const) {
    const sorted = mappings.toSorted((a, b) => a[side] - b[side]);
    for (const [index, one] of sorted.entries()) {
      if (one.size === 0) refuse(`${path}: a mapping of size 0`);
      if (one[side] + one.size > 0xffff_ffff)
        refuse(`${path}: ${side} ${one[side]} with size ${one.size} goes too far`);
      const next = sorted[index + 1];
      if (next !== undefined && one[side] + one.size > next[side])
        refuse(`${path}: two mappings share ${side} ${next[side]}`);
    }
  }
}

const holds = (mappings: readonly IdMapping[], id: number): boolean =>
  mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size);
