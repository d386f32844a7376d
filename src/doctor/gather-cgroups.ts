import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hierarchy } from './types.js';

/** What /proc says about cgroups: the sources of one reading, so that tests can give their own. */
export interface CgroupSources {
  /** /proc/self/mountinfo */
  readonly mountinfo: string;
  /** /proc/self/cgroup */
  readonly membership: string;
  readonly isWritable: (path: string) => boolean;
  readonly read: (path: string) => string;
}

const realSources = (): CgroupSources => ({
  mountinfo: readFileSync('/proc/self/mountinfo', 'utf8'),
  membership: readFileSync('/proc/self/cgroup', 'utf8'),
  isWritable,
  read: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : ''),
});

/** The mounted hierarchies (cgroups(7)), each with our own group and whether groups may be made below it. */
export function readHierarchies(sources: CgroupSources = realSources()): readonly Hierarchy[] {
  const own = new Map(
    sources.membership
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [, names = '', ...path] = line.split(':');
        return [names, path.join(':')] as const;
      }),
  );
  const found = new Map<string, Hierarchy>();
  for (const line of sources.mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    if (before === undefined || after === undefined) continue;
    const [type, , superOptions = ''] = after.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const fields = before.split(' ');
    const [root = '/', mountPoint = '', options = ''] = [fields[3], fields[4], fields[5]];
    const readOnly = options.split(',').includes('ro');
    const names = type === 'cgroup2' ? '' : v1Names(superOptions, own);
    if (names === null || found.has(`${type}:${names}`)) continue;
    const group = join(mountPoint, below(root, own.get(names) ?? '/')).replace(/\/$/, '');
    const controllers =
      type === 'cgroup2'
        ? sources.read(join(group, 'cgroup.controllers')).trim().split(/\s+/).filter(Boolean)
        : names.split(',').filter((name) => !name.startsWith('name='));
    found.set(`${type}:${names}`, {
      controllers,
      version: type === 'cgroup2' ? 2 : 1,
      mountPoint,
      ownGroup: group,
      writable: !readOnly && sources.isWritable(group),
    });
  }
  return [...found.values()];
}

/** The name under which /proc/self/cgroup lists a v1 mount: the controllers among its super options. */
function v1Names(superOptions: string, own: ReadonlyMap<string, string>): string | null {
  const options = new Set(superOptions.split(','));
  return [...own.keys()].find((names) => names !== '' && names.split(',').every((name) => options.has(name))) ?? null;
}

/** Our path below the mount's root: a bind mount or a cgroup namespace shows only a part of the hierarchy. */
function below(root: string, path: string): string {
  if (root === '/') return path;
  return path === root ? '/' : path.startsWith(`${root}/`) ? path.slice(root.length) : '/';
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
