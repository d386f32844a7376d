import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isRoot } from '../sandbox.js';

export function findProgram(
  name: string,
  directories: readonly string[] = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'],
): string | null {
  for (const directory of directories) {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return join(directory, name);
    } catch (error) {
      if (!['ENOENT', 'EACCES', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return null;
}

/** Why tests with these programs cannot be run here, or null. */
export function whyNot(programs: readonly string[]): string | null {
  if (!isRoot) return 'needs root';
  const missing = programs.filter((name) => findProgram(name) === null);
  return missing.length === 0 ? null : `not installed here: ${missing.join(', ')}`;
}
