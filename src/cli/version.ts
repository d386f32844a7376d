import { readFileSync } from 'node:fs';

/** The version in package.json: two folders above src/, also when src is dist/src. */
export function version(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    const path = new URL(up, import.meta.url);
    try {
      const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
      if (isPackage(value)) return value.version;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  throw new Error('package.json was not found beside the program');
}

function isPackage(value: unknown): value is { name: 'glassbox'; version: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    value.name === 'glassbox' &&
    'version' in value &&
    typeof value.version === 'string'
  );
}
