import { EngineError } from '../kernel/errors.js';
import type { ContainerDeps } from './deps.js';
import type { ContainerRecord } from './record.js';
import type { PathStat } from './types.js';

const later = (): never => {
  throw new EngineError('NotImplemented', 'files of a container cannot be copied yet');
};

export async function statPath(_deps: ContainerDeps, _record: ContainerRecord, _path: string): Promise<PathStat> {
  return later();
}

export async function getArchive(
  _deps: ContainerDeps,
  _record: ContainerRecord,
  _path: string,
): Promise<{ stat: PathStat; tar: AsyncIterable<Uint8Array> }> {
  return later();
}

export async function putArchive(
  _deps: ContainerDeps,
  _record: ContainerRecord,
  _path: string,
  _tar: AsyncIterable<Uint8Array>,
  _options: { readonly noOverwriteDirNonDir: boolean; readonly copyUidGid: boolean },
): Promise<void> {
  return later();
}

export async function exportRoot(_deps: ContainerDeps, _record: ContainerRecord): Promise<AsyncIterable<Uint8Array>> {
  return later();
}
