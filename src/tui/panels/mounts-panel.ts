/** The mounts of each mount namespace, the newest namespace first: what a container's files are put together from. */
import type { Bilingual, Mount, MountTable } from '../../../engine/api/types.js';
import type { FreshChange, Panel, PanelInput, PanelView } from '../panel.js';
import { truncateLine } from '../text/fit.js';
import { sanitise } from '../text/sanitise.js';
import { type StyledLine, span } from '../text/styled.js';

const SAID = {
  title: { en: 'Mounts', zh: '挂载' },
  none: { en: 'only the lab host has mounts yet', zh: '目前只有实验主机自己的挂载' },
} as const satisfies Record<string, Bilingual>;
const FLAGS = ['ro', 'nosuid', 'nodev', 'noexec'];

/** Namespaces other than the lab host's own: those are what is being made. */
function others(input: PanelInput): readonly MountTable[] {
  const tables = input.snapshot?.mountTables ?? [];
  return tables.length < 2 ? [] : tables.filter((table) => table.label !== 'host').toReversed();
}

function mountLine(mount: Mount, fresh: FreshChange | undefined, width: number, unicode: boolean): StyledLine {
  const isNew = fresh?.kind === 'added';
  const mark = fresh === undefined ? '  ' : isNew ? '+ ' : '~ ';
  const flags = mount.options.filter((option) => FLAGS.includes(option)).join(',');
  const from = mount.root === '/' ? '' : ` ${unicode ? '←' : '<-'} ${mount.root}`;
  return truncateLine(
    [
      span(mark, isNew ? 'added' : 'changed'),
      span(sanitise(mount.mountPoint), isNew ? 'added' : 'accent'),
      span(`  ${sanitise(mount.fsType)}`, 'text'),
      span(sanitise(from), 'muted'),
      span(flags === '' ? '' : `  ${flags}`, 'muted'),
    ],
    width,
  );
}

export function mountsPanel(): Panel<null> {
  return {
    id: 'mounts',
    title: (lang) => SAID.title[lang],
    keys: [],
    initial: () => null,
    render(width, _height, input): PanelView {
      const fresh = new Map(input.fresh.filter(({ object }) => object === 'mount').map((one) => [one.key, one]));
      const tables = others(input);
      if (tables.length === 0) return { lines: [[span(SAID.none[input.lang], 'muted')]] };
      const lines: StyledLine[] = [];
      let reveal = 0;
      for (const { ns, label, mounts } of tables) {
        lines.push([span(`mnt ${sanitise(label)}`, 'heading'), span(`  ${sanitise(ns)}`, 'muted')]);
        for (const mount of mounts) {
          const change = fresh.get(`${ns}/mount/${mount.id}`);
          if (change !== undefined) reveal = lines.length;
          lines.push(mountLine(mount, change, width, input.unicode));
        }
      }
      return { lines, reveal: { line: reveal } };
    },
  };
}
