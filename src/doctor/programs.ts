import { accessSync, closeSync, constants, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Bilingual } from '../../engine/api/types.js';
import { packageRoot } from '../cli/package-root.js';

export interface HostPackage {
  readonly name: string;
  readonly programs: readonly string[];
  readonly static?: boolean;
  readonly why: Bilingual;
}

export interface PackageTable {
  readonly lab: readonly HostPackage[];
}

/** The table that `npm start` installs from. */
export function loadPackageTable(): PackageTable {
  const path = join(packageRoot(), 'scripts', 'lib', 'host-packages.json');
  return JSON.parse(readFileSync(path, 'utf8')) as PackageTable;
}

/** Path of an executable file on PATH or in the sbin folders, which a plain user's PATH lacks. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | null {
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean);
  return folders.map((folder) => join(folder, name)).find(isExecutableFile) ?? null;
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

/** Whether an ELF program asks for an interpreter: a program header of type PT_INTERP (elf(5)). 64-bit, little-endian. */
export function isDynamic(path: string): boolean {
  const head = Buffer.alloc(4096);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  if (head.readUInt32BE(0) !== 0x7f454c46) return true;
  const offset = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  for (let index = 0; index < head.readUInt16LE(56); index++) {
    const at = offset + index * size;
    if (at + 4 <= head.length && head.readUInt32LE(at) === 3) return true;
  }
  return false;
}
