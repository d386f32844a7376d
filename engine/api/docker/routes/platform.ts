import type { Platform } from '../../../image/types.js';
import { bad, Fields, present } from '../bodies/fields.js';
import { parseJson } from '../http/body.js';
import { goArchitecture } from './info.js';

const ARCHITECTURES = ['386', 'amd64', 'arm', 'arm64', 'loong64', 'mips64le', 'ppc64le', 'riscv64', 's390x', 'wasm'];
const ALIASES: Readonly<Record<string, string>> = {
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
    return checked(text, fields.string('os'), fields.string('architecture'), fields.string('variant') || undefined);
  }
  const parts = text.toLowerCase().split('/');
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part))) return unknown(text);
  const [first = '', second, variant] = parts;
  if (second === undefined) {
    const architecture = ALIASES[first] ?? first;
    return ARCHITECTURES.includes(architecture)
      ? { os: 'linux', architecture }
      : checked(text, first, goArchitecture(), undefined);
  }
  return checked(text, first, second, variant);
}

function checked(text: string, os: string, name: string, variant: string | undefined): Platform {
  const architecture = ALIASES[name] ?? name;
  if (!['linux', 'windows', 'darwin', 'freebsd'].includes(os) || !ARCHITECTURES.includes(architecture))
    return unknown(text);
  return present({ os, architecture, variant });
}

function unknown(text: string): never {
  return bad(`${JSON.stringify(text.slice(0, 200))}: unknown operating system or architecture: invalid argument`);
}
