/**
 * Presenter notes on a second terminal: the demo writes where it is to a small file in the user's runtime directory, `glassbox demo --notes`
 * shows it. The file is replaced as a whole, so a reader never sees half of it.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, unwatchFile, watchFile, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printable } from '../lesson/checks/words.js';
import { plainMarkdown } from '../lesson/plain-text.js';
import type { Bilingual, Language } from '../lesson/types.js';

export interface DemoNotes {
  readonly pid: number;
  readonly lesson: Bilingual;
  readonly title: Bilingual;
  readonly stepIndex: number;
  readonly steps: number;
  readonly notes: Bilingual;
  readonly next: string | null;
  readonly following: readonly string[];
  readonly done: number;
  readonly lines: number;
  readonly startedAt: number;
  readonly ended: boolean;
}

/** `$XDG_RUNTIME_DIR/glassbox`, or a private directory below /tmp. @throws when somebody else owns it */
export function notesFile(env: NodeJS.ProcessEnv = process.env): string {
  const uid = process.getuid?.() ?? 0;
  const directory = env['XDG_RUNTIME_DIR']?.startsWith('/')
    ? join(env['XDG_RUNTIME_DIR'], 'glassbox')
    : `/tmp/glassbox-${uid}`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const status = statSync(directory);
  if (status.uid !== uid || (status.mode & 0o022) !== 0)
    throw new Error(`cannot write notes to ${directory}: it belongs to or is writable by somebody else`);
  return join(directory, 'demo-notes.json');
}

export function publishNotes(file: string, notes: DemoNotes): void {
  const next = `${file}.${process.pid}`;
  writeFileSync(next, JSON.stringify(notes), { mode: 0o600 });
  renameSync(next, file);
}

export function withdrawNotes(file: string): void {
  rmSync(file, { force: true });
}

const WORDS = {
  none: {
    en: 'no demo is running; start one with glassbox demo LESSON',
    zh: '没有正在进行的演示；用 glassbox demo LESSON 开始',
  },
  next: { en: 'next', zh: '下一条' },
  after: { en: 'then', zh: '之后' },
  ended: { en: 'the demo has ended', zh: '演示已结束' },
  minutes: { en: 'min', zh: '分钟' },
} satisfies Record<string, Bilingual>;

/** What the second terminal shows. */
export function renderNotes(notes: DemoNotes | null, language: Language, now: number): string {
  if (!notes) return `${WORDS.none[language]}\n`;
  if (notes.ended) return `${WORDS.ended[language]}\n`;
  const lines = [
    `${notes.lesson[language]}  ${notes.stepIndex + 1}/${notes.steps}  ${Math.floor((now - notes.startedAt) / 60_000)} ${WORDS.minutes[language]}`,
    `== ${notes.title[language]} ==`,
    '',
    plainMarkdown(notes.notes[language]),
    '',
  ];
  if (notes.next !== null)
    lines.push(`${WORDS.next[language]} (${notes.done + 1}/${notes.lines}): ${printable(notes.next)}`);
  for (const line of notes.following.slice(0, 3)) lines.push(`${WORDS.after[language]}: ${printable(line)}`);
  return `${lines.join('\n')}\n`;
}

export function readNotes(file: string): DemoNotes | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as DemoNotes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Show the notes and follow them until `stop` resolves. */
export async function followNotes(
  file: string,
  language: Language,
  out: { write(text: string): unknown; isTTY?: boolean },
  stop: Promise<void>,
): Promise<void> {
  let last = '';
  const show = (): void => {
    const text = renderNotes(readNotes(file), language, Date.now());
    if (text === last) return;
    last = text;
    out.write(out.isTTY === true ? `\u001b[2J\u001b[H${text}` : `${text}\n`);
  };
  show();
  watchFile(file, { interval: 250 }, show);
  await stop;
  unwatchFile(file);
}
