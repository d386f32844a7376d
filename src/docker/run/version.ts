import { statSync } from 'node:fs';
import { API_VERSION, ConnectionError } from '../client/engine.js';
import type { Handler } from '../context.js';
import { CliError } from '../errors.js';
import { ansic, versionText } from '../format/version.js';
import { type Json, parseJson } from '../inspect/json.js';
import { typed } from '../inspect/typed.js';
import { write } from '../io.js';
import { encodeValue } from '../template/encode.js';
import { VERSION } from '../version.js';
import { templateOf, writeLine } from './inspect.js';

/** Go's name of this machine's kind. */
export const goArchitecture = (): string => ({ x64: 'amd64', ia32: '386' })[process.arch as string] ?? process.arch;

/** docker version. Without an engine the client's part is shown, and the failure told. */
export const version: Handler = async (context) => {
  const { flags, engine } = context;
  const format = flags.string('format');
  const template = format === '' || format === 'json' ? null : templateOf(format, 'version');
  let failure: unknown = null;
  let server: Json = null;
  let api = API_VERSION;
  try {
    server = withReadableTimes(parseJson((await engine.bytes('GET', '/version')).toString('utf8')));
    api = await engine.version();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    failure = error;
  }
  const client = new Map<string, Json>([
    ['Version', VERSION],
    ['ApiVersion', api],
    ['DefaultAPIVersion', API_VERSION],
    ['GitCommit', 'glassbox'],
    ['GoVersion', `none (Node.js ${process.version})`],
    ['Os', process.platform],
    ['Arch', goArchitecture()],
    ['BuildTime', ansic(statSync(process.argv[1] ?? process.execPath).mtime.toISOString())],
    ['Context', 'default'],
  ]);
  const members = server instanceof Map ? (server as ReadonlyMap<string, Json>) : null;
  const all = typed(
    'system.versionInfo',
    new Map<string, Json>([
      ['Client', client],
      ['Server', members],
    ]),
  );
  if (format === 'json') await write(context.stdout, `${encodeValue(all, false)}\n`);
  else if (template === null) await write(context.stdout, versionText(client, members));
  else await writeLine(context, template, all);
  if (failure instanceof ConnectionError || failure instanceof CliError) throw failure;
  return 0;
};

/** The engine's build time as docker shows it, also to templates. */
function withReadableTimes(version: Json): Json {
  if (!(version instanceof Map)) return version;
  const members = version as ReadonlyMap<string, Json>;
  const components = members.get('Components');
  if (!Array.isArray(components)) return version;
  const readable = (components as readonly Json[]).map((component) => {
    const details = component instanceof Map ? (component as ReadonlyMap<string, Json>).get('Details') : null;
    const built = details instanceof Map ? (details as ReadonlyMap<string, Json>).get('BuildTime') : null;
    if (!(component instanceof Map) || !(details instanceof Map) || typeof built !== 'string') return component;
    return new Map<string, Json>([
      ...component,
      ['Details', new Map<string, Json>([...details, ['BuildTime', ansic(built)]])],
    ]);
  });
  return new Map<string, Json>([...members, ['Components', readable]]);
}
