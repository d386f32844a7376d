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

const REASONS = {
  EACCES: { en: 'permission denied', zh: '权限不足' },
  EPERM: { en: 'operation not permitted', zh: '操作不被允许' },
  EROFS: { en: 'the file system is read-only', zh: '文件系统只读' },
  ENOSPC: { en: 'no space left', zh: '磁盘空间不足' },
};

/**
 * What a person is told about a set-up that failed: our own sentence, or the file that cannot be written and why.
 * Anything else is a fault of ours and is thrown again, with its stack.
 * @returns {{message: string, exitCode: number}}
 */
export function describeFailure(error) {
  if (error instanceof SetupError) return error;
  const reason = REASONS[error?.code];
  if (reason === undefined || typeof error.path !== 'string') throw error;
  return { message: `${pick(reason)}${pick({ en: ': ', zh: '：' })}${error.path}`, exitCode: 1 };
}
