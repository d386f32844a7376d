import { readFile } from 'node:fs/promises';
import { EngineError } from '../../kernel/errors.js';
import { isDigest } from '../digest.js';
import type { Digest } from '../types.js';
import type { LayerRecord } from './types.js';

/** What stands in `layer.json`. */
export interface StoredLayer extends LayerRecord {
  readonly version: 1;
  /** Whether its overlay marks are `user.overlay.*`. */
  readonly userxattr: boolean;
}

/** What stands in `snapshot.json`. */
export interface StoredSnapshot {
  readonly version: 1;
  readonly id: string;
  readonly top: Digest | null;
  /** Whether the layer with a container's mount points is below it. */
  readonly init: boolean;
}

/** Null when there is no record, or none that makes sense. */
export async function readLayerRecord(path: string): Promise<StoredLayer | null> {
  const value = await readJson(path);
  if (value === null || value['version'] !== 1) return null;
  const { chainId, diffId, parent, size, inodes, created, userxattr } = value;
  if (!isDigest(chainId) || !isDigest(diffId) || !(parent === null || isDigest(parent))) return null;
  if (!isCount(size) || !isCount(inodes) || typeof created !== 'string' || typeof userxattr !== 'boolean') return null;
  return { version: 1, chainId, diffId, parent, size, inodes, created, userxattr };
}

export async function readSnapshotRecord(path: string): Promise<StoredSnapshot | null> {
  const value = await readJson(path);
  if (value === null || value['version'] !== 1) return null;
  const { id, top, init } = value;
  if (typeof id !== 'string' || !(top === null || isDigest(top))) return null;
  return { version: 1, id, top, init: init === true };
}

async function readJson(path: string): Promise<Record<string, unknown> | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new EngineError('Internal', `read ${path}`, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
