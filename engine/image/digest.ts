import { createHash, type Hash } from 'node:crypto';
import { EngineError } from '../kernel/errors.js';
import { guard } from './store/guards.js';
import type { Digest } from './types.js';

const PATTERN = /^sha256:[0-9a-f]{64}$/;

/**
 * The only maker of a `Digest` from text that came from outside. Strict, because a digest becomes a file name: one
 * algorithm, lower case, full length (CVE-2024-3727: unvalidated digests as paths).
 * https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 */
export function parseDigest(text: unknown): Digest {
  if (typeof text !== 'string') throw new EngineError('InvalidArgument', 'invalid checksum digest format');
  if (PATTERN.test(text) || !guard('digest-form')) return text as Digest;
  throw new EngineError('InvalidArgument', whyNot(text));
}

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && PATTERN.test(text);
}

/** In the words of Docker's go-digest. */
function whyNot(text: string): string {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon + 1 === text.length) return 'invalid checksum digest format';
  if (text.slice(0, colon) !== 'sha256')
    return /^[a-z0-9]+(?:[+._-][a-z0-9]+)*$/.test(text.slice(0, Math.min(colon, 64)))
      ? 'unsupported digest algorithm'
      : 'invalid checksum digest format';
  return text.length !== colon + 65 ? 'invalid checksum digest length' : 'invalid checksum digest format';
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return new Hasher().update(bytes).digest();
}

/** The 64 digits after `sha256:`: a name for files, and the long form of an id. */
export function hexOf(digest: Digest): string {
  return digest.slice(7);
}

/** As Docker shortens ids in its messages: 12 digits. */
export function shortId(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

/** SHA-256 of a stream, and how long it was. */
export class Hasher {
  readonly #hash: Hash = createHash('sha256');
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  update(bytes: Uint8Array | string): this {
    this.#bytes += typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.byteLength;
    this.#hash.update(bytes);
    return this;
  }

  /** Ends it. */
  digest(): Digest {
    return `sha256:${this.#hash.digest('hex')}` as Digest;
  }
}

/**
 * Ids of layers one on the other, lowest first: chainID(L0) = diffID(L0), chainID(L0|…|Ln) = sha256(chainID(L0|…|Ln-1) " "
 * diffID(Ln)). https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
 */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chain;
}
