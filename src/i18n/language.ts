import { LANGUAGES, type Language } from './text.js';

/** The value as a language of the lab: `zh`, `zh_CN.UTF-8` and `zh-Hans` are Chinese, `en…`, `C` and `POSIX` English. */
export function parseLanguage(value: string | undefined): Language | null {
  const base =
    value
      ?.trim()
      .toLowerCase()
      .split(/[_.\-@]/)[0] ?? '';
  if (base === 'c' || base === 'posix') return 'en';
  return LANGUAGES.find((language) => language === base) ?? null;
}

/** What the choice is made from, strongest first. */
export interface LanguageSources {
  readonly option?: string | undefined;
  readonly saved?: Language | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The language to speak. A deliberate choice (option, GLASSBOX_LANG, saved) goes before the locale; within the locale
 * the order is that of locale(7): LC_ALL, LC_MESSAGES, LANG, where the first that is set decides, also when it names
 * a language that the lab does not speak (then: English).
 */
export function chooseLanguage({ option, saved, env }: LanguageSources): Language {
  const deliberate = parseLanguage(option) ?? parseLanguage(env['GLASSBOX_LANG']) ?? saved;
  if (deliberate !== undefined && deliberate !== null) return deliberate;
  const locale = [env['LC_ALL'], env['LC_MESSAGES'], env['LANG']].find((value) => value !== undefined && value !== '');
  return parseLanguage(locale) ?? 'en';
}
