import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../kernel/errors.js';
import { MEDIA } from '../manifest.js';
import { familiar, parseAnyReference, parseReference, type Reference, withDefaultTag } from '../reference.js';
import { ownPlatform } from '../registry/platform.js';
import type { LayerBlob } from '../store/backend.js';
import { writeDurably } from '../store/durable.js';
import { encodeConfig, type ImageStore } from '../store/image-store.js';
import { KeyedLock } from '../store/keyed-lock.js';
import type { Lease } from '../store/lease.js';
import { parseStrictJson } from '../store/strict-json.js';
import type { HistoryEntry, Image, ImageRunConfig } from '../types.js';
import { busyboxTree, findBusybox } from './busybox.js';
import { BASE, type Recipe, recipeOf } from './recipes.js';
import { type ImageTree, MADE } from './tree.js';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
export const STAND_IN = 'io.glassbox.stand-in';

/** Makes the base image and the stand-ins: each once by itself, and again when somebody pulls a name that no registry gives. */
export class BaseImages {
  readonly #store: ImageStore;
  readonly #lock = new KeyedLock();
  readonly #path: string;

  constructor(store: ImageStore) {
    this.#store = store;
    this.#path = join(store.options.root, 'image', 'made.json');
  }

  /** Whether an image of this name can be made here. */
  knows(name: string): boolean {
    const reference = parseAnyReference(name);
    return 'name' in reference && recipeOf(reference.name) !== null;
  }

  /** Make it if it was never made here: who removed it wants it gone. False: nothing was done. */
  async ensure(name: string): Promise<boolean> {
    const reference = withDefaultTag(parseReference(name));
    if (recipeOf(reference) === null || this.#store.repositories.get(reference) !== null) return false;
    if ((await this.#made()).includes(familiar(reference))) return false;
    await this.make(name);
    return true;
  }

  /** A name was removed: it comes back by a pull only, also if it was not made here. */
  async forget(name: string): Promise<void> {
    const reference = parseReference(name);
    if (recipeOf(reference) !== null) await this.#remember(familiar(reference));
  }

  /** FailedPrecondition, with what to install, when the machine has not got what the image is made of. */
  async make(name: string): Promise<Image> {
    const reference = withDefaultTag(parseReference(name));
    const recipe = recipeOf(reference);
    if (recipe === null) throw new EngineError('NotFound', `No such image: ${familiar(reference)}`);
    return this.#lock.hold('', async () => {
      const lease = this.#store.lease();
      try {
        const image = await this.#register(recipe, reference, lease);
        await this.#remember(familiar(reference));
        return image;
      } finally {
        lease.release();
      }
    });
  }

  async #register(recipe: Recipe | 'base', reference: Reference, lease: Lease): Promise<Image> {
    const busybox = await findBusybox();
    const base = await this.#layer(await busyboxTree(busybox), lease);
    const made = `${busybox.version}, ${busybox.program}${busybox.isStatic ? '' : ' with its libraries'}`;
    if (recipe === 'base')
      return this.#put(reference, [base], {
        config: { Cmd: ['sh'] },
        comment: `${BASE.repository} made on this machine of ${made}; not Docker's official image`,
        steps: [`ADD ${made} in /`],
      });
    const own = await this.#layer(await recipe.tree(), lease);
    return this.#put(reference, [base, own], {
      config: recipe.config,
      labels: { [STAND_IN]: `${recipe.standsFor}; made on this machine` },
      steps: [`ADD ${made} in /`, `ADD files of ${recipe.repository}'s stand-in in /`],
    });
  }

  async #layer(tree: ImageTree, lease: Lease): Promise<LayerBlob> {
    const { digest, size } = await this.#store.content.ingest(tree.tar(), { lease });
    return { descriptor: { mediaType: MEDIA.layer, digest, size } };
  }

  async #put(
    reference: Reference,
    layers: readonly LayerBlob[],
    made: {
      readonly config: ImageRunConfig;
      readonly labels?: Readonly<Record<string, string>>;
      /** What inspect shows as such. The base has no label: containers would have it too, and Docker's own has none. */
      readonly comment?: string;
      readonly steps: readonly string[];
    },
  ): Promise<Image> {
    const { architecture, variant } = ownPlatform();
    const history: HistoryEntry[] = made.steps.map((step) => ({ created: MADE, created_by: step }));
    const command = made.config.Cmd ?? [];
    const { bytes } = encodeConfig({
      created: MADE,
      architecture,
      ...(variant === undefined ? {} : { variant }),
      os: 'linux',
      config: { Env: [PATH], ...made.config, ...(made.labels === undefined ? {} : { Labels: made.labels }) },
      rootfs: { type: 'layers', diff_ids: layers.map(({ descriptor }) => descriptor.digest) },
      history: [
        ...history,
        {
          created: MADE,
          created_by: `CMD ${JSON.stringify(command)}`,
          empty_layer: true,
          ...(made.comment === undefined ? {} : { comment: made.comment }),
        },
      ],
    });
    return this.#store.registerImage({ config: bytes, layers, references: [reference] });
  }

  async #made(): Promise<string[]> {
    const bytes = await readFile(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    try {
      const names = bytes === null ? [] : parseStrictJson(bytes, this.#path, 1 << 16);
      return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
    } catch (error) {
      // damaged: what is worst is that an image is made once more
      if (error instanceof EngineError) return [];
      throw error;
    }
  }

  async #remember(name: string): Promise<void> {
    const names = await this.#made();
    if (!names.includes(name)) await writeDurably(this.#path, JSON.stringify([...names, name].sort()));
  }
}
