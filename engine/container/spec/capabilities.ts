import { EngineError } from '../../kernel/errors.js';
import { CAPABILITIES } from '../../kernel/names.js';
import { POLICIES } from '../../policy/docker-defaults.js';
import type { HostConfig } from '../types.js';

const ALL = 'ALL';

/**
 * Names as a user writes them (`net_admin`, `CAP_NET_ADMIN`, `all`) in the kernel's form. Texts are moby's,
 * daemon/pkg/oci/caps/utils.go.
 *
 * @param available what our own bounding set holds: no container can get more
 */
export function normalizeCapabilities(names: readonly string[], available: readonly string[]): string[] {
  return names.map((given) => {
    const upper = given.toUpperCase();
    if (upper === ALL) return ALL;
    const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!CAPABILITIES.includes(name)) throw new EngineError('InvalidArgument', `unknown capability: "${name}"`);
    if (!available.includes(name))
      throw new EngineError(
        'InvalidArgument',
        `capability not supported by your kernel or not available in the current environment: "${name}"`,
      );
    return name;
  });
}

/** The checks of `create`: `invalid CapAdd: unknown capability: "CAP_X"`. */
export function verifyCapabilities(host: HostConfig, available: readonly string[]): void {
  for (const [field, names] of [
    ['CapAdd', host.CapAdd ?? []],
    // what is not there can be dropped
    ['CapDrop', host.CapDrop ?? []],
  ] as const) {
    try {
      normalizeCapabilities(names, field === 'CapDrop' ? CAPABILITIES : available);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw new EngineError(error.code, `invalid ${field}: ${error.message}`, { cause: error });
    }
  }
}

/** The set of one container: Docker's default, changed by CapAdd and CapDrop; all that we have when it is privileged. */
export function containerCapabilities(
  host: Pick<HostConfig, 'CapAdd' | 'CapDrop' | 'Privileged'>,
  available: readonly string[],
): string[] {
  if (host.Privileged) return [...available];
  const basic = POLICIES.docker.capabilities.filter((name) => available.includes(name));
  const add = normalizeCapabilities(host.CapAdd ?? [], available);
  const drop = normalizeCapabilities(host.CapDrop ?? [], CAPABILITIES);
  if (add.includes(ALL)) return available.filter((name) => !drop.includes(name));
  const kept = drop.includes(ALL) ? [] : basic.filter((name) => !drop.includes(name));
  return [...new Set([...kept, ...add])];
}
