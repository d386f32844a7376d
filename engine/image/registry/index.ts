import { join } from 'node:path';
import type { ImageBackend } from '../store/backend.js';
import type { Image, ImageService, PullOptions, PushOptions, RegistryAuth, SearchResult } from '../types.js';
import { type DistributionInspect, inspectDistribution } from './distribution.js';
import { Endpoints, type RegistryConfig } from './endpoints.js';
import { Limit } from './limit.js';
import { login } from './login.js';
import { Origins } from './origins.js';
import { pull } from './pull.js';
import { push } from './push.js';
import { type SearchOptions, search } from './search.js';

export type { RegistryConfig } from './endpoints.js';
export { RegistryError } from './errors.js';
export { ByteProgress, type Report, update } from './progress.js';

/** dockerd's max-concurrent-downloads and max-concurrent-uploads. */
const DOWNLOADS = 3;
const UPLOADS = 5;

/** The part of the image service that talks to registries. One for an engine: its limits are for all operations together. */
export class Registries implements Pick<ImageService, 'pull' | 'push' | 'search' | 'login' | 'distribution'> {
  readonly #backend: ImageBackend;
  readonly #endpoints: Endpoints;
  readonly #origins: Origins;
  readonly #downloads = new Limit(DOWNLOADS);
  readonly #uploads = new Limit(UPLOADS);
  readonly #secondMs: number | undefined;

  /** @param config besides what the backend's options say */
  constructor(backend: ImageBackend, config: RegistryConfig = {}) {
    const { insecureRegistries = [], registryMirrors = [], root } = backend.options;
    this.#backend = backend;
    this.#endpoints = new Endpoints({ insecureRegistries, registryMirrors, ...config });
    this.#origins = new Origins(join(root, 'image', 'distribution'));
    this.#secondMs = config.retrySecondMs;
  }

  pull(name: string, options: PullOptions): Promise<Image> {
    return pull({ ...this.#shared(), downloads: this.#downloads }, name, options);
  }

  push(name: string, options: PushOptions): Promise<void> {
    return push({ ...this.#shared(), uploads: this.#uploads }, name, options);
  }

  search(term: string, options: SearchOptions): Promise<readonly SearchResult[]> {
    return search(this.#endpoints, term, options);
  }

  login(auth: RegistryAuth): Promise<{ readonly Status: string; readonly IdentityToken?: string }> {
    return login(this.#endpoints, auth);
  }

  distribution(name: string, auth?: RegistryAuth): Promise<DistributionInspect> {
    return inspectDistribution(this.#endpoints, name, auth);
  }

  #shared(): { backend: ImageBackend; endpoints: Endpoints; origins: Origins; secondMs: number | undefined } {
    return { backend: this.#backend, endpoints: this.#endpoints, origins: this.#origins, secondMs: this.#secondMs };
  }
}
