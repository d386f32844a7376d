import { labelsText } from './container.js';
import type { Listing, Row } from './formatter.js';
import { humanSize } from './units.js';

export interface VolumeSummary {
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly Mountpoint: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly UsageData?: { readonly RefCount: number; readonly Size: number } | null;
}

export const VOLUMES: Listing = {
  type: '*formatter.volumeContext',
  headers: {
    Name: 'VOLUME NAME',
    Driver: 'DRIVER',
    Scope: 'SCOPE',
    Mountpoint: 'MOUNTPOINT',
    Labels: 'LABELS',
    Links: 'LINKS',
    Size: 'SIZE',
    Availability: 'AVAILABILITY',
    Group: 'GROUP',
    Status: 'STATUS',
  },
  table: '{{.Driver}}\t{{.Name}}',
  quiet: '{{.Name}}',
};

export const volumeRow = (one: VolumeSummary): Row => ({
  Name: () => one.Name,
  Driver: () => one.Driver,
  Scope: () => one.Scope,
  Mountpoint: () => one.Mountpoint,
  Labels: () => labelsText(one.Labels),
  Label: (name: string) => one.Labels?.[name] ?? '',
  Links: () => (one.UsageData === undefined || one.UsageData === null ? 'N/A' : String(one.UsageData.RefCount)),
  Size: () => (one.UsageData === undefined || one.UsageData === null ? 'N/A' : humanSize(one.UsageData.Size)),
  Availability: () => 'N/A',
  Group: () => 'N/A',
  Status: () => 'N/A',
});
