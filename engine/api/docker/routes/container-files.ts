import type { PathStat } from '../../../container/types.js';
import { bad } from '../bodies/fields.js';
import { sendBytes, sendEmpty } from '../http/send.js';
import { type Endpoint, endpoint, type Input } from '../router.js';
import { upload } from './upload.js';

const TAR = 'application/x-tar';

function located({ name, query }: Input): { name: string; path: string } {
  if (name === '') bad('bad parameter: name cannot be empty');
  return { name, path: query.text('path') || bad('bad parameter: path cannot be empty') };
}

/** Base64 of JSON, for a header. */
function statHeader(stat: PathStat): Record<string, string> {
  return { 'X-Docker-Container-Path-Stat': Buffer.from(JSON.stringify(stat)).toString('base64') };
}

export const CONTAINER_FILES: readonly Endpoint[] = [
  endpoint(
    'ContainerArchiveInfo HEAD /containers/{id}/archive',
    'none',
    located,
    async ({ name, path }, { services, response }) => {
      response.writeHead(200, statHeader(await services.containers.statPath(name, path)));
      response.end();
    },
  ),
  endpoint(
    'ContainerArchive GET /containers/{id}/archive',
    'none',
    located,
    async ({ name, path }, { services, response }) => {
      const { stat, tar } = await services.containers.getArchive(name, path);
      await sendBytes(response, TAR, tar, statHeader(stat));
    },
  ),
  endpoint(
    'PutContainerArchive PUT /containers/{id}/archive',
    'stream',
    (input) => ({
      ...located(input),
      how: {
        noOverwriteDirNonDir: input.query.flag('noOverwriteDirNonDir'),
        copyUidGid: input.query.flag('copyUIDGID'),
      },
    }),
    async ({ name, path, how }, { services, request, response }) => {
      await services.containers.putArchive(name, path, upload(request, response), how);
      sendEmpty(response, 200);
    },
  ),
  endpoint(
    'ContainerExport GET /containers/{id}/export',
    'none',
    ({ name }) => name,
    async (name, { services, response }) =>
      sendBytes(response, 'application/octet-stream', await services.containers.exportRootfs(name)),
  ),
];
