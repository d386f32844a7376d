import type { Platform } from '../../../image/types.js';
import { bad, Fields, present } from '../bodies/fields.js';
import { parseJson } from '../http/body.js';
import { goArchitecture } from './info.js';

/** What a word alone may mean. containerd, platforms/database.go */
const SYSTEMS = ['linux', 'windows', 'darwin', 'freebsd'];
const ARCHITECTURES = ['386', 'amd64', 'arm', 'arm64', 'loong64', 'mips64le', 'ppc64le', 'riscv64', 's390x', 'wasm'];
const COMPONENT = /^[A-Za-z0-9_.-]+$/;
const ALIASES: Readonly<Record<string, string>> = {
  macos: 'darwin',
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
  armhf: 'arm',
  armel: 'arm',
};

/** `linux/arm/v7`, `linux`, `arm64`, or the JSON of a platform (API 1.47 and later); undefined when nothing is said. */
export function parsePlatform(text: string): Platform | undefined {
  if (text === '') return undefined;
  if (text.startsWith('{')) {
    const fields = new Fields(parseJson(text), 'Platform');
    return platformOf(fields.string('os'), fields.string('architecture'), fields.string('variant') || undefined);
  }
  const quoted = JSON.stringify(text.slice(0, 200));
  const parts = text.toLowerCase().split('/');
  for (const part of parts)
    if (!COMPONENT.test(part))
      bad(
        `${JSON.stringify(part.slice(0, 200))} is an invalid component of ${quoted}: platform specifier component must match "${COMPONENT.source}": invalid argument`,
      );
  const [first = '', second, variant] = parts;
  if (parts.length > 3) bad(`${quoted}: cannot parse platform specifier: invalid argument`);
  if (second !== undefined) return platformOf(first, second, variant);
  const architecture = ALIASES[first] ?? first;
  if (ARCHITECTURES.includes(architecture)) return { os: 'linux', architecture };
  if (!SYSTEMS.includes(ALIASES[first] ?? first))
    bad(`${quoted}: unknown operating system or architecture: invalid argument`);
  return platformOf(first, goArchitecture(), undefined);
}

function platformOf(os: string, architecture: string, variant: string | undefined): Platform {
  return present({ os: ALIASES[os] ?? os, architecture: ALIASES[architecture] ?? architecture, variant });
}
