import type { Image, ImageService } from '../../../image/types.js';
import type { ApiVersion } from '../version.js';

type Layers = Awaited<ReturnType<ImageService['layersOf']>>;

const NEVER = '0001-01-01T00:00:00Z';

/** Fields of an image's Config that were sent even when nothing was in them, up to 1.49 and since 1.50. */
const CONFIG_OLD = { Hostname: '', Domainname: '', AttachStdin: false, AttachStdout: false, AttachStderr: false };
const CONFIG_MORE = { Tty: false, OpenStdin: false, StdinOnce: false, Image: '' };
const CONFIG_ALWAYS = { User: '', Env: null, Cmd: null, Volumes: null, WorkingDir: '', Entrypoint: null };

/** One of GET /images/json. */
export function imageSummary(
  image: Image,
  version: ApiVersion,
  counted: { readonly shared?: number; readonly containers?: number } = {},
): object {
  const untold = image.tags.length === 0 && image.digests.length === 0 && !version.atLeast(43);
  return {
    Containers: counted.containers ?? -1,
    Created: seconds(image.config.created),
    Id: image.id,
    Labels: image.config.config?.Labels ?? null,
    ParentId: image.parent ?? '',
    RepoDigests: untold ? ['<none>@<none>'] : image.digests,
    RepoTags: untold ? ['<none>:<none>'] : image.tags,
    SharedSize: counted.shared ?? -1,
    Size: image.size,
    ...(version.atLeast(44) ? {} : { VirtualSize: image.size }),
  };
}

/** GET /images/NAME/json. */
export function imageInspect(image: Image, layers: Layers, version: ApiVersion): object {
  const { config } = image;
  const container = { ...CONFIG_OLD, ...CONFIG_ALWAYS, ...CONFIG_MORE, OnBuild: null, Labels: null };
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Parent: image.parent ?? '',
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? (version.atLeast(44) ? '' : NEVER),
    ...(version.atLeast(45) ? {} : { Container: '', ContainerConfig: container }),
    DockerVersion: '',
    Author: config.author ?? '',
    Config: {
      ...(version.atLeast(50) ? {} : { ...CONFIG_OLD, ...CONFIG_MORE }),
      ...CONFIG_ALWAYS,
      OnBuild: null,
      Labels: null,
      ...config.config,
    },
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: image.size,
    ...(version.atLeast(44) ? {} : { VirtualSize: image.size }),
    GraphDriver: { Data: graphData(layers), Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: image.lastTagged ?? NEVER },
  };
}

/** Where the layers lie: the topmost as overlay's upper one, the others below it. */
function graphData(layers: Layers): Record<string, string> | null {
  const [top, ...below] = layers.map(({ directory }) => directory).reverse();
  if (top === undefined) return null;
  return { ...(below.length === 0 ? {} : { LowerDir: below.join(':') }), UpperDir: top };
}

function seconds(created: string | undefined): number {
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(time) ? 0 : Math.floor(time / 1000);
}

/** For each image the bytes of its layers that another one has too. */
export async function sharedSizes(
  service: ImageService,
  images: readonly Image[],
): Promise<ReadonlyMap<string, number>> {
  const layers = await Promise.all(images.map((image) => service.layersOf(image)));
  const users = new Map<string, number>();
  for (const { chainId } of layers.flat()) users.set(chainId, (users.get(chainId) ?? 0) + 1);
  return new Map(
    images.map((image, index) => [
      image.id,
      (layers[index] ?? []).reduce((sum, { chainId, size }) => ((users.get(chainId) ?? 0) > 1 ? sum + size : sum), 0),
    ]),
  );
}
