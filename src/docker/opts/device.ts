export interface DeviceMapping {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  readonly CgroupPermissions: string;
}

const isMode = (text: string): boolean => /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;

/** --device /dev/a[:/dev/b][:rwm]: docker/cli's validateDevice and parseLinuxDevice. */
export function parseDevice(value: string): DeviceMapping {
  const parts = value.split(':');
  const [source = '', second = '', third = ''] = parts;
  if (value === '' || parts.length > 3) throw new Error(`bad format for path: ${value}`);
  if (parts.length === 3 && !isMode(third)) throw new Error(`bad mode specified: ${third}`);
  const path = parts.length > 1 && !isMode(second) ? second : source;
  if (!path.startsWith('/')) throw new Error(`${path} is not an absolute path`);
  return {
    PathOnHost: source,
    PathInContainer: parts.length > 1 && !isMode(second) ? second : source,
    CgroupPermissions: parts.length === 3 ? third : parts.length === 2 && isMode(second) ? second : 'rwm',
  };
}
