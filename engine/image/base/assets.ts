import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../kernel/errors.js';
import type { ImageTree } from './tree.js';

/** Put the files of assets/images/NAME into a tree. `programs`: those that can be executed. */
export function addAssets(tree: ImageTree, name: string, programs: readonly string[] = []): void {
  const root = join(assetsRoot(), name);
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else tree.file(path, readFileSync(join(root, path)), modeOf(path, programs));
    }
  };
  walk('');
}

function modeOf(path: string, programs: readonly string[]): number {
  if (programs.includes(path)) return 0o755;
  return path === 'etc/shadow' ? 0o640 : 0o644;
}

/** `assets` is beside `engine` in the sources and beside `dist` in a build. */
function assetsRoot(): string {
  const places = ['../../../assets/images', '../../../../assets/images'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new EngineError('Internal', 'cannot find assets/images above the program');
  return found;
}
