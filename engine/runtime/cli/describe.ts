import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { KNOWN_ACTIONS } from '../seccomp/actions.js';
import { KNOWN_ARCHITECTURES } from '../seccomp/architectures.js';
import { KNOWN_FLAGS } from '../seccomp/compile.js';
import { COMPARISONS } from '../seccomp/rules.js';
import { defaultSpec } from '../spec/default-spec.js';
import { features } from '../spec/features.js';
import { MOUNT_OPTIONS } from '../spec/mount-options.js';
import { CliError, requireDirectory } from './failure.js';
import { goJson } from './log.js';
import type { Invocation } from './main.js';
import { packageVersion } from './world.js';

const SECCOMP = {
  actions: KNOWN_ACTIONS,
  operators: COMPARISONS.map((name) => `SCMP_CMP_${name}`),
  archs: KNOWN_ARCHITECTURES,
  knownFlags: KNOWN_FLAGS,
  supportedFlags: KNOWN_FLAGS,
};
const KNOWS = { apparmor: true, selinux: false, idmap: true };

/** `spec` and `features`: what needs no container. */
export function describe({ command, flags, world }: Invocation): void {
  if (command.name === 'features') {
    const text = goJson(
      features({ seccomp: SECCOMP, mountOptions: MOUNT_OPTIONS, version: packageVersion(), ...KNOWS }),
      4,
    );
    world.out(`${text}\n`);
    return;
  }
  const given = flags.string('bundle');
  const bundle = resolve(world.cwd, given);
  requireDirectory(bundle, given);
  const file = join(bundle, 'config.json');
  if (existsSync(file)) throw new CliError('File config.json exists. Remove it first');
  const rootless = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const text = defaultSpec({ unifiedCgroups: unifiedCgroups(), ...(flags.bool('rootless') ? { rootless } : {}) });
  writeFileSync(file, text, { flag: 'wx', mode: 0o666 });
}

/** cgroups(7): only where v2 is mounted there does this file exist in the root. */
function unifiedCgroups(): boolean {
  return existsSync('/sys/fs/cgroup/cgroup.controllers');
}
