import { isIP } from 'node:net';

/** Checks of single values: docker/cli/opts. Each answers why not, or null. */

export function checkAttach(value: string): string | null {
  return /^(?:stdin|stdout|stderr)$/i.test(value) ? null : 'valid streams are STDIN, STDOUT and STDERR';
}

export function checkExtraHost(value: string): string | null {
  const found = /^([^:=]+)[:=](.+)$/s.exec(value);
  if (found === null) return `bad format for add-host: ${JSON.stringify(value)}`;
  const [, , address = ''] = found;
  if (address === 'host-gateway') return null;
  return isIP(address.replace(/^\[(.*)\]$/, '$1')) === 0
    ? `invalid IP address in add-host: ${JSON.stringify(address)}`
    : null;
}

/** `name:ip`, as the engine wants it, from `name:ip` or `name=ip`. */
export function extraHost(value: string): string {
  const [, name = '', address = ''] = /^([^:=]+)[:=](.+)$/s.exec(value) ?? [];
  return `${name}:${address.replace(/^\[(.*)\]$/, '$1')}`;
}

export function checkIp(value: string): string | null {
  return isIP(value.trim()) === 0 ? `IP address is not correctly formatted: ${value}` : null;
}

export function checkEnv(value: string): string | null {
  return value === '' || value.startsWith('=') ? `invalid environment variable: ${value}` : null;
}

export function checkLabel(value: string): string | null {
  return value.split('=')[0]?.trim() === '' ? `invalid label '${value}': empty name` : null;
}

export function checkLink(value: string): string | null {
  if (value === '') return 'empty string specified for links';
  return value.split(':').length > 2 ? `bad format for links: ${value}` : null;
}

const SYSCTLS = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

export function checkSysctl(value: string): string | null {
  const name = value.split('=')[0] ?? '';
  const known = SYSCTLS.has(name) || name.startsWith('net.') || name.startsWith('fs.mqueue.');
  return value.includes('=') && known ? null : `sysctl '${value}' is not allowed`;
}
