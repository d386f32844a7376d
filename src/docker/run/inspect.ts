import { EngineError } from '../client/engine.js';
import type { Context, Handler } from '../context.js';
import { CliError, messageOf } from '../errors.js';
import { indentJson } from '../inspect/indent.js';
import { parseJson, untyped } from '../inspect/json.js';
import { ShapeError, typed } from '../inspect/typed.js';
import { write } from '../io.js';
import { Template, TemplateError, type Value } from '../template/index.js';
import { container } from './each.js';

type Kind = 'container' | 'image' | 'network' | 'volume';

const TYPE: Readonly<Record<Kind, string>> = {
  container: 'container.InspectResponse',
  image: 'image.InspectResponse',
  network: 'network.Inspect',
  volume: 'volume.Volume',
};
const KINDS: readonly Kind[] = ['container', 'image', 'network', 'volume'];
/** What docker's --type knows. */
const KNOWN = ['config', 'container', 'image', 'network', 'node', 'plugin', 'secret', 'service', 'task', 'volume'];

interface Inspected {
  readonly type: string;
  readonly text: string;
}

async function fetchOne(context: Context, kind: Kind, name: string): Promise<Inspected> {
  const { engine, flags } = context;
  const ask = async (path: string, query = {}): Promise<Inspected> => ({
    type: TYPE[kind],
    text: (await engine.bytes('GET', path, { query })).toString('utf8').trim(),
  });
  const encoded = encodeURIComponent(name);
  switch (kind) {
    case 'container':
      return ask(container(name, '/json'), { size: flags.bool('size') || undefined });
    case 'image':
      return ask(`/images/${encoded.replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%40', '@')}/json`, {
        platform: undefined,
      });
    case 'network':
      return ask(`/networks/${encoded}`, { verbose: flags.bool('verbose') || undefined });
    case 'volume':
      return ask(`/volumes/${encoded}`);
  }
}

async function findAny(context: Context, name: string): Promise<Inspected> {
  for (const kind of KINDS) {
    try {
      return await fetchOne(context, kind, name);
    } catch (error) {
      const isOther =
        error instanceof EngineError &&
        (error.status === 404 ||
          (error.status === 400 && kind !== 'container') ||
          /invalid reference format/.test(error.said));
      if (!isOther) throw error;
    }
  }
  throw new CliError(`Error: No such object: ${name}`);
}

/** docker inspect, and those of one kind. */
export function inspectOf(kind: Kind | null): Handler {
  return async (context) => {
    const { flags, args } = context;
    const wanted = flags.string('type');
    if (wanted !== '' && !KNOWN.includes(wanted))
      throw new CliError(
        `unknown type: ${JSON.stringify(wanted)}: must be one of ${KNOWN.map((one) => JSON.stringify(one)).join(', ')}`,
      );
    if (flags.changed('type') && wanted === '')
      throw new CliError(
        'type is empty: must be one of "config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"',
      );
    const only = kind ?? KINDS.find((one) => one === wanted) ?? null;
    if (wanted !== '' && only === null)
      throw new CliError(`docker inspect --type=${wanted} is not supported by this command`);
    const find = (name: string): Promise<Inspected> =>
      only === null ? findAny(context, name) : fetchOne(context, only, name);
    return show(context, args, find);
  };
}

async function show(
  context: Context,
  names: readonly string[],
  find: (name: string) => Promise<Inspected>,
): Promise<number> {
  const format = context.flags.string('format');
  const template = format === '' || format === 'json' ? null : templateOf(format);
  const texts: string[] = [];
  const failures: string[] = [];
  for (const name of names) {
    try {
      const found = await find(name);
      texts.push(template === null ? found.text : execute(template, found));
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  await write(context.stdout, laidOut(format, template !== null, texts));
  if (failures.length > 0) throw new CliError(failures.join('\n'));
  return 0;
}

function laidOut(format: string, isTemplate: boolean, texts: readonly string[]): string {
  if (isTemplate) return texts.length === 0 ? '\n' : texts.map((text) => `${text}\n`).join('');
  if (texts.length === 0) return '[]\n';
  return format === 'json' ? `[${texts.join(',')}]\n` : `${indentJson(`[${texts.join(',')}]`)}\n`;
}

export function templateOf(format: string, name = ''): Template {
  try {
    return new Template(format, { name });
  } catch (error) {
    if (error instanceof TemplateError)
      throw new CliError(`template parsing error: ${error.message}`, 64, { cause: error });
    throw error;
  }
}

/** One line; where the template fails its end is written all the same. */
export async function writeLine(context: Context, template: Template, value: Value): Promise<void> {
  try {
    await write(context.stdout, `${template.run(value)}\n`);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    await write(context.stdout, '\n');
    throw new CliError(error.message, 1, { cause: error });
  }
}

/** On the types first; where that fails, on the plain JSON, whose error is told. */
function execute(template: Template, { type, text }: Inspected): string {
  const json = parseJson(text);
  try {
    return template.run(typed(type, json));
  } catch (error) {
    if (!(error instanceof TemplateError) && !(error instanceof ShapeError)) throw error;
  }
  try {
    return template.run(untyped(json), { missingKeyIsError: true });
  } catch (error) {
    if (error instanceof TemplateError)
      throw new CliError(`template parsing error: ${error.message}`, 1, { cause: error });
    throw error;
  }
}
