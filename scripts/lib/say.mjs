/**
 * Words that the set-up says. The typed catalogue of src/i18n does not exist before the build, so the few sentences
 * of the set-up live beside their use and are picked here.
 */

/** @returns {'en' | 'zh'} the language asked for by --lang, GLASSBOX_LANG or the locale */
export function setupLanguage(argv = process.argv.slice(2), env = process.env) {
  const at = argv.indexOf('--lang');
  const asked = at >= 0 ? argv[at + 1] : argv.find((word) => word.startsWith('--lang='))?.slice('--lang='.length);
  const value = asked || env.GLASSBOX_LANG || env.LC_ALL || env.LC_MESSAGES || env.LANG || '';
  return /^zh/i.test(value) ? 'zh' : 'en';
}

const language = setupLanguage();

/** @param {{en: string, zh: string}} text */
export const pick = (text) => text[language];

/** One line to standard error: standard output belongs to the command that follows. @param {{en: string, zh: string}} text */
export function say(text) {
  process.stderr.write(`${pick(text)}\n`);
}

/** A set-up step that cannot be done; the message is one sentence that the person can act on. */
export class SetupError extends Error {
  /** @param {{en: string, zh: string}} text @param {number} exitCode */
  constructor(text, exitCode = 1) {
    super(pick(text));
    this.exitCode = exitCode;
  }
}
