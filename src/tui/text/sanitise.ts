/**
 * Make text from anywhere (lessons, file names, process names, command lines) safe and measurable: afterwards it
 * cannot move the cursor or change the direction of writing, and every glyph has a width on which terminals agree.
 */

/** Joiners, variation selectors, zero-width spaces, soft hyphens: terminals disagree about them, and nobody sees them. */
const INVISIBLE =
  /\u034f|[\u17b4\u17b5]|[\u180b-\u180f]|[\ufe00-\ufe0f]|[\u{e0000}-\u{e0fff}]|[\u00ad\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]/gu;
/** A person or thing made of several emoji joined by U+200D: the first stands for all. */
const JOINED =
  /(\p{Extended_Pictographic})[\ufe0e\ufe0f\p{Emoji_Modifier}]*(?:\u200d[\p{Extended_Pictographic}\u2640\u2642][\ufe0e\ufe0f\p{Emoji_Modifier}]*)+/gu;
const MODIFIED = /(\p{Extended_Pictographic})\p{Emoji_Modifier}/gu;
const FLAG = /\p{Regional_Indicator}{2}/gu;
const LONE_SURROGATE = /\p{Surrogate}/gu;
const REGIONAL_A = 0x1f1e6;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const PLAIN = /^[ -~\u3001-\u303f\u4e00-\u9fff\uff01-\uff5e\u2500-\u257f]*$/;
/** More marks than this on one character is not language but an attempt to paint over other lines. */
const MARK_STORM = /(\p{M}{4})\p{M}+/gu;

function flagLetters(flag: string): string {
  return [...flag].map((c) => String.fromCharCode(65 + c.codePointAt(0)! - REGIONAL_A)).join('');
}

/** C0 controls become their pictures (U+2400…), so that an ESC is seen and not obeyed; DEL and C1 become U+FFFD. */
function controlPicture(control: string): string {
  const code = control.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\ufffd';
}

/** One line of text, safe to draw. Line breaks become `␊`: split first. A tab becomes `tabWidth` blanks. */
export function sanitise(text: string, tabWidth = 4): string {
  if (PLAIN.test(text)) return text;
  return text
    .replaceAll('\t', ' '.repeat(tabWidth))
    .replace(CONTROL, controlPicture)
    .replace(JOINED, '$1')
    .replace(MODIFIED, '$1')
    .replace(FLAG, flagLetters)
    .replace(INVISIBLE, '')
    .replace(LONE_SURROGATE, '\ufffd')
    .normalize('NFC')
    .replace(MARK_STORM, '$1');
}

/** Lines of a text, each sanitised; `\r\n` and `\n` end a line. */
export function sanitiseLines(text: string): string[] {
  return text.split(/\r?\n/).map((part) => sanitise(part));
}
