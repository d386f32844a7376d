import { type Handler, say } from '../context.js';
import { CliError } from '../errors.js';
import { printable } from '../format/formatter.js';
import { natural } from '../format/natural.js';
import { tabwriter } from '../format/tabwriter.js';
import { write } from '../io.js';
import { container } from './each.js';

/** docker top: what ps says of the container's processes. */
export const top: Handler = async (context) => {
  const [name = '', ...words] = context.args;
  const list = await context.engine.json<{
    Titles: readonly string[];
    Processes: readonly (readonly string[])[] | null;
  }>('GET', container(name, '/top'), {
    query: { ps_args: words.length === 0 ? undefined : words.join(' ') },
  });
  const lines = [list.Titles, ...(list.Processes ?? [])].map((cells) => `${cells.map(printable).join('\t')}\n`);
  await write(context.stdout, tabwriter(lines.join(''), 20));
  return 0;
};

/** docker port. */
export const port: Handler = async (context) => {
  const [name = '', asked] = context.args;
  const one = await context.engine.json<{
    NetworkSettings: {
      Ports?: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>> | null;
    };
  }>('GET', container(name, '/json'));
  const ports = one.NetworkSettings.Ports ?? {};
  const hostPort = (ip: string, number: string): string => (ip.includes(':') ? `[${ip}]:${number}` : `${ip}:${number}`);
  const out: string[] = [];
  if (asked !== undefined) {
    const [number = '', protocol = 'tcp'] = asked.split('/');
    if (!/^[0-9]+$/.test(number))
      throw new CliError(
        `Error: invalid port (${number}): strconv.ParseUint: parsing ${JSON.stringify(number)}: invalid syntax`,
      );
    const bindings = ports[`${number}/${protocol}`];
    if (bindings === undefined || bindings === null)
      throw new CliError(`Error: No public port '${asked}' published for ${name}`);
    for (const { HostIp, HostPort } of bindings) out.push(hostPort(HostIp, HostPort));
  } else {
    for (const [inside, bindings] of Object.entries(ports))
      for (const { HostIp, HostPort } of bindings ?? []) out.push(`${inside} -> ${hostPort(HostIp, HostPort)}`);
  }
  out.sort(natural);
  if (out.length > 0) await say(context, out.map(printable).join('\n'));
  return 0;
};

const KINDS = ['C', 'A', 'D'];

/** docker diff: C changed, A added, D deleted. */
export const diff: Handler = async (context) => {
  const changes = await context.engine.json<readonly { Kind: number; Path: string }[] | null>(
    'GET',
    container(context.args[0] ?? '', '/changes'),
  );
  for (const { Kind, Path } of changes ?? []) await say(context, `${KINDS[Kind] ?? '?'} ${printable(Path)}`);
  return 0;
};
