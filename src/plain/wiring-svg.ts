/** The drawing of the wiring as SVG: the same layout as on the screen, with real lines; readable in light and dark. */

import { barsOf, type DrawOptions } from '../tui/picture/wiring-draw.js';
import { layoutWiring, textColumn } from '../tui/picture/wiring-layout.js';
import { loopbackInTitle, loopbackSpans, spansWidth, titleSpans } from '../tui/picture/wiring-rows.js';
import type { Role, Span } from '../tui/text/styled.js';
import { textWidth } from '../tui/text/width.js';
import type { WiringModel } from '../tui/viewmodels/wiring.js';

const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 20;

const STYLE = `
text{font:14px ui-monospace,Menlo,Consolas,"Noto Sans Mono CJK SC",monospace;fill:#1b1f24;white-space:pre}
.box{fill:#fff;stroke:#57606a;stroke-width:1.5}.host{stroke:#0550ae;stroke-width:2}.ghost{stroke-dasharray:5 4}
.wire{fill:none;stroke:#1a7f37;stroke-width:2}.dead{stroke:#8c959f}.lower{stroke-dasharray:2 3}.bar{stroke:#8250df;stroke-width:4}.upper{stroke:#57606a;stroke-width:2}
.heading{font-weight:bold}.muted{fill:#57606a}.ok{fill:#1a7f37}.warn{fill:#9a6700}.info,.net{fill:#0550ae}.bridge{fill:#8250df}.accent{font-weight:bold}.ghost-text,.removed{fill:#8c959f}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.box{fill:#0d1117;stroke:#8b949e}.host{stroke:#58a6ff}.muted{fill:#8b949e}.ok{fill:#56d364}.warn{fill:#e3b341}.info,.net{fill:#79c0ff}.bridge{fill:#d2a8ff}}
`.trim();

/** Text for XML; characters that XML 1.0 forbids have been made visible before. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function x(column: number): string {
  return (column * CELL_WIDTH).toFixed(1);
}

function y(row: number): string {
  return (row * CELL_HEIGHT).toFixed(1);
}

export function wiringSvg(model: WiringModel, options: DrawOptions): string {
  const layout = layoutWiring(model, options);
  const width = Math.ceil(layout.width * CELL_WIDTH);
  const height = Math.max(1, layout.height) * CELL_HEIGHT;
  const parts: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${options.lang === 'zh' ? '连线图' : 'wiring'}</title>`,
    `<style>${STYLE}</style>`,
  ];
  for (const placed of layout.boxes) {
    const { box } = placed;
    const ghost = box.mark === 'ghost' || box.mark === 'removed';
    const rect = `x="${x(placed.x + 0.5)}" y="${y(placed.y + 0.5)}" width="${x(placed.width - 1)}" height="${y(placed.height - 1)}"`;
    parts.push(`<rect class="box${box.isHost ? ' host' : ''}${ghost ? ' ghost' : ''}" rx="5" ${rect}/>`);
  }
  for (const { wire, from, to, track } of layout.wires) {
    const middle = track === null ? '' : ` H${x(track + 0.5)} V${y(to.y + 0.5)}`;
    const classes = [
      'wire',
      ...(wire.live ? [] : ['dead']),
      ...(wire.mark === 'ghost' ? ['ghost'] : []),
      ...(wire.kind === 'lower' ? ['lower'] : []),
    ];
    parts.push(
      `<path class="${classes.join(' ')}" d="M${x(from.x + 0.5)} ${y(from.y + 0.5)}${middle} H${x(to.x + 0.5)}"/>`,
    );
  }
  for (const placed of layout.boxes) {
    for (const bar of barsOf(placed)) {
      const kind = bar.port.kind === 'bridge' ? 'bar' : 'upper';
      const line = (x1: number, y1: number, x2: number, y2: number): string =>
        `<line class="${kind}" x1="${x(x1)}" y1="${y(y1)}" x2="${x(x2)}" y2="${y(y2)}"/>`;
      parts.push(line(bar.x + 0.5, bar.top + 0.3, bar.x + 0.5, bar.bottom + 0.7));
      for (const tooth of bar.teeth) parts.push(line(tooth.x + 0.5, tooth.y + 0.5, tooth.x + 2, tooth.y + 0.5));
    }
    parts.push(...texts(titleSpans(placed.box, options), placed.x + 2, placed.y + 0.2));
    if (loopbackInTitle(placed.box, placed.width, options)) {
      const state = loopbackSpans(placed.box, options);
      parts.push(...texts(state, placed.x + placed.width - 2 - spansWidth(state), placed.y + 0.2));
    }
    for (const row of placed.rows) parts.push(...texts(row.spans, textColumn(placed, row), row.y));
  }
  parts.push('</svg>');
  return `${parts.join('\n')}\n`;
}

const CLASSES: Partial<Record<Role, string>> = { ghost: 'ghost-text' };

function texts(spans: readonly Span[], column: number, row: number): string[] {
  const parts: string[] = [];
  let at = column;
  for (const part of spans) {
    const columns = textWidth(part.text);
    const role = part.style?.role;
    if (part.text.trim() !== '') {
      const kind = role === undefined ? '' : ` class="${CLASSES[role] ?? role}"`;
      parts.push(
        `<text${kind} x="${x(at)}" y="${y(row + 0.72)}" textLength="${x(columns)}" lengthAdjust="spacingAndGlyphs">${escaped(part.text)}</text>`,
      );
    }
    at += columns;
  }
  return parts;
}
