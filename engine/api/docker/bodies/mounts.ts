import type { MountRequest } from '../../../container/types.js';
import type { ApiVersion } from '../version.js';
import { bad, type Fields, present } from './fields.js';

const TYPES = ['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image'] as const;
/** Words behind the last colon of a bind: mounts.linuxParser. */
const MODE =
  /^(?:rw|ro|z|Z|nocopy|[r]?(?:private|shared|slave)|consistent|cached|delegated|readonly-(?:recursive|nonrecursive|force-recursive))$/;

/** `Mounts` of a HostConfig, for the client's version. */
export function parseMounts(list: readonly Fields[] | null, version: ApiVersion): MountRequest[] | undefined {
  return list === null ? undefined : list.map((fields) => parseMount(fields, version));
}

function parseMount(fields: Fields, version: ApiVersion): MountRequest {
  const name = fields.string('Type');
  const [source, target] = [fields.string('Source'), fields.string('Target')];
  const refuse = (why: string): never =>
    bad(`invalid mount config for type ${JSON.stringify(name.slice(0, 100))}: ${why}`);
  const type = TYPES.find((one) => one === name);
  if (type === undefined || type === 'npipe') return refuse('mount type unknown');
  if (type === 'image' && !version.atLeast(48)) return bad('Mount type "Image" needs API v1.48 or newer');
  const bind = fields.object('BindOptions');
  const volume = fields.object('VolumeOptions');
  const tmpfs = fields.object('TmpfsOptions');
  if (version.atLeast(42)) {
    const foreign = (
      [
        ['VolumeOptions', volume, 'volume'],
        ['BindOptions', bind, 'bind'],
        ['TmpfsOptions', tmpfs, 'tmpfs'],
      ] as const
    ).find(([, options, home]) => options !== null && type !== home);
    if (foreign !== undefined) bad(`${foreign[0]} must not be specified on mount type ${JSON.stringify(type)}`);
  }
  if (target === '') refuse('field Target must not be empty');
  if (!target.startsWith('/')) refuse(`invalid mount path: '${target}' mount path must be absolute`);
  if (clean(target) === '/') refuse("invalid specification: destination can't be '/'");
  if (type === 'bind') {
    if (source === '') refuse('field Source must not be empty');
    if (!source.startsWith('/')) refuse(`invalid mount path: '${source}' mount path must be absolute`);
    const force = bind?.boolean('ReadOnlyForceRecursive') ?? false;
    if (force && !version.atLeast(44)) bad('BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer');
  }
  if (type === 'tmpfs' && source !== '') refuse('field Source must not be specified');
  const subpath = volume?.string('Subpath') ?? '';
  if (subpath !== '' && !version.atLeast(45)) bad('VolumeOptions.Subpath needs API v1.45 or newer');
  if (subpath.startsWith('/') || subpath.split('/').includes('..'))
    refuse('subpath must be a relative path within the volume');
  return {
    Type: type,
    ...(source === '' ? {} : { Source: source }),
    Target: target,
    ...(fields.boolean('ReadOnly') ? { ReadOnly: true } : {}),
    ...(fields.string('Consistency') === '' ? {} : { Consistency: fields.string('Consistency') }),
    ...(bind === null || type !== 'bind' ? {} : { BindOptions: bindOptions(bind, version) }),
    ...(volume === null || type !== 'volume' ? {} : { VolumeOptions: volumeOptions(volume) }),
    ...(tmpfs === null || type !== 'tmpfs' ? {} : { TmpfsOptions: tmpfsOptions(tmpfs) }),
  };
}

function bindOptions(fields: Fields, version: ApiVersion): NonNullable<MountRequest['BindOptions']> {
  const on = (name: string, since: number): true | undefined =>
    version.atLeast(since) && fields.boolean(name) ? true : undefined;
  const propagation = fields.string('Propagation');
  if (!['', 'private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'].includes(propagation))
    bad(`invalid propagation mode: ${propagation.slice(0, 100)}`);
  return present({
    Propagation: propagation === '' ? undefined : propagation,
    NonRecursive: on('NonRecursive', 40),
    CreateMountpoint: on('CreateMountpoint', 42),
    ReadOnlyNonRecursive: version.atLeast(44) ? on('ReadOnlyNonRecursive', 44) : true,
    ReadOnlyForceRecursive: on('ReadOnlyForceRecursive', 44),
  });
}

function volumeOptions(fields: Fields): NonNullable<MountRequest['VolumeOptions']> {
  const driver = fields.object('DriverConfig');
  const subpath = fields.string('Subpath');
  return present({
    NoCopy: fields.boolean('NoCopy') ? true : undefined,
    Labels: fields.map('Labels') ?? undefined,
    DriverConfig:
      driver === null
        ? undefined
        : present({ Name: driver.string('Name'), Options: driver.map('Options') ?? undefined }),
    Subpath: subpath === '' ? undefined : subpath,
  });
}

function tmpfsOptions(fields: Fields): NonNullable<MountRequest['TmpfsOptions']> {
  const [size, mode] = [fields.integer('SizeBytes'), fields.integer('Mode', 'uint32')];
  if (size < 0) bad(`invalid tmpfs size: ${size}`);
  return present({
    SizeBytes: size === 0 ? undefined : size,
    Mode: mode === 0 ? undefined : mode,
    Options: fields.table('Options') ?? undefined,
  });
}

/** `Binds`: `source:target[:mode]`, or `target` alone for a volume without a name. */
export function checkBinds(binds: readonly string[] | null): void {
  for (const bind of binds ?? []) {
    const parts = bind.split(':');
    const refuse = (why = ''): never => bad(`invalid volume specification: '${bind.slice(0, 4096)}'${why}`);
    if (bind === '' || parts.length > 3 || parts.some((part) => part === '')) refuse();
    const target = parts.length === 1 ? (parts[0] ?? '') : (parts[1] ?? '');
    if (!target.startsWith('/'))
      refuse(
        `: invalid mount config for type "${parts[0]?.startsWith('/') === true ? 'bind' : 'volume'}": invalid mount path: '${target}' mount path must be absolute`,
      );
    if (clean(target) === '/') refuse(": invalid specification: destination can't be '/'");
    const mode = parts[2];
    if (mode !== undefined && !mode.split(',').every((word) => MODE.test(word)))
      bad(`invalid mode: ${mode.slice(0, 200)}`);
    const source = parts.length > 1 ? (parts[0] ?? '') : '';
    if (source !== '' && !source.startsWith('/') && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(source)) {
      bad(
        `create ${source}: ${JSON.stringify(source)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
      );
    }
  }
}

/** A path without `.`, `..` and doubled slashes. */
export function clean(path: string): string {
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') kept.pop();
    else kept.push(part);
  }
  return `/${kept.join('/')}`;
}
