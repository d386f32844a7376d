import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DockerServer, type Listener, type ServerBounds, serveDocker } from '../../../engine/api/docker/server.js';
import type { NetworkMembership, ParsedRequest } from '../../../engine/api/docker/services.js';
import type { EngineFacts } from '../../../engine/container/types.js';
import { FakeContainers } from './fake-containers.js';
import { FakeImages } from './fake-images.js';
import { FakeNetworks, FakeVolumes } from './fake-networks.js';

export const FACTS: EngineFacts = {
  id: 'b2c3d4e5-0000-4000-8000-000000000000',
  name: 'lab',
  version: '28.2.2',
  dataRoot: '/var/lib/docker',
  execRoot: '/run/docker',
  startedAt: '2024-01-02T03:04:05Z',
  debug: false,
  liveRestore: true,
  insecureRegistries: ['registry.lab:5000', '10.0.0.0/8'],
  registryMirrors: ['https://mirror.lab/'],
  labels: [],
  runtimes: { glassbox: { path: 'glassbox-runtime' }, runc: { path: 'runc' } },
  defaultRuntime: 'glassbox',
};

/** A server over fakes, on a socket of its own. */
export interface Served {
  readonly socket: string;
  readonly directory: string;
  readonly server: DockerServer;
  readonly containers: FakeContainers;
  readonly images: FakeImages;
  readonly networks: FakeNetworks;
  readonly volumes: FakeVolumes;
  /** What `docker network connect` and `disconnect` asked. */
  readonly moved: unknown[];
  close(): Promise<void>;
}

export async function serveFakes(
  options: {
    readonly bounds?: ServerBounds;
    readonly listeners?: readonly Listener[];
    readonly policy?: (request: ParsedRequest) => void;
  } = {},
): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), 'docker-api-'));
  const socket = join(directory, 'docker.sock');
  const moved: unknown[] = [];
  const membership: NetworkMembership = {
    connect: async (...asked) => void moved.push(asked),
    disconnect: async (...asked) => void moved.push(asked),
  };
  const parts = {
    containers: new FakeContainers(),
    images: new FakeImages(),
    networks: new FakeNetworks(),
    volumes: new FakeVolumes(),
  };
  const server = await serveDocker(
    {
      ...parts,
      facts: FACTS,
      membership,
      ...(options.policy === undefined ? {} : { policy: options.policy }),
    },
    [{ unix: socket }, ...(options.listeners ?? [])],
    options.bounds,
  );
  return {
    ...parts,
    socket,
    directory,
    server,
    moved,
    close: async () => {
      await server.close();
      rmSync(directory, { recursive: true });
    },
  };
}
