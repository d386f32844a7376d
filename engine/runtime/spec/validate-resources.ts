import { type HostFacts, hostFacts, quoted, refuse } from './rule.js';
import type { SpecResources } from './types.js';

/** Files of cgroup v2 that move processes or hand out controllers: no limits, and a way out of the container's group. */
const NOT_LIMITS = new Set(['cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control', 'cgroup.kill', 'cgroup.type']);

/** The rules for `linux.resources`, of a new container or of `update`. Returns warnings. */
export function validateResources(resources: SpecResources, host: HostFacts = hostFacts()): string[] {
  const warnings: string[] = [];
  for (const [index, { access = '' }] of resources.devices.entries()) {
    if (access === '') refuse(`device access at ${index} field cannot be empty`);
    if (!/^[rwm]+$/.test(access))
      warnings.push(
        `device access at ${index} field: ${quoted(access)} has other letters than r, w, m: they are ignored`,
      );
  }
  const unified = Object.keys(resources.unified);
  if (unified.length > 0 && !host.unifiedCgroups) refuse('invalid configuration: cannot use unified on cgroup v1');
  for (const key of unified) unifiedFile(key);
  for (const name of Object.keys(resources.rdma)) lineWord(name, 'linux.resources.rdma');
  for (const { name } of resources.network?.priorities ?? []) lineWord(name, 'linux.resources.network.priorities');
  const { limit = 0n, swap = 0n, kernel = 0n, kernelTCP = 0n } = resources.memory ?? {};
  if (swap > 0n && limit > 0n && swap < limit) refuse('memory+swap limit should be >= memory limit');
  if (swap > 0n && limit === 0n && host.unifiedCgroups) refuse('unable to set swap limit without memory limit');
  if (kernel !== 0n || kernelTCP !== 0n) warnings.push('Kernel memory settings are ignored and will be removed');
  return warnings;
}

function unifiedFile(key: string): void {
  if (key.includes('/')) refuse(`unified resource ${quoted(key)} must be a file name (no slashes)`);
  if (!/^[a-z0-9_]+(\.[A-Za-z0-9_-]+)+$/.test(key))
    refuse(`unified resource ${quoted(key)} must be in the form CONTROLLER.PARAMETER`);
  if (NOT_LIMITS.has(key)) refuse(`unified resource ${quoted(key)} is not a limit`);
}

/** A word that becomes part of a line `NAME VALUE` in a cgroup's file. */
function lineWord(name: string, path: string): void {
  if (!/^[^\s/]{1,255}$/.test(name)) refuse(`${path}: ${quoted(name.slice(0, 60))} is not the name of a device`);
}
