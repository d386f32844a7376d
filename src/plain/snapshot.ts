/** A whole snapshot in lines, or some parts of it: what `glassbox observe` prints. */
import type { Snapshot } from '../../engine/api/types.js';
import type { Lang } from '../tui/panel.js';
import { plainCgroups } from './cgroups.js';
import { plainContainers } from './containers.js';
import { plainLayers } from './layers.js';
import { plainNamespaces, plainProcesses } from './namespaces.js';
import { plainWiring } from './wiring.js';

export type PlainPart = 'containers' | 'wiring' | 'namespaces' | 'processes' | 'cgroups' | 'layers';

export const PLAIN_PARTS: readonly PlainPart[] = [
  'containers',
  'wiring',
  'namespaces',
  'processes',
  'cgroups',
  'layers',
];

const HEADINGS: Readonly<Record<PlainPart, { en: string; zh: string }>> = {
  containers: { en: 'Containers', zh: '容器' },
  wiring: { en: 'Wiring', zh: '连线' },
  namespaces: { en: 'Namespaces', zh: '命名空间' },
  processes: { en: 'Processes', zh: '进程' },
  cgroups: { en: 'Cgroups', zh: '控制组' },
  layers: { en: 'Layers', zh: '层' },
};

export interface PlainOptions {
  readonly lang: Lang;
  readonly parts?: readonly PlainPart[];
  readonly filter?: string;
}

/** Headings stand alone in a line, with an empty line before all but the first. With one part there is no heading. */
export function plainSnapshot(snapshot: Snapshot, options: PlainOptions): string[] {
  const parts = options.parts ?? PLAIN_PARTS;
  const input = { snapshot, filter: (options.filter ?? '').toLowerCase() };
  const { lang } = options;
  if (parts.length === 1) return parts.flatMap((part) => linesOf(part, input, lang));
  // A lab without a container has nothing to say of them.
  const told = parts
    .map((part) => ({ part, lines: linesOf(part, input, lang) }))
    .filter(({ part, lines }) => part !== 'containers' || lines.length > 0);
  return told.flatMap(({ part, lines }, i) => [...(i === 0 ? [] : ['']), HEADINGS[part][lang], ...lines]);
}

function linesOf(part: PlainPart, input: { snapshot: Snapshot; filter: string }, lang: Lang): string[] {
  switch (part) {
    case 'containers':
      return plainContainers(input, lang);
    case 'wiring':
      return plainWiring(input, lang);
    case 'namespaces':
      return plainNamespaces(input, lang);
    case 'processes':
      return plainProcesses(input, lang);
    case 'cgroups':
      return plainCgroups(input, lang);
    case 'layers':
      return plainLayers(input, lang);
  }
}
