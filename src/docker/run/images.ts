import type { Handler } from '../context.js';
import { formatList } from '../format/formatter.js';
import { type ImageSummary, imageListing, imageRows } from '../format/image.js';
import { write } from '../io.js';
import { filtersOf } from '../opts/filters.js';

/** docker images. */
export const images: Handler = async (context) => {
  const { flags, args, config, engine } = context;
  const filters = [...flags.list('filter'), ...(args[0] === undefined ? [] : [`reference=${args[0]}`])];
  const isQuiet = flags.bool('quiet');
  const given = flags.string('format');
  const format = given === '' && !isQuiet ? (config.formats['imagesFormat'] ?? '') : given;
  const images = await engine.json<readonly ImageSummary[]>('GET', '/images/json', {
    query: { all: flags.bool('all') || undefined, filters: filtersOf(filters) },
  });
  const wantsDigests = flags.bool('digests') || /\{\{[^}]*\.Digest\b/.test(format);
  const rows = imageRows(images, { isShort: !flags.bool('no-trunc'), wantsDigests });
  await write(context.stdout, formatList(imageListing(flags.bool('digests')), format, isQuiet, rows));
  return 0;
};
