import { CliError } from '../errors.js';
import { encodeValue } from '../template/encode.js';
import {
  GoMap,
  GoStruct,
  type Method,
  Template,
  TemplateError,
  type TemplateFunction,
  type Value,
} from '../template/index.js';
import { tabwriter } from './tabwriter.js';

/** What one row can say, by the names that templates use. A string parameter makes it a function of the template. */
export type Row = Readonly<Record<string, (() => Value) | ((argument: string) => Value)>>;

/** How a kind of object is listed: docker/cli's formatter contexts. */
export interface Listing {
  /** The Go type that errors name. */
  readonly type: string;
  /** Headers of columns, by the names of rows. */
  readonly headers: Readonly<Record<string, string>>;
  /** The template of `table`. */
  readonly table: string;
  /** What --quiet shows. */
  readonly quiet?: string;
  /** What `raw` shows. */
  readonly raw?: string;
  /** Errors of templates as this command words them. */
  readonly errors?: { readonly parse: string; readonly execute: string };
}

const IDENTITY: TemplateFunction = { min: 1, max: 3, call: ([value = null]) => value };
/** In a header a function does not change the word. */
const HEADER_FUNCTIONS = new Map(
  ['json', 'split', 'join', 'title', 'lower', 'upper', 'truncate'].map((name) => [name, IDENTITY] as const),
);

/** The text of a list. `format`: what --format says; empty: the default table. */
export function formatList(listing: Listing, format: string, isQuiet: boolean, rows: readonly Row[]): string {
  const { isTable, text } = templateOf(listing, format, isQuiet);
  const errors = listing.errors ?? { parse: 'template parsing error', execute: 'template parsing error' };
  const template = said(errors.parse, () => new Template(text));
  const lines = rows.map((row) => said(errors.execute, () => template.run(structOf(listing, row, isTable))));
  if (!isTable) return lines.map((line) => `${line}\n`).join('');
  const header = new Template(text, { functions: HEADER_FUNCTIONS }).run(headerOf(listing));
  return tabwriter([header, ...lines].map((line) => `${line}\n`).join(''), 10);
}

function templateOf(listing: Listing, format: string, isQuiet: boolean): { isTable: boolean; text: string } {
  const expand = (text: string): string => text.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
  if (format === 'json') return { isTable: false, text: '{{json .}}' };
  if (format === 'raw' && listing.raw !== undefined)
    return { isTable: false, text: isQuiet ? `${listing.quiet}` : listing.raw };
  if (format === '' || format === 'table') {
    if (isQuiet && listing.quiet !== undefined) return { isTable: false, text: listing.quiet };
    return { isTable: true, text: listing.table };
  }
  if (!format.startsWith('table')) return { isTable: false, text: expand(format) };
  return { isTable: true, text: expand(format.slice('table'.length).trim()) };
}

function said<T>(prefix: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof TemplateError) throw new CliError(`${prefix}: ${error.message}`, 1, { cause: error });
    throw error;
  }
}

/** What could move the cursor or change the terminal, out of a text that is shown in a table. */
export const printable = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '');

function structOf(listing: Listing, row: Row, isTable: boolean): GoStruct {
  const methods = new Map<string, Method>();
  const fields = new Map<string, Value>();
  const shown = (value: Value): Value => (isTable && typeof value === 'string' ? printable(value) : value);
  for (const [name, ask] of Object.entries(row)) {
    const hasParameter = ask.length > 0;
    methods.set(name, {
      params: hasParameter ? ['string'] : [],
      call: ([argument]) => shown(ask(typeof argument === 'string' ? argument : '')),
    });
  }
  return new ListedRow(listing.type, fields, methods, row);
}

/** Its JSON is what its methods answer, sorted by name, as docker's MarshalJSON of contexts makes it. */
class ListedRow extends GoStruct {
  readonly #row: Row;
  constructor(type: string, fields: ReadonlyMap<string, Value>, methods: ReadonlyMap<string, Method>, row: Row) {
    super(type, fields, { methods });
    this.#row = row;
  }

  override toJson(): string {
    const entries = Object.entries(this.#row).flatMap(([name, ask]) =>
      ask.length > 0 ? [] : [[name, (ask as () => Value)()] as const],
    );
    return encodeValue(new GoMap('map[string]interface {}', new Map(entries)), true);
  }
}

/** Headers by name; `.Label "a.b"` has the last part of its name. */
function headerOf(listing: Listing): Value {
  const methods = new Map<string, Method>();
  for (const [name, header] of Object.entries(listing.headers)) methods.set(name, { params: [], call: () => header });
  methods.set('Label', {
    params: ['string'],
    call: ([name]) => (typeof name === 'string' ? (name.split('.').at(-1) ?? '').replaceAll(/[-_]/g, ' ') : ''),
  });
  return new GoStruct('formatter.SubHeaderContext', new Map(), { methods });
}

/** The list as one JSON array, for those who put several lists into one object. */
export function rowsAsJson(rows: readonly Row[]): string {
  return `[${rows.map((row) => new ListedRow('', new Map(), new Map(), row).toJson()).join(',')}]`;
}
