/** Small pieces of sentences in both languages, from which checks say what they expected and what they saw. */
import type { Amount, Bilingual, CheckResult, Outcome } from '../types.js';

export function say(en: string, zh: string): Bilingual {
  return { en, zh };
}

/** The same in both languages: a name, a number, an address. Control characters are shown as `?`. */
export function same(text: string | number): Bilingual {
  const clean = printable(String(text));
  return { en: clean, zh: clean };
}

/** Names come from the kernel and from learners: nothing in them may act on a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu, '?').slice(0, 300);
}

/** Join pieces: `, ` in English, `，` in Chinese. */
export function comma(parts: readonly Bilingual[]): Bilingual {
  return { en: parts.map((part) => part.en).join(', '), zh: parts.map((part) => part.zh).join('，') };
}

/** Enumerate things, at most `limit` of them: `, ` in English, `、` in Chinese. */
export function list(parts: readonly Bilingual[], limit = 8): Bilingual {
  const shown = parts.slice(0, limit);
  const more = parts.length - shown.length;
  return {
    en: shown.map((part) => part.en).join(', ') + (more > 0 ? ` and ${more} more` : ''),
    zh: shown.map((part) => part.zh).join('、') + (more > 0 ? ` 等共 ${parts.length} 项` : ''),
  };
}

/** Chinese at the edge of a piece needs no blank beside it; other letters and numbers do. */
const BEGINS_CHINESE = /^[\u4e00-\u9fff\u3001-\u3011\uff01-\uff1f“]/;
const ENDS_CHINESE = /[\u4e00-\u9fff\u3001-\u3011\uff01-\uff1f”]$/;

/** Put pieces into templates: `%` stands for the next argument. */
export function put(en: string, zh: string, ...args: readonly Bilingual[]): Bilingual {
  const insert = (template: string, pick: (part: Bilingual) => string): string => {
    let next = 0;
    return template.replace(/(?<=([\u4e00-\u9fff])?)( ?)%( ?)(?=([\u4e00-\u9fff])?)/g, (...found: string[]) => {
      const [, before, left = '', right = '', after] = found;
      const part = args[next];
      next += 1;
      const text = part ? pick(part) : '%';
      const isLeftBare = before !== undefined && BEGINS_CHINESE.test(text);
      const isRightBare = after !== undefined && ENDS_CHINESE.test(text);
      return `${isLeftBare ? '' : left}${text}${isRightBare ? '' : right}`;
    });
  };
  return { en: insert(en, (part) => part.en), zh: insert(zh, (part) => part.zh) };
}

export function matchesAmount(value: number | null, amount: Amount): boolean {
  if (value === null) return false;
  if (typeof amount === 'number') return value === amount;
  return (amount.min === undefined || value >= amount.min) && (amount.max === undefined || value <= amount.max);
}

export function amountWords(amount: Amount): Bilingual {
  if (typeof amount === 'number') return same(amount);
  const { min, max } = amount;
  if (min !== undefined && max !== undefined) return say(`${min} to ${max}`, `${min} 到 ${max}`);
  if (min !== undefined) return say(`at least ${min}`, `至少 ${min}`);
  return say(`at most ${max ?? 0}`, `至多 ${max ?? 0}`);
}

export function outcome(result: Outcome, expected: Bilingual, observed: Bilingual, source: string): CheckResult {
  return { result, expected, observed, source };
}
