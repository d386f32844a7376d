/** `docker cp` in both directions: a real dockerd and engine/container/archive on the same files. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { getArchive } from '../../engine/container/archive/get.js';
import { putArchive } from '../../engine/container/archive/put.js';
import type { ContainerTree } from '../../engine/container/archive/resolve.js';
import { statPath } from '../../engine/container/archive/stat-path.js';
import type { PathStat } from '../../engine/container/types.js';
import { TarParser } from '../../engine/image/tar/parser.js';
import type { TarEntry } from '../../engine/image/tar/types.js';
import type { EngineError } from '../../engine/kernel/errors.js';
import { groupsBelow, PLACE, raiseFences, removeGroups } from '../helpers/docker/fences.js';
import { IMAGE, imageArchive } from '../helpers/docker/image.js';
import { whyNot } from '../helpers/docker/programs.js';
import { inSandbox, rerunInSandbox } from '../helpers/sandbox.js';
import { archiveOf, PATHS, PUTS, packRoot, plantTree } from './container-spec/copies.js';
import { Saver } from './container-spec/saver.js';
import { meantText } from './container-spec/texts.js';

if (inSandbox) suite();
else {
  const why = whyNot(['dockerd', 'docker', 'containerd', 'runc', 'busybox']);
  test('copies as dockerd makes them', { skip: why ?? false, timeout: 600_000 }, () => {
    const group = `glassbox-copy-${process.pid}`;
    process.env['GLASSBOX_TEST_GROUP'] = group;
    try {
      rerunInSandbox(import.meta.url, { timeoutMs: 600_000 });
    } finally {
      removeGroups(group);
    }
  });
}

interface Listed {
  readonly time: string;
}

/** What an archive says of each of its files, and of what is in them. */
function listing(tar: Uint8Array): Listed[] {
  const found: { entry: TarEntry; hash: ReturnType<typeof createHash> }[] = [];
  const parser = new TarParser({
    entry: (entry) => found.push({ entry, hash: createHash('sha256') }),
    data: (bytes) => found.at(-1)?.hash.update(bytes),
    end: () => undefined,
  });
  parser.push(tar);
  parser.finish();
  return found.map(({ entry: { name, type, linkname, mode, uid, gid, size, mtime, major, minor }, hash }) => ({
    ...{ name, type, linkname, mode, uid, gid, size, major, minor },
    time: String(mtime / 1_000_000_000n),
    content: hash.digest('hex').slice(0, 12),
  }));
}

function suite(): void {
  const group = process.env['GLASSBOX_TEST_GROUP'] ?? '';
  assert.match(group, /^glassbox-/, 'the sandbox was not given the name of its cgroup');
  raiseFences();
  const saver = new Saver(group);
  const root = join(PLACE, 'image');
  const name = 'copied';
  const tree: ContainerTree = { root, container: name, mounts: [], readonlyRootfs: false };

  before(async () => {
    imageArchive(PLACE);
    plantTree(root);
    await saver.daemon.start();
    saver.daemon.load(packRoot(root));
    saver.daemon.docker('create', '--network', 'none', '--name', name, IMAGE, 'true');
  });
  after(async () => {
    saver.daemon.docker('rm', '-f', name);
    await saver.daemon.end();
    removeGroups(group);
    assert.deepEqual(groupsBelow(group), []);
  });

  const at = (path: string, more = ''): string => `/containers/${name}/archive?path=${encodeURIComponent(path)}${more}`;
  /** The sizes of directories are their file system's; times have no fraction in an archive of old. */
  const plain = (stat: PathStat): object => ({
    ...stat,
    size: stat.mode >= 2 ** 31 ? 0 : stat.size,
    mtime: Math.trunc(Date.parse(stat.mtime) / 1000),
  });

  describe('the status of a path', () => {
    for (const path of PATHS)
      test(path, async () => {
        // the answer to HEAD has no text
        const theirs = await saver.raw('GET', at(path));
        if (theirs.status === 200) {
          const stat = JSON.parse(
            Buffer.from(String(theirs.headers['x-docker-container-path-stat']), 'base64').toString(),
          ) as PathStat;
          const found = statPath(tree, path);
          if (path === '.') return assert.equal(found.name, stat.name);
          assert.deepEqual(plain(found), plain(stat));
          assert.deepEqual(await ours(path), listing(theirs.body));
          return;
        }
        const said = (JSON.parse(theirs.body.toString()) as { message: string }).message;
        assert.throws(
          () => getArchive(tree, path),
          (error: Error) => {
            assert.equal(meantText(error.message), meantText(said.replaceAll(/\/\S*\/merged/g, '')));
            return true;
          },
        );
      });
  });

  test('archives put one after the other', async (context) => {
    // by the clock of a file system, which may be behind
    const begun = Math.floor(Date.now() / 1000) - 1;
    /** A directory has the time when it was last put into, and that is not the same second for both. */
    const inOneMoment = (listed: readonly Listed[]): object[] =>
      listed.map((one) => (Number(one.time) < begun ? one : { ...one, time: 'now' }));
    for (const put of PUTS)
      await context.test(put.name, async () => {
        const archive = archiveOf(put.entries);
        const flags = `${put.keepKind === true ? '&noOverwriteDirNonDir=true' : ''}${put.copyOwner === true ? '&copyUIDGID=true' : ''}`;
        const theirs = await saver.raw('PUT', at(put.path, flags), archive);
        let refusal: EngineError | null = null;
        try {
          await putArchive(tree, put.path, pieces(archive), {
            noOverwriteDirNonDir: put.keepKind === true,
            owner: null,
          });
        } catch (error) {
          refusal = error as EngineError;
        }
        if (theirs.status === 200) assert.equal(refusal, null);
        else {
          const said = (JSON.parse(theirs.body.toString()) as { message: string }).message;
          assert.equal(refusal?.code === 'NotFound', theirs.status === 404);
          assert.equal(meantText(refusal?.message ?? 'nothing'), meantText(said.replaceAll(/\/\S*\/merged/g, '')));
        }
        const whole = listing((await saver.raw('GET', at('/t'))).body);
        assert.deepEqual(inOneMoment(await ours('/t')), inOneMoment(whole));
      });
  });

  async function ours(path: string): Promise<Listed[]> {
    const parts: Uint8Array[] = [];
    for await (const part of getArchive(tree, path).tar) parts.push(part);
    return listing(Buffer.concat(parts));
  }
}

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 700) {
    yield bytes.subarray(start, start + 700);
    await Promise.resolve();
  }
}
