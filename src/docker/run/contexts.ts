import { type Handler, say, warn } from '../context.js';
import { CliError, messageOf } from '../errors.js';
import { formatList, type Listing } from '../format/formatter.js';
import { indentJson } from '../inspect/indent.js';
import { parseJson, untyped } from '../inspect/json.js';
import { write } from '../io.js';
import { encodeValue } from '../template/encode.js';
import { GoMap } from '../template/index.js';
import { templateOf } from './inspect.js';

/** There is one context: what -H, DOCKER_HOST and the default say. */

const LISTING: Listing = {
  type: '*formatter.clientContextContext',
  headers: {
    Name: 'NAME',
    Description: 'DESCRIPTION',
    DockerEndpoint: 'DOCKER ENDPOINT',
    Current: 'CURRENT',
    Error: 'ERROR',
  },
  table: '{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}',
  quiet: '{{.Name}}',
};
const HEADERS: Listing = {
  ...LISTING,
  table: LISTING.table.replace('{{if .Current}} *{{end}}', '{{if eq .Current true}} *{{end}}'),
};

export const show: Handler = async (context) => {
  await say(context, 'default');
  return 0;
};

export const list: Handler = async (context) => {
  const { flags, engine, env } = context;
  const row = {
    Name: () => 'default',
    Description: () => 'Current DOCKER_HOST based configuration',
    DockerEndpoint: () => engine.host.text,
    Current: () => true,
    Error: () => '',
  };
  const format = flags.string('format');
  const text = formatList(
    format === '' || format === 'table'
      ? { ...HEADERS, table: '{{.Name}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}' }
      : LISTING,
    format,
    flags.bool('quiet'),
    [
      format === '' || format === 'table'
        ? { ...row, Name: () => (flags.bool('quiet') ? 'default' : 'default *') }
        : row,
    ],
  );
  await write(context.stdout, text);
  if (!flags.bool('quiet') && (env['DOCKER_HOST'] ?? '') !== '')
    await warn(
      context,
      'Warning: DOCKER_HOST environment variable overrides the active context. To use a context, either set the global --context flag, or unset DOCKER_HOST environment variable.',
    );
  return 0;
};

export const inspect: Handler = async (context) => {
  const { flags, args, engine } = context;
  const format = flags.string('format');
  const template = format === '' || format === 'json' ? null : templateOf(format);
  const names = args.length === 0 ? ['default'] : args;
  const value = JSON.stringify({
    Name: 'default',
    Metadata: {},
    Endpoints: {
      docker: { Host: engine.host.text, SkipTLSVerify: engine.host.tls !== null && !engine.host.tls.verify },
    },
    TLSMaterial: {},
    Storage: { MetadataPath: '<IN MEMORY>', TLSPath: '<IN MEMORY>' },
  });
  const found = untyped(parseJson(value));
  const text =
    found instanceof GoMap
      ? value.replaceAll(/<|>/g, (mark) => (mark === '<' ? '\\u003c' : '\\u003e'))
      : encodeValue(found, true);
  const out: string[] = [];
  const failures: string[] = [];
  for (const name of names) {
    if (name !== 'default')
      failures.push(`context ${JSON.stringify(name)}: context not found: there is only the context "default"`);
    else if (template === null) out.push(text);
    else {
      try {
        out.push(template.run(found, { missingKeyIsError: true }));
      } catch (error) {
        failures.push(`template parsing error: ${messageOf(error)}`);
      }
    }
  }
  if (template !== null) await write(context.stdout, out.length === 0 ? '\n' : out.map((one) => `${one}\n`).join(''));
  else
    await write(
      context.stdout,
      out.length === 0 ? '[]\n' : format === 'json' ? `[${out.join(',')}]\n` : `${indentJson(`[${out.join(',')}]`)}\n`,
    );
  if (failures.length > 0) throw new CliError(failures.join('\n'));
  return 0;
};
