import type { ContainerInspect, ListOptions } from '../../../container/types.js';
import { parseCommit } from '../bodies/commit.js';
import { parseCreate } from '../bodies/create.js';
import { bad } from '../bodies/fields.js';
import { parseFilters } from '../bodies/query.js';
import { parseUpdate } from '../bodies/update.js';
import { sendEmpty, sendJson } from '../http/send.js';
import { type Endpoint, endpoint, type Input } from '../router.js';
import type { ApiVersion } from '../version.js';

const FILTERS = [
  ...['ancestor', 'before', 'exited', 'id', 'isolation', 'label', 'name', 'status', 'health', 'since', 'volume'],
  ...['network', 'is-task', 'publish', 'expose'],
];
const CONDITIONS = ['not-running', 'next-exit', 'removed'] as const;

const named = ({ name }: Input): string => name;

/** `t` and `signal` of stop and restart. */
function stopping({ name, query, version }: Input): { name: string; timeout: number | null; signal: string | null } {
  const signal = version.atLeast(42) ? query.text('signal') : '';
  return { name, timeout: query.integer('t'), signal: signal === '' ? null : signal };
}

function listing({ query }: Input): ListOptions {
  const limit = Math.max(query.integer('limit') ?? 0, 0);
  const filters: Record<string, readonly string[]> = { ...parseFilters(query, FILTERS) };
  for (const name of ['since', 'before']) if (query.text(name) !== '') filters[name] = [query.text(name)];
  return { all: query.flag('all') || limit > 0, limit, size: query.flag('size'), filters };
}

