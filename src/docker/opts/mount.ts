import { parseBool } from './bool.js';
import { parseCsv } from './csv.js';
import { parseSize } from './numbers.js';

/** A mount as POST /containers/create takes it. */
export interface Mount {
  Type: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: {
    Propagation?: string;
    NonRecursive?: boolean;
    CreateMountpoint?: boolean;
    ReadOnlyNonRecursive?: boolean;
    ReadOnlyForceRecursive?: boolean;
  };
  VolumeOptions?: {
    NoCopy?: boolean;
    Labels?: Record<string, string>;
    Subpath?: string;
    DriverConfig?: { Name?: string; Options?: Record<string, string> };
  };
  ImageOptions?: { Subpath?: string };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

/** --mount: docker/cli/opts/mount.go. */
export function parseMount(text: string): Mount {
  const value = text.trim();
  if (value === '') throw new Error('value is empty');
  const mount: Mount = { Type: 'volume' };
  const bind = (): NonNullable<Mount['BindOptions']> => {
    mount.BindOptions ??= {};
    return mount.BindOptions;
  };
  const volume = (): NonNullable<Mount['VolumeOptions']> => {
    mount.VolumeOptions ??= {};
    return mount.VolumeOptions;
  };
  const tmpfs = (): NonNullable<Mount['TmpfsOptions']> => {
    mount.TmpfsOptions ??= {};
    return mount.TmpfsOptions;
  };
  const driver = (): { Name?: string; Options?: Record<string, string> } => {
    const options = volume();
    options.DriverConfig ??= {};
    return options.DriverConfig;
  };
  for (const field of parseCsv(value)) {
    const equals = field.indexOf('=');
    const key = field.slice(0, equals < 0 ? undefined : equals).toLowerCase();
    if (equals < 0) {
      if (key === 'readonly' || key === 'ro') {
        mount.ReadOnly = true;
        continue;
      }
      if (key === 'volume-nocopy') {
        volume().NoCopy = true;
        continue;
      }
      if (key === 'bind-nonrecursive') {
        bind().NonRecursive = true;
        continue;
      }
      throw new Error(`invalid field '${field}' must be a key=value pair`);
    }
    const setting = field.slice(equals + 1);
    switch (key) {
      case 'type':
        mount.Type = setting.toLowerCase();
        break;
      case 'source':
      case 'src':
        mount.Source =
          setting === '.' || setting.startsWith('./') || setting.startsWith('../')
            ? `${process.cwd()}/${setting}`
            : setting;
        break;
      case 'target':
      case 'dst':
      case 'destination':
        mount.Target = setting;
        break;
      case 'readonly':
      case 'ro':
        mount.ReadOnly = truth(key, setting);
        break;
      case 'consistency':
        mount.Consistency = setting.toLowerCase();
        break;
      case 'bind-propagation':
        bind().Propagation = setting.toLowerCase();
        break;
      case 'bind-nonrecursive':
        bind().NonRecursive = truth(key, setting);
        break;
      case 'bind-recursive':
        recursion(bind(), setting);
        break;
      case 'volume-subpath':
        volume().Subpath = setting;
        break;
      case 'volume-nocopy':
        volume().NoCopy = truth('volume-nocopy', setting);
        break;
      case 'volume-label': {
        const options = volume();
        options.Labels = { ...options.Labels, ...pair(setting) };
        break;
      }
      case 'volume-driver':
        driver().Name = setting;
        break;
      case 'volume-opt': {
        const options = driver();
        options.Options = { ...options.Options, ...pair(setting) };
        break;
      }
      case 'image-subpath':
        mount.ImageOptions = { Subpath: setting };
        break;
      case 'tmpfs-size':
        tmpfs().SizeBytes = sizeOf(setting);
        break;
      case 'tmpfs-mode':
        if (!/^[0-7]{1,7}$/.test(setting)) throw new Error(`invalid value for ${key}: ${setting}`);
        tmpfs().Mode = Number.parseInt(setting, 8);
        break;
      default:
        throw new Error(`unexpected key '${key}' in '${field}'`);
    }
  }
  checkTogether(mount);
  return mount;
}

function checkTogether(mount: Mount): void {
  if (mount.Type === '') throw new Error('type is required');
  if (mount.Target === undefined || mount.Target === '') throw new Error('target is required');
  for (const [options, type, isSet] of [
    ['volume-*', 'volume', mount.VolumeOptions !== undefined],
    ['bind-*', 'bind', mount.BindOptions !== undefined],
    ['image-*', 'image', mount.ImageOptions !== undefined],
    ['tmpfs-*', 'tmpfs', mount.TmpfsOptions !== undefined],
  ] as const)
    if (isSet && mount.Type !== type)
      throw new Error(`cannot mix '${options}' options with mount type '${mount.Type}'`);
  const { BindOptions: options } = mount;
  if (options?.ReadOnlyNonRecursive === true && mount.ReadOnly !== true)
    throw new Error("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction");
  if (options?.ReadOnlyForceRecursive === true) {
    if (mount.ReadOnly !== true)
      throw new Error("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
    if (options.Propagation !== 'rprivate')
      throw new Error(
        "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
      );
  }
}

function truth(key: string, value: string): boolean {
  const known = parseBool(value);
  if (known === null) throw new Error(`invalid value for ${key}: ${value}`);
  return known;
}

function sizeOf(value: string): number {
  try {
    return parseSize(value);
  } catch (error) {
    throw new Error(`invalid value for tmpfs-size: ${value}`, { cause: error });
  }
}

function pair(value: string): Record<string, string> {
  const equals = value.indexOf('=');
  return equals < 0 ? { [value]: '' } : { [value.slice(0, equals)]: value.slice(equals + 1) };
}

function recursion(options: NonNullable<Mount['BindOptions']>, value: string): void {
  switch (value) {
    case 'enabled':
      return;
    case 'disabled':
      options.NonRecursive = true;
      return;
    case 'writable':
      options.ReadOnlyNonRecursive = true;
      return;
    case 'readonly':
      options.ReadOnlyForceRecursive = true;
      return;
    default:
      throw new Error(
        `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
      );
  }
}
