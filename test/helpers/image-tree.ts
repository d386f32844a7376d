import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What can be seen of a file, as one line that two trees can be compared by. */
function line(path: string, name: string, firstNames: Map<string, string>): string {
  const bytes = Buffer.from(path, 'latin1');
  const status = lstatSync(bytes, { bigint: true });
  const key = `${status.dev}:${status.ino}`;
  const first = status.isDirectory() || status.nlink === 1n ? undefined : firstNames.get(key);
  firstNames.set(key, name);
  const content = status.isFile()
    ? `${status.size} ${readFileSync(bytes).toString('base64').slice(0, 400)}`
    : status.isSymbolicLink()
      ? `-> ${readlinkSync(bytes)}`
      : status.isCharacterDevice() || status.isBlockDevice()
        ? `${status.rdev}`
        : '';
  const words = [name, status.mode.toString(8), `${status.uid}:${status.gid}`, `${status.mtimeNs}`, content];
  return first === undefined ? words.join(' ') : `${words.join(' ')} = ${first}`;
}

/** A tree as lines, sorted by path: type, mode, owner, time, content, which names are the same file. Names are read as latin1. */
export function treeOf(root: string, below = '', firstNames = new Map<string, string>()): string[] {
  return readdirSync(Buffer.from(join(root, below), 'latin1'), { encoding: 'latin1' })
    .sort()
    .flatMap((name) => {
      const path = join(below, name);
      const own = line(join(root, path), path, firstNames);
      return lstatSync(Buffer.from(join(root, path), 'latin1')).isDirectory()
        ? [own, ...treeOf(root, path, firstNames)]
        : [own];
    });
}

/** Extended attributes of everything below, by path, as Python reads them. */
export function xattrsOf(root: string): Record<string, Record<string, string>> {
  const program = `
import json, os, sys
found = {}
for top, dirs, files in os.walk(sys.argv[1]):
    for name in ["."] if top == sys.argv[1] else []:
        files.append(name)
    for name in dirs + files:
        path = os.path.normpath(os.path.join(top, name))
        names = os.listxattr(path, follow_symlinks=False)
        if names: found[os.path.relpath(path, sys.argv[1])] = {n: os.getxattr(path, n, follow_symlinks=False).hex() for n in names}
print(json.dumps(found))`;
  const out = execFileSync('python3', ['-c', program, root], { encoding: 'utf8' });
  return JSON.parse(out) as Record<string, Record<string, string>>;
}
