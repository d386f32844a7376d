/** What may leave the pane: the emulator's cells hold any code point, and some of them act on a whole line of the outer terminal. */
import { charWidth } from '../text/width.js';

const MOST_MARKS = 3;
const CACHE_SIZE = 4096;
const cache = new Map<string, string>();

function clean(chars: string, width: number): string {
  const [base, ...marks] = [...chars];
  if (
    base === undefined ||
    base < ' ' ||
    (base >= '\x7f' && base < '\xa0') ||
    /^[\p{Cf}\p{Zl}\p{Zp}\p{M}]$/u.test(base)
  )
    return ' ';
  const own = charWidth(base.codePointAt(0)!);
  // An emoji younger than the emulator's tables: it counted one column, terminals of today would paint two.
  if (own > width) return '\ufffd';
  let kept = base;
  let count = 0;
  for (const mark of marks)
    if (count < MOST_MARKS && /^[\p{Mn}\p{Me}]$/u.test(mark) && !/[\u034f\ufe00-\ufe0f]/.test(mark)) {
      kept += mark;
      count++;
    }
  return kept;
}

/** The text of an emulator's cell of `width` columns, without joiners, direction marks and other invisible things. */
export function cellText(chars: string, width: number): string {
  if (chars.length === 1) {
    const unit = chars.charCodeAt(0);
    if (unit >= 0x20 && unit < 0x7f) return chars;
    if (width === 2 && unit >= 0x4e00 && unit <= 0x9fff) return chars;
    if (unit >= 0x2500 && unit <= 0x259f) return chars;
  }
  if (chars === '') return ' ';
  const key = chars + width;
  let text = cache.get(key);
  if (text === undefined) {
    text = clean(chars, width);
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(key, text);
  }
  return text;
}
