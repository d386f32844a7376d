/**
 * Names that programs choose (interfaces, bind mounts, files, processes) made visible: what would move the cursor, hide,
 * or reverse the direction of writing is written as an escape, as `ls -b` and git do, so two different names never look alike.
 */
import { sanitise } from '../text/sanitise.js';

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const HIDDEN = /[\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffb]/gu;
const PLAIN = /^[ -[\]-~\u3001-\u303f\u4e00-\u9fff]*$/;

function hex(char: string): string {
  const code = char.codePointAt(0)!;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

/** A name as it may be drawn: `\x1b` for ESC, `\u202e` for a right-to-left override, `\\` for a backslash. */
export function visible(name: string): string {
  if (PLAIN.test(name)) return name;
  const escaped = name.replaceAll('\\', '\\\\').replace(CONTROL, hex).replace(HIDDEN, hex);
  return sanitise(escaped);
}
