/** Trees drawn with branches, for namespaces, processes and cgroups. Each node is one row, with rows of its own below it. */
import { padLine } from '../text/fit.js';
import type { Role, Span, Style, StyledLine } from '../text/styled.js';
import { asciiText } from './glyphs.js';
import type { PictureItem } from './wiring-draw.js';

export interface TreeNode {
  readonly id: string;
  readonly spans: readonly Span[];
  /** Rows below the node, indented as far as its text; `width` is what is left of the row. */
  readonly below?: (width: number) => readonly (readonly Span[])[];
  readonly children: readonly TreeNode[];
}

export interface TreeDrawing {
  readonly lines: readonly StyledLine[];
  readonly items: readonly PictureItem[];
}

const BRANCH: Role = 'muted';

export function drawTree(
  roots: readonly TreeNode[],
  width: number,
  selected: string | null,
  unicode: boolean,
): TreeDrawing {
  const lines: StyledLine[] = [];
  const items: PictureItem[] = [];
  const glyph = (text: string): string => (unicode ? text : asciiText(text));
  const put = (node: TreeNode, lead: string, branch: string, under: string): void => {
    const y = lines.length;
    const style = (span: Span): Span => (node.id === selected ? { ...span, style: highlighted(span.style) } : span);
    const fit = (branchText: string, spans: readonly Span[]): StyledLine => {
      const row: Span[] = [
        { text: glyph(branchText), style: { role: BRANCH } },
        ...spans.map((span) => style({ ...span, target: node.id })),
      ];
      return padLine(row, width, node.id === selected ? highlighted(undefined) : undefined);
    };
    lines.push(fit(lead + branch, node.spans));
    const mid = node.children.length > 0 ? `${lead}${under}│ ` : `${lead}${under}  `;
    for (const spans of node.below?.(Math.max(1, width - mid.length)) ?? []) lines.push(fit(mid, spans));
    items.push({ id: node.id, box: 'tree', x: 0, y, width, height: lines.length - y });
    node.children.forEach((child, i) => {
      const last = i === node.children.length - 1;
      put(child, lead + under, last ? '└─' : '├─', last ? '  ' : '│ ');
    });
  };
  for (const root of roots) put(root, '', '', '');
  return { lines, items };
}

function highlighted(style: Style | undefined): Style {
  return { ...style, role: 'selected' };
}
