import { CliError } from '../errors.js';
import { GoList, GoMap, JsonNumber, type Value } from '../template/index.js';

/** JSON as it was written: numbers by their text, members in their order. */
export type Json = null | boolean | string | JsonNumber | readonly Json[] | ReadonlyMap<string, Json>;

/** How deep an object of an engine may be. */
const DEEPEST = 200;

const TOKEN =
  /[ \t\r\n]*(?:([{}[\],:])|"((?:[^"\\\x00-\x1f]|\\.)*)"|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))/y;

/** Read one JSON value; what is none ends the command. */
export function parseJson(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #fail(): never {
    throw new CliError(`the engine's answer is not JSON at character ${this.#at}`);
  }

  #next(): RegExpExecArray {
    TOKEN.lastIndex = this.#at;
    const found = TOKEN.exec(this.#text);
    if (found === null) this.#fail();
    this.#at = TOKEN.lastIndex;
    return found;
  }

  end(): void {
    if (this.#text.slice(this.#at).trim() !== '') this.#fail();
  }

  value(depth: number): Json {
    if (depth > DEEPEST) throw new CliError(`the engine's answer is nested deeper than ${DEEPEST}`);
    return this.#valueOf(this.#next(), depth);
  }

  #valueOf([, mark, string, number, word]: RegExpExecArray, depth: number): Json {
    if (string !== undefined) return this.#string(string);
    if (number !== undefined) return new JsonNumber(number);
    if (word !== undefined) return word === 'null' ? null : word === 'true';
    if (mark === '{') return this.#object(depth);
    return mark === '[' ? this.#array(depth) : this.#fail();
  }

  #string(inside: string): string {
    return inside.includes('\\') ? (JSON.parse(`"${inside}"`) as string) : inside;
  }

  #array(depth: number): Json {
    const out: Json[] = [];
    for (let token = this.#next(); token[1] !== ']'; token = this.#next()) {
      if (out.length > 0) {
        if (token[1] !== ',') this.#fail();
        token = this.#next();
      }
      if (depth >= DEEPEST) throw new CliError(`the engine's answer is nested deeper than ${DEEPEST}`);
      out.push(this.#valueOf(token, depth + 1));
    }
    return out;
  }

  #object(depth: number): Json {
    const out = new Map<string, Json>();
    let isFirst = true;
    for (let token = this.#next(); token[1] !== '}'; token = this.#next()) {
      if (!isFirst) {
        if (token[1] !== ',') this.#fail();
        token = this.#next();
      }
      isFirst = false;
      if (token[2] === undefined || this.#next()[1] !== ':') this.#fail();
      out.set(this.#string(token[2]), this.value(depth + 1));
    }
    return out;
  }
}

/** As templates see JSON without types. */
export function untyped(json: Json): Value {
  if (json === null || typeof json === 'boolean' || typeof json === 'string' || json instanceof JsonNumber) return json;
  if (json instanceof Map)
    return new GoMap(
      'map[string]interface {}',
      new Map([...json].map(([key, one]: [string, Json]) => [key, untyped(one)])),
    );
  return new GoList('[]interface {}', (json as readonly Json[]).map(untyped));
}
