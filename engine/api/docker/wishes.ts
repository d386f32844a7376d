import type { CreateRequest, MountRequest } from '../../container/types.js';
import type { VolumeCreateOptions } from '../../volume/types.js';
import { clean } from './bodies/mounts.js';

/** Something of the machine that a request wishes to have in a container, whichever field says it. */
export type Wish =
  | { readonly kind: 'path'; readonly path: string; readonly field: string }
  /** The mounts of another container: what it wishes is that container's wish. */
  | { readonly kind: 'container'; readonly name: string; readonly field: string };

/**
 * One list for a policy to judge, so that the same wish is decided alike in every form (CVE-2026-6406): a bind by `Binds` or by
 * `Mounts`, a volume whose driver binds a directory, a device, another container's mounts. Paths are without `.`, `..` and `//`.
 */
export function wishesOf({ hostConfig }: CreateRequest): Wish[] {
  const path = (text: string, field: string): Wish => ({ kind: 'path', path: clean(text), field });
  const binds = (hostConfig.Binds ?? []).flatMap((bind) => {
    const source = bind.split(':')[0] ?? '';
    return bind.includes(':') && source.startsWith('/') ? [path(source, 'Binds')] : [];
  });
  const mounts = (hostConfig.Mounts ?? []).flatMap((mount) => mountWishes(mount).map((one) => path(one, 'Mounts')));
  const devices = (hostConfig.Devices ?? []).map(({ PathOnHost }) => path(PathOnHost, 'Devices'));
  const others = (hostConfig.VolumesFrom ?? []).map(
    (text): Wish => ({ kind: 'container', name: text.replace(/:(?:ro|rw|z|Z)$/, ''), field: 'VolumesFrom' }),
  );
  return [...binds, ...mounts, ...devices, ...others];
}

function mountWishes({ Type, Source = '', VolumeOptions }: MountRequest): string[] {
  if (Type === 'bind') return [Source];
  return Type === 'volume' ? optionWishes(VolumeOptions?.DriverConfig?.Options) : [];
}

/** What `docker volume create -o type=none -o o=bind -o device=/` wishes. */
export function volumeWishesOf({ DriverOpts }: VolumeCreateOptions): Wish[] {
  return optionWishes(DriverOpts).map((one): Wish => ({ kind: 'path', path: clean(one), field: 'DriverOpts' }));
}

function optionWishes(options: Readonly<Record<string, string>> = {}): string[] {
  const device = Object.entries(options).find(([name]) => name === 'device')?.[1];
  return device?.startsWith('/') === true ? [device] : [];
}
