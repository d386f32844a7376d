import { readFileSync } from 'node:fs';
import type { Descriptor, Platform } from '../types.js';

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm: 'arm',
  arm64: 'arm64',
  ppc64: 'ppc64le',
  s390x: 's390x',
  riscv64: 'riscv64',
  loong64: 'loong64',
  mips64el: 'mips64le',
};

/** The platform that runs here. */
export function ownPlatform(): Platform {
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  return normalise({ os: 'linux', architecture, ...(architecture === 'arm' ? { variant: armVariant() } : {}) });
}

/** `CPU architecture: 7` of /proc/cpuinfo. */
function armVariant(): string {
  const version = /^CPU architecture\s*:\s*(\d+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  return `v${version ?? '7'}`;
}

/** Other names for the same: github.com/containerd/platforms, normalizeArch. */
export function normalise(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === 'macos' ? 'darwin' : platform.os.toLowerCase();
  const [architecture, variant] = normaliseArchitecture(
    platform.architecture.toLowerCase(),
    (platform.variant ?? '').toLowerCase(),
  );
  const version = platform['os.version'];
  return {
    os,
    architecture,
    ...(variant === '' ? {} : { variant }),
    ...(version === undefined || version === '' ? {} : { 'os.version': version }),
  };
}

function normaliseArchitecture(architecture: string, variant: string): [string, string] {
  switch (architecture) {
    case 'i386':
      return ['386', ''];
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return ['amd64', variant === 'v1' ? '' : variant];
    case 'aarch64':
    case 'arm64':
      return ['arm64', ['8', 'v8', 'v8.0'].includes(variant) ? '' : variant];
    case 'armhf':
      return ['arm', 'v7'];
    case 'armel':
      return ['arm', 'v6'];
    case 'arm':
      return ['arm', variant === '' || variant === '7' ? 'v7' : /^[568]$/.test(variant) ? `v${variant}` : variant];
    default:
      return [architecture, variant];
  }
}

/** `linux/arm64/v8`. */
export function formatPlatform({ os, architecture, variant, ...rest }: Platform): string {
  const version = rest['os.version'];
  return [version === undefined || version === '' ? os : `${os}(${version})`, architecture, variant]
    .filter((part) => part !== undefined && part !== '')
    .join('/');
}

/** What runs on a platform, best first: github.com/containerd/platforms, platformVector. */
function runnable(platform: Platform): Platform[] {
  const { os, architecture, variant = '' } = platform;
  const number = Number(/^v(\d+)/.exec(variant)?.[1] ?? 0);
  const older = (to: number, from: number): Platform[] => {
    const list: Platform[] = [];
    for (let version = from - 1; version >= to; version--)
      list.push(normalise({ os, architecture, variant: `v${version}` }));
    return list;
  };
  switch (architecture) {
    case 'amd64':
      return [platform, ...(number > 1 ? older(1, number) : []), { os, architecture: '386' }];
    case 'arm':
      return [platform, ...(number > 5 ? older(5, number) : [])];
    case 'arm64':
      return [
        platform,
        ...(number > 8 ? older(8, number) : []),
        ...runnable({ os, architecture: 'arm', variant: 'v8' }),
      ];
    default:
      return [platform];
  }
}

/** What was asked for, with what was not said taken from this machine. */
export function wanted(platform: Partial<Platform> | undefined): Platform {
  const own = ownPlatform();
  if (platform === undefined) return own;
  const architecture = platform.architecture ?? '';
  return normalise({
    os: platform.os === undefined || platform.os === '' ? own.os : platform.os,
    architecture: architecture === '' ? own.architecture : architecture,
    ...(architecture === '' && own.variant !== undefined ? { variant: own.variant } : {}),
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
  });
}

/** How well a platform runs on another: 0 is best; null: not at all. */
function rank(candidate: Platform, list: readonly Platform[]): number | null {
  const one = normalise(candidate);
  const index = list.findIndex(
    (other) =>
      other.os === one.os && other.architecture === one.architecture && (other.variant ?? '') === (one.variant ?? ''),
  );
  return index < 0 ? null : index;
}

export function runsOn(candidate: Platform, platform: Platform): boolean {
  return rank(candidate, runnable(normalise(platform))) !== null;
}

/** The entries of an index for a platform, best first; those that say no platform come last. */
export function matching(manifests: readonly Descriptor[], platform: Platform): Descriptor[] {
  const list = runnable(normalise(platform));
  return manifests
    .flatMap((descriptor) => {
      const { platform: one } = descriptor;
      const isUnsaid = one === undefined || (one.os === '' && one.architecture === '');
      const at = isUnsaid ? list.length : rank(one, list);
      return at === null ? [] : [{ descriptor, at }];
    })
    .sort((a, b) => a.at - b.at)
    .map(({ descriptor }) => descriptor);
}
