import { API_VERSION } from '../client/engine.js';
import { type Handler, warn } from '../context.js';
import { CliError } from '../errors.js';
import { infoText } from '../format/info.js';
import { type Json, parseJson } from '../inspect/json.js';
import { typed } from '../inspect/typed.js';
import { write } from '../io.js';
import { encodeValue } from '../template/encode.js';
import { VERSION } from '../version.js';
import { templateOf, writeLine } from './inspect.js';
import { goArchitecture } from './version.js';

/** docker info. */
export const info: Handler = async (context) => {
  const { flags, engine } = context;
  const format = flags.string('format');
  const template = format === '' || format === 'json' ? null : templateOf(format);
  const client = new Map<string, Json>([
    ['Debug', context.globals.bool('debug')],
    ['Version', VERSION],
    ['DefaultAPIVersion', API_VERSION],
    ['GitCommit', 'glassbox'],
    ['GoVersion', `node${process.version}`],
    ['Os', process.platform],
    ['Arch', goArchitecture()],
    ['Context', 'default'],
    ['Plugins', []],
  ]);
  let failure: CliError | null = null;
  let server: ReadonlyMap<string, Json> | null = null;
  try {
    const value = parseJson((await engine.bytes('GET', '/info')).toString('utf8'));
    server = value instanceof Map ? (value as ReadonlyMap<string, Json>) : null;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    failure = error;
  }
  if (format === '') {
    const { text, warnings } = infoText(client, server);
    await write(context.stdout, text);
    for (const one of warnings) await warn(context, one);
    if (failure !== null) throw new CliError(`${failure.message}`, 1, { cause: failure });
    return 0;
  }
  const all = typed(
    'system.dockerInfo',
    new Map<string, Json>([
      ...(server ?? []),
      ['ClientInfo', client],
      ...(failure === null ? [] : ([['ServerErrors', [failure.message]]] as const)),
    ]),
  );
  if (template === null) await write(context.stdout, `${encodeValue(all, false)}\n`);
  else await writeLine(context, template, all);
  return failure === null ? 0 : 1;
};
