import { EngineError } from '../../kernel/errors.js';
import type { DeviceRule, SpecDevice } from '../../runtime/spec/types.js';
import type { DeviceMapping, HostConfig } from '../types.js';

/** A device file of the machine. */
export interface HostDevice {
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What is asked of the machine's devices; `machine.ts` answers. */
export interface DeviceSource {
  /** The device at a path, or all those below a directory (`path` is then below it, links resolved). Null: neither. */
  lookup(path: string): { readonly resolved: string; readonly devices: readonly HostDevice[] } | null;
  exists(path: string): boolean;
  /** Every device below /dev that a privileged container gets. */
  all(): readonly HostDevice[];
}

const asSpec = ({ type, major, minor, fileMode, uid, gid }: HostDevice, path: string): SpecDevice => ({
  path,
  type,
  major,
  minor,
  fileMode,
  uid,
  gid,
});

/**
 * The devices of a container and the rules of its devices group, after the default rules. A directory gives all devices
 * below it, at the same places below the other path. moby, daemon/pkg/oci/devices_linux.go.
 */
export function containerDevices(
  host: Pick<HostConfig, 'Devices' | 'DeviceCgroupRules' | 'Privileged'>,
  defaults: readonly DeviceRule[],
  source: DeviceSource,
): { readonly devices: readonly SpecDevice[]; readonly rules: readonly DeviceRule[]; readonly warnings: string[] } {
  const warnings: string[] = [];
  const devices = host.Privileged ? source.all().map((device) => asSpec(device, device.path)) : [];
  const rules = host.Privileged ? [{ allow: true, access: 'rwm' }] : [...defaults];
  for (const mapping of host.Devices ?? []) {
    const access = mapping.CgroupPermissions === '' ? 'rwm' : mapping.CgroupPermissions;
    if (host.Privileged && mapping.PathOnHost === mapping.PathInContainer) continue;
    for (const device of mapped(mapping, source)) {
      devices.push(device);
      if (!host.Privileged)
        rules.push({ allow: true, type: device.type as 'c' | 'b', major: device.major, minor: device.minor, access });
    }
  }
  if (!host.Privileged) rules.push(...(host.DeviceCgroupRules ?? []).map(parseRule));
  return { devices, rules, warnings };
}

function mapped({ PathOnHost, PathInContainer }: DeviceMapping, source: DeviceSource): SpecDevice[] {
  const found = source.lookup(PathOnHost);
  if (found === null || found.devices.length === 0)
    throw new EngineError(
      'Internal',
      `error gathering device information while adding custom device ${JSON.stringify(PathOnHost)}: ${
        source.exists(PathOnHost) ? 'not a device node' : 'no such file or directory'
      }`,
    );
  return found.devices.map((device) =>
    asSpec(
      device,
      device.path.replace(found.resolved, () => PathInContainer),
    ),
  );
}

/** `c 1:3 rwm`, `b *:* r`. */
export function parseRule(text: string): DeviceRule {
  const [, type, major, minor, access] = /^([acb]) (\d{1,9}|\*):(\d{1,9}|\*) ([rwm]{1,3})$/.exec(text) ?? [];
  if (type === undefined || access === undefined)
    throw new EngineError('InvalidArgument', `invalid device cgroup rule format: '${text}'`);
  const number = (word: string | undefined): number => (word === '*' ? -1 : Number(word));
  return { allow: true, type: type as 'a' | 'b' | 'c', major: number(major), minor: number(minor), access };
}
