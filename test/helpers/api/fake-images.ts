import type {
  CommitOptions,
  Digest,
  Image,
  ImageService,
  Progress,
  PullOptions,
  PushOptions,
  RegistryAuth,
} from '../../../engine/image/types.js';
import { EngineError } from '../../../engine/kernel/errors.js';
import { joined, pieces } from './fake-containers.js';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}` as Digest;

export function fakeImage(letter: string, tags: readonly string[]): Image {
  return {
    id: digest(letter),
    config: {
      created: '2024-01-02T03:04:05.123456789Z',
      author: 'somebody',
      architecture: 'amd64',
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: ['sh'], Labels: { a: 'b' } },
      rootfs: { type: 'layers', diff_ids: [digest('1'), digest('2')] },
      history: [
        { created: '2024-01-02T03:04:05Z', created_by: 'ADD rootfs' },
        { created: '2024-01-02T03:04:05Z', created_by: 'CMD ["sh"]', empty_layer: true, comment: 'last' },
      ],
    },
    chainId: digest('3'),
    tags,
    digests: [],
    parent: null,
    size: 4_000_000,
    lastTagged: '2024-01-02T03:04:05Z',
  };
}

/** Images in a list. Names that begin with `broken` fail in the midst of a transfer, `missing` at once. */
export class FakeImages implements ImageService {
  images: Image[] = [fakeImage('a', ['busybox:latest']), fakeImage('b', [])];
  readonly asked: { readonly what: string; readonly value: unknown }[] = [];
  open = 0;

  async get(name: string): Promise<Image> {
    const plain = name.replace(/^docker\.io\/(library\/)?/, '');
    const found = this.images.find(
      ({ id, tags }) =>
        tags.includes(plain) || tags.includes(`${plain}:latest`) || id === name || id.slice(7).startsWith(name),
    );
    if (found === undefined || name === '')
      throw new EngineError('NotFound', `No such image: ${name.includes(':') ? name : `${name}:latest`}`);
    return found;
  }

  async list(options?: unknown): Promise<readonly Image[]> {
    this.asked.push({ what: 'list', value: options });
    return this.images;
  }

  async tag(source: string, target: string): Promise<void> {
    this.asked.push({ what: 'tag', value: [source, target] });
    await this.get(source);
  }

  async remove(name: string, how: unknown) {
    this.asked.push({ what: 'remove', value: how });
    const image = await this.get(name);
    if (name === 'inuse')
      throw new EngineError('FailedPrecondition', 'conflict: unable to remove repository reference "inuse"');
    return [{ Untagged: name }, { Deleted: image.id }];
  }

  async prune() {
    return { deleted: [{ Deleted: digest('b') }], reclaimed: 17 };
  }

  async pull(name: string, { progress, signal, ...options }: PullOptions): Promise<Image> {
    this.asked.push({ what: 'pull', value: { name, ...options } });
    if (name.startsWith('missing'))
      throw new EngineError(
        'NotFound',
        `pull access denied for missing, repository does not exist or may require 'docker login'`,
      );
    this.open++;
    try {
      const id = '0123456789ab';
      progress({ status: 'Pulling from library/busybox', id: 'latest' });
      progress({ status: 'Pulling fs layer', progressDetail: {}, id });
      for (let n = 1; n <= 3; n++) {
        progress({ status: 'Downloading', progressDetail: { current: n, total: 3 }, progress: '[=>] ', id });
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (name.startsWith('broken')) throw new EngineError('DataLoss', 'filesystem layer verification failed');
      }
      if (name.startsWith('endless') && signal?.aborted === false)
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      progress({ status: 'Pull complete', progressDetail: {}, id });
      progress({ status: `Digest: ${digest('d')}` });
      progress({ status: `Status: Downloaded newer image for ${name}` });
      return this.images[0] as Image;
    } finally {
      this.open--;
    }
  }

  async push(name: string, { progress, signal: _, ...options }: PushOptions): Promise<void> {
    this.asked.push({ what: 'push', value: { name, ...options } });
    progress({ status: `The push refers to repository [${name}]` });
    progress({ aux: { Tag: 'latest', Digest: digest('d'), Size: 7 } });
  }

  async search(term: string, how: unknown) {
    this.asked.push({ what: 'search', value: { term, how } });
    return [{ name: 'busybox', description: 'small', star_count: 7, is_official: true, is_automated: false }];
  }

  async login(auth: RegistryAuth) {
    if (auth.password !== 'right')
      throw new EngineError(
        'PermissionDenied',
        'Get "https://localhost:5000/v2/": unauthorized: authentication required',
      );
    return { Status: 'Login Succeeded' };
  }

  async distribution(name: string, auth?: RegistryAuth) {
    this.asked.push({ what: 'distribution', value: { name, auth } });
    return {
      Descriptor: { mediaType: 'application/vnd.oci.image.index.v1+json', digest: digest('d'), size: 7 },
      Platforms: [{ os: 'linux', architecture: 'amd64' }],
    };
  }

  async *save(names: readonly string[]): AsyncGenerator<Uint8Array> {
    for (const name of names) await this.get(name);
    this.open++;
    try {
      for (let n = 0; n < (names.includes('busybox') ? 16 : 4096); n++) yield* pieces(Buffer.alloc(1 << 16, 's'));
    } finally {
      this.open--;
    }
  }

  async load(archive: AsyncIterable<Uint8Array>, progress: (line: Progress) => void): Promise<readonly Image[]> {
    progress({ status: 'Loading layer', progressDetail: { current: 1, total: 2 }, id: '0123456789ab' });
    this.open++;
    try {
      const bytes = await joined(archive);
      this.asked.push({ what: 'load', value: bytes.length });
      if (bytes.subarray(0, 3).toString() === 'bad')
        throw new EngineError('InvalidArgument', 'archive/tar: invalid tar header');
      return [this.images[0] as Image];
    } finally {
      this.open--;
    }
  }

  async import(tar: AsyncIterable<Uint8Array>, options: unknown): Promise<Image> {
    this.asked.push({ what: 'import', value: { bytes: (await joined(tar)).length, options } });
    return this.images[0] as Image;
  }

  async commit(_: CommitOptions): Promise<Image> {
    return this.images[0] as Image;
  }

  async layersOf(image: Image) {
    return image.config.rootfs.diff_ids.map((diffId, n) => ({
      diffId,
      chainId: digest(String(n + 5)),
      directory: `/data/layer-${n}`,
      size: 2_000_000,
    }));
  }

  async layersSize(): Promise<number> {
    return 4_000_000;
  }

  async prepareSnapshot(id: string) {
    return this.snapshot(id);
  }

  async snapshot(id: string) {
    return { id, lower: [], upper: '/data/upper', work: '/data/work', merged: '/data/merged' };
  }

  async removeSnapshot(): Promise<void> {
    this.open += 0;
  }

  async listSnapshots() {
    return [];
  }

  async usage() {
    return { bytes: 0, inodes: 0 };
  }

  async changes() {
    return [];
  }

  async collectGarbage(): Promise<void> {
    this.open += 0;
  }
}
