import { EngineError } from '../client/engine.js';
import { type Handler, say } from '../context.js';
import { CliError, messageOf } from '../errors.js';
import { formatList } from '../format/formatter.js';
import { natural } from '../format/natural.js';
import { VOLUMES, type VolumeSummary, volumeRow } from '../format/volume.js';
import { write } from '../io.js';
import { pairs } from '../opts/files.js';
import { filtersOf } from '../opts/filters.js';

/** docker volume ls. */
export const list: Handler = async (context) => {
  const { flags, config, engine } = context;
  const { Volumes: volumes } = await engine.json<{ Volumes: readonly VolumeSummary[] | null }>('GET', '/volumes', {
    query: { filters: filtersOf(flags.list('filter')) },
  });
  const rows = [...(volumes ?? [])].sort((a, b) => natural(a.Name, b.Name)).map(volumeRow);
  const format = flags.string('format');
  const isQuiet = flags.bool('quiet');
  await write(
    context.stdout,
    formatList(VOLUMES, format === '' && !isQuiet ? (config.formats['volumesFormat'] ?? '') : format, isQuiet, rows),
  );
  return 0;
};

/** docker volume create. */
export const create: Handler = async (context) => {
  const { flags, args, engine } = context;
  if (args[0] !== undefined && flags.changed('name'))
    throw new CliError('conflicting options: cannot specify a volume-name through both --name and as a positional arg');
  const name = args[0] ?? flags.string('name');
  const made = await engine.json<{ Name: string }>('POST', '/volumes/create', {
    body: {
      Name: name,
      Driver: flags.string('driver'),
      DriverOpts: pairs(flags.list('opt')),
      Labels: pairs(flags.list('label')),
    },
  });
  await say(context, made.Name);
  return 0;
};

/** docker volume rm. */
export const remove: Handler = async (context) => {
  const { flags, args, engine } = context;
  const failures: string[] = [];
  for (const name of args) {
    try {
      await engine.run('DELETE', `/volumes/${encodeURIComponent(name)}`, {
        query: { force: flags.bool('force') || undefined },
      });
      await say(context, name);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      failures.push(messageOf(error));
    }
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
  return 0;
};
