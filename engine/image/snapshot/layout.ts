import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { EngineError } from '../../kernel/errors.js';
import type { Digest } from '../types.js';

/** Paths of the store; see README.md. */
export class Layout {
  readonly top: string;
  readonly layers: string;
  readonly incomplete: string;
  readonly links: string;
  readonly snapshots: string;
  /** What a snapshot above no layer stands on: overlay wants one. */
  readonly empty: string;

  /** @param root the engine's data directory */
  constructor(root: string) {
    this.top = join(root, 'image/overlay');
    this.layers = join(this.top, 'layers');
    this.incomplete = join(this.top, 'incomplete');
    this.links = join(this.top, 'l');
    this.snapshots = join(this.top, 'snapshots');
    this.empty = join(this.top, 'empty');
  }

  layer(chainId: Digest): string {
    return join(this.layers, chainId.slice('sha256:'.length));
  }

  diff(chainId: Digest): string {
    return join(this.layer(chainId), 'diff');
  }

  link(name: string): string {
    return join(this.links, linkName(name));
  }

  /** Name in `layers/` of what lies between a layer and the snapshots above it. */
  initName(top: Digest | null): string {
    return `${top === null ? 'none' : top.slice('sha256:'.length)}-init`;
  }

  snapshot(id: string): string {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(id))
      throw new EngineError('InvalidArgument', `snapshot ${JSON.stringify(id.slice(0, 150))}: no valid name`);
    return join(this.snapshots, id);
  }
}

/** Eight characters instead of a layer's 64: with them 127 layers fit into the page that mount(2) takes. */
export function linkName(layer: string): string {
  return createHash('sha256').update(layer).digest('base64url').slice(0, 8);
}

/** The short name of a layer's directory, from the directory alone: `…/layers/HEX/diff` -> `…/l`, NAME; null for any other. */
export function shortLink(directory: string): { readonly links: string; readonly name: string } | null {
  const layer = dirname(directory);
  if (basename(directory) !== 'diff' || basename(dirname(layer)) !== 'layers') return null;
  return { links: join(dirname(dirname(layer)), 'l'), name: linkName(basename(layer)) };
}
