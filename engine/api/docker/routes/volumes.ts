import { EngineError } from '../../../kernel/errors.js';
import { parseFilters } from '../bodies/query.js';
import { parseVolumeCreate } from '../bodies/volume.js';
import { sendEmpty, sendJson } from '../http/send.js';
import { type Endpoint, endpoint } from '../router.js';

export const VOLUMES: readonly Endpoint[] = [
  endpoint(
    'VolumeList GET /volumes',
    'none',
    ({ query }) => parseFilters(query, ['dangling', 'driver', 'label', 'name']),
    async (filters, { services, response }) => {
      const { Volumes, Warnings } = await services.volumes.list(filters);
      sendJson(response, 200, { Volumes, Warnings: Warnings.length === 0 ? null : Warnings });
    },
  ),
  endpoint(
    'VolumeCreate POST /volumes/create',
    'json',
    ({ body }) => parseVolumeCreate(body),
    async (options, { services, response }) => sendJson(response, 201, await services.volumes.create(options)),
  ),
  endpoint(
    'VolumeInspect GET /volumes/{name}',
    'none',
    ({ name }) => name,
    async (name, { services, response }) => sendJson(response, 200, await services.volumes.get(name)),
  ),
  endpoint(
    'VolumeUpdate PUT /volumes/{name}',
    'none',
    ({ name }) => name,
    async () => {
      throw new EngineError(
        'Unavailable',
        'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
      );
    },
  ),
  endpoint(
    'VolumeDelete DELETE /volumes/{name}',
    'none',
    ({ name, query }) => ({ name, force: query.flag('force') }),
    async ({ name, force }, { services, response }) => {
      await services.volumes.remove(name, { force });
      sendEmpty(response, 204);
    },
  ),
  endpoint(
    'VolumePrune POST /volumes/prune',
    'none',
    ({ query, version }) => {
      const filters = parseFilters(query, ['all', 'label', 'label!']);
      // Named volumes are spared since 1.42, unless `all` is said.
      return version.atLeast(42) ? filters : { ...filters, all: ['true'] };
    },
    async (filters, { services, response }) => {
      const { VolumesDeleted, SpaceReclaimed } = await services.volumes.prune(filters);
      sendJson(response, 200, { VolumesDeleted, SpaceReclaimed });
    },
  ),
];
