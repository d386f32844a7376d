import { bad } from '../bodies/fields.js';
import { sendJson } from '../http/send.js';
import { type Endpoint, type Exchange, endpoint } from '../router.js';
import { imageSummary, sharedSizes } from './image-json.js';

const KINDS = ['container', 'image', 'volume', 'build-cache'] as const;

export const DISK_USAGE: readonly Endpoint[] = [
  endpoint(
    'SystemDataUsage GET /system/df',
    'none',
    ({ query, version }) => {
      const asked = version.atLeast(42) && query.has('type') ? query.all('type') : [...KINDS];
      for (const kind of asked)
        if (!KINDS.some((one) => one === kind)) bad(`unknown object type: ${kind.slice(0, 100)}`);
      return asked;
    },
    usage,
  ),
];

async function usage(kinds: readonly string[], { services, response, version }: Exchange): Promise<void> {
  const { containers, images, volumes } = services;
  const wants = (kind: (typeof KINDS)[number]): boolean => kinds.includes(kind);
  const sized = wants('container');
  const needed = sized || wants('image');
  const all = needed ? await containers.list({ all: true, limit: 0, size: sized, filters: {} }) : [];
  const stored = wants('image') ? await images.list({ all: true }) : [];
  const shared = await sharedSizes(images, stored);
  const counts = new Map<string, number>();
  for (const { ImageID } of all) counts.set(ImageID, (counts.get(ImageID) ?? 0) + 1);
  const named = wants('volume') ? (await volumes.list()).Volumes : [];
  sendJson(response, 200, {
    LayersSize: wants('image') ? await images.layersSize() : 0,
    Images: wants('image')
      ? stored.map((image) =>
          imageSummary(image, version, {
            shared: shared.get(image.id) ?? 0,
            containers: counts.get(image.id) ?? 0,
          }),
        )
      : null,
    Containers: sized ? all : null,
    Volumes: wants('volume')
      ? await Promise.all(named.map(async (one) => ({ ...one, UsageData: await volumes.usage(one.Name) })))
      : null,
    BuildCache: wants('build-cache') ? [] : null,
    ...(version.atLeast(42) ? {} : { BuilderSize: 0 }),
  });
}
