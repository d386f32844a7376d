import type { Digest, Image } from './types.js';

/** A row of `docker history`: HistoryResponseItem of the API, newest first. */
export interface HistoryRow {
  /** `<missing>` for a step whose image is not here. */
  readonly Id: string;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Tags: readonly string[] | null;
  readonly Size: number;
  readonly Comment: string;
}

/**
 * How an image came to be. Steps without a layer have size 0; the ids of the steps are those of its parents as far as they are
 * here: moby's daemon/images/image_history.go.
 * @param layers sizes of its layers, lowest first: `ImageService.layersOf`
 * @param find an image by id, null when it is not here
 */
export async function imageHistory(
  image: Image,
  layers: readonly { readonly size: number }[],
  find: (id: Digest) => Promise<Image | null>,
): Promise<HistoryRow[]> {
  let layer = 0;
  const rows: HistoryRow[] = [];
  for (const entry of image.config.history ?? []) {
    const size = entry.empty_layer === true ? 0 : (layers[layer++]?.size ?? 0);
    rows.unshift({
      Id: '<missing>',
      Created: entry.created === undefined ? 0 : Math.floor(Date.parse(entry.created) / 1000),
      CreatedBy: entry.created_by ?? '',
      Tags: null,
      Size: size,
      Comment: entry.comment ?? '',
    });
  }
  let step: Image | null = image;
  for (let i = 0; i < rows.length && step !== null; i++) {
    rows[i] = { ...rows[i]!, Id: step.id, Tags: step.tags.length === 0 ? null : step.tags };
    step = step.parent === null ? null : await find(step.parent);
  }
  return rows;
}
