import { EngineError } from '../client/engine.js';
import { type Context, type Handler, say, warn } from '../context.js';
import { CliError, messageOf } from '../errors.js';
import { formatList, type Listing, printable } from '../format/formatter.js';
import { showProgress } from '../format/progress.js';
import { familiar, familiarName, parseReference, tagged } from '../format/reference.js';
import { ellipsis, humanDuration, humanSize, localTime, shortId } from '../format/units.js';
import { write } from '../io.js';
import { filtersOf } from '../opts/filters.js';
import { checkPlatform } from '../opts/platform.js';
import { fullName, pullImage, registryAuth } from './pull.js';

/** An image's path of the API: slashes of names are parts of it. */
export const imagePath = (name: string, rest = ''): string =>
  `/images/${encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%40', '@')}${rest}`;

/** docker pull. */
export const pull: Handler = async (context) => {
  const { flags, args } = context;
  refuseTrust(context);
  const reference = parseReference(args[0] ?? '');
  const isAll = flags.bool('all-tags');
  if (isAll && (reference.tag !== null || reference.digest !== null))
    throw new CliError("tag can't be used with --all-tags/-a");
  const isQuiet = flags.bool('quiet');
  const platform = flags.string('platform') || (context.env['DOCKER_DEFAULT_PLATFORM'] ?? '');
  if (platform !== '') checkPlatform(platform);
  const named = isAll ? reference : tagged(reference);
  if (!isAll && reference.tag === null && reference.digest === null && !isQuiet)
    await say(context, `Using default tag: latest`);
  await pullImage(context, named, { platform, isQuiet, out: context.stdout, isAll });
  if (!isQuiet) await say(context, fullName(named));
  return 0;
};

function refuseTrust({ flags }: Context): void {
  if (flags.changed('disable-content-trust') && !flags.bool('disable-content-trust'))
    throw new CliError('this command does not check signatures of images');
}

/** docker push. */
export const push: Handler = async (context) => {
  const { flags, args, engine } = context;
  refuseTrust(context);
  let reference = parseReference(args[0] ?? '');
  const isAll = flags.bool('all-tags');
  const isQuiet = flags.bool('quiet');
  if (isAll && reference.tag !== null) throw new CliError("tag can't be used with --all-tags/-a");
  if (!isAll && reference.tag === null && reference.digest === null) {
    reference = tagged(reference);
    if (!isQuiet) await say(context, `Using default tag: ${reference.tag ?? ''}`);
  }
  const platform = flags.string('platform');
  const answer = await engine.request('POST', imagePath(familiarName(reference), '/push'), {
    query: {
      tag: reference.tag ?? undefined,
      platform: platform === '' ? undefined : JSON.stringify(platformOf(platform)),
    },
    headers: { 'x-registry-auth': registryAuth(context, reference.domain) },
  });
  await showProgress(answer, context.stdout, { isQuiet });
  if (isQuiet) await say(context, fullName(reference));
  return 0;
};

function platformOf(text: string): Record<string, string> {
  checkPlatform(text);
  const [os = '', architecture = '', variant = ''] = text.split('/');
  return { os, architecture, ...(variant === '' ? {} : { variant }) };
}

/** docker tag. */
export const tag: Handler = async (context) => {
  const [source = '', target = ''] = context.args;
  let named: ReturnType<typeof parseReference>;
  try {
    named = tagged(parseReference(target));
    if (!/^[a-f0-9]{12,64}$/.test(source)) parseReference(source);
  } catch (error) {
    throw new CliError(
      `Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag: ${messageOf(error)}`,
      1,
      { cause: error },
    );
  }
  if (named.digest !== null) throw new CliError('refusing to create a tag with a digest reference');
  await context.engine.run('POST', imagePath(source, '/tag'), {
    query: { repo: familiarName(named), tag: named.tag ?? 'latest' },
  });
  return 0;
};

