import type { Bilingual } from '../../engine/api/types.js';

export type { Bilingual } from '../../engine/api/types.js';

/** The lab's languages, as `--lang` takes them. */
export type Language = 'en' | 'zh';

export const LANGUAGES: readonly Language[] = ['en', 'zh'];

/** Names of the languages in themselves, for menus. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: 'English', zh: '简体中文' };

/**
 * The sentence in one language with every `{name}` replaced by its value.
 * A name without a value stays as it is, so that a forgotten value shows in a test instead of as "undefined".
 */
export function pick(
  text: Bilingual,
  language: Language,
  values: Readonly<Record<string, string | number>> = {},
): string {
  return text[language].replace(/\{([a-zA-Z]+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
