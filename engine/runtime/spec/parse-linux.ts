import { parseMappings } from './parse-mounts.js';
import { parseResourcesAt } from './parse-resources.js';
import { parseSeccompAt } from './parse-seccomp.js';
import {
  type At,
  fail,
  filled,
  isAbsent,
  list,
  MAX_PATH,
  map,
  member,
  objectOf,
  optional,
  present,
  text,
  texts,
  whole,
  word,
} from './read.js';
import { NAMESPACE_TYPES, type SpecDevice, type SpecLinux } from './types.js';

/** `linux` of config-linux.md; an absent one asks for nothing. */
export function parseLinux(at: At): SpecLinux {
  refuseIntelRdt(member(at, 'intelRdt'));
  const offsets = member(at, 'timeOffsets');
  return present({
    namespaces: list(member(at, 'namespaces'), (one) =>
      present({
        type: word(member(one, 'type'), NAMESPACE_TYPES),
        path: filled(member(one, 'path'), MAX_PATH),
      }),
    ),
    uidMappings: parseMappings(member(at, 'uidMappings')),
    gidMappings: parseMappings(member(at, 'gidMappings')),
    timeOffsets: present({
      boottime: optional(member(offsets, 'boottime'), offset),
      monotonic: optional(member(offsets, 'monotonic'), offset),
    }),
    devices: list(member(at, 'devices'), device),
    cgroupsPath: filled(member(at, 'cgroupsPath'), MAX_PATH),
    resources: parseResourcesAt(member(at, 'resources')),
    rootfsPropagation: filled(member(at, 'rootfsPropagation'), 255),
    seccomp: optional(member(at, 'seccomp'), parseSeccompAt),
    sysctl: map(member(at, 'sysctl'), (one) => text(one) ?? ''),
    maskedPaths: texts(member(at, 'maskedPaths'), MAX_PATH),
    readonlyPaths: texts(member(at, 'readonlyPaths'), MAX_PATH),
    mountLabel: filled(member(at, 'mountLabel'), MAX_PATH),
    personality: optional(member(at, 'personality'), (one) => ({
      domain: word(member(one, 'domain'), ['LINUX', 'LINUX32']),
      flags: texts(member(one, 'flags'), 255),
    })),
    notApplied: notApplied(at),
  });
}

function notApplied(at: At): string[] | undefined {
  const keys = ['netDevices', 'memoryPolicy'].filter((key) => !isEmpty(member(at, key)));
  return keys.length === 0 ? undefined : keys.map((key) => `linux.${key}`);
}

function device(at: At): SpecDevice {
  return present({
    path: text(member(at, 'path'), MAX_PATH) ?? '',
    type: word(member(at, 'type'), ['c', 'b', 'u', 'p']),
    major: whole(member(at, 'major'), 'major') ?? 0,
    minor: whole(member(at, 'minor'), 'minor') ?? 0,
    fileMode: permissions(whole(member(at, 'fileMode'), 'uint32')),
    uid: whole(member(at, 'uid'), 'uint32'),
    gid: whole(member(at, 'gid'), 'uint32'),
  });
}

/** Some writers leave the file's type (S_IFCHR) in; `type` says that already. */
function permissions(mode: number | undefined): number | undefined {
  return mode === undefined ? undefined : mode & 0o7777;
}

function offset(at: At): { secs: number; nanosecs: number } {
  return {
    secs: whole(member(at, 'secs'), 'safe') ?? 0,
    nanosecs: whole(member(at, 'nanosecs'), 'nanoseconds') ?? 0,
  };
}

/** Shares of the cache and of the memory's bandwidth: silently without them a container would take what it was denied. */
function refuseIntelRdt(at: At): void {
  if (!isEmpty(at)) fail(at, 'nothing, for Intel RDT is not supported');
}

/** Absent, or an object in which all is absent. */
function isEmpty(at: At): boolean {
  const value = objectOf(at) ?? {};
  return Object.values(value).every((one) => isAbsent({ value: one, path: at.path }));
}
