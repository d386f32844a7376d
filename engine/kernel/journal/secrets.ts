import { cutText } from '../cut-text.js';

/** Of a word as long as this is shown no more. */
const MAX_WORD = 2_000;

/** What stands where something was that must not be kept. */
export const HIDDEN = '…';

/** Names of what is secret: of JSON members, of options, of variables. */
const SECRET = /pass(?:wd|word|phrase)?|secret|token|credential|api[_-]?key|private[_-]?key|^auth|_auth|authorization/i;

/** `NAME=value` -> `NAME=…`: no value of an environment is kept, whatever its name is. */
export function hideValue(variable: string): string {
  const at = variable.indexOf('=');
  return at < 0 ? variable : `${variable.slice(0, at)}=${HIDDEN}`;
}

/** Options of a command line that take a variable of an environment; `-e` also behind others: `-ite NAME=value`. */
const TAKES_VARIABLE = /^(?:-[a-z]*e|--env|--build-arg|--change|-c)$/i;
/** The same in one word: `-eNAME=value`, `-iteNAME=value` (behind those of docker run and exec that take nothing). */
const HOLDS_VARIABLE = /^(-[ditqP]*e|--env=|--build-arg=|--change=)(\w+)=/s;
/** The password of docker login: `-p password`, `-ppassword`, `-p=password`. */
const SHORT_PASSWORD = /^-p$/;
const GLUED_PASSWORD = /^-p=?(?=.)/s;
/** A secret that is the rest of the word, commas and all: `--password=a,b`. */
const NAMED = /^(--?[\w-]+|\w[\w-]*)=/;

/**
 * The words of a command, without passwords and without the values of variables.
 *
 * @param login whether `-p` is the password, as with `docker login`
 */
export function hideInWords(words: readonly string[], login = false): string[] {
  return words.map((word, n) => {
    const before = words[n - 1] ?? '';
    if (login && SHORT_PASSWORD.test(before)) return HIDDEN;
    if (TAKES_VARIABLE.test(before)) return hideInText(hideValue(word));
    if (/^--?[\w-]+$/.test(before) && SECRET.test(before) && !before.endsWith('-stdin')) return HIDDEN;
    if (login && GLUED_PASSWORD.test(word)) return `${GLUED_PASSWORD.exec(word)?.[0]}${HIDDEN}`;
    const [variable] = HOLDS_VARIABLE.exec(word) ?? [];
    if (variable !== undefined) return `${variable}${HIDDEN}`;
    const [named] = NAMED.exec(word) ?? [];
    if (named !== undefined && SECRET.test(named)) return `${named}${HIDDEN}`;
    return hideInText(word);
  });
}

/** A name and what stands between it and its value: `password=`, `"token": `, within a text of its own `\"secret\":`. */
const NAME =
  /((?<![\w-])[\w-]*(?:pass(?:wd|word|phrase)?|secret|token|credential|api[_-]?key|private[_-]?key)[\w-]*\\*["']?\s?[=:]\s?)/;
/** In quotes up to the next of them, also where they stand in the middle; else up to a space or what parts a list. */
const VALUE = /(?:\\*"(?:[^"\\]|\\[^"]|\\"(?=[^\s,;:}\]"]))*(?:\\?")?|'[^']*'?|[^\s,;&"']+)(?:["'][^"'\s,;&]+["']?)*/;
const ASSIGNED = new RegExp(NAME.source + VALUE.source, 'gi');
/** Headers, whose values have spaces: up to the end of the line, or of the quotes around it. */
const HEADER = /((?:authorization|x-registry-(?:auth|config))\\*["']?\s?[=:]\s?\\*["']?)[^"'\r\n]+/gi;
const IN_ADDRESS = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]*):[^\s/]+@/gi;

/** `password=x`, `"password": "x"`, `Authorization: x` and `https://user:password@host` within a text. */
export function hideInText(text: string): string {
  const shown = text.length > MAX_WORD ? `${cutText(text, MAX_WORD)}${HIDDEN}` : text;
  return shown.replace(HEADER, `$1${HIDDEN}`).replace(ASSIGNED, `$1${HIDDEN}`).replace(IN_ADDRESS, `$1:${HIDDEN}@`);
}

/** Depth, members and length of a text beyond which a value is cut: it is shown to a person. */
const MAX_DEPTH = 8;
const MAX_MEMBERS = 64;
const MAX_TEXT = 500;

/**
 * A value of a request as it may be kept: short, without what only says the default (null, false, 0, empty), without secrets.
 * undefined: nothing is left of it.
 */
export function presentable(value: unknown, name = '', depth = 0): unknown {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return undefined;
  if (SECRET.test(name) && typeof value !== 'boolean' && typeof value !== 'number') return HIDDEN;
  if (typeof value === 'string') {
    const shown = hideInText(value);
    return shown.length > MAX_TEXT ? `${cutText(shown, MAX_TEXT)}…` : shown;
  }
  if (typeof value !== 'object') return value;
  if (depth >= MAX_DEPTH) return HIDDEN;
  if (Array.isArray(value)) {
    const items: unknown[] = value.slice(0, MAX_MEMBERS);
    const words = items.filter((one): one is string => typeof one === 'string');
    if (words.length === items.length) {
      const hidden = name === 'Env' ? words.map(hideValue) : hideInWords(words);
      return hidden.length === 0 ? undefined : hidden.map((word) => cutText(word, MAX_TEXT));
    }
    const shown = items.map((one) => presentable(one, name, depth + 1)).filter((one) => one !== undefined);
    return shown.length === 0 ? undefined : shown;
  }
  const members = Object.entries(value)
    .slice(0, MAX_MEMBERS)
    .map(([key, one]) => [cutText(key, MAX_TEXT), presentable(one, key, depth + 1)] as const)
    .filter(([, one]) => one !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}
