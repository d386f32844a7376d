import { parseCreate } from '../../engine/api/docker/bodies/create.js';
import { Query } from '../../engine/api/docker/bodies/query.js';
import { ApiVersion } from '../../engine/api/docker/version.js';
import type { Engine } from '../../engine/docker-daemon.js';
import { archive } from './image-crash.js';

/** What an engine does while it is killed. */
export interface EngineOperation {
  readonly prepare?: (engine: Engine) => Promise<void>;
  /** Can be done again, from wherever it was broken off. */
  readonly act: (engine: Engine) => Promise<void>;
  /** The name of the image that is there when it is done. */
  readonly image?: string;
}

async function create({ services }: Engine, script: string): Promise<string> {
  const body = { Image: 'busybox', Cmd: ['sh', '-c', script], Volumes: { '/kept': {} } };
  const { request } = parseCreate(new Query('name=subject'), body, ApiVersion.negotiate(null));
  return (await services.containers.create(request)).Id;
}

const quiet = (): void => undefined;

export const ENGINE_OPERATIONS: Readonly<Record<string, EngineOperation>> = {
  /** Created, started, ended by itself; then started again, stopped, removed. */
  container: {
    act: async (engine) => {
      const { containers } = engine.services;
      const id = await create(engine, 'echo first; test -e /again || { touch /again; exit 3; }; sleep 1000');
      const ended = containers.wait(id, 'next-exit');
      await containers.start(id);
      const { StatusCode } = await ended;
      if (StatusCode !== 3) throw new Error(`it ended with ${StatusCode}`);
      await containers.start(id);
      await containers.stop(id, { timeout: 0, signal: null });
      await containers.remove(id, { force: false, volumes: true, link: false });
    },
  },
  /** From a registry on the loopback of the sandbox. */
  pull: {
    image: '127.0.0.1:5000/subject:1',
    act: async ({ services }) => void (await services.images.pull('127.0.0.1:5000/subject:1', { progress: quiet })),
  },
  load: {
    image: 'loaded:1',
    act: async ({ services }) => void (await services.images.load(await archive(), quiet)),
  },
  /** Of a running container, which is paused meanwhile. */
  commit: {
    image: 'made:1',
    prepare: async (engine) => {
      await engine.services.containers.start(await create(engine, 'echo new >/file; sleep 1000'));
    },
    act: async ({ services }) => {
      const rest = { repo: 'made', tag: '1', comment: '', author: '', changes: [], config: null };
      await services.containers.commit({ container: 'subject', pause: true, ...rest });
    },
  },
  network: {
    act: async ({ services: { networks } }) => {
      const there = (await networks.list()).some(({ Name }) => Name === 'subject');
      if (!there) await networks.create({ Name: 'subject' });
      await networks.remove('subject');
    },
  },
  volume: {
    act: async ({ services: { volumes } }) => {
      await volumes.create({ Name: 'subject', Labels: { a: 'b' } });
      await volumes.remove('subject');
    },
  },
};
