import { EngineError } from '../../kernel/errors.js';
import { familiar, type Reference, withDefaultTag } from '../reference.js';
import type { ImageRunConfig } from '../types.js';
import { addAssets } from './assets.js';
import { addProgram, firstFile } from './libraries.js';
import { ImageTree } from './tree.js';

/** An image made on top of the base. */
export interface Recipe {
  /** Familiar names without tag, and the tags. */
  readonly repository: string;
  readonly tags: readonly string[];
  /** For the label `io.glassbox.stand-in`. */
  readonly standsFor: string;
  readonly config: ImageRunConfig;
  readonly tree: () => Promise<ImageTree>;
}

export const BASE = { repository: 'busybox', tag: 'latest' } as const;

export const RECIPES: readonly Recipe[] = [
  {
    repository: 'ajinwu/httpd',
    tags: ['v1.1'],
    standsFor: 'BusyBox httpd serving /data/web/html on port 80, in place of ajinwu/httpd:v1.1',
    config: { Cmd: ['/bin/httpd', '-f', '-v', '-h', '/data/web/html'], ExposedPorts: { '80/tcp': {} } },
    tree: async () => assetTree('httpd'),
  },
  {
    repository: 'nginx',
    tags: ['latest', 'alpine', 'stable', 'stable-alpine', 'mainline', 'mainline-alpine', '1.7', '1.10'],
    standsFor: 'BusyBox httpd serving /usr/share/nginx/html on port 80, in place of nginx',
    config: {
      Entrypoint: ['/docker-entrypoint.sh'],
      Cmd: ['nginx', '-g', 'daemon off;'],
      ExposedPorts: { '80/tcp': {} },
      StopSignal: 'SIGQUIT',
    },
    tree: async () => withBash(assetTree('nginx', ['usr/sbin/nginx', 'docker-entrypoint.sh'])),
  },
  {
    repository: 'ubuntu',
    tags: ['latest', '14.04', '16.04', '18.04', '20.04', '22.04', '24.04'],
    standsFor: 'BusyBox and bash, in place of ubuntu',
    config: { Cmd: ['/bin/bash'] },
    tree: async () => withNetstat(await withBash(assetTree('ubuntu', ['usr/bin/apt-get', 'usr/bin/apt']))),
  },
  {
    repository: 'centos',
    tags: ['latest', '7', 'centos7', '8', 'centos8'],
    standsFor: 'BusyBox and bash, in place of centos',
    config: { Cmd: ['/bin/bash'] },
    tree: async () => withBash(assetTree('centos', ['usr/bin/yum'])),
  },
  {
    repository: 'lorel/docker-stress-ng',
    tags: ['latest'],
    standsFor: "this machine's stress-ng, in place of lorel/docker-stress-ng",
    config: { Entrypoint: ['/usr/bin/stress-entrypoint'], Cmd: ['--help'] },
    tree: stressTree,
  },
];

/** Null: no image that can be made here. */
export function recipeOf(reference: Reference): Recipe | 'base' | null {
  const { tag, digest } = withDefaultTag(reference);
  if (digest !== null || tag === null) return null;
  const name = familiar({ ...reference, tag: null });
  if (name === BASE.repository) return tag === BASE.tag ? 'base' : null;
  return RECIPES.find(({ repository, tags }) => repository === name && tags.includes(tag)) ?? null;
}

function assetTree(name: string, programs: readonly string[] = []): ImageTree {
  const tree = new ImageTree();
  addAssets(tree, name, programs);
  return tree;
}

/** The machine's bash; where there is none, /bin/bash is the BusyBox shell. */
async function withBash(tree: ImageTree): Promise<ImageTree> {
  const program = await firstFile(['/bin/bash', '/usr/bin/bash', '/usr/local/bin/bash']);
  if (program === null) return tree.symlink('bin/bash', 'sh');
  await addProgram(tree, program, 'bin/bash');
  return tree;
}

/** The machine's netstat, where it has one: BusyBox's knows no `-p`. */
async function withNetstat(tree: ImageTree): Promise<ImageTree> {
  const program = await firstFile(['/bin/netstat', '/usr/bin/netstat']);
  if (program !== null) await addProgram(tree, program, 'usr/bin/netstat');
  return tree;
}

async function stressTree(): Promise<ImageTree> {
  const program = await firstFile(['/usr/bin/stress-ng', '/usr/local/bin/stress-ng', '/bin/stress-ng']);
  if (program === null)
    throw new EngineError(
      'FailedPrecondition',
      'this machine has no stress-ng to make the image of; install it with: apt-get install stress-ng',
    );
  const tree = assetTree('stress', ['usr/bin/stress-entrypoint']);
  await addProgram(tree, program, 'usr/bin/stress-ng');
  return tree;
}
