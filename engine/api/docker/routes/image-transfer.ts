import { isDigest } from '../../../image/digest.js';
import { parseReference } from '../../../image/reference.js';
import { transportError } from '../../../image/registry/transport-errors.js';
import type { ImportOptions, Progress } from '../../../image/types.js';
import { EngineError } from '../../../kernel/errors.js';
import { parseAuthHeader } from '../bodies/auth.js';
import { bad, present } from '../bodies/fields.js';
import { ProgressLines, sendBytes } from '../http/send.js';
import { type Endpoint, type Exchange, endpoint, type Input } from '../router.js';
import { repoTag } from './images.js';
import { parsePlatform } from './platform.js';
import { upload } from './upload.js';

const TAR = 'application/x-tar';

/** POST /images/create is two things: a pull, and an import. */
type Creation = Pull | Import;

interface Pull {
  readonly what: 'pull';
  readonly name: string;
  readonly allTags: boolean;
  readonly auth: ReturnType<typeof parseAuthHeader>;
  readonly platform: ReturnType<typeof parsePlatform>;
}

interface Import {
  readonly what: 'import';
  /** `-`: the body. */
  readonly source: string;
  readonly options: ImportOptions;
}

function creating({ query, headers, version }: Input): Creation {
  const platform = version.atLeast(32) ? parsePlatform(query.text('platform')) : undefined;
  const from = query.text('fromImage');
  const tag = query.text('tag');
  if (from === '') {
    const source = query.text('fromSrc');
    if (source === '') bad('either fromImage or fromSrc is needed');
    if (platform !== undefined && platform.os !== 'linux') bad('operating system is not supported');
    const options = present({
      reference: repoTag(query) || undefined,
      message: query.text('message') || `Imported from ${source}`,
      changes: query.all('changes'),
      platform,
    });
    return { what: 'import', source, options };
  }
  const bare = from.replace(/:$/, '');
  const name = tag === '' ? bare : isDigest(tag) ? `${bare}@${tag}` : `${bare}:${tag}`;
  const reference = parseReference(name);
  if (reference.path === 'library/scratch') throw new EngineError('PermissionDenied', "'scratch' is a reserved name");
  const allTags = reference.tag === null && reference.digest === null;
  return { what: 'pull', name, allTags, auth: parseAuthHeader(headers['x-registry-auth']), platform };
}

export const IMAGE_TRANSFER: readonly Endpoint[] = [
  endpoint('ImageCreate POST /images/create', 'stream', creating, async (asked, exchange) =>
    asked.what === 'pull' ? pull(asked, exchange) : importImage(asked, exchange),
  ),
  endpoint(
    'ImagePush POST /images/{name}/push',
    'none',
    ({ name, query, headers, version }) => {
      const tag = query.text('tag');
      const full = tag === '' ? name : `${name}:${tag}`;
      parseReference(full);
      return {
        name: full,
        allTags: tag === '',
        auth: parseAuthHeader(headers['x-registry-auth']),
        platform: version.atLeast(46) ? parsePlatform(query.text('platform')) : undefined,
      };
    },
    async ({ name, ...how }, { services, response, signal }) => {
      const lines = new ProgressLines(response);
      await lines.run(() => services.images.push(name, { ...present(how), progress: lines.say, signal }));
    },
  ),
  endpoint(
    'ImageLoad POST /images/load',
    'stream',
    ({ query }) => ({ quiet: query.flag('quiet', true) }),
    async ({ quiet }, { services, request, response }) => {
      const lines = new ProgressLines(response);
      const told = new Set<string>();
      const say = (line: Progress): void => {
        if (line.stream !== undefined) told.add(line.stream);
        else if (quiet) return;
        lines.say(line);
      };
      await lines.run(async () => {
        const loaded = await services.images.load(upload(request, response), say);
        if (told.size > 0) return;
        for (const { id, tags } of loaded) {
          if (tags.length === 0) lines.say({ stream: `Loaded image ID: ${id}\n` });
          for (const tag of tags) lines.say({ stream: `Loaded image: ${tag}\n` });
        }
      }, true);
    },
  ),
  endpoint(
    'ImageGet GET /images/{name}/get',
    'none',
    ({ name, query, version }) => saving([name], query.text('platform'), version.atLeast(48)),
    save,
  ),
  endpoint(
    'ImageGetAll GET /images/get',
    'none',
    ({ query, version }) => saving(query.all('names'), query.text('platform'), version.atLeast(48)),
    save,
  ),
];

async function pull({ name, ...how }: Pull, { services, response, signal }: Exchange): Promise<void> {
  const lines = new ProgressLines(response);
  const { what: _, ...options } = how;
  await lines.run(async () => {
    await services.images.pull(name, { ...present(options), progress: lines.say, signal });
  });
}

async function importImage({ source, options }: Import, exchange: Exchange): Promise<void> {
  const { services, request, response, signal } = exchange;
  const lines = new ProgressLines(response);
  await lines.run(async () => {
    const tar = source === '-' ? upload(request, response) : await download(source, signal, lines);
    const { id } = await services.images.import(tar, options);
    lines.say({ status: id });
  });
}

/** `docker import http://…`: the engine fetches it. */
async function download(source: string, signal: AbortSignal, lines: ProgressLines): Promise<AsyncIterable<Uint8Array>> {
  const url = source.includes('://') ? source : `http://${source}`;
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return bad(`invalid URL: ${source.slice(0, 300)}`);
  let answer: Response;
  try {
    answer = await fetch(url, { signal });
  } catch (error) {
    const { message } = transportError('GET', new URL(url), error instanceof Error ? (error.cause ?? error) : error);
    throw new EngineError('Unavailable', `failed to GET ${url}: ${message}`, { cause: error });
  }
  if (!answer.ok || answer.body === null)
    throw new EngineError('InvalidArgument', `failed to GET ${url} with status ${answer.status} ${answer.statusText}`);
  lines.say({ status: `Downloading from ${url}` });
  return answer.body;
}

interface Saving {
  readonly names: readonly string[];
  readonly how: { readonly platform?: NonNullable<ReturnType<typeof parsePlatform>> };
}

function saving(names: readonly string[], platform: string, withPlatform: boolean): Saving {
  return { names, how: present({ platform: withPlatform ? parsePlatform(platform) : undefined }) };
}

async function save({ names, how }: Saving, { services, response }: Exchange): Promise<void> {
  await sendBytes(response, TAR, services.images.save(names, how));
}
