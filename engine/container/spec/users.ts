import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { O } from '../../kernel/constants.js';
import { EngineError, SyscallError } from '../../kernel/errors.js';
import { realKernel } from '../../kernel/kernel.js';
import { openInRoot } from '../../kernel/namespaces/open-in-root.js';
import { guard } from '../../runtime/guards.js';
import type { SpecUser } from '../../runtime/spec/types.js';

/** moby/sys/user: ids that a user may name. What is larger wraps around on its way to the kernel: CVE-2024-40635. */
const MAX_ID = 2 ** 31 - 1;
const OUT_OF_RANGE = 'uids and gids must be in range 0-2147483647';
/** Bytes of a container's passwd or group file; it is the image's, and may be of any size: CVE-2026-47262. */
const MAX_BYTES = 4 << 20;
/** Groups of one user: NGROUPS_MAX of Linux. */
const MAX_GROUPS = 65_536;

interface UserEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const refuse = (text: string): never => {
  throw new EngineError('InvalidArgument', text);
};

/**
 * Who a process of a container is: `user`, `uid`, `user:group`, `uid:gid`, '' for root, by the container's own passwd and
 * group files, and the groups that `--group-add` adds. The first of the groups is the primary one, so that none is
 * lost when a program sets them again: CVE-2022-36109. Texts: moby/sys/user, GetExecUser.
 *
 * @param root the mounted root file system, or /proc/PID/root of a running container
 */
export function resolveUser(root: string, spec: string, groupAdd: readonly string[] = []): SpecUser {
  // what follows a second colon is nobody's, as in passwd's own lines
  const [userPart = '', group = ''] = spec.split(':');
  const groupPart = group === '' ? undefined : group;
  const users = passwd(root);
  const groups = groupFile(root);
  const number = idOf(userPart);
  const entry = users.find((one) =>
    userPart === '' ? one.uid === 0 : number === null ? one.name === userPart : one.uid === number,
  );
  if (entry === undefined && userPart !== '' && number === null)
    refuse(`unable to find user ${userPart}: no matching entries in passwd file`);
  const uid = entry?.uid ?? inRange(number ?? 0);
  const gid = groupPart === undefined ? (entry?.gid ?? 0) : groupNamed(groups, groupPart);
  const member = groupPart === undefined && entry !== undefined;
  const supplementary = member
    ? groups.filter(({ members }) => members.includes(entry.name)).map((one) => one.gid)
    : [];
  const added = groupAdd.map((name) => groupNamed(groups, name));
  const all = [...new Set([gid, ...supplementary, ...added])];
  if (all.length > MAX_GROUPS) refuse(`user ${spec} has more than ${MAX_GROUPS} groups`);
  return { uid, gid, additionalGids: guard('supplementary-groups') ? all : [...supplementary, ...added] };
}

/** A number as strconv.Atoi reads it; null: a name. */
function idOf(text: string): number | null {
  return /^[+-]?\d{1,19}$/.test(text) ? Number(text) : null;
}

function inRange(id: number): number {
  if (guard('user-bounds') && (id < 0 || id > MAX_ID)) refuse(OUT_OF_RANGE);
  return id;
}

function groupNamed(groups: readonly GroupEntry[], text: string): number {
  const number = idOf(text);
  const entry = groups.find(({ name, gid }) => (number === null ? name === text : gid === number));
  if (entry !== undefined) return entry.gid;
  if (number === null) return refuse(`unable to find group ${text}: no matching entries in group file`);
  return inRange(number);
}

/** Lines of colons; what is no entry, or has ids out of range, is none. passwd(5), group(5). */
function lines(root: string, path: string, fields: number): string[][] {
  return readUserFile(root, path)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'))
    .filter((parts) => parts.length >= fields);
}

const entryId = (text: string | undefined): number => {
  const id = /^\d{1,10}$/.test(text ?? '') ? Number(text) : -1;
  return id > MAX_ID ? -1 : id;
};

function passwd(root: string): UserEntry[] {
  return lines(root, '/etc/passwd', 4)
    .map(([name = '', , uid, gid]) => ({ name, uid: entryId(uid), gid: entryId(gid) }))
    .filter(({ uid, gid }) => uid >= 0 && gid >= 0);
}

function groupFile(root: string): GroupEntry[] {
  return lines(root, '/etc/group', 3)
    .map(([name = '', , gid, members = '']) => ({
      name,
      gid: entryId(gid),
      members: members.split(',').filter((one) => one !== ''),
    }))
    .filter(({ gid }) => gid >= 0);
}

/**
 * A file of the container, seen to be a regular one before it is opened (CVE-2024-9676: a FIFO), no more of it than is sane, and
 * never one of the machine's: links are followed inside. Missing: ''.
 */
function readUserFile(root: string, path: string): string {
  let place: number;
  try {
    place = openInRoot(realKernel, root, path, O.PATH);
  } catch (error) {
    if (error instanceof SyscallError && ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(error.errno)) return '';
    throw error;
  }
  try {
    const stat = fstatSync(place);
    if (!stat.isFile()) return refuse(`${path} of the container is not a regular file`);
    if (stat.size > MAX_BYTES) return refuse(`${path} of the container is larger than ${MAX_BYTES} bytes`);
    const fd = openSync(`/proc/self/fd/${place}`, O.RDONLY | O.CLOEXEC);
    try {
      const bytes = Buffer.alloc(stat.size);
      let length = 0;
      for (let count = 1; count > 0 && length < bytes.length; length += count)
        count = readSync(fd, bytes, length, bytes.length - length, null);
      return bytes.toString('utf8', 0, length);
    } finally {
      closeSync(fd);
    }
  } finally {
    closeSync(place);
  }
}
