/**
 * Progress of one lesson: an append-only journal of JSON lines, flushed at each event, so that `kill -9` loses nothing. The present
 * is the fold of the events. Damaged lines are skipped and reported, never fatal, and never rewritten.
 */
import { closeSync, constants, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export type JournalEvent =
  | { readonly e: 'start'; readonly lesson: string; readonly seed: string; readonly digest: string }
  | { readonly e: 'step'; readonly step: string }
  | { readonly e: 'command'; readonly step: string; readonly line: string; readonly exit: number | null }
  | { readonly e: 'met'; readonly step: string }
  | { readonly e: 'hint'; readonly step: string; readonly hint: string }
  | { readonly e: 'predict'; readonly step: string; readonly option: number; readonly truth: number | null }
  | { readonly e: 'answer'; readonly step: string; readonly given: string; readonly right: boolean }
  /** The last `count` commands of the step are taken back. */
  | { readonly e: 'undo'; readonly step: string; readonly count: number }
  /** All commands of the step and of those after it are taken back. */
  | { readonly e: 'reset'; readonly step: string }
  | { readonly e: 'finish' };

/** What the journal adds up to. */
export interface Progress {
  readonly seed: string;
  readonly digest: string;
  readonly step: string | null;
  readonly commands: readonly { readonly step: string; readonly line: string; readonly exit: number | null }[];
  readonly met: readonly string[];
  readonly hints: Readonly<Record<string, readonly string[]>>;
  readonly predictions: Readonly<Record<string, { readonly option: number; readonly truth: number | null }>>;
  readonly answers: Readonly<Record<string, { readonly given: string; readonly right: boolean }>>;
  readonly finished: boolean;
}

export interface LoadedJournal {
  readonly progress: Progress | null;
  /** Line numbers (1 first) that could not be read. */
  readonly damaged: readonly number[];
}

const MAX_COMMANDS = 2000;
const MAX_LINE = 64 * 1024;

/** `$XDG_STATE_HOME/glassbox` or `~/.local/state/glassbox`. A relative XDG_STATE_HOME is ignored, as the specification wants. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_STATE_HOME'];
  return join(base?.startsWith('/') ? base : join(env['HOME'] ?? homedir(), '.local/state'), 'glassbox');
}

export function journalFile(lesson: string, directory = stateDirectory()): string {
  return join(directory, 'progress', `${lesson}.jsonl`);
}

function isEvent(value: unknown): value is JournalEvent {
  if (typeof value !== 'object' || value === null) return false;
  const event = value as Record<string, unknown>;
  const text = (...keys: string[]): boolean => keys.every((key) => typeof event[key] === 'string');
  switch (event['e']) {
    case 'start':
      return text('lesson', 'seed', 'digest');
    case 'step':
    case 'met':
    case 'reset':
      return text('step');
    case 'command':
      return text('step', 'line') && (event['exit'] === null || typeof event['exit'] === 'number');
    case 'hint':
      return text('step', 'hint');
    case 'predict':
      return text('step') && typeof event['option'] === 'number';
    case 'answer':
      return text('step', 'given') && typeof event['right'] === 'boolean';
    case 'undo':
      return text('step') && typeof event['count'] === 'number';
    case 'finish':
      return true;
    default:
      return false;
  }
}

/** Read and add up a journal's text. */
export function foldJournal(text: string): LoadedJournal {
  const damaged: number[] = [];
  let progress: Progress | null = null;
  text.split('\n').forEach((line, index) => {
    if (line === '') return;
    let event: unknown = null;
    try {
      event = line.length > MAX_LINE ? null : JSON.parse(line);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    if (!isEvent(event)) damaged.push(index + 1);
    else progress = apply(progress, event) ?? progress;
  });
  return { progress, damaged };
}

function apply(progress: Progress | null, event: JournalEvent): Progress | null {
  if (event.e === 'start') {
    return {
      seed: event.seed,
      digest: event.digest,
      step: null,
      commands: [],
      met: [],
      hints: {},
      predictions: {},
      answers: {},
      finished: false,
    };
  }
  if (!progress) return null;
  switch (event.e) {
    case 'step':
      return { ...progress, step: event.step };
    case 'command':
      return {
        ...progress,
        commands: [...progress.commands, { step: event.step, line: event.line, exit: event.exit }].slice(-MAX_COMMANDS),
      };
    case 'met':
      return { ...progress, met: progress.met.includes(event.step) ? progress.met : [...progress.met, event.step] };
    case 'hint':
      return {
        ...progress,
        hints: { ...progress.hints, [event.step]: [...(progress.hints[event.step] ?? []), event.hint] },
      };
    case 'predict':
      return {
        ...progress,
        predictions: { ...progress.predictions, [event.step]: { option: event.option, truth: event.truth } },
      };
    case 'answer':
      return {
        ...progress,
        answers: { ...progress.answers, [event.step]: { given: event.given, right: event.right } },
      };
    case 'undo': {
      const commands = [...progress.commands];
      for (let left = event.count; left > 0; left -= 1) {
        const last = commands.findLastIndex((command) => command.step === event.step);
        if (last < 0) break;
        commands.splice(last, 1);
      }
      return { ...progress, commands };
    }
    case 'reset':
      return { ...progress, commands: progress.commands.filter((command) => command.step !== event.step) };
    case 'finish':
      return { ...progress, finished: true };
  }
}

/** Read a lesson's journal. A missing file is no progress. @throws for a file that exists and cannot be read */
export function loadJournal(file: string): LoadedJournal {
  try {
    return foldJournal(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { progress: null, damaged: [] };
    throw error;
  }
}

/** An open journal. Every `append` has reached the disk when it returns. */
export class Journal {
  readonly file: string;
  readonly #fd: number;

  private constructor(file: string, fd: number) {
    this.file = file;
    this.#fd = fd;
  }

  /** Opens for appending, mode 0600, never through a symbolic link; mends a torn last line by ending it. */
  static open(file: string): Journal {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600);
    const journal = new Journal(file, fd);
    const text = readFileSync(file, 'utf8');
    if (text !== '' && !text.endsWith('\n')) writeSync(fd, '\n');
    return journal;
  }

  append(event: JournalEvent): void {
    const line = `${JSON.stringify({ t: Date.now(), ...event })}\n`;
    writeSync(this.#fd, line);
    fsyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Begin a lesson anew: the old journal is kept beside the new one. */
export function setAside(file: string): void {
  try {
    renameSync(file, `${file}.old`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
