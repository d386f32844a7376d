import { EngineError } from '../client/engine.js';
import { type Handler, say, warn } from '../context.js';
import { CliError, messageOf } from '../errors.js';
import { labelsText } from '../format/container.js';
import { formatList, type Listing } from '../format/formatter.js';
import { natural } from '../format/natural.js';
import { shortId } from '../format/units.js';
import { write } from '../io.js';
import { pairs } from '../opts/files.js';
import { filtersOf } from '../opts/filters.js';
import { addressConfig } from '../opts/ipam.js';
import { timeText } from '../template/print.js';

interface NetworkSummary {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly Created: string;
  readonly Internal: boolean;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6: boolean;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

const LISTING: Listing = {
  type: '*network.networkContext',
  headers: {
    ID: 'NETWORK ID',
    Name: 'NAME',
    Driver: 'DRIVER',
    Scope: 'SCOPE',
    IPv4: 'IPV4',
    IPv6: 'IPV6',
    Internal: 'INTERNAL',
    Labels: 'LABELS',
    CreatedAt: 'CREATED AT',
  },
  table: '{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}',
  quiet: '{{.ID}}',
};

const path = (name: string, rest = ''): string => `/networks/${encodeURIComponent(name)}${rest}`;

/** docker network ls. */
export const list: Handler = async (context) => {
  const { flags, config, engine } = context;
  const networks = await engine.json<readonly NetworkSummary[]>('GET', '/networks', {
    query: { filters: filtersOf(flags.list('filter')) },
  });
  const isShort = !flags.bool('no-trunc');
  const rows = [...networks]
    .sort((a, b) => natural(a.Name, b.Name))
    .map((one) => ({
      ID: () => (isShort ? shortId(one.Id) : one.Id),
      Name: () => one.Name,
      Driver: () => one.Driver,
      Scope: () => one.Scope,
      IPv4: () => String(one.EnableIPv4 ?? false),
      IPv6: () => String(one.EnableIPv6),
      Internal: () => String(one.Internal),
      Labels: () => labelsText(one.Labels),
      Label: (name: string) => one.Labels?.[name] ?? '',
      CreatedAt: () => timeText(one.Created),
    }));
  const format = flags.string('format');
  const isQuiet = flags.bool('quiet');
  await write(
    context.stdout,
    formatList(LISTING, format === '' && !isQuiet ? (config.formats['networksFormat'] ?? '') : format, isQuiet, rows),
  );
  return 0;
};

/** docker network create. */
export const create: Handler = async (context) => {
  const { flags, args, engine } = context;
  const configFrom = flags.string('config-from');
  let ipam: unknown;
  try {
    ipam = {
      Driver: flags.string('ipam-driver'),
      Config: addressConfig({
        subnets: flags.split('subnet'),
        ranges: flags.split('ip-range'),
        gateways: flags.split('gateway'),
        auxiliary: pairs(flags.list('aux-address')),
      }),
      Options: pairs(flags.list('ipam-opt')),
    };
  } catch (error) {
    throw new CliError(messageOf(error), 1, { cause: error });
  }
  const made = await engine.json<{ Id: string; Warning?: string }>('POST', '/networks/create', {
    body: {
      Name: args[0],
      Driver: flags.string('driver'),
      Options: pairs(flags.list('opt')),
      IPAM: ipam,
      Internal: flags.bool('internal'),
      Attachable: flags.bool('attachable'),
      Ingress: flags.bool('ingress'),
      Scope: flags.string('scope'),
      ConfigOnly: flags.bool('config-only'),
      ConfigFrom: configFrom === '' ? undefined : { Network: configFrom },
      EnableIPv4: flags.changed('ipv4') ? flags.bool('ipv4') : undefined,
      EnableIPv6: flags.changed('ipv6') ? flags.bool('ipv6') : undefined,
      Labels: pairs(flags.list('label')),
      CheckDuplicate: true,
    },
  });
  if (made.Warning !== undefined && made.Warning !== '') await warn(context, `WARNING: ${made.Warning}`);
  await say(context, made.Id);
  return 0;
};

/** docker network rm. */
export const remove: Handler = async (context) => {
  const { flags, args, engine } = context;
  let status = 0;
  for (const name of args) {
    try {
      await engine.run('DELETE', path(name));
      await say(context, name);
    } catch (error) {
      if (flags.bool('force') && error instanceof EngineError && error.status === 404) continue;
      await warn(context, messageOf(error));
      status = 1;
    }
  }
  if (status !== 0) throw new CliError('exit status 1');
  return 0;
};

/** docker network connect. */
export const connect: Handler = async (context) => {
  const { flags, args, engine } = context;
  const [network = '', name = ''] = args;
  const links = flags.list('link');
  const address = {
    ...(flags.string('ip') === '' ? {} : { IPv4Address: flags.string('ip') }),
    ...(flags.string('ip6') === '' ? {} : { IPv6Address: flags.string('ip6') }),
    ...(flags.changed('link-local-ip') ? { LinkLocalIPs: flags.split('link-local-ip') } : {}),
  };
  await engine.run('POST', path(network, '/connect'), {
    body: {
      Container: name,
      EndpointConfig: {
        IPAMConfig: Object.keys(address).length === 0 ? {} : address,
        Links: links.length === 0 ? null : links,
        Aliases: flags.changed('alias') ? flags.split('alias') : null,
        DriverOpts: driverOptions(flags.split('driver-opt')),
        GwPriority: flags.changed('gw-priority') ? flags.number('gw-priority') : undefined,
      },
    },
  });
  return 0;
};

function driverOptions(values: readonly string[]): Record<string, string> {
  for (const value of values)
    if (!value.includes('=') || value.startsWith('='))
      throw new CliError('invalid key/value pair format in driver options');
  return pairs(values);
}

/** docker network disconnect. */
export const disconnect: Handler = async (context) => {
  const [network = '', name = ''] = context.args;
  await context.engine.run('POST', path(network, '/disconnect'), {
    body: { Container: name, Force: context.flags.bool('force') },
  });
  return 0;
};