/** docker rmi. */
export const removeImages: Handler = async (context) => {
  const { flags, args, engine } = context;
  const query = { force: flags.bool('force') || undefined, noprune: flags.bool('no-prune') || undefined };
  const failures: string[] = [];
  let isFatal = false;
  for (const name of args) {
    try {
      const done = await engine.json<readonly { Untagged?: string; Deleted?: string }[]>('DELETE', imagePath(name), {
        query,
      });
      for (const { Deleted, Untagged } of done)
        await say(
          context,
          printable(Deleted === undefined || Deleted === '' ? `Untagged: ${Untagged ?? ''}` : `Deleted: ${Deleted}`),
        );
    } catch (error) {
      if (!(error instanceof EngineError && error.status === 404)) isFatal = true;
      failures.push(messageOf(error));
    }
  }
  if (failures.length > 0) {
    const message = failures.join('\n');
    if (isFatal || !flags.bool('force')) throw new CliError(message);
    await warn(context, message);
  }
  return 0;
};

interface HistoryEntry {
  readonly Id: string;
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Size: number;
  readonly Comment: string;
  readonly Tags?: readonly string[] | null;
}

function historyListing(isHuman: boolean): Listing {
  return {
    type: '*formatter.historyContext',
    headers: {
      ID: 'IMAGE',
      CreatedSince: isHuman ? 'CREATED' : 'CREATED AT',
      CreatedAt: 'CREATED AT',
      CreatedBy: 'CREATED BY',
      Size: 'SIZE',
      Comment: 'COMMENT',
    },
    table: isHuman
      ? '{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}'
      : '{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}',
    quiet: '{{.ID}}',
  };
}

/** docker history. */
export const history: Handler = async (context) => {
  const { flags, args, engine } = context;
  const platform = flags.string('platform');
  const entries = await engine.json<readonly HistoryEntry[]>('GET', imagePath(args[0] ?? '', '/history'), {
    query: { platform: platform === '' ? undefined : JSON.stringify(platformOf(platform)) },
  });
  const isShort = !flags.bool('no-trunc');
  const isHuman = flags.bool('human');
  const rows = entries.map((one) => {
    const created = localTime(new Date(one.Created * 1000)).replace(
      /^(\S+) (\S+) ([+-]\d\d)(\d\d) .*$/,
      (_, day: string, clock: string, hours: string, minutes: string) =>
        `${day}T${clock}${hours === '+00' && minutes === '00' ? 'Z' : `${hours}:${minutes}`}`,
    );
    return {
      ID: () => (isShort && one.Id !== '<missing>' ? shortId(one.Id) : one.Id),
      CreatedAt: () => created,
      CreatedSince: () =>
        isHuman ? (one.Created <= 0 ? 'N/A' : `${humanDuration(Date.now() - one.Created * 1000)} ago`) : created,
      CreatedBy: () => {
        const by = one.CreatedBy.replaceAll('\t', ' ');
        return isShort ? ellipsis(by, 45) : by;
      },
      Size: () => (isHuman ? humanSize(one.Size, 3) : String(one.Size)),
      Comment: () => one.Comment,
    };
  });
  await write(context.stdout, formatList(historyListing(isHuman), flags.string('format'), flags.bool('quiet'), rows));
  return 0;
};

const SEARCH: Listing = {
  type: '*formatter.searchContext',
  headers: {
    Name: 'NAME',
    Description: 'DESCRIPTION',
    StarCount: 'STARS',
    IsOfficial: 'OFFICIAL',
    IsAutomated: 'AUTOMATED',
  },
  table: '{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}',
};

/** docker search. */
export const search: Handler = async (context) => {
  const { flags, args, engine } = context;
  const term = args[0] ?? '';
  const filters = flags.list('filter');
  const domain = /^[^/]+[.:][^/]*\//.test(term) ? (term.split('/')[0] ?? 'docker.io') : 'docker.io';
  const found = await engine.json<
    readonly { name: string; description: string; star_count: number; is_official: boolean }[]
  >('GET', '/images/search', {
    query: { term, limit: flags.number('limit') > 0 ? flags.number('limit') : undefined, filters: filtersOf(filters) },
    headers: { 'x-registry-auth': registryAuth(context, domain) },
  });
  const isShort = !flags.bool('no-trunc');
  const rows = found.map((one) => ({
    Name: () => one.name,
    Description: () => {
      const text = one.description.replaceAll(/[\r\n]/g, ' ');
      return isShort ? ellipsis(text, 45) : text;
    },
    StarCount: () => String(one.star_count),
    IsOfficial: () => (one.is_official ? '[OK]' : ''),
    IsAutomated: () => '',
  }));
  await write(context.stdout, formatList(SEARCH, flags.string('format'), false, rows));
  return 0;
};

export { familiar };
