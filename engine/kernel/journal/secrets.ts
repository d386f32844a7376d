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

/** Options of a command line that take a variable of an environment. */
const TAKES_VARIABLE = /^(?:-e|--env|--build-arg|--change|-c)$/;
/** The password of docker login, and the variables of docker run in one word: `-eNAME=value`. */
const SHORT_PASSWORD = /^-p$/;

/**
 * The words of a command, without passwords and without the values of variables.
 *
 * @param login whether `-p` is the password, as with `docker login`
 */
export function hideInWords(words: readonly string[], login = false): string[] {
  return words.map((word, n) => {
    const before = words[n - 1] ?? '';
    if (login && SHORT_PASSWORD.test(before)) return HIDDEN;
    if (TAKES_VARIABLE.test(before)) return hideValue(word);
    if (/^--?[\w-]+$/.test(before) && SECRET.test(before) && !before.endsWith('-stdin')) return HIDDEN;
    const glued = /^(-e|--env=|--build-arg=|--change=)(\w+)=/s.exec(word);
    if (glued !== null) return `${glued[1]}${glued[2]}=${HIDDEN}`;
    return hideInText(word);
  });
}

const ASSIGNED =
  /((?<![\w-])[\w-]*(?:pass(?:wd|word|phrase)?|secret|token|credential|api[_-]?key|private[_-]?key)[\w-]*\s?[=:]\s?)[^\s,;&"']+/gi;
const IN_ADDRESS = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]*):[^\s/@]+@/gi;

/** `password=x`, `--token x` and `https://user:password@host` within a text. */
export function hideInText(text: string): string {
  const shown = text.length > MAX_WORD ? `${text.slice(0, MAX_WORD)}${HIDDEN}` : text;
  return shown.replace(ASSIGNED, `$1${HIDDEN}`).replace(IN_ADDRESS, `$1:${HIDDEN}@`);
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
    const short = value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
    return hideInText(short);
  }
  if (typeof value !== 'object') return value;
  if (depth >= MAX_DEPTH) return HIDDEN;
  if (Array.isArray(value)) {
    const items: unknown[] = value.slice(0, MAX_MEMBERS);
    const words = items.filter((one): one is string => typeof one === 'string');
    if (words.length === items.length) {
      const hidden = name === 'Env' ? words.map(hideValue) : hideInWords(words);
      return hidden.length === 0 ? undefined : hidden.map((word) => word.slice(0, MAX_TEXT));
    }
    const shown = items.map((one) => presentable(one, name, depth + 1)).filter((one) => one !== undefined);
    return shown.length === 0 ? undefined : shown;
  }
  const members = Object.entries(value)
    .slice(0, MAX_MEMBERS)
    .map(([key, one]) => [key.slice(0, MAX_TEXT), presentable(one, key, depth + 1)] as const)
    .filter(([, one]) => one !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}
