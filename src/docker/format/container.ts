import { quote } from '../template/quote.js';
import type { Listing, Row } from './formatter.js';
import { withoutDigest } from './reference.js';
import { ellipsis, humanDuration, humanSize, localTime, shortId } from './units.js';

/** What GET /containers/json says of one container, as far as it is shown. */
export interface ContainerSummary {
  readonly Id: string;
  readonly Names?: readonly string[] | null;
  readonly Image: string;
  readonly ImageID: string;
  readonly Command: string;
  readonly Created: number;
  readonly Ports?: readonly Port[] | null;
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly State: string;
  readonly Status: string;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, unknown>> | null } | null;
  readonly Mounts?: readonly { readonly Name?: string; readonly Source?: string; readonly Driver?: string }[] | null;
}

export interface Port {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

const TABLE = '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}';
const RAW = `container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
`;

export function containerListing(hasSize: boolean): Listing {
  return {
    type: '*formatter.ContainerContext',
    headers: {
      ID: 'CONTAINER ID',
      Names: 'NAMES',
      Image: 'IMAGE',
      Command: 'COMMAND',
      CreatedAt: 'CREATED AT',
      RunningFor: 'CREATED',
      Ports: 'PORTS',
      State: 'STATE',
      Status: 'STATUS',
      Size: 'SIZE',
      Labels: 'LABELS',
      Mounts: 'MOUNTS',
      LocalVolumes: 'LOCAL VOLUMES',
      Networks: 'NETWORKS',
      Platform: 'PLATFORM',
    },
    table: hasSize ? `${TABLE}\t{{.Size}}` : TABLE,
    quiet: '{{.ID}}',
    raw: hasSize ? `${RAW}size: {{.Size}}\n` : RAW,
    errors: { parse: 'template parsing error', execute: 'failed to execute template' },
  };
}

export function containerRow(one: ContainerSummary, isShort: boolean, now = Date.now()): Row {
  const labels = one.Labels ?? {};
  return {
    ID: () => (isShort ? shortId(one.Id) : one.Id),
    Names: () => namesOf(one, isShort),
    Image: () => imageOf(one, isShort),
    Command: () => quote(isShort ? ellipsis(one.Command, 20) : one.Command),
    CreatedAt: () => localTime(new Date(one.Created * 1000)),
    RunningFor: () => `${humanDuration(now - one.Created * 1000)} ago`,
    Ports: () => portsText(one.Ports ?? []),
    State: () => one.State,
    Status: () => one.Status,
    Size: () => {
      const own = humanSize(one.SizeRw ?? 0, 3);
      return (one.SizeRootFs ?? 0) > 0 ? `${own} (virtual ${humanSize(one.SizeRootFs ?? 0, 3)})` : own;
    },
    Labels: () => labelsText(labels),
    Label: (name: string) => labels[name] ?? '',
    Mounts: () =>
      (one.Mounts ?? [])
        .map(({ Name, Source }) => (Name === undefined || Name === '' ? (Source ?? '') : Name))
        .map((name) => (isShort ? ellipsis(name, 15) : name))
        .join(','),
    LocalVolumes: () => String((one.Mounts ?? []).filter(({ Driver }) => Driver === 'local').length),
    Networks: () => Object.keys(one.NetworkSettings?.Networks ?? {}).join(','),
    Platform: () => null,
  };
}

export function labelsText(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}

/** Names of links have a second slash: only with --no-trunc. */
function namesOf(one: ContainerSummary, isShort: boolean): string {
  const names = (one.Names ?? []).map((name) => name.replace(/^\//, ''));
  return isShort ? (names.find((name) => !name.includes('/')) ?? names.join(',')) : names.join(',');
}

function imageOf({ Image: image, ImageID: id }: ContainerSummary, isShort: boolean): string {
  if (image === '') return '<no image>';
  if (!isShort) return image;
  return id !== '' && shortId(id) === shortId(image) ? shortId(id) : withoutDigest(image);
}

const hostPort = (ip: string, port: string): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

/** `0.0.0.0:8080->80/tcp`, neighbours as ranges: docker/cli's DisplayablePorts. */
export function portsText(ports: readonly Port[]): string {
  const sorted = [...ports].sort(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      compare(a.IP ?? '', b.IP ?? '') ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      compare(a.Type, b.Type),
  );
  const groups = new Map<string, { readonly ip: string; readonly type: string; first: number; last: number }>();
  const [out, mapped]: [string[], string[]] = [[], []];
  const text = ({ ip, type, first, last }: { ip: string; type: string; first: number; last: number }): string => {
    const range = first === last ? String(first) : `${first}-${last}`;
    return `${ip === '' ? range : `${hostPort(ip, range)}->${range}`}/${type}`;
  };
  for (const { IP: ip = '', PrivatePort: port, PublicPort: outside = 0, Type: type } of sorted) {
    if (ip !== '' && outside !== port) {
      mapped.push(`${hostPort(ip, String(outside))}->${port}/${type}`);
      continue;
    }
    const key = `${ip}/${type}`;
    const group = groups.get(key);
    if (group?.last === port - 1) {
      group.last = port;
      continue;
    }
    if (group !== undefined) {
      out.push(text(group));
      group.first = port;
      group.last = port;
    } else groups.set(key, { ip, type, first: port, last: port });
  }
  return [...out, ...[...groups.values()].map(text), ...mapped].join(', ');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
