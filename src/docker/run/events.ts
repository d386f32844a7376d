import { jsonLines } from '../client/streams.js';
import { type Handler, say } from '../context.js';
import { CliError } from '../errors.js';
import { printable } from '../format/formatter.js';
import { parseJson } from '../inspect/json.js';
import { typed } from '../inspect/typed.js';
import { filtersOf } from '../opts/filters.js';
import { timestamp } from '../opts/times.js';
import { encodeValue } from '../template/encode.js';
import { GoMap, GoStruct, TemplateError, type Value } from '../template/index.js';
import { templateOf } from './inspect.js';

/** docker events. */
export const events: Handler = async (context) => {
  const { flags, engine } = context;
  const format = flags.string('format');
  const template = format === '' || format === 'json' ? null : templateOf(format);
  const answer = await engine.request('GET', '/events', {
    query: {
      since: timestamp(flags.string('since'), null) || undefined,
      until: timestamp(flags.string('until'), null) || undefined,
      filters: filtersOf(flags.list('filter')),
    },
  });
  for await (const line of jsonLines(answer)) {
    const event = typed('events.Message', parseJson(line));
    if (format === '') await say(context, eventText(event));
    else if (format === 'json') await say(context, encodeValue(event, false));
    else {
      try {
        await say(context, template?.run(event) ?? '');
      } catch (error) {
        if (error instanceof TemplateError) throw new CliError(error.message, 1, { cause: error });
        throw error;
      }
    }
  }
  return 0;
};

/** `TIME TYPE ACTION ID (name=value, …)`. */
function eventText(event: Value): string {
  if (!(event instanceof GoStruct)) return '';
  const word = (from: GoStruct, name: string): string => {
    const value = from.field(name);
    return typeof value === 'string' ? printable(value) : '';
  };
  const nano = event.field('TimeNano');
  const seconds = event.field('Time');
  const time =
    typeof nano === 'bigint' && nano !== 0n ? nano : (typeof seconds === 'bigint' ? seconds : 0n) * 1_000_000_000n;
  const actor = event.field('Actor');
  const id = actor instanceof GoStruct ? word(actor, 'ID') : '';
  const attributes = actor instanceof GoStruct ? actor.field('Attributes') : null;
  const pairs =
    attributes instanceof GoMap
      ? attributes
          .sorted()
          .map(([key, value]) => `${printable(key)}=${typeof value === 'string' ? printable(value) : ''}`)
      : [];
  const tail = pairs.length === 0 ? '' : ` (${pairs.join(', ')})`;
  return `${nanoTime(time)} ${word(event, 'Type')} ${word(event, 'Action')} ${id}${tail}`;
}

/** RFC 3339 with nine digits, in the machine's zone. */
function nanoTime(nanoseconds: bigint): string {
  const date = new Date(Number(nanoseconds / 1_000_000n));
  const offset = -date.getTimezoneOffset();
  const pad = (value: number): string => String(value).padStart(2, '0');
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const zone =
    offset === 0
      ? 'Z'
      : `${offset < 0 ? '-' : '+'}${pad(Math.trunc(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
  return `${local}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}${zone}`;
}
