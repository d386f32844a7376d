import type { Context, Handler } from '../context.js';
import { CliError } from '../errors.js';
import { type ContainerSummary, containerListing, containerRow } from '../format/container.js';
import { formatList, type Listing, type Row, rowsAsJson } from '../format/formatter.js';
import { type ImageSummary, imageListing, imageRows } from '../format/image.js';
import { humanDuration, humanSize, shortId } from '../format/units.js';
import { VOLUMES, type VolumeSummary, volumeRow } from '../format/volume.js';
import { write } from '../io.js';

interface CacheRecord {
  readonly ID: string;
  readonly Type: string;
  readonly InUse: boolean;
  readonly Shared: boolean;
  readonly Size: number;
  readonly CreatedAt: string;
  readonly LastUsedAt?: string | null;
  readonly UsageCount: number;
}

interface Usage {
  readonly LayersSize: number;
  readonly Images: readonly ImageSummary[] | null;
  readonly Containers: readonly ContainerSummary[] | null;
  readonly Volumes: readonly VolumeSummary[] | null;
  readonly BuildCache?: readonly CacheRecord[] | null;
}

const SUMMARY: Listing = {
  type: '*formatter.diskUsageContext',
  headers: { Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' },
  table: '{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}',
};
const CACHE: Listing = {
  type: '*formatter.buildCacheContext',
  headers: {
    ID: 'CACHE ID',
    CacheType: 'CACHE TYPE',
    Size: 'SIZE',
    CreatedSince: 'CREATED',
    LastUsedSince: 'LAST USED',
    UsageCount: 'USAGE',
    Shared: 'SHARED',
  },
  table: '{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}',
};

/** docker system df. */
export const df: Handler = async (context) => {
  const { flags, engine } = context;
  const usage = await engine.json<Usage>('GET', '/system/df');
  const format = flags.string('format');
  if (!flags.bool('verbose')) {
    await write(context.stdout, formatList(SUMMARY, format, false, summaryRows(usage)));
    return 0;
  }
  await verbose(context, usage, format);
  return 0;
};

const share = (part: number, whole: number): string =>
  whole > 0 ? `${humanSize(part)} (${Math.trunc((part * 100) / whole)}%)` : humanSize(part);

function summaryRow(type: string, total: number, active: number, size: number, reclaimable: string): Row {
  return {
    Type: () => type,
    TotalCount: () => String(total),
    Active: () => String(active),
    Size: () => humanSize(size),
    Reclaimable: () => reclaimable,
  };
}

const isActive = ({ State }: ContainerSummary): boolean => /running|paused|restarting/i.test(State);

function summaryRows(usage: Usage): Row[] {
  const images = usage.Images ?? [];
  const used = images.filter(({ Containers }) => (Containers ?? 0) > 0);
  const usedSize = used.reduce(
    (sum, { Size, SharedSize }) =>
      Size === -1 || SharedSize === undefined || SharedSize === -1 ? sum : sum + Size - SharedSize,
    0,
  );
  const containers = usage.Containers ?? [];
  const size = (list: readonly ContainerSummary[]): number => list.reduce((sum, { SizeRw = 0 }) => sum + SizeRw, 0);
  const idle = size(containers.filter((one) => !isActive(one)));
  const volumes = usage.Volumes ?? [];
  const bytes = (list: readonly VolumeSummary[]): number =>
    list.reduce((sum, { UsageData }) => sum + Math.max(0, UsageData?.Size ?? 0), 0);
  const unused = volumes.filter(({ UsageData }) => UsageData?.RefCount === 0);
  const cache = usage.BuildCache ?? [];
  const cacheSize = cache.reduce((sum, one) => sum + (one.Shared ? 0 : one.Size), 0);
  const cacheUsed = cache.reduce((sum, one) => sum + (one.Shared || !one.InUse ? 0 : one.Size), 0);
  return [
    summaryRow(
      'Images',
      images.length,
      used.length,
      usage.LayersSize,
      share(usage.LayersSize - usedSize, usage.LayersSize),
    ),
    summaryRow(
      'Containers',
      containers.length,
      containers.filter(isActive).length,
      size(containers),
      share(idle, size(containers)),
    ),
    summaryRow(
      'Local Volumes',
      volumes.length,
      volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) > 0).length,
      bytes(volumes),
      share(bytes(unused), bytes(volumes)),
    ),
    summaryRow(
      'Build Cache',
      cache.length,
      cache.filter(({ InUse }) => InUse).length,
      cacheSize,
      humanSize(cacheSize - cacheUsed),
    ),
  ];
}

async function verbose(context: Context, usage: Usage, format: string): Promise<void> {
  if (format !== '' && format !== 'json' && !/^\{\{\s*json \.\s*\}\}$/.test(format))
    throw new CliError('docker system df -v --format knows json and {{json .}}');
  const isJson = format !== '';
  const images = imageRows(usage.Images ?? [], { isShort: !isJson, wantsDigests: false });
  const containers = (usage.Containers ?? []).map((one) => ({
    ...containerRow(one, !isJson),
    Size: () => humanSize(one.SizeRw ?? 0, 3),
  }));
  const volumes = (usage.Volumes ?? []).map(volumeRow);
  const cache = (usage.BuildCache ?? []).map(cacheRow);
  if (isJson) {
    const shown = images.map((row) => ({ ...row, Digest: () => '' }));
    await write(
      context.stdout,
      `{"Images":${rowsAsJson(shown)},"Containers":${rowsAsJson(containers)},"Volumes":${rowsAsJson(volumes)},"BuildCache":${rowsAsJson(cache)}}`,
    );
    return;
  }
  const imageTable =
    '{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}';
  const containerTable =
    '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}';
  const volumeTable = '{{.Name}}\t{{.Links}}\t{{.Size}}';
  const total = (usage.BuildCache ?? []).reduce((sum, one) => sum + one.Size, 0);
  const parts = [
    `Images space usage:\n\n${formatList({ ...imageListing(false), table: imageTable }, '', false, images)}`,
    `\nContainers space usage:\n\n${formatList({ ...containerListing(false), table: containerTable }, '', false, containers)}`,
    `\nLocal Volumes space usage:\n\n${formatList({ ...VOLUMES, table: volumeTable }, '', false, volumes)}`,
    `\nBuild cache usage: ${humanSize(total)}\n\n${formatList(CACHE, '', false, cache)}`,
  ];
  await write(context.stdout, parts.join(''));
}

function cacheRow(one: CacheRecord): Row {
  const since = (text: string | null | undefined): string =>
    text === null || text === undefined ? '' : `${humanDuration(Date.now() - Date.parse(text))} ago`;
  return {
    ID: () => `${shortId(one.ID)}${one.InUse ? '*' : ''}`,
    CacheType: () => one.Type,
    Size: () => humanSize(one.Size),
    CreatedSince: () => since(one.CreatedAt),
    LastUsedSince: () => since(one.LastUsedAt),
    UsageCount: () => String(one.UsageCount),
    InUse: () => String(one.InUse),
    Shared: () => String(one.Shared),
  };
}
