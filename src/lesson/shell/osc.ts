/**
 * Finds the marks of shell integration in a terminal's output, also when a sequence is cut anywhere between two chunks. Everything is
 * passed on: the marks are invisible to a terminal.
 */

export type ShellMark =
  | { readonly kind: 'prompt-start' }
  | { readonly kind: 'prompt-end' }
  | { readonly kind: 'output-start' }
  | { readonly kind: 'done'; readonly exitCode: number | null }
  | { readonly kind: 'command'; readonly line: string; readonly nonce: string };

export type OscPart = { readonly text: string } | { readonly mark: ShellMark };

const MAX_OSC = 64 * 1024;

/** Incremental parser: feed text, get plain text and marks in order. */
export class OscParser {
  #held = '';

  feed(chunk: string): OscPart[] {
    const parts: OscPart[] = [];
    let rest = this.#held + chunk;
    this.#held = '';
    for (;;) {
      const start = rest.indexOf('\u001b]');
      if (start < 0) {
        // A lone ESC at the end may be the first half of `ESC ]`.
        if (rest.endsWith('\u001b')) {
          this.#held = '\u001b';
          rest = rest.slice(0, -1);
        }
        if (rest !== '') parts.push({ text: rest });
        return parts;
      }
      if (start > 0) parts.push({ text: rest.slice(0, start) });
      const end = /\u0007|\u001b\\|\u001b(?!\\)./s.exec(rest.slice(start + 2));
      if (!end) {
        if (rest.length - start > MAX_OSC) parts.push({ text: rest.slice(start) });
        else this.#held = rest.slice(start);
        return parts;
      }
      const payload = rest.slice(start + 2, start + 2 + end.index);
      const terminator = end[0] === '\u0007' || end[0] === '\u001b\\' ? end[0].length : 0;
      const mark = terminator > 0 ? toMark(payload) : null;
      parts.push(mark ? { mark } : { text: rest.slice(start, start + 2 + end.index + terminator) });
      rest = rest.slice(start + 2 + end.index + terminator);
    }
  }
}

function toMark(payload: string): ShellMark | null {
  if (payload.startsWith('133;')) {
    const [kind, status] = payload.slice(4).split(';');
    if (kind === 'A') return { kind: 'prompt-start' };
    if (kind === 'B') return { kind: 'prompt-end' };
    if (kind === 'C') return { kind: 'output-start' };
    if (kind === 'D')
      return { kind: 'done', exitCode: status !== undefined && /^\d+$/.test(status) ? Number(status) : null };
    return null;
  }
  const command = /^633;E;([\s\S]*);([0-9a-f]*)$/.exec(payload);
  if (!command) return null;
  const line = command[1]!.replace(/\\x([0-9a-f]{2})/g, (_whole, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return { kind: 'command', line, nonce: command[2]! };
}

/** Take the escape sequences and other controls out of a program's output, for prose and plain mode. Lines end in `\n`. */
export function plainOutput(raw: string): string {
  return raw
    .replace(/\u001b\][^\u0007\u001b]*(\u0007|\u001b\\)/g, '')
    .replace(/\u001b[[(][0-?]*[ -/]*[@-~]/g, '')
    .replace(/\u001b[PX^_][\s\S]*?\u001b\\/g, '')
    .replace(/\u001b./g, '')
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map((line) => overwrite(line))
    .join('\n')
    .replace(/[^\P{Cc}\t\n]/gu, '');
}

/** What a line shows after its carriage returns and backspaces. */
function overwrite(line: string): string {
  if (!/[\r\b]/.test(line)) return line;
  const cells: string[] = [];
  let at = 0;
  for (const char of line) {
    if (char === '\r') at = 0;
    else if (char === '\b') at = Math.max(0, at - 1);
    else {
      cells[at] = char;
      at += 1;
    }
  }
  return Array.from(cells, (cell) => cell ?? ' ').join('');
}
