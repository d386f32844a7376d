import { EngineError } from '../../../kernel/errors.js';
import { sendJson } from '../http/send.js';
import { type Endpoint, endpoint } from '../router.js';

const NO_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

const refuse = (at: string, code: 'Unavailable' | 'NotImplemented' | 'NotFound', message: (name: string) => string) =>
  endpoint(
    at,
    'none',
    ({ name }) => name,
    async (name) => {
      throw new EngineError(code, message(name));
    },
  );

/** What dockerd answers where it is no swarm manager. */
const MANAGERS = [
  ...['SwarmInspect GET /swarm', 'SwarmUpdate POST /swarm/update', 'SwarmUnlockkey GET /swarm/unlockkey'],
  ...['NodeList GET /nodes', 'NodeInspect GET /nodes/{id}', 'NodeDelete DELETE /nodes/{id}'],
  ...['NodeUpdate POST /nodes/{id}/update', 'ServiceList GET /services', 'ServiceCreate POST /services/create'],
  ...[
    'ServiceLogs GET /services/{id}/logs',
    'ServiceInspect GET /services/{id}',
    'ServiceDelete DELETE /services/{id}',
  ],
  ...['ServiceUpdate POST /services/{id}/update', 'TaskList GET /tasks', 'TaskLogs GET /tasks/{id}/logs'],
  ...['TaskInspect GET /tasks/{id}', 'SecretList GET /secrets', 'SecretCreate POST /secrets/create'],
  ...['SecretInspect GET /secrets/{id}', 'SecretDelete DELETE /secrets/{id}', 'SecretUpdate POST /secrets/{id}/update'],
  ...['ConfigList GET /configs', 'ConfigCreate POST /configs/create', 'ConfigInspect GET /configs/{id}'],
  ...['ConfigDelete DELETE /configs/{id}', 'ConfigUpdate POST /configs/{id}/update'],
];
const SWARMING = ['SwarmInit POST /swarm/init', 'SwarmJoin POST /swarm/join', 'SwarmUnlock POST /swarm/unlock'];
const PLUGGING = [
  ...[
    'GetPluginPrivileges GET /plugins/privileges',
    'PluginPull POST /plugins/pull',
    'PluginCreate POST /plugins/create',
  ],
];
const PLUGIN = [
  ...['PluginInspect GET /plugins/{name}/json', 'PluginDelete DELETE /plugins/{name}'],
  ...['PluginEnable POST /plugins/{name}/enable', 'PluginDisable POST /plugins/{name}/disable'],
  ...['PluginUpgrade POST /plugins/{name}/upgrade', 'PluginPush POST /plugins/{name}/push'],
  ...['PluginSet POST /plugins/{name}/set'],
];
const BUILDING = [
  'ImageBuild POST /build',
  'BuildCancel POST /build/cancel',
  'Session POST /session',
  'Grpc POST /grpc',
];

/** The parts of the API that this engine has no use for: each says so. */
export const ELSEWHERE: readonly Endpoint[] = [
  ...MANAGERS.map((at) => refuse(at, 'Unavailable', () => NO_MANAGER)),
  refuse('SwarmLeave POST /swarm/leave', 'Unavailable', () => 'This node is not part of a swarm'),
  ...SWARMING.map((at) => refuse(at, 'NotImplemented', () => 'swarm mode is not supported by this engine')),
  endpoint(
    'PluginList GET /plugins',
    'none',
    () => null,
    async (_, { response }) => sendJson(response, 200, []),
  ),
  ...PLUGGING.map((at) => refuse(at, 'NotImplemented', () => 'plugins are not supported by this engine')),
  ...PLUGIN.map((at) => refuse(at, 'NotFound', (name) => `plugin ${JSON.stringify(name.slice(0, 300))} not found`)),
  ...BUILDING.map((at) =>
    refuse(
      at,
      'NotImplemented',
      () => 'this engine does not build images: pull, load or import them, or commit a container',
    ),
  ),
  // Nothing is built, so nothing is kept of it: `docker system prune` asks for this too.
  endpoint(
    'BuildPrune POST /build/prune',
    'none',
    () => null,
    async (_, { response }) => sendJson(response, 200, { CachesDeleted: null, SpaceReclaimed: 0 }),
  ),
];
