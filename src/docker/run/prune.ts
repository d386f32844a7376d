import { type Context, type Handler, say } from '../context.js';
import { CliError } from '../errors.js';
import { humanSize } from '../format/units.js';
import { write } from '../io.js';
import { filtersOf } from '../opts/filters.js';
import { confirm } from './confirm.js';

type Part = 'containers' | 'networks' | 'volumes' | 'images' | 'build';

interface Pruned {
  /** What was removed, as docker lists it. */
  readonly text: string;
  readonly bytes: number;
}

const listed = (title: string, names: readonly string[] | null | undefined): string =>
  names === null || names === undefined || names.length === 0
    ? ''
    : `${title}:\n${names.map((name) => `${name}\n`).join('')}`;

async function pruneOne(context: Context, part: Part, filters: readonly string[]): Promise<Pruned> {
  const query = { filters: filtersOf(filters) };
  const { engine } = context;
  switch (part) {
    case 'containers': {
      const done = await engine.json<{ ContainersDeleted?: string[] | null; SpaceReclaimed: number }>(
        'POST',
        '/containers/prune',
        { query },
      );
      return { text: listed('Deleted Containers', done.ContainersDeleted), bytes: done.SpaceReclaimed };
    }
    case 'networks': {
      const done = await engine.json<{ NetworksDeleted?: string[] | null }>('POST', '/networks/prune', { query });
      return { text: listed('Deleted Networks', done.NetworksDeleted), bytes: 0 };
    }
    case 'volumes': {
      const done = await engine.json<{ VolumesDeleted?: string[] | null; SpaceReclaimed: number }>(
        'POST',
        '/volumes/prune',
        { query },
      );
      return { text: listed('Deleted Volumes', done.VolumesDeleted), bytes: done.SpaceReclaimed };
    }
    case 'images': {
      const done = await engine.json<{
        ImagesDeleted?: { Untagged?: string; Deleted?: string }[] | null;
        SpaceReclaimed: number;
      }>('POST', '/images/prune', { query });
      const lines = (done.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
        Untagged === undefined || Untagged === '' ? `deleted: ${Deleted ?? ''}` : `untagged: ${Untagged}`,
      );
      return { text: listed('Deleted Images', lines), bytes: done.SpaceReclaimed };
    }
    case 'build': {
      const done = await engine.json<{ CachesDeleted?: string[] | null; SpaceReclaimed: number }>(
        'POST',
        '/build/prune',
        { query },
      );
      return { text: listed('Deleted build cache objects', done.CachesDeleted), bytes: done.SpaceReclaimed };
    }
  }
}

async function ask(context: Context, warning: string): Promise<boolean> {
  return context.flags.bool('force') || confirm(context, `${warning}\nAre you sure you want to continue?`);
}

const reclaimed = (context: Context, bytes: number): Promise<void> =>
  say(context, `Total reclaimed space: ${humanSize(bytes)}`);

const pruner =
  (part: Part, warning: (context: Context) => string, filters: (context: Context) => readonly string[]): Handler =>
  async (context) => {
    if (!(await ask(context, warning(context)))) return 0;
    const { text, bytes } = await pruneOne(context, part, filters(context));
    if (text !== '') await write(context.stdout, part === 'networks' ? `${text}\n` : `${text}\n`);
    if (part !== 'networks') await reclaimed(context, bytes);
    return 0;
  };

const given = (context: Context): readonly string[] => context.flags.list('filter');

export const pruneContainers = pruner('containers', () => 'WARNING! This will remove all stopped containers.', given);

export const pruneImages = pruner(
  'images',
  ({ flags }) =>
    flags.bool('all')
      ? 'WARNING! This will remove all images without at least one container associated to them.'
      : 'WARNING! This will remove all dangling images.',
  (context) => [...given(context), `dangling=${!context.flags.bool('all')}`],
);

export const pruneNetworks = pruner(
  'networks',
  () => 'WARNING! This will remove all custom networks not used by at least one container.',
  given,
);

export const pruneVolumes: Handler = async (context) => {
  const { flags } = context;
  const isAll = flags.bool('all');
  if (isAll && given(context).some((one) => /^all=/.test(one)))
    throw new CliError('conflicting options: cannot specify both --all and --filter all=1');
  const extra = isAll && (await context.engine.atLeast('1.42')) ? ['all=true'] : [];
  const warning = isAll
    ? 'WARNING! This will remove all local volumes not used by at least one container.'
    : 'WARNING! This will remove anonymous local volumes not used by at least one container.';
  return pruner(
    'volumes',
    () => warning,
    () => [...given(context), ...extra],
  )(context);
};

/** docker system prune: containers, networks, volumes when asked, images, what building left. */
export const pruneSystem: Handler = async (context) => {
  const { flags } = context;
  const filters = given(context);
  const hasVolumes = flags.bool('volumes');
  if (hasVolumes && filters.some((one) => one.startsWith('until=')))
    throw new CliError('ERROR: The "until" filter is not supported with "--volumes"');
  const what = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(hasVolumes ? ['all anonymous volumes not used by at least one container'] : []),
    flags.bool('all') ? 'all images without at least one container associated to them' : 'all dangling images',
    flags.bool('all') ? 'all build cache' : 'unused build cache',
  ];
  const also =
    filters.length === 0
      ? ''
      : `\n  Items to be pruned will be filtered with:\n${filters.map((one) => `  - ${one}\n`).join('')}`;
  if (!(await ask(context, `WARNING! This will remove:\n${what.map((one) => `  - ${one}\n`).join('')}${also}`)))
    return 0;
  let total = 0;
  for (const part of [
    'containers',
    'networks',
    ...(hasVolumes ? (['volumes'] as const) : []),
    'images',
    'build',
  ] as const) {
    const own =
      part === 'images'
        ? [...filters, `dangling=${!flags.bool('all')}`]
        : part === 'build'
          ? filters.filter((one) => one.startsWith('until='))
          : filters;
    const { text, bytes } = await pruneOne(context, part, own);
    total += bytes;
    if (text !== '') await write(context.stdout, `${text}\n`);
  }
  await reclaimed(context, total);
  return 0;
};
