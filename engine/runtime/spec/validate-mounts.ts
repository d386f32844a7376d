import { existsSync, statfsSync } from 'node:fs';
import { posix } from 'node:path';
import { MS } from '../../kernel/constants.js';
import { guard } from '../guards.js';
import { type MountOptions, parseMountOptions } from './mount-options.js';
import { quoted, refuse } from './rule.js';
import type { Spec, SpecMount } from './types.js';
import { namespaceOf, validateMap } from './validate-namespaces.js';
import { isMapped } from './validate-process.js';

/** linux/magic.h. */
const PROC_SUPER_MAGIC = 0x9fa0;

/** What lxcfs mounts inside /proc, and criu; runc allows these and no others. */
const INSIDE_PROC = new Set(
  ['cpuinfo', 'diskstats', 'meminfo', 'stat', 'swaps', 'uptime', 'loadavg', 'slabinfo', 'net/dev'].concat(
    'sys/kernel/ns_last_pid',
  ),
);

/** The rules for `mounts`, before anything of the root file system is looked at. Returns warnings. */
export function validateMounts(spec: Spec, { rootless, bundle }: { rootless: boolean; bundle: string }): string[] {
  return spec.mounts.flatMap((mount) => {
    const options = parseMountOptions(mount.options);
    const warnings: string[] = [];
    if (!mount.destination.startsWith('/'))
      warnings.push(
        `mount destination ${mount.destination} is not absolute. Support for non-absolute mount destinations will be removed in a future release.`,
      );
    if (options.bind) {
      if (mount.source === undefined) refuse(`invalid mount ${quoted(mount.destination)}: a bind mount needs a source`);
      if (options.data.length > 0)
        warnings.push(
          `mount ${mount.destination}: bind mounts cannot have any filesystem-specific options applied: ignoring ${options.data.join(',').slice(0, 200)}`,
        );
    } else if (mount.type === undefined && (options.flags.set & MS.REMOUNT) === 0) {
      refuse(`invalid mount ${quoted(mount.destination)}: it has neither a type nor the option bind`);
    }
    insideProc(mount, options, bundle);
    idMapped(spec, mount, options, rootless);
    if (rootless) ownersAreMapped(spec, options);
    return warnings;
  });
}

/** Over /proc only a proc, and into it only what is known to be harmless: CVE-2019-16884, CVE-2023-27561, CVE-2025-52881. */
function insideProc(mount: SpecMount, options: MountOptions, bundle: string): void {
  if (!guard('proc-check')) return;
  const path = posix.resolve(`/${mount.destination}`);
  if (path === '/proc') {
    const isProc = options.bind ? isProcSource(posix.resolve(bundle, mount.source ?? '')) : mount.type === 'proc';
    if (!isProc) refuse(`${quoted(path)} cannot be mounted because it is not of type proc`);
  } else if (path.startsWith('/proc/') && !INSIDE_PROC.has(path.slice('/proc/'.length))) {
    refuse(`${quoted(path)} cannot be mounted because it is inside /proc`);
  }
}

function isProcSource(source: string): boolean {
  return existsSync(source) && statfsSync(source).type === PROC_SUPER_MAGIC;
}

/** mount_setattr(2), "ID-mapped mounts"; the rules are those of runc 1.2, for 1.1 ignores the fields. */
function idMapped(spec: Spec, mount: SpecMount, { bind, idmap }: MountOptions, rootless: boolean): void {
  const { uidMappings, gidMappings } = mount;
  const hasMaps = uidMappings.length > 0 || gidMappings.length > 0;
  if (!hasMaps && idmap === 'no') return;
  const wrong = (why: string): never => refuse(`invalid mount ${quoted(mount.destination)}: ${why}`);
  if (!bind) wrong('id-mapped mounts are only supported for bind-mounts');
  if (rootless) wrong('id-mapped mounts are not supported for rootless containers');
  const both = uidMappings.length > 0 && gidMappings.length > 0;
  if (hasMaps ? !both : namespaceOf(spec.linux, 'user') === undefined)
    wrong('id-mapped mounts must have both uid and gid mappings specified');
  validateMap(uidMappings, `mount ${quoted(mount.destination)}: uidMappings`);
  validateMap(gidMappings, `mount ${quoted(mount.destination)}: gidMappings`);
}

/** In a rootless container only a mapped owner can be given to a file system. */
function ownersAreMapped({ linux }: Spec, { data }: MountOptions): void {
  const owners = data.flatMap((option) => option.split(','));
  for (const [kind, mappings] of [
    ['uid', linux.uidMappings],
    ['gid', linux.gidMappings],
  ] as const) {
    for (const option of owners) {
      const id = new RegExp(`^${kind}=(-?[0-9]+)`).exec(option)?.[1];
      if (id !== undefined && !isMapped(Number(id), mappings))
        refuse(`cannot specify ${kind}= mount options for unmapped ${kind} in rootless containers`);
    }
  }
}
