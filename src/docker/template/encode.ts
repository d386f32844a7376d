import { shortest } from './print.js';
import { GoDuration, GoList, GoMap, GoNil, GoStruct, GoTime, JsonNumber, type Value } from './values.js';

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** Halves of surrogate pairs become U+FFFD, as Go's do. */
export const wellFormed = (text: string): string =>
  /[\ud800-\udfff]/.test(text) ? Buffer.from(text).toString('utf8') : text;

/** A string as encoding/json writes it; `html`: with <, > and & as \u003c and so on, as json.Marshal does. */
export function encodeString(text: string, html: boolean): string {
  const pattern = html ? /["\\\x00-\x1f\u2028\u2029<>&]/g : /["\\\x00-\x1f\u2028\u2029]/g;
  const escaped = wellFormed(text).replace(
    pattern,
    (character) => ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}

/** encoding/json's Marshal of a value: maps sorted, structs by their tags. */
export function encodeValue(value: Value, html: boolean): string {
  if (value === null || value instanceof GoNil) return 'null';
  if (typeof value === 'string') return encodeString(value, html);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return shortest(value, 21);
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof GoDuration) return String(value.nanoseconds);
  if (value instanceof GoTime) return encodeString(value.text, html);
  if (value instanceof GoList)
    return value.isNil ? 'null' : `[${value.items.map((item) => encodeValue(item, html)).join(',')}]`;
  if (value instanceof GoMap)
    return value.isNil
      ? 'null'
      : `{${value
          .sorted()
          .map(([key, item]) => `${encodeString(key, html)}:${encodeValue(item, html)}`)
          .join(',')}}`;
  return value.toJson() ?? `{${fieldsOf(value, html).join(',')}}`;
}

function fieldsOf(value: GoStruct, html: boolean): string[] {
  const out: string[] = [];
  for (const [name, item] of value.fields) {
    if (value.embedded.includes(name)) {
      if (item instanceof GoStruct) out.push(...fieldsOf(item, html));
      continue;
    }
    const tag = value.tags.get(name) ?? { json: name, omitEmpty: false };
    if (tag.json === null || (tag.omitEmpty && isEmpty(item))) continue;
    out.push(`${encodeString(tag.json, html)}:${encodeValue(item, html)}`);
  }
  return out;
}

/** What `omitempty` leaves out. */
function isEmpty(value: Value): boolean {
  if (value === null || value instanceof GoNil || value === false || value === 0n || value === 0 || value === '')
    return true;
  if (value instanceof GoDuration) return value.nanoseconds === 0n;
  if (value instanceof GoList) return value.items.length === 0;
  return value instanceof GoMap && value.entries.size === 0;
}