export const CONTAINERS: readonly Endpoint[] = [
  endpoint('ContainerList GET /containers/json', 'none', listing, async (asked, { services, response }) =>
    sendJson(response, 200, await services.containers.list(asked)),
  ),
  endpoint(
    'ContainerCreate POST /containers/create',
    'json',
    ({ query, body, version }) => parseCreate(query, body, version),
    async ({ request, warnings }, { services, response }) => {
      const made = await services.containers.create(request);
      sendJson(response, 201, { Id: made.Id, Warnings: [...made.Warnings, ...warnings] });
    },
  ),
  endpoint(
    'ContainerInspect GET /containers/{id}/json',
    'none',
    ({ name, query }) => ({ name, size: query.flag('size') }),
    async ({ name, size }, { services, response, version }) =>
      sendJson(response, 200, inspectFor(version, await services.containers.inspect(name, { size }))),
  ),
  endpoint(
    'ContainerTop GET /containers/{id}/top',
    'none',
    ({ name, query }) => ({ name, words: (query.text('ps_args') || '-ef').split(/\s+/).filter(Boolean) }),
    async ({ name, words }, { services, response }) =>
      sendJson(response, 200, await services.containers.top(name, words)),
  ),
  endpoint('ContainerChanges GET /containers/{id}/changes', 'none', named, async (name, { services, response }) => {
    const changes = await services.containers.changes(name);
    sendJson(response, 200, changes.length === 0 ? null : changes);
  }),
  endpoint(
    'ContainerResize POST /containers/{id}/resize',
    'none',
    ({ name, query }) => ({ name, rows: query.cells('h'), columns: query.cells('w') }),
    async ({ name, rows, columns }, { services, response }) => {
      await services.containers.resize(name, rows, columns);
      sendEmpty(response, 200);
    },
  ),
  endpoint(
    'ContainerStart POST /containers/{id}/start',
    'none',
    ({ name, headers, query }) => {
      const length = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : 8;
      if (length > 7) {
        bad('starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24');
      }
      if (query.text('checkpoint') !== '') bad('checkpoints are not supported by this engine');
      return name;
    },
    async (name, { services, response }) => sendEmpty(response, (await services.containers.start(name)) ? 204 : 304),
  ),
  endpoint(
    'ContainerStop POST /containers/{id}/stop',
    'none',
    stopping,
    async ({ name, ...how }, { services, response }) =>
      sendEmpty(response, (await services.containers.stop(name, how)) ? 204 : 304),
  ),
  endpoint(
    'ContainerRestart POST /containers/{id}/restart',
    'none',
    stopping,
    async ({ name, ...how }, { services, response }) => {
      await services.containers.restart(name, how);
      sendEmpty(response, 204);
    },
  ),
  endpoint(
    'ContainerKill POST /containers/{id}/kill',
    'none',
    ({ name, query }) => ({ name, signal: query.text('signal') }),
    async ({ name, signal }, { services, response }) => {
      await services.containers.kill(name, signal === '' ? 'SIGKILL' : signal);
      sendEmpty(response, 204);
    },
  ),
  endpoint(
    'ContainerUpdate POST /containers/{id}/update',
    'json',
    ({ name, body, version }) => ({ name, request: parseUpdate(body, version) }),
    async ({ name, request }, { services, response }) => {
      const { Warnings } = await services.containers.update(name, request);
      sendJson(response, 200, { Warnings: Warnings.length === 0 ? null : Warnings });
    },
  ),
  endpoint(
    'ContainerRename POST /containers/{id}/rename',
    'none',
    ({ name, query }) => ({
      name,
      // whether it is a name is asked once the container is found
      to: query.text('name') || bad('Neither old nor new names may be empty'),
    }),
    async ({ name, to }, { services, response }) => {
      await services.containers.rename(name, to);
      sendEmpty(response, 204);
    },
  ),
  endpoint('ContainerPause POST /containers/{id}/pause', 'none', named, async (name, { services, response }) => {
    await services.containers.pause(name);
    sendEmpty(response, 204);
  }),
  endpoint('ContainerUnpause POST /containers/{id}/unpause', 'none', named, async (name, { services, response }) => {
    await services.containers.unpause(name);
    sendEmpty(response, 204);
  }),
  endpoint(
    'ContainerWait POST /containers/{id}/wait',
    'none',
    ({ name, query, version }) => {
      const text = version.atLeast(30) ? query.text('condition') : '';
      const condition = text === '' ? 'not-running' : CONDITIONS.find((one) => one === text);
      return {
        name,
        condition: condition ?? bad(`invalid condition: ${JSON.stringify(text.slice(0, 100))}`),
        early: version.atLeast(30),
      };
    },
    async ({ name, condition, early }, { services, response, signal }) => {
      const waiting = services.containers.wait(name, condition, signal);
      // Clients go on (and start the container) once they see the status: by then the wait has begun, and the name is known.
      const known = services.containers.inspect(name);
      const first = await Promise.race([waiting, known.then(() => null)]);
      if (first === null && early) {
        response.writeHead(200, { 'Content-Type': 'application/json' });
        response.flushHeaders();
      }
      const result = await waiting;
      if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(`${JSON.stringify(result)}\n`);
    },
  ),
  endpoint(
    'ContainerDelete DELETE /containers/{id}',
    'none',
    ({ name, query }) => ({
      name,
      how: { force: query.flag('force'), volumes: query.flag('v'), link: query.flag('link') },
    }),
    async ({ name, how }, { services, response }) => {
      await services.containers.remove(name, how);
      sendEmpty(response, 204);
    },
  ),
  endpoint(
    'ContainerPrune POST /containers/prune',
    'none',
    ({ query }) => parseFilters(query, ['label', 'label!', 'until']),
    async (filters, { services, response }) => {
      const { ContainersDeleted, SpaceReclaimed } = await services.containers.prune(filters);
      sendJson(response, 200, {
        ContainersDeleted: ContainersDeleted.length === 0 ? null : ContainersDeleted,
        SpaceReclaimed,
      });
    },
  ),
  endpoint(
    'ImageCommit POST /commit',
    'json',
    ({ query, body, version }) => parseCommit(query, body, version),
    async (request, { services, response }) => sendJson(response, 201, await services.containers.commit(request)),
  ),
];

/** Before 1.45 a container's short id and host name stood among the aliases on networks of the user's. */
function inspectFor(version: ApiVersion, container: ContainerInspect): ContainerInspect {
  if (version.atLeast(45)) return container;
  const own = [container.Id.slice(0, 12), container.Config.Hostname];
  const networks = Object.entries(container.NetworkSettings.Networks).map(([name, endpoint]) => [
    name,
    ['bridge', 'host', 'none', 'default'].includes(name)
      ? endpoint
      : { ...endpoint, Aliases: [...new Set([...(endpoint.Aliases ?? []), ...own])] },
  ]);
  return {
    ...container,
    NetworkSettings: { ...container.NetworkSettings, Networks: Object.fromEntries(networks) },
  };
}
