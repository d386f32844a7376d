/**
 * What a daemon does with a container's files, over and over, in a process of its own: so that an attack can be tried with a guard
 * taken away. Prints one line of JSON.
 */
import { readFileSync } from 'node:fs';
import { NO_STATS } from '../../engine/cgroup/stats.js';
import { exportRootfs, getArchive } from '../../engine/container/archive/get.js';
import { putArchive } from '../../engine/container/archive/put.js';
import type { ContainerTree } from '../../engine/container/archive/resolve.js';
import { statPath } from '../../engine/container/archive/stat-path.js';
import { resolveUser } from '../../engine/container/spec/users.js';
import { dockerStats, takeSample } from '../../engine/container/stats.js';
import { top } from '../../engine/container/top.js';
import { contentPadding, END_OF_ARCHIVE, tarHeader } from '../../engine/image/tar/write.js';
import { copyTree } from '../../engine/volume/copy-up.js';

const [work = '', root = '', paths = '', rounds = '1', secret = ''] = process.argv.slice(2);
let path = '';
const tree: ContainerTree = { root, container: 'attacked', mounts: [], readonlyRootfs: false };
const seen = { done: 0, refused: 0, leaks: 0, errors: [] as string[] };

async function read(tar: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of tar) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}

function put(to: string, name: string, n: number): Promise<void> {
  const text = `planted ${n}`;
  const tar = [
    tarHeader({ name, type: 'file', size: text.length }),
    Buffer.from(text),
    contentPadding(text.length),
    END_OF_ARCHIVE,
  ];
  return putArchive(tree, to, pieces(tar), { noOverwriteDirNonDir: false, owner: null });
}

const WORKS: Readonly<Record<string, (n: number) => Promise<unknown>>> = {
  get: () => read(getArchive(tree, path).tar),
  stat: () => Promise.resolve(statPath(tree, path)),
  export: () => read(exportRootfs(root)),
  put: (n) => put(path, `planted-${n}`, n),
  // the link is in a name of the archive
  through: (n) => put('/', `${path}/planted-${n}`, n),
  user: () => Promise.resolve(resolveUser(root, path)),
  fill: (n) => copyTree({ root, path }, `${rounds === '1' ? secret : `${secret}/${n}`}`),
  top: () => top([], [process.pid]),
  stats: () => Promise.resolve(dockerStats({ id: 'i', name: 'n' }, takeSample(NO_STATS, 'v1', process.pid), null)),
};

async function* pieces(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    yield part;
    await Promise.resolve();
  }
}

for (const [one, at] of work.split(',').flatMap((one) => paths.split('|').map((at) => [one, at] as const)))
  for (let n = 0; n < Number(rounds); n++)
    try {
      path = at;
      const result = await (WORKS[one] as (n: number) => Promise<unknown>)(n);
      seen.done++;
      const text = typeof result === 'string' ? result : JSON.stringify(result ?? '');
      if (secret !== '' && text.includes(secret)) seen.leaks++;
    } catch (error) {
      seen.refused++;
      const { message } = error as Error;
      if (!seen.errors.includes(message) && seen.errors.length < 10) seen.errors.push(message);
    }
const mapped = readFileSync('/proc/self/maps', 'utf8')
  .split('\n')
  .filter((line) => line.includes(root));
console.log(JSON.stringify({ ...seen, mapped }));
