/** The inside of one box as rows: which interface or note stands in which row, as styled text. */
import type { Lang } from '../panel.js';
import { type Role, type Span, span } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import { wrapText } from '../text/wrap.js';
import { placeText } from '../viewmodels/containers.js';
import type { Mark } from '../viewmodels/marks.js';
import type { WiringBox, WiringNote, WiringPort } from '../viewmodels/wiring.js';
import { containerSpans } from './container-spans.js';
import { asciiText, kindGlyph, markSign, noteGlyph, stateSign } from './glyphs.js';
import { more, word } from './words.js';

export interface BoxRow {
  /** Set on the first row of an interface: a wire ends here. */
  readonly port: WiringPort | null;
  /** Item that the row belongs to, for selection and clicks. */
  readonly item: string;
  /** How many bars stand left of the text: the depth below bridges. */
  readonly depth: number;
  /** The text stands right of a bar (of a bridge or of what it stands on). */
  readonly barred: boolean;
  readonly spans: readonly Span[];
  /** May blank rows be put before it, to bring it level with the other end of its wire? */
  readonly loose: boolean;
  /** For a bridge or lower interface: the ids of its ports, which its bar must reach. */
  readonly children: readonly string[];
}

export interface RowOptions {
  readonly lang: Lang;
  readonly unicode: boolean;
  /** Columns inside the box, without its padding. */
  readonly inner: number;
  /** Text for the far end of ports whose wire cannot be drawn. */
  readonly connectors: ReadonlyMap<string, string>;
  /** Rows of notes to show at most; the rest is counted. */
  readonly maxNotes: number;
  /** Order of ports among their siblings; default the model's. */
  readonly order?: (a: WiringPort, b: WiringPort) => number;
}

/** Columns of the bar before the text of a port at `depth`. */
export const BAR_COLUMNS = 3;

const MAX_ADDRESSES = 6;

export function boxRows(box: WiringBox, options: RowOptions): BoxRow[] {
  const rows: BoxRow[] = containerRows(box, options);
  const loopback = box.loopback;
  if (
    loopback !== null &&
    (!loopbackInTitle(box, options.inner + 4, options) ||
      loopback.addresses.some((address) => address.mark !== null || !isUsualLoopback(address.text)))
  ) {
    rows.push(...portRows(loopback, 0, options));
  }
  rows.push(...treeRows(box.ports, 0, options));
  rows.push(...noteRows(box, options));
  return rows;
}

/** One row for each container: its name again where several share the box, its image, its state. */
function containerRows(box: WiringBox, options: RowOptions): BoxRow[] {
  return box.containers.flatMap(({ fact, mark }) => {
    const [head = { text: '' }, ...tail] = containerSpans(fact, { ...options, sharing: true });
    const marked = mark === null ? tail : [...tail, markSpan(mark, options)];
    return flow([head], marked, options.inner).map((spans) => ({
      port: null,
      item: box.id,
      depth: 0,
      barred: false,
      spans,
      loose: false,
      children: [],
    }));
  });
}

function isUsualLoopback(text: string): boolean {
  return text === '127.0.0.1/8' || text === '::1/128';
}

function treeRows(ports: readonly WiringPort[], depth: number, options: RowOptions): BoxRow[] {
  const sorted = options.order === undefined ? ports : [...ports].sort(options.order);
  return sorted.flatMap((port) => [...portRows(port, depth, options), ...treeRows(port.children, depth + 1, options)]);
}

/** `+new` and so on, as a span. */
export function markSpan(mark: Mark, options: { lang: Lang; unicode: boolean }): Span {
  const sign = markSign(mark, options.unicode);
  return span(`${sign.glyph}${word(sign.word, options.lang)}`, sign.role, { bold: mark === 'new' });
}

function nameRole(port: WiringPort): Role {
  if (port.mark === 'ghost' || port.mark === 'removed') return port.mark;
  return port.kind === 'bridge' ? 'bridge' : 'accent';
}

function portRows(port: WiringPort, depth: number, options: RowOptions): BoxRow[] {
  const { unicode, lang } = options;
  const barred = depth > 0 || port.children.length > 0 || port.kind === 'bridge';
  const indent = depth === 0 && !barred ? 2 : BAR_COLUMNS + Math.max(0, depth - 1) * 2;
  const room = options.inner - indent;
  const ghostly = port.mark === 'ghost' || port.mark === 'removed';
  const name = port.name === '?' ? word('unnamed', lang) : port.name;
  const head: Span[] = [span(name, nameRole(port), { bold: port.mark === 'new', strike: port.mark === 'removed' })];
  if (port.state !== null) {
    const sign = stateSign(port.state, unicode);
    head.push({ text: ' ' }, span(`${sign.glyph}${word(sign.word, lang)}`, sign.role));
  }
  if (port.mark !== null) head.push({ text: ' ' }, markSpan(port.mark, options));
  const connector = options.connectors.get(port.id);
  const tail: Span[] = [];
  for (const fact of factsOf(port)) tail.push(span(unicode ? fact : asciiText(fact), 'muted'));
  if (connector !== undefined) tail.push(span(unicode ? `→ ${connector}` : `> ${connector}`, 'wire'));
  for (const address of port.addresses.slice(0, MAX_ADDRESSES)) {
    if (address.mark === null) tail.push(span(address.text, 'net'));
    else {
      const sign = markSign(address.mark, unicode);
      tail.push(
        span(`${sign.glyph}${address.text}`, sign.role, {
          bold: address.mark === 'new',
          strike: address.mark === 'removed',
        }),
      );
    }
  }
  if (port.addresses.length > MAX_ADDRESSES)
    tail.push(span(more(port.addresses.length - MAX_ADDRESSES, lang), 'muted'));
  const lines = flow(head, tail, room);
  return lines.map((spans, i) => ({
    port: i === 0 ? port : null,
    item: port.id,
    depth,
    barred,
    spans:
      i === 0 && !barred
        ? [span(`${kindGlyph(port.kind, unicode)} `, ghostly ? port.mark! : 'wire'), ...spans]
        : i === 0
          ? spans
          : [{ text: barred ? '' : '  ' }, ...spans],
    loose: i === 0,
    children: i === 0 ? port.children.map((child) => child.id) : [],
  }));
}

