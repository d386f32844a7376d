/** The wiring for other programs: the drawing as text or SVG, a Mermaid flow chart, or JSON. */
import type { Snapshot } from '../../engine/api/types.js';
import type { Lang } from '../tui/panel.js';
import { drawWiring } from '../tui/picture/wiring-draw.js';
import { boxTitle } from '../tui/picture/wiring-rows.js';
import { plainText } from '../tui/text/styled.js';
import { flatPorts, type WiringBox, type WiringModel, type WiringPort, wiringModel } from '../tui/viewmodels/wiring.js';
import { containerText } from '../tui/viewmodels/wiring-detail.js';
import { wiringSvg } from './wiring-svg.js';

export type WiringFormat = 'text' | 'svg' | 'mermaid' | 'json';

export const WIRING_FORMATS: readonly WiringFormat[] = ['text', 'svg', 'mermaid', 'json'];

export interface ExportOptions {
  readonly lang?: Lang;
  /** Columns of the drawing, for text and SVG; default 100. */
  readonly width?: number;
  /** False: ASCII lines, for text. */
  readonly unicode?: boolean;
}

const ALL_NOTES = 10_000;

/** The wiring of a snapshot in one format, ending with a line break. */
export function exportWiring(snapshot: Snapshot, format: WiringFormat, options: ExportOptions = {}): string {
  const lang = options.lang ?? 'en';
  const model = wiringModel({ snapshot });
  const draw = {
    width: options.width ?? 100,
    lang,
    unicode: options.unicode ?? true,
    selected: null,
    maxNotes: ALL_NOTES,
  };
  switch (format) {
    case 'text':
      return `${drawWiring(model, draw)
        .lines.map((one) => plainText(one).trimEnd())
        .join('\n')}\n`;
    case 'svg':
      return wiringSvg(model, draw);
    case 'mermaid':
      return mermaid(model, lang);
    case 'json':
      return `${JSON.stringify(asJson(model), null, 2)}\n`;
  }
}

/** Quotes, `#` (which begins an entity) and angle brackets are entities in Mermaid's quoted labels. */
function label(text: string): string {
  return `"${text.replace(/[#"<>&`]/g, (char) => `#${char.codePointAt(0)};`)}"`;
}

function mermaid(model: WiringModel, lang: Lang): string {
  const lines = ['flowchart LR'];
  const names = new Map<string, string>();
  model.boxes.forEach((box, i) => {
    lines.push(`  subgraph b${i}[${label(boxTitle(box, lang))}]`);
    box.containers.forEach(({ fact }, k) => {
      lines.push(`    b${i}c${k}[/${label(containerText(fact, lang))}/]`);
    });
    const all = flatPorts(box.ports);
    all.forEach((port, k) => {
      const id = `b${i}p${k}`;
      names.set(port.id, id);
      const text = [port.name, port.state ?? '', ...port.addresses.map((address) => address.text), ...port.facts]
        .filter((part) => part !== '')
        .join(' ');
      lines.push(port.kind === 'bridge' ? `    ${id}[[${label(text)}]]` : `    ${id}(${label(text)})`);
    });
    box.notes
      .filter((note) => note.kind !== 'other')
      .forEach((note, k) => {
        lines.push(`    b${i}n${k}>${label(note.text)}]`);
      });
    if (all.length === 0 && box.notes.length === 0 && box.containers.length === 0)
      lines.push(`    b${i}e[${label('-')}]`);
    lines.push('  end');
  });
  const attach = (ports: readonly WiringPort[]): void => {
    for (const port of ports) {
      for (const child of port.children) lines.push(`  ${names.get(port.id)} --- ${names.get(child.id)}`);
      attach(port.children);
    }
  };
  for (const box of model.boxes) attach(box.ports);
  for (const wire of model.wires) {
    const from = names.get(wire.from);
    const to = names.get(wire.to);
    if (from !== undefined && to !== undefined) lines.push(`  ${from} ${wire.live ? '<-->' : '<-.->'} ${to}`);
  }
  return `${lines.join('\n')}\n`;
}

interface JsonPort {
  readonly name: string;
  readonly kind: string;
  readonly state: string | null;
  readonly addresses: readonly string[];
  readonly facts: readonly string[];
  readonly ports: readonly JsonPort[];
}

function asJson(model: WiringModel): unknown {
  const place = new Map(
    model.boxes.flatMap((box) =>
      flatPorts(box.ports).map(
        (port) => [port.id, { namespace: nameOf(box), link: port.link?.name ?? port.name }] as const,
      ),
    ),
  );
  const port = (one: WiringPort): JsonPort => ({
    name: one.link?.name ?? one.name,
    kind: one.kind,
    state: one.state,
    addresses: one.addresses.map((address) => address.text),
    facts: one.facts,
    ports: one.children.map(port),
  });
  return {
    namespaces: model.boxes.map((box) => ({
      id: box.ns,
      label: nameOf(box),
      processes: box.processes,
      ...(box.containers.length === 0
        ? {}
        : {
            containers: box.containers.map(({ fact: { container } }) => ({
              id: container.id,
              name: container.name,
              image: container.image,
              state: container.state,
            })),
          }),
      links: [...(box.loopback === null ? [] : [box.loopback]), ...box.ports].map(port),
      notes: box.notes.map((note) => ({
        kind: note.kind,
        text: note.text,
        ...(note.count === undefined ? {} : { count: note.count }),
      })),
    })),
    wires: model.wires.map((wire) => ({
      kind: wire.kind,
      from: place.get(wire.from) ?? null,
      to: place.get(wire.to) ?? null,
      live: wire.live,
    })),
  };
}

function nameOf(box: WiringBox): string {
  return box.network?.label ?? box.label;
}
