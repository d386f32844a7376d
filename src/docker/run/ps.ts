import { type Handler, warn } from '../context.js';
import { CliError } from '../errors.js';
import { type ContainerSummary, containerListing, containerRow } from '../format/container.js';
import { formatList } from '../format/formatter.js';
import { write } from '../io.js';
import { filtersOf } from '../opts/filters.js';
import { Template, TemplateError } from '../template/index.js';

/** docker ps. */
export const ps: Handler = async (context) => {
  const { flags, config, engine } = context;
  let format = flags.string('format');
  const isQuiet = flags.bool('quiet');
  if (isQuiet && format !== '')
    await warn(context, 'WARNING: Ignoring custom format, because both --format and --quiet are set.');
  if (isQuiet) format = '';
  else if (format === '') format = config.formats['psFormat'] ?? '';
  const last = flags.bool('latest') && !flags.changed('last') ? 1 : flags.number('last');
  const hasSize = flags.bool('size');
  const containers = await engine.json<readonly ContainerSummary[]>('GET', '/containers/json', {
    query: {
      all: flags.bool('all') || undefined,
      limit: last > 0 ? last : undefined,
      size: hasSize || (!flags.changed('size') && asksForSize(format)) || undefined,
      filters: filtersOf(flags.list('filter')),
    },
  });
  const rows = containers.map((one) => containerRow(one, !flags.bool('no-trunc')));
  await write(context.stdout, formatList(containerListing(hasSize), format, isQuiet, rows));
  return 0;
};

/** Whether a template of the user's shows sizes, which cost the engine a walk through the files. */
function asksForSize(format: string): boolean {
  if (format === '' || format === 'table' || format === 'json' || format === 'raw') return false;
  try {
    new Template(format);
  } catch (error) {
    if (error instanceof TemplateError)
      throw new CliError(`failed to parse template: ${error.message}`, 1, { cause: error });
    throw error;
  }
  return /\.Size\b|\bjson \.\s*\}/.test(format);
}
