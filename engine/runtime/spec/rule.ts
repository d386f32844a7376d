import { existsSync, readFileSync, statSync } from 'node:fs';
import { EngineError } from '../../kernel/errors.js';

/** A rule between fields is broken. Where runc has a text, it is runc's, for people and tools know it. */
export function refuse(message: string): never {
  throw new EngineError('InvalidArgument', message);
}

/** What the rules ask of the machine. Tests give their own. */
export interface HostFacts {
  readonly selinux: boolean;
  readonly apparmor: boolean;
  /** All controllers are on cgroup v2 (runc: IsCgroup2UnifiedMode): `/sys/fs/cgroup` is the hierarchy itself. */
  readonly unifiedCgroups: boolean;
  /** Is the namespace behind a path our own? `type` is its name in /proc/self/ns. Throws when there is no such path. */
  readonly isOwnNamespace: (path: string, type: string) => boolean;
}

export function hostFacts(): HostFacts {
  return {
    selinux: existsSync('/sys/fs/selinux/enforce'),
    apparmor: isAppArmorOn('/sys/module/apparmor/parameters/enabled'),
    unifiedCgroups: existsSync('/sys/fs/cgroup/cgroup.controllers'),
    isOwnNamespace: (path, type) => {
      const own = statSync(`/proc/self/ns/${type}`);
      const other = statSync(path);
      return own.dev === other.dev && own.ino === other.ino;
    },
  };
}

function isAppArmorOn(path: string): boolean {
  return existsSync(path) && readFileSync(path, 'latin1').startsWith('Y');
}

/** As Go prints it with %q. */
export const quoted = (value: string): string => JSON.stringify(value);
