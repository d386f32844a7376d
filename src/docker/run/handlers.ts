import type { Handler } from '../context.js';

type Load = () => Promise<Handler>;

const life =
  (name: 'stop' | 'restart' | 'kill' | 'pause' | 'unpause' | 'remove' | 'wait' | 'rename' | 'update'): Load =>
  async () =>
    (await import('./life.js'))[name];
const archive =
  (name: 'save' | 'load' | 'exportContainer' | 'importImage' | 'commit'): Load =>
  async () =>
    (await import('./archive.js'))[name];
const image =
  (name: 'pull' | 'push' | 'tag' | 'removeImages' | 'history' | 'search'): Load =>
  async () =>
    (await import('./image.js'))[name];
const network =
  (name: 'connect' | 'create' | 'disconnect' | 'list' | 'remove'): Load =>
  async () =>
    (await import('./network.js'))[name];
const volume =
  (name: 'create' | 'list' | 'remove'): Load =>
  async () =>
    (await import('./volume.js'))[name];
const prune =
  (name: 'pruneContainers' | 'pruneImages' | 'pruneNetworks' | 'pruneVolumes' | 'pruneSystem'): Load =>
  async () =>
    (await import('./prune.js'))[name];
const inspect =
  (type: 'container' | 'image' | 'network' | 'volume' | null): Load =>
  async () => {
    const { inspectOf } = await import('./inspect.js');
    return inspectOf(type);
  };

/** What a command does, by its first name. */
export const HANDLERS: Readonly<Record<string, Load>> = {
  'container run': async () => (await import('./run.js')).run,
  'container create': async () => (await import('./create.js')).createCommand,
  'container start': async () => (await import('./start.js')).start,
  'container attach': async () => (await import('./attach.js')).attach,
  'container exec': async () => (await import('./exec.js')).exec,
  'container stop': life('stop'),
  'container restart': life('restart'),
  'container kill': life('kill'),
  'container pause': life('pause'),
  'container unpause': life('unpause'),
  'container rm': life('remove'),
  'container wait': life('wait'),
  'container rename': life('rename'),
  'container update': life('update'),
  'container prune': prune('pruneContainers'),
  'container ls': async () => (await import('./ps.js')).ps,
  'container logs': async () => (await import('./logs.js')).logs,
  'container top': async () => (await import('./look.js')).top,
  'container port': async () => (await import('./look.js')).port,
  'container diff': async () => (await import('./look.js')).diff,
  'container stats': async () => (await import('./stats.js')).stats,
  'container cp': async () => (await import('./cp.js')).cp,
  'container inspect': inspect('container'),
  'container commit': archive('commit'),
  'container export': archive('exportContainer'),
  'image pull': image('pull'),
  'image push': image('push'),
  'image tag': image('tag'),
  'image rm': image('removeImages'),
  'image history': image('history'),
  'image ls': async () => (await import('./images.js')).images,
  'image import': archive('importImage'),
  'image load': archive('load'),
  'image save': archive('save'),
  'image inspect': inspect('image'),
  'image prune': prune('pruneImages'),
  login: async () => (await import('./login.js')).login,
  logout: async () => (await import('./login.js')).logout,
  search: image('search'),
  inspect: inspect(null),
  version: async () => (await import('./version.js')).version,
  'system info': async () => (await import('./info.js')).info,
  'system events': async () => (await import('./events.js')).events,
  'system df': async () => (await import('./df.js')).df,
  'system prune': prune('pruneSystem'),
  'network connect': network('connect'),
  'network create': network('create'),
  'network disconnect': network('disconnect'),
  'network inspect': inspect('network'),
  'network ls': network('list'),
  'network prune': prune('pruneNetworks'),
  'network rm': network('remove'),
  'volume create': volume('create'),
  'volume inspect': inspect('volume'),
  'volume ls': volume('list'),
  'volume prune': prune('pruneVolumes'),
  'volume rm': volume('remove'),
  'context inspect': async () => (await import('./contexts.js')).inspect,
  'context ls': async () => (await import('./contexts.js')).list,
  'context show': async () => (await import('./contexts.js')).show,
  'completion bash': async () => (await import('./complete.js')).script('bash'),
  'completion zsh': async () => (await import('./complete.js')).script('zsh'),
  'completion fish': async () => (await import('./complete.js')).script('fish'),
};
