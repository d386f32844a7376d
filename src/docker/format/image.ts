import type { Listing, Row } from './formatter.js';
import { splitName } from './reference.js';
import { humanDuration, humanSize, localTime, shortId } from './units.js';

/** What GET /images/json says of one image, as far as it is shown. */
export interface ImageSummary {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  readonly Created: number;
  readonly Size: number;
  readonly SharedSize?: number;
  readonly VirtualSize?: number;
  readonly Containers?: number;
}

interface NamedImage {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

export function imageListing(hasDigests: boolean): Listing {
  const digest = hasDigests ? '\t{{.Digest}}' : '';
  return {
    type: '*formatter.imageContext',
    headers: {
      ID: 'IMAGE ID',
      Repository: 'REPOSITORY',
      Tag: 'TAG',
      Digest: 'DIGEST',
      CreatedSince: 'CREATED',
      CreatedAt: 'CREATED AT',
      Size: 'SIZE',
      Containers: 'CONTAINERS',
      VirtualSize: 'SIZE',
      SharedSize: 'SHARED SIZE',
      UniqueSize: 'UNIQUE SIZE',
    },
    table: `{{.Repository}}\t{{.Tag}}${digest}\t{{.ID}}\t{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}`,
    quiet: '{{.ID}}',
    raw: `repository: {{.Repository}}
{{if .Tag}}tag: {{.Tag}}
{{end}}${hasDigests ? '{{if .Digest}}digest: {{.Digest}}\n{{end}}' : ''}image_id: {{.ID}}
created_at: {{.CreatedAt}}
virtual_size: {{.Size}}
`,
  };
}

const NONE = '<none>';

/** One row for each name: tags, and digests where they are asked for or are the only names. */
function namesOf(image: ImageSummary, wantsDigests: boolean): NamedImage[] {
  const tags = new Map<string, string[]>();
  const digests = new Map<string, string[]>();
  const add = (map: Map<string, string[]>, name: string, value: string): void =>
    void map.set(name, [...(map.get(name) ?? []), value]);
  for (const text of image.RepoTags ?? []) {
    const { name, tag } = splitName(text);
    if (text !== '<none>:<none>' && tag !== null) add(tags, name, tag);
  }
  for (const text of image.RepoDigests ?? []) {
    const { name, digest } = splitName(text);
    if (text !== '<none>@<none>' && digest !== null) add(digests, name, digest);
  }
  const out: NamedImage[] = [];
  for (const [repository, list] of tags) {
    const known = digests.get(repository) ?? [];
    digests.delete(repository);
    for (const tag of list)
      for (const digest of wantsDigests && known.length > 0 ? known : [NONE])
        out.push({ image, repository, tag, digest });
  }
  for (const [repository, list] of digests)
    for (const digest of wantsDigests ? list : list.slice(0, 1)) out.push({ image, repository, tag: NONE, digest });
  return out.length === 0 ? [{ image, repository: NONE, tag: NONE, digest: NONE }] : out;
}

export function imageRows(
  images: readonly ImageSummary[],
  options: { isShort: boolean; wantsDigests: boolean },
  now = Date.now(),
): Row[] {
  return images.flatMap((image) =>
    namesOf(image, options.wantsDigests).map((named) => imageRow(named, options.isShort, now)),
  );
}

export function imageRow({ image, repository, tag, digest }: NamedImage, isShort: boolean, now = Date.now()): Row {
  const known = (size: number | undefined, show: (size: number) => string): string =>
    size === undefined || size === -1 ? 'N/A' : show(size);
  const created = image.Created * 1000;
  return {
    ID: () => (isShort ? shortId(image.Id) : image.Id),
    Repository: () => repository,
    Tag: () => tag,
    Digest: () => digest,
    CreatedSince: () => (created <= 0 ? 'N/A' : `${humanDuration(now - created)} ago`),
    CreatedAt: () => (created <= 0 ? 'N/A' : localTime(new Date(created))),
    Size: () => humanSize(image.Size, 3),
    Containers: () => known(image.Containers, String),
    VirtualSize: () => humanSize(image.Size),
    SharedSize: () => known(image.SharedSize, (size) => humanSize(size)),
    UniqueSize: () => known(image.SharedSize, (size) => humanSize(image.Size - size)),
  };
}
