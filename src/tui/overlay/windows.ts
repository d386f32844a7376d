/** The windows: help, command palette, a question for text, a question for yes or no. */
import { type Key, keyId } from '../input/keys.js';
import type { AppCommand } from '../lesson-view.js';
import type { KeyHint, Lang } from '../panel.js';
import { text } from '../strings.js';
import { pad } from '../text/fit.js';
import { sanitise } from '../text/sanitise.js';
import { line, type StyledLine, span } from '../text/styled.js';
import { textWidth } from '../text/width.js';
import { wrapLine } from '../text/wrap.js';
import { LineEditor } from './line-editor.js';
import type { Overlay, OverlayView } from './overlay.js';

/** How a key id is shown to people: `ctrl-g` as `Ctrl-G`, `pageup` as `PgUp`. */
export function shownKey(id: string): string {
  const names: Readonly<Record<string, string>> = {
    enter: 'Enter',
    escape: 'Esc',
    tab: 'Tab',
    space: 'Space',
    pageup: 'PgUp',
    pagedown: 'PgDn',
    up: '↑',
    down: '↓',
    left: '←',
    right: '→',
    home: 'Home',
    end: 'End',
    backspace: 'Backspace',
    delete: 'Del',
  };
  return id
    .replace(/^ctrl-(.)$/, (_, c: string) => `Ctrl-${c.toUpperCase()}`)
    .replace(/^shift-/, 'Shift-')
    .replace(/[a-z]+$/, (word) => (word.length > 1 ? (names[word] ?? word) : word).replace(/^f(\d+)$/, 'F$1'));
}

function shownKeys(command: AppCommand): string {
  return command.shown ?? command.keys.map(shownKey).join(' ');
}

const HELP_WIDTH = 76;
const KEY_COLUMNS = 14;

function keyRow(key: string, body: string, columns: number): StyledLine[] {
  return wrapLine([span(body)], Math.max(10, columns - KEY_COLUMNS)).map((part, index) => [
    span(index === 0 ? pad(key, KEY_COLUMNS) : ' '.repeat(KEY_COLUMNS), 'key'),
    ...part,
  ]);
}

/** A pane with keys of its own. */
export interface HelpSection {
  title(lang: Lang): string;
  readonly keys: readonly KeyHint[];
}

export function helpWindow(
  commands: readonly AppCommand[],
  sections: readonly HelpSection[],
  lang: () => Lang,
): Overlay {
  return {
    id: 'help',
    view(columns): OverlayView {
      const width = Math.min(HELP_WIDTH, columns);
      const now = lang();
      const lines: StyledLine[] = wrapLine([span(text('helpPrefix', now), 'muted')], width);
      lines.push([], [span(text('helpGeneral', now), 'heading')]);
      for (const command of commands)
        if (command.keys.length > 0) lines.push(...keyRow(shownKeys(command), command.title[now], width));
      lines.push(
        ...keyRow('↑ ↓ j k', text('helpScroll', now), width),
        ...keyRow('PgUp PgDn g G', text('helpScroll', now), width),
      );
      lines.push(...keyRow('Shift-PgUp/Dn', text('cmdScrollUp', now), width));
      for (const section of sections) {
        if (section.keys.length === 0) continue;
        lines.push([], [span(text('helpPanel', now, { pane: section.title(now) }), 'heading')]);
        for (const hint of section.keys) lines.push(...keyRow(hint.key, hint.text[now], width));
      }
      return { title: text('help', now), lines, footer: text('escCloses', now), width };
    },
    key: (key) => (['escape', 'q', '?', 'enter', 'ctrl-c'].includes(keyId(key)) ? 'close' : 'used'),
  };
}

/** How well a command fits what was typed: all words must occur, in the title of either language, the id or the extra words. */
function fits(command: AppCommand, words: readonly string[]): boolean {
  const hay = `${command.id} ${command.title.en} ${command.title.zh} ${command.words ?? ''}`.toLowerCase();
  return words.every((word) => hay.includes(word));
}

export function paletteWindow(
  commands: readonly AppCommand[],
  title: () => string,
  run: (command: AppCommand) => void,
  lang: () => Lang,
): Overlay {
  const editor = new LineEditor();
  let chosen = 0;
  const found = (): AppCommand[] => {
    const words = editor.text
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    return commands.filter((command) => command.available?.() !== false && fits(command, words));
  };
  return {
    id: 'palette',
    view(columns): OverlayView {
      const now = lang();
      const list = found();
      chosen = Math.max(0, Math.min(chosen, list.length - 1));
      const width = Math.min(64, columns);
      const lines: StyledLine[] = [line(span(': ', 'key'), span(editor.text, 'strong'))];
      for (const [index, command] of list.entries()) {
        const keys = shownKeys(command);
        const room = Math.max(1, width - 3 - textWidth(keys));
        const here = index === chosen;
        lines.push([
          span(`${here ? '›' : ' '} ${pad(sanitise(command.title[now]), room)}`, here ? 'selected' : 'text'),
          span(`${keys} `, here ? 'selected' : 'key'),
        ]);
      }
      if (list.length === 0) lines.push([span(text('nothingFound', now), 'muted')]);
      return {
        title: title(),
        lines,
        footer: text('enterRuns', now),
        cursor: { line: 0, column: 2 + editor.column },
        reveal: chosen + 1,
        sticky: 1,
        width,
      };
    },
    key(key: Key) {
      const id = keyId(key);
      if (id === 'escape' || id === 'ctrl-c') return 'close';
      if (id === 'up' || id === 'ctrl-p') chosen--;
      else if (id === 'down' || id === 'ctrl-n' || id === 'tab') chosen++;
      else if (id === 'pageup') chosen -= 10;
      else if (id === 'pagedown') chosen += 10;
      else if (id === 'enter') {
        const command = found()[chosen];
        if (command !== undefined) run(command);
        return 'close';
      } else if (editor.key(key)) chosen = 0;
      return 'used';
    },
    paste: (pasted) => editor.insert(pasted),
  };
}

/** Ask for a line of text. */
export function promptWindow(title: () => string, done: (text: string) => void, lang: () => Lang): Overlay {
  const editor = new LineEditor();
  return {
    id: 'prompt',
    view(columns): OverlayView {
      const width = Math.min(64, columns);
      const lines = [...wrapLine([span(title(), 'strong')], width), []];
      return {
        title: text('cmdAnswer', lang()),
        lines: [...lines, line(span('› ', 'key'), span(editor.text))],
        footer: `Enter · ${text('escCloses', lang())}`,
        cursor: { line: lines.length, column: 2 + editor.column },
        width,
      };
    },
    key(key) {
      const id = keyId(key);
      if (id === 'escape' || id === 'ctrl-c') return 'close';
      if (id === 'enter') {
        if (editor.text.trim() === '') return 'used';
        done(editor.text.trim());
        return 'close';
      }
      editor.key(key);
      return 'used';
    },
    paste: (pasted) => editor.insert(pasted),
  };
}

/** Ask for yes or no. */
export function confirmWindow(title: () => string, body: () => string, yes: () => void, lang: () => Lang): Overlay {
  return {
    id: 'confirm',
    view(columns): OverlayView {
      const width = Math.min(56, columns);
      return { title: title(), lines: wrapLine([span(body())], width), footer: text('yesNo', lang()), width };
    },
    key(key) {
      const id = keyId(key);
      if (id === 'enter' || id === 'y' || id === 'Y') {
        yes();
        return 'close';
      }
      return id === 'escape' || id === 'n' || id === 'N' || id === 'q' || id === 'ctrl-c' ? 'close' : 'used';
    },
  };
}
