import type { Bilingual } from '../../engine/api/types.js';

/** What a word on the command line stands for: decides how the shell completes it. */
export type WordKind = 'lesson' | 'language' | 'shell' | 'command' | 'file' | 'name' | 'number';

export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string;
  /** One letter, without the dash. */
  readonly short?: string;
  /** Present when the option takes a value: how the value is called in help. */
  readonly value?: { readonly label: string; readonly kind: WordKind; readonly choices?: readonly string[] };
  readonly text: Bilingual;
}

export interface ArgumentSpec {
  /** As help prints it: LESSON, CMD … */
  readonly label: string;
  readonly kind: WordKind;
  readonly choices?: readonly string[];
  /** Words that completion offers; others are as good. */
  readonly suggestions?: readonly string[];
  readonly required: boolean;
  /** Takes all the words that are left. */
  readonly rest?: boolean;
  /** Only words after `--` fill it. */
  readonly afterDashes?: boolean;
}

export interface CommandSpec {
  /** Words that call it: `lesson test`; empty for the command itself. */
  readonly name: string;
  readonly text: Bilingual;
  readonly options: readonly OptionSpec[];
  readonly arguments: readonly ArgumentSpec[];
  /** More to say below the usage lines. */
  readonly notes?: readonly Bilingual[];
  readonly examples?: readonly { readonly line: string; readonly text: Bilingual }[];
}

export interface CommandLineSpec {
  readonly program: string;
  readonly globals: readonly OptionSpec[];
  /** The first has the empty name: what happens without a command. */
  readonly commands: readonly CommandSpec[];
}

/** A command line that was understood. */
export interface Invocation {
  readonly command: CommandSpec;
  /** By long name: `true` for a switch, else its value. The last one given counts. */
  readonly options: Readonly<Record<string, string | true>>;
  /** Every option in the order given, for those that may be repeated. */
  readonly given: readonly { readonly name: string; readonly value: string | true }[];
  /** The words of the command's arguments; those after `--` are in `tail`. */
  readonly words: readonly string[];
  /** What followed `--`, null when there was none. */
  readonly tail: readonly string[] | null;
}

/** A command line that was not: the sentence says what to do, `command` whose help to point at. */
export class UsageError extends Error {
  readonly text: Bilingual;
  readonly command: CommandSpec | null;

  constructor(text: Bilingual, command: CommandSpec | null = null) {
    super(text.en);
    this.name = 'UsageError';
    this.text = text;
    this.command = command;
  }
}
