import type { MountRequest } from '../../../container/types.js';
import type { ApiVersion } from '../version.js';
import { bad, type Fields, present } from './fields.js';

const TYPES = ['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image'] as const;
/** `Mounts` of a HostConfig, for the client's version. */
export function parseMounts(list: readonly Fields[] | null, version: ApiVersion): MountRequest[] | undefined {
  return list === null ? undefined : list.map((fields) => parseMount(fields, version));
}

function parseMount(fields: Fields, version: ApiVersion): MountRequest {
  const name = fields.string('Type');
  const [source, target] = [fields.string('Source'), fields.string('Target')];
  const type = TYPES.find((one) => one === name);
  if (type === undefined || type === 'npipe')
    return bad(`invalid mount config for type ${JSON.stringify(name.slice(0, 100))}: mount type unknown`);
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
  if (type === 'bind' && bind?.boolean('ReadOnlyForceRecursive') === true && !version.atLeast(44))
    bad('BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer');
  if ((volume?.string('Subpath') ?? '') !== '' && !version.atLeast(45))
    bad('VolumeOptions.Subpath needs API v1.45 or newer');
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
  return present({
    SizeBytes: size === 0 ? undefined : size,
    Mode: mode === 0 ? undefined : mode,
    Options: fields.table('Options') ?? undefined,
  });
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
