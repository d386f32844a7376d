import { applyChanges } from '../image/archive/changes.js';
import type { ImageRunConfig } from '../image/types.js';
import { EngineError } from '../kernel/errors.js';
import { attributesOf } from './create.js';
import type { ContainerDeps } from './deps.js';
import { type ContainerRecord, isRunning } from './record.js';
import type { CommitRequest, ContainerConfig } from './types.js';

/** `docker commit`: the writable layer becomes an image's, with the container's configuration and the changes that were asked for. */
export async function commitContainer(
  deps: ContainerDeps,
  record: ContainerRecord,
  request: CommitRequest,
  freeze: { readonly pause: () => Promise<void>; readonly unpause: () => Promise<void> },
): Promise<{ Id: string }> {
  const config = applyChanges({ ...runConfigOf(record.config), ...request.config }, request.changes);
  const paused = request.pause && isRunning(record) && record.state.status !== 'paused';
  if (paused) await unlessEnded(freeze.pause);
  try {
    const { upper } = await deps.images.snapshot(record.id);
    const image = record.imageId === null ? null : await deps.images.get(record.imageId);
    const made = await deps.images.commit({
      image,
      upper,
      config,
      ...(request.repo === ''
        ? {}
        : { reference: request.tag === '' ? request.repo : `${request.repo}:${request.tag}` }),
      author: request.author,
      message: request.comment,
      createdBy: record.command.join(' '),
    });
    const imageRef = request.repo === '' ? '' : (made.tags.find((tag) => tag.startsWith(request.repo)) ?? '');
    deps.events.emit(
      'container',
      'commit',
      record.id,
      attributesOf(record, { comment: request.comment, imageID: made.id, imageRef }),
    );
    return { Id: made.id };
  } finally {
    if (paused) await unlessEnded(freeze.unpause);
  }
}

/** What has ended in the meantime holds its files still just as well. */
async function unlessEnded(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'FailedPrecondition')) throw error;
  }
}

/** What of a container's configuration belongs to an image: not its streams and names. */
const OF_IMAGE = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'StopTimeout',
  'Healthcheck',
  'OnBuild',
  'Shell',
] as const satisfies readonly (keyof ContainerConfig & keyof ImageRunConfig)[];

function runConfigOf(config: ContainerConfig): ImageRunConfig {
  return Object.fromEntries(OF_IMAGE.filter((key) => config[key] !== undefined).map((key) => [key, config[key]]));
}