/** Facts in the picture: the kind where its glyph does not say enough. */
function factsOf(port: WiringPort): string[] {
  const spoken =
    port.kind === 'macvlan' ||
    port.kind === 'ipvlan' ||
    port.kind === 'bridge' ||
    port.kind === 'veth' ||
    port.kind === 'loopback' ||
    port.kind === 'other';
  return spoken ? [...port.facts] : [port.kind, ...port.facts];
}

/** Parts one after the other, two blanks between, a new row where one does not fit. */
function flow(head: readonly Span[], tail: readonly Span[], room: number): Span[][] {
  const rows: Span[][] = [[...head]];
  let used = spansWidth(head);
  for (const part of tail) {
    const width = textWidth(part.text);
    const row = rows.at(-1)!;
    if (used + 1 + width <= room) {
      row.push({ text: ' ' }, part);
      used += 1 + width;
    } else {
      rows.push([{ text: ' ' }, part]);
      used = 1 + width;
    }
  }
  return rows;
}

/** Columns of spans. */
export function spansWidth(spans: readonly Span[]): number {
  let width = 0;
  for (const part of spans) width += textWidth(part.text);
  return width;
}

const NOTE_ROLE: Readonly<Record<WiringNote['kind'], Role>> = {
  forward: 'text',
  route: 'text',
  dnat: 'info',
  nat: 'info',
  filter: 'warn',
  listen: 'text',
  other: 'muted',
};

function noteRows(box: WiringBox, options: RowOptions): BoxRow[] {
  const { lang, unicode } = options;
  const rows: BoxRow[] = [];
  const shown = box.notes.length <= options.maxNotes ? box.notes : box.notes.slice(0, options.maxNotes - 1);
  const add = (spans: readonly Span[]): void => {
    rows.push({ port: null, item: box.id, depth: 0, barred: false, spans, loose: false, children: [] });
  };
  for (const note of shown) {
    if (note.kind === 'other') {
      add([span(otherRules(note.count ?? 0, lang), 'muted')]);
      continue;
    }
    const role = note.mark === null ? NOTE_ROLE[note.kind] : markSign(note.mark, unicode).role;
    const text = unicode ? note.text : asciiText(note.text);
    const mark = note.mark === null ? [] : [{ text: ' ' }, markSpan(note.mark, options)];
    const room = Math.max(4, options.inner - 2);
    const lines = wrapText(text, room);
    lines.forEach((part, i) => {
      const lead = i === 0 ? span(`${noteGlyph(note.kind, unicode)} `, role) : { text: '  ' };
      const last = i === lines.length - 1 && textWidth(part) + spansWidth(mark) <= room;
      add([lead, span(part, role, { bold: note.mark === 'new' }), ...(last ? mark : [])]);
    });
  }
  if (shown.length < box.notes.length) add([span(more(box.notes.length - shown.length, lang), 'muted')]);
  return rows;
}

/** `+4 other rules`; `另有 4 条规则`. */
export function otherRules(count: number, lang: Lang): string {
  if (lang === 'zh') return `+${count} 条其他规则`;
  return `+${count} other ${count === 1 ? 'rule' : 'rules'}`;
}

interface Words {
  readonly lang: Lang;
  readonly unicode: boolean;
}

/** `lab host`, `r1`, `container web`: the name of a box as people read it. */
export function boxTitle(box: WiringBox, lang: Lang): string {
  return box.isHost ? word('labHost', lang) : placeText(box.label, lang);
}

/** The title in the upper border of a box. */
export function titleSpans(box: WiringBox, options: Words): Span[] {
  const ghostly = box.mark === 'ghost' || box.mark === 'removed';
  const title: Span[] = [
    { text: ' ' },
    span(boxTitle(box, options.lang), ghostly ? box.mark! : 'heading', { bold: !ghostly }),
    { text: ' ' },
  ];
  if (box.mark !== null) title.push(markSpan(box.mark, options), { text: ' ' });
  return title;
}

/** `lo ▲up`, for the title of its box. */
export function loopbackSpans(box: WiringBox, options: Words): Span[] {
  const loopback = box.loopback;
  if (loopback === null || loopback.state === null) return [];
  const sign = stateSign(loopback.state, options.unicode);
  const mark = loopback.mark === null ? [] : [markSpan(loopback.mark, options), { text: ' ' }];
  return [
    { text: ' ' },
    span('lo', 'muted'),
    { text: ' ' },
    span(`${sign.glyph}${word(sign.word, options.lang)}`, sign.role),
    { text: ' ' },
    ...mark,
  ];
}

/** Whether the upper border has room for the loopback's state; else it gets a row. */
export function loopbackInTitle(box: WiringBox, width: number, options: Words): boolean {
  return spansWidth(titleSpans(box, options)) + spansWidth(loopbackSpans(box, options)) + 5 <= width;
}
