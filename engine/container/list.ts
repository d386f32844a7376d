import { EngineError } from '../kernel/errors.js';
import { untilFilter } from '../kernel/go-time.js';
import type { ContainerDeps } from './deps.js';
import { hasLabel, type Listed, selectContainers, verifyListFilters } from './filters.js';
import { mountPoints, stateOf, summaryOf } from './inspect.js';
import { linkedNames } from './link-names.js';
import { orNull } from './or-null.js';
import { type ContainerRecord, isRunning } from './record.js';
import { timeOf } from './time.js';
import type { ContainerSummary, ListOptions } from './types.js';

/** `docker ps`: newest first. */
export async function listContainers(deps: ContainerDeps, options: ListOptions): Promise<readonly ContainerSummary[]> {
  verifyListFilters(options.filters);
  const ancestors = await ancestry(deps, options);
  const listed = (record: ContainerRecord): Listed & { record: ContainerRecord } => ({
    record,
    id: record.id,
    name: record.name,
    created: Number(timeOf(record.created) / 1_000_000n),
    state: stateOf(record),
    labels: record.config.Labels,
    ancestors: ancestors(record),
    networks: [
      ...Object.keys(record.endpoints),
      ...Object.values(record.attachment?.networks ?? {}).map(({ NetworkID }) => NetworkID),
    ],
    volumes: mountPoints(record).flatMap(({ Name, Destination, Source }) => [
      ...(Name === undefined ? [] : [Name]),
      Destination,
      Source,
    ]),
    exposed: Object.keys(record.config.ExposedPorts ?? {}),
    published: Object.entries({ ...record.hostConfig.PortBindings, ...record.attachment?.ports }).flatMap(
      ([port, bindings]) => [...(bindings ?? []).map(({ HostPort }) => `${HostPort}/${port.split('/')[1] ?? 'tcp'}`)],
    ),
  });
  const all = deps.store.list().map(listed);
  const chosen = selectContainers(all, options, { find: (name) => listed(deps.store.find(name)) });
  const shown = imageNames(deps);
  const names = linkedNames(deps.store);
  if (!options.size)
    return Promise.all(
      chosen.map(async ({ record }) => ({ ...summaryOf(record, names.get(record.id)), Image: await shown(record) })),
    );
  return Promise.all(
    chosen.map(async ({ record }) => {
      const { bytes } = await deps.images.usage(record.id);
      const image = record.imageId === null ? null : await deps.images.get(record.imageId).catch(orNull);
      return {
        ...summaryOf(record, names.get(record.id)),
        Image: await shown(record),
        SizeRw: bytes,
        SizeRootFs: bytes + (image?.size ?? 0),
      };
    }),
  );
}

/** The IMAGE column: as the user wrote it while that still means the same image, else the image's id. */
function imageNames(deps: ContainerDeps): (record: ContainerRecord) => Promise<string> {
  const known = new Map<string, Promise<string | null>>();
  return async ({ config, imageId }) => {
    if (imageId === null || config.Image === imageId) return config.Image;
    const meant =
      known.get(config.Image) ??
      deps.images.get(config.Image).then(
        ({ id }) => id,
        (error: unknown) => (error instanceof EngineError ? null : Promise.reject(error as Error)),
      );
    known.set(config.Image, meant);
    return (await meant) === imageId ? config.Image : imageId;
  };
}

/** Of each container: its image and those below, with all names; read only when a filter asks. */
async function ancestry(
  deps: ContainerDeps,
  { filters }: ListOptions,
): Promise<(record: ContainerRecord) => readonly string[]> {
  if ((filters['ancestor'] ?? []).length === 0) return () => [];
  const images = await deps.images.list({ all: true });
  const byId = new Map(images.map((image) => [image.id, image]));
  return ({ imageId }) => {
    const own = imageId === null ? undefined : byId.get(imageId);
    const chain = own?.config.rootfs.diff_ids ?? [];
    const below = images.filter(
      ({ config: { rootfs } }) => rootfs.diff_ids.length > 0 && rootfs.diff_ids.every((id, n) => id === chain[n]),
    );
    return [
      ...below.flatMap(({ id, tags, digests }) => [
        id,
        ...tags,
        ...tags.filter((tag) => tag.endsWith(':latest')).map((tag) => tag.slice(0, -':latest'.length)),
        ...digests,
      ]),
      ...(imageId === null ? [] : [imageId]),
    ];
  };
}

const PRUNE_FILTERS = new Set(['label', 'label!', 'until']);

/** `docker container prune`: what does not run. */
export async function pruneContainers(
  deps: ContainerDeps,
  filters: ListOptions['filters'],
  remove: (id: string) => Promise<void>,
): Promise<{ ContainersDeleted: readonly string[]; SpaceReclaimed: number }> {
  for (const key of Object.keys(filters))
    if (!PRUNE_FILTERS.has(key)) throw new EngineError('InvalidArgument', `invalid filter '${key}'`);
  const until = untilFilter(filters, Date.now());
  const labels = filters['label'] ?? [];
  const not = filters['label!'] ?? [];
  const ContainersDeleted: string[] = [];
  let SpaceReclaimed = 0;
  for (const record of deps.store.list()) {
    const { Labels } = record.config;
    if (isRunning(record) || record.state.status === 'restarting') continue;
    if (until !== null && Number(timeOf(record.created) / 1_000_000n) > until) continue;
    if (!labels.every((label) => hasLabel(Labels, label)) || not.some((label) => hasLabel(Labels, label))) continue;
    const { bytes } = await deps.images.usage(record.id);
    await remove(record.id);
    ContainersDeleted.push(record.id);
    SpaceReclaimed += bytes;
  }
  deps.events.emit('container', 'prune', '', { reclaimed: String(SpaceReclaimed) });
  return { ContainersDeleted, SpaceReclaimed };
}
