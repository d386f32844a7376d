export type Level = 'debug' | 'info' | 'warning' | 'error';

/** Where messages go. `terminal`: they are coloured and dated by seconds, for a person. */
export interface LogTarget {
  readonly write: (line: string) => void;
  readonly format: 'text' | 'json';
  readonly terminal: () => boolean;
  readonly debug: boolean;
}

const COLOUR: Readonly<Record<Level, number>> = { debug: 37, info: 36, warning: 33, error: 31 };

/**
 * Messages in the formats of logrus, since those who start a runtime read them: go-runc takes the last JSON line whose
 * level is `error` as the reason of a failure, conmon passes the text on.
 */
export class Log {
  #target: LogTarget;
  readonly #start = Date.now();

  constructor(target: LogTarget) {
    this.#target = target;
  }

  get target(): LogTarget {
    return this.#target;
  }

  to(target: LogTarget): void {
    this.#target = target;
  }

  debug(message: string): void {
    if (this.#target.debug) this.#write('debug', message);
  }

  warn(message: string): void {
    this.#write('warning', message);
  }

  error(message: string): void {
    this.#write('error', message);
  }

  #write(level: Level, msg: string): void {
    const { write, format, terminal } = this.#target;
    if (format === 'json') {
      write(`${goJson({ level, msg, time: rfc3339(new Date()) })}\n`);
    } else if (terminal()) {
      const seconds = String(Math.floor((Date.now() - this.#start) / 1000)).padStart(4, '0');
      const name = level.slice(0, 4).toUpperCase();
      write(`\x1b[${COLOUR[level]}m${name}\x1b[0m[${seconds}] ${printable(msg).padEnd(44)} \n`);
    } else {
      write(`time=${quoted(rfc3339(new Date()))} level=${level} msg=${quoted(msg)}\n`);
    }
  }
}

/** Seconds and the zone, as time.RFC3339. */
function rfc3339(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  if (minutes === 0) return `${local}Z`;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${local}${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

/** A container chooses some of these words: nothing of them may steer the person's terminal. */
const printable = (text: string): string => text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '?');

/** logrus leaves words of these characters as they are and quotes the rest as Go's %q. */
function quoted(text: string): string {
  return /^[A-Za-z0-9\-._/@^+]*$/.test(text) ? text : goQuote(text);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** strconv.Quote. */
export function goQuote(text: string): string {
  // nearly always so, and the classes of Unicode take a millisecond to make
  if (/^[ -~]*$/.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`;
  const escaped = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const known = ESCAPES[character];
    if (known !== undefined) return known;
    const code = character.codePointAt(0)!;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

/** Stands before the digits of a bigint, which JSON.stringify refuses; nobody can write it into a value beforehand. */
const DIGITS = `number ${Math.random()} `;
const QUOTED_DIGITS = new RegExp(`"${DIGITS.replace('.', '\\.')}(-?\\d+)"`, 'g');

/** JSON as encoding/json writes it: `<`, `>` and `&` are escaped, whole numbers of 64 bits exact. */
export function goJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? DIGITS + one : one), indent)
    .replace(QUOTED_DIGITS, '$1')
    .replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
